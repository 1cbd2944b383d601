"""Which units behind a shared link do not answer: they must not cost the others their time.

A unit that let a request time out is asked one thing at a time until it answers. From the second time on it is left
alone for a while, longer each time, and requests to it are answered 0x0B at once: on a link that carries one request
at a time every question to a dead unit blocks the living ones for a whole timeout. A unit that is the only one is asked
again and again, so that it is served at once when it is back.
"""

from __future__ import annotations

from enum import Enum
from typing import Final

MAX_PAUSE_TIMEOUTS: Final = 8
"""Longest pause, in device timeouts: a dead unit takes at most a ninth of a link, and is missed for 8 s at most by
default when it is back."""


class Standing(Enum):
    """What may be sent to a unit."""

    CLEAR = "clear"
    """Anything."""
    PROBE = "probe"
    """One request, to see whether it answers."""
    WAIT = "wait"
    """Nothing, until the one that is out has ended."""
    SILENT = "silent"
    """Nothing for a while; tell the client at once."""


class Units:
    """The units of one device that are under suspicion; at most 256, as there are identifiers."""

    __slots__ = ("_seen", "_timeout", "suspects")

    def __init__(self, timeout_ns: int) -> None:
        self._timeout = timeout_ns
        self._seen = set[int]()
        """Units that were asked: where there is one alone, nobody is to be protected from it."""
        self.suspects: dict[int, list[int]] = {}
        """Unit to [timeouts in a row, leave alone until, requests out, last time-out]."""

    def standing(self, unit: int, now: int) -> Standing:
        """Return what may be sent to `unit` now."""
        suspect = self.suspects.get(unit)
        if suspect is None:
            return Standing.CLEAR
        _, until, out, _ = suspect
        if until > now:
            return Standing.SILENT
        return Standing.WAIT if out else Standing.PROBE

    def sent(self, unit: int) -> None:
        """Note that a request went to `unit`."""
        self._seen.add(unit)
        suspect = self.suspects.get(unit)
        if suspect is not None:
            suspect[2] += 1

    def answered(self, unit: int) -> bool:
        """Note that `unit` lives; True where that was in doubt."""
        return self.suspects.pop(unit, None) is not None

    def timed_out(self, unit: int, sent_at: int, *, others_out: int, now: int) -> None:
        """Note that `unit` did not answer; `others_out` of its requests are still under way.

        What was sent before the last time-out was noted says nothing new: several at once count as one.
        """
        suspect = self.suspects.setdefault(unit, [0, 0, 0, -1])
        suspect[2] = others_out
        if sent_at < suspect[3]:
            return
        suspect[0] += 1
        suspect[3] = now
        if suspect[0] > 1:
            pause = min(1 << (suspect[0] - 2), MAX_PAUSE_TIMEOUTS) * self._timeout
            alone = len(self._seen) <= 1
            suspect[1] = now + (1 if alone else pause)  # alone: those who wait at this moment are told, the next asks

    def ended(self, unit: int, *, others_out: int) -> None:
        """Note that a request to `unit` ended without saying whether it lives: the link broke."""
        suspect = self.suspects.get(unit)
        if suspect is not None:
            suspect[2] = others_out

    def silent(self, now: int) -> list[int]:
        """Return the units that are left alone now."""
        return [unit for unit, suspect in self.suspects.items() if suspect[1] > now]
