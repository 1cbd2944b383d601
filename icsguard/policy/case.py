"""One request before the judge: who, where, what, when, and what it would make of the points it touches."""

from __future__ import annotations

from typing import Final, NamedTuple

from icsguard.core.decision import Decision, RuleState
from icsguard.core.flow import Client
from icsguard.core.meaning import Change, Meaning
from icsguard.core.verdict import Reason, Verdict
from icsguard.policy.cells import Cell
from icsguard.policy.clients import Groups, shown
from icsguard.policy.effect import Effect, effect_of, needs_present_value
from icsguard.policy.index import Points, merged, seen_through
from icsguard.policy.law import PointLaw
from icsguard.policy.memory import Memory
from icsguard.policy.units import Units

MAX_RULE_IDS: Final = 4  # in one verdict: a read over more rules says how many


class Case(NamedTuple):
    """All that is known of one request."""

    client: Client
    groups: Groups
    unit: int
    """Canonical."""
    meaning: Meaning
    cell: Cell
    memory: Memory
    now: int

    @property
    def wall(self) -> int:
        """The wall clock, ns since the epoch."""
        return self.now + self.memory.wall_shift

    @property
    def who(self) -> str:
        """The client for a sentence: address and groups."""
        names = shown(self.groups)
        return f"{self.client.address} ({names})" if names else self.client.address


class Ground(NamedTuple):
    """A reason, with how far the rule behind it is trusted."""

    reason: Reason
    state: RuleState

    @property
    def decision(self) -> Decision:
        """What the reason asks for after its rule's state softened it."""
        asked = self.reason.decision
        if self.state is RuleState.ENFORCE:
            return asked
        return min(asked, Decision.ALERT) if self.state is RuleState.ALERT else Decision.ALLOW


def summed(grounds: list[Ground], lasts: int, rule: str, *, busy: int, refused: int) -> Verdict:
    """Return the verdict that grounds add up to: the worst decides and gives the answer.

    `busy` answers what is held; `refused` what is refused for a reason that names no answer of its own.
    """
    if not grounds:
        return Verdict(Decision.ALLOW, Decision.ALLOW, cacheable_until=lasts, rule=rule)
    decisions = [ground.decision for ground in grounds]
    decision = max(decisions)
    would_be = max([ground.reason.decision for ground in grounds])
    worst = grounds[decisions.index(decision)].reason
    reply = 0
    if decision is Decision.HOLD:
        reply = busy
    elif decision > Decision.HOLD:
        reply = worst.reply or refused
    reasons = tuple(ground.reason for ground in grounds)
    return Verdict(decision, would_be, reasons, reply, lasts, rule)


def listed(ids: list[str]) -> str:
    """Return the ids of rules for evidence: the first few, and how many more."""
    more = f" and {len(ids) - MAX_RULE_IDS} more" if len(ids) > MAX_RULE_IDS else ""
    return ", ".join(ids[:MAX_RULE_IDS]) + more


class Touch(NamedTuple):
    """One point that a request changes, directly or through overlapping memory."""

    unit: int
    change: Change
    effect: Effect
    present: list[tuple[int, ...]]
    """What the point may hold now; empty where nobody asked or knows."""
    blind: bool = False
    """True where the point's memory is changed in a way that the policy does not spell out."""


class Sight:
    """Turns the changes of a request into touches."""

    __slots__ = ("_points", "_units", "_variant")

    def __init__(self, points: Points, units: Units, *, variant: bool) -> None:
        self._points, self._units, self._variant = points, units, variant

    def touches(self, unit: int, meaning: Meaning, memory: Memory, now: int) -> list[Touch]:
        """Return every point that the request changes, in every unit that it reaches."""
        found: list[Touch] = []
        for change in meaning.changes:
            for at in self._reached(unit, change):
                found += self._directly(at, change, memory, now)
                if self._points.are_linked:
                    found += self._through_overlaps(at, change, memory, now)
        return found

    def _reached(self, unit: int, change: Change) -> list[int]:
        if not self._units.is_broadcast(unit):
            return [unit]
        return sorted({unit, *self._points.units_with(change.table, change.span)})

    def _directly(self, unit: int, change: Change, memory: Memory, now: int) -> list[Touch]:
        laws = self._points.touching(unit, change.table, change.span)
        return [self._touch(unit, change, law, memory, now) for law in laws]

    def _through_overlaps(self, unit: int, change: Change, memory: Memory, now: int) -> list[Touch]:
        indirect: list[Change] = []
        blind: list[PointLaw] = []
        for law in self._points.touching(unit, change.table, change.span):
            for other in self._points.sharing(law):
                through = seen_through(change, law, other)
                if through is not None:
                    indirect.append(through)
                elif other.is_limited and not _apart(change, law, other):
                    blind.append(other)
        found = [touch for through in merged(indirect) for touch in self._directly(unit, through, memory, now)]
        return found + [Touch(unit, change, Effect(law, ()), [], blind=True) for law in blind]

    def _touch(self, unit: int, change: Change, law: PointLaw, memory: Memory, now: int) -> Touch:
        wanted = law.ramps or law.mask is not None or needs_present_value(change, law)
        present = memory.words(unit, law, now) if wanted else []
        return Touch(unit, change, effect_of(change, law, present, variant=self._variant), present)


def _apart(change: Change, law: PointLaw, other: PointLaw) -> bool:
    """Say whether a mask write leaves alone the bit of the register that is the other point."""
    bits = [text.rpartition(".")[2] for text in other.point.overlaps if text.rpartition(".")[0] == law.point.name]
    return any(bit.isdecimal() and change.keep >> int(bit) & 1 for bit in bits)
