"""Isolating clients of one conduit: by an operator's word, by a detector's wish, or after too many grave events.

By itself the gateway stays within the conduit's bounds: writes first; never those whom the settings protect; never the
last operator station; at most an hour. A bound that forbids an isolation is on record too.
"""

from __future__ import annotations

from dataclasses import replace
from ipaddress import ip_address, ip_network
from typing import TYPE_CHECKING, Final

from icsguard.conversation.folding import FoldKey
from icsguard.conversation.isolations import GraveEvents, Isolations, next_scope
from icsguard.core.clock import SECOND
from icsguard.core.decision import Decision, Layer
from icsguard.core.isolation import Isolation, IsolationRequest, Scope
from icsguard.core.record import Record, RecordKind, Severity
from icsguard.core.verdict import Reason

if TYPE_CHECKING:
    from icsguard.conversation.guard import Guard

MAX_AUTO_S: Final = 3600
"""An isolation that no human asked for ends within an hour."""


class Quarantine:
    """The isolations of one conduit and the rules for making them."""

    __slots__ = ("_guard", "grave", "isolations")

    def __init__(self, guard: Guard) -> None:
        self._guard = guard
        self.isolations = Isolations()
        self.grave = GraveEvents(guard.conduit.isolation.threshold)

    def scope_for(self, address: str, now: int) -> Scope | None:
        """Return how far a client is isolated now; None where it is not."""
        if not self.isolations:
            return None
        self.expire(now)
        isolation = self.isolations.get(address)
        return None if isolation is None else isolation.scope

    def refusal(self, address: str, reply: int) -> Reason:
        """Return why an isolated client's write is refused, with the protocol's answer `reply`."""
        isolation = self.isolations.get(address)
        why = isolation.reason if isolation is not None else ""
        text = f"{address} is isolated from writing: {why}"
        return Reason(Layer.OPERATOR, "isolated", text, Decision.REFUSE, reply=reply)

    def grave_event(self, address: str, reason: str, now: int) -> None:
        """Count a refused write or malformed frame against a client; isolate it when its threshold is reached."""
        if self._guard.acts and self._guard.conduit.isolation.auto and self.grave.reached(address, now):
            text = f"{self.grave.threshold} grave events within a minute, the last: {reason}"
            seconds = self._guard.conduit.isolation.seconds
            self.wish(IsolationRequest(address, self._guard.name, Scope.FULL, text, "repeated-refusals", seconds), now)

    def wish(self, asked: IsolationRequest, now: int) -> None:
        """Isolate because a detector asks, if the bounds allow it."""
        present = self.isolations.get(asked.client)
        if present is not None and (present.scope is Scope.FULL or asked.scope is Scope.WRITES):
            return
        forbidden = self._forbidden(asked.client)
        if forbidden:
            self._not_done(asked, forbidden, now)
            return
        until = now + min(asked.seconds, MAX_AUTO_S) * SECOND
        self.isolate(
            Isolation(asked.client, self._guard.name, next_scope(present), asked.reason, asked.detector, now, until),
            now,
        )

    def isolate(self, isolation: Isolation, now: int) -> Record:
        """Isolate a client and say so; its live sessions feel it at once."""
        self.isolations.put(isolation)
        self._guard.counters.isolations += 1
        self._guard.changed_for(isolation.client)
        cut = "cut off" if isolation.scope is Scope.FULL else "isolated from writing"
        end = f"for {(isolation.until - now) // SECOND} s" if isolation.until else "until it is released"
        return self._say(isolation, f"{isolation.client} is {cut} {end}: {isolation.reason}", {"what": "isolated"}, now)

    def release(self, address: str, reason: str, by: str, now: int) -> Record | None:
        """End a client's isolation; None where it has none."""
        isolation = self.isolations.release(address)
        return None if isolation is None else self._released(isolation, reason, by, now)

    def expire(self, now: int) -> None:
        """End the isolations whose time is over."""
        for isolation in self.isolations.expire(now):
            self._released(isolation, "its time is over", "timer", now)

    def _released(self, isolation: Isolation, reason: str, by: str, now: int) -> Record:
        self._guard.changed_for(isolation.client)
        text = f"{isolation.client} is no longer isolated: {reason}"
        return self._say(isolation, text, {"what": "released", "released_by": by}, now)

    def _say(self, isolation: Isolation, text: str, facts: dict[str, str | int | float], now: int) -> Record:
        severity = Severity.HIGH if facts["what"] == "isolated" else Severity.INFO
        more = {"scope": isolation.scope.value, "by": isolation.by, "until": isolation.until}
        record = self._guard.record(RecordKind.ISOLATION, severity, text, now)
        record = replace(record, client=isolation.client, facts={**facts, **more})
        self._guard.run.put(record)
        return record

    def _not_done(self, asked: IsolationRequest, why: str, now: int) -> None:
        key = FoldKey(RecordKind.ISOLATION, asked.client, asked.detector, 0, "", "")
        if self._guard.folder.counts(key, now) is not None:
            return
        text = f"{asked.client} is not isolated ({why}), although asked: {asked.reason}"
        record = self._guard.record(RecordKind.ISOLATION, Severity.HIGH, text, now)
        facts: dict[str, str | int | float] = {"what": "not isolated", "by": asked.detector, "why": why}
        self._guard.folder.put(key, replace(record, client=asked.client, facts=facts), now)

    def _forbidden(self, address: str) -> str:
        bounds = self._guard.conduit.isolation
        group = self._guard.judge.client(address)
        if not bounds.auto:
            return "automatic isolation is off"
        if not self._guard.acts:
            return f"mode {self._guard.mode}"
        if is_named(address, group, bounds.never):
            return "the settings protect it"
        if group and not self._other_station(address):
            return "it is the last operator station connected"
        return ""

    def _other_station(self, address: str) -> bool:
        return any(
            session.client.name and session.client.address != address
            for session in self._guard.members().values()
            if self.isolations.get(session.client.address) is None
        )


def is_named(address: str, groups: str, names: tuple[str, ...]) -> bool:
    """Say whether `names` (addresses, networks, client groups) speak of a client of these groups (comma-separated)."""
    for name in names:
        if name == address or name in {group.strip() for group in groups.split(",")}:
            return True
        if "/" in name and _within(address, name):
            return True
    return False


def _within(address: str, network: str) -> bool:
    try:
        return ip_address(address) in ip_network(network, strict=False)
    except ValueError:
        return False  # a group whose name has a slash
