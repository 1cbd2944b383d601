"""The last word on each point of an OPC UA server: its raw StatusCode and the time that its source gave it.

A source's time counts where it is near the gateway's own. A value may be old because nothing has changed since, so an
old time is no fault, and the time of its arrival counts. A source that is ahead, or a server whose answers bear another
hour, is told: once a minute at most.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import Final, NamedTuple

from icsguard.core.clock import MS, SECOND
from icsguard.core.live import PointState
from icsguard.protocols.opcua.builtin import DataValue
from icsguard.protocols.opcua.status import quality, status_name
from icsguard.protocols.opcua.times import ns_of

SKEW_NS: Final = 5 * SECOND
"""How far clocks may lie apart where nothing else is configured."""
REMIND_NS: Final = 60 * SECOND
"""A skew is told again after so long."""


class Sighting(NamedTuple):
    """One point's last word."""

    status: int
    """StatusCode as it came; 0 where none was sent (Good)."""
    at: int
    """When its source took it, else when it arrived; ns of the steady clock."""


class Skew(NamedTuple):
    """A clock beside the gateway's."""

    offset_ns: int
    """Its time minus the gateway's."""
    whose: str
    """`server`, or the name of the point whose source it is."""
    at: int


class Sightings:
    """The points of one conduit. Bounded by the list of points."""

    __slots__ = ("_last", "_skew", "_told_at", "tolerance_ns")

    def __init__(self, tolerance_ns: int = SKEW_NS) -> None:
        self.tolerance_ns = tolerance_ns
        self._last: dict[str, Sighting] = {}
        self._skew: Skew | None = None
        self._told_at = -REMIND_NS

    def keep_only(self, names: Iterable[str]) -> None:
        """Forget points that are not in the list any more."""
        known = set(names)
        self._last = {name: one for name, one in self._last.items() if name in known}

    def saw(self, name: str, value: DataValue, arrived: int, shift: int) -> None:
        """Take a value that arrived at a steady `arrived`; `shift` is wall minus steady clock, ns."""
        taken = ns_of(value.source_time)
        at = arrived
        if taken is not None:
            offset = taken - shift - arrived
            if abs(offset) <= self.tolerance_ns:
                at = taken - shift
            elif offset > 0:
                self._skewed(Skew(offset, name, arrived))
        self._last[name] = Sighting(value.status or 0, at)

    def heard(self, ticks: int, arrived: int, shift: int) -> None:
        """Take the time in the header of an answer: the server's clock as it sent it."""
        sent = ns_of(ticks)
        if sent is not None and abs(sent - shift - arrived) > self.tolerance_ns:
            self._skewed(Skew(sent - shift - arrived, "server", arrived))

    def is_younger(self, name: str, value: DataValue, shift: int) -> bool:
        """Say whether a value was surely taken after the last word on its point: its source's time says so."""
        taken, last = ns_of(value.source_time), self._last.get(name)
        return taken is not None and last is not None and taken - shift > last.at

    def of(self, name: str) -> Sighting | None:
        """Return the last word on a point."""
        return self._last.get(name)

    def skew(self) -> Skew | None:
        """Return a skew that is worth telling now, once a minute."""
        found, self._skew = self._skew, None
        if found is None or found.at - self._told_at < REMIND_NS:
            return None
        self._told_at = found.at
        return found

    def qualified(self, state: PointState, now: int) -> PointState:
        """Return a point's state with what its server says of it: quality, raw code, the age of its source's word."""
        last = self._last.get(state.name)
        if last is None:
            return state
        said = quality(last.status)
        speaks = said == "bad" or (said == "uncertain" and state.quality == "good")
        return replace(
            state,
            quality=f"{said}: {status_name(last.status)}" if speaks else state.quality,
            status=last.status,
            source_age_ms=max(now - last.at, 0) // MS,
        )

    def _skewed(self, found: Skew) -> None:
        """Keep the widest until it is told."""
        if self._skew is None or abs(found.offset_ns) > abs(self._skew.offset_ns):
            self._skew = found
