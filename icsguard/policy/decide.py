"""The judge: one policy compiled, and its verdict on each request.

Deterministic: the same policy, memory, request and `now` give the same verdict, live, from a capture and in tests.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Final

from icsguard.core.decision import Decision, RuleState
from icsguard.core.flow import Client
from icsguard.core.meaning import Intent, Meaning
from icsguard.core.verdict import Reason, Verdict
from icsguard.policy.breach import breach
from icsguard.policy.case import Case, Ground, Sight, Touch, listed, summed
from icsguard.policy.cells import Line, Pass
from icsguard.policy.clients import Clients, shown
from icsguard.policy.filed import Filed, whole
from icsguard.policy.memory import Layout, Memory
from icsguard.policy.permission import BUSY_REPLY, FUNCTION_REPLY, Permits, no_unit
from icsguard.policy.rules import Policy, Service, Target
from icsguard.policy.spans import Spans
from icsguard.policy.units import UNDECLARED
from icsguard.policy.values import PASSING, VALUE_REPLY, breaches
from icsguard.policy.windows import FOREVER
from icsguard.policy.words import place

MASK_OR_VARIANT: Final = "mask_or_variant"
"""Quirk of a device that computes a mask write as (current AND and) OR or: both results are judged."""
MASK_WRITE: Final = 22
_CACHED: Final = frozenset({Intent.READ, Intent.BROWSE})
_NEVER_ON_SAFETY: Final = PASSING | {"rate-exceeded", "outside-hours", "held-by-rule"}
_HARDEST: Final = (RuleState.OFF, RuleState.OBSERVE, RuleState.ALERT, RuleState.ENFORCE).index


class Judge:
    """Compiled from a policy; building it is the expensive part. Holds no state but bounded look-up tables."""

    def __init__(
        self,
        policy: Policy,
        *,
        serial: bool = False,
        quirks: frozenset[str] = frozenset(),
        filed: Filed | None = None,
    ) -> None:
        """`filed`: the same policy, filed piece by piece with the same options."""
        filed = filed or whole(policy, serial=serial, quirks=quirks)
        self.digest = policy.digest
        self.policy = policy
        self._defaults = policy.defaults
        self._units = filed.units
        self._canonical = [self._units.canonical(unit) for unit in range(256)]
        self._clients = Clients(policy.groups, policy.grants)
        self._points = filed.points
        self._cells = filed.cells
        self._permits = Permits(self._points, policy.defaults)
        self._sight = Sight(self._points, self._units, variant=MASK_OR_VARIANT in quirks)
        self._safety = self._safety_spans()
        self._layout = self._make_layout()

    def parts(self) -> list[Sequence[object]]:
        """Return the many things that it is made of: who lets a judge go may want to let them go little by little."""
        return [self._points.all, *self._cells.shelves()]

    def client(self, address: str) -> str:
        """Return the names of the client's groups for records, comma-separated; empty for an unknown client."""
        return shown(self._clients.groups(address))

    def memory(self, former: Memory | None = None) -> Memory:
        """Return the memory to judge with: `former` fitted to this policy, or a new one."""
        if former is None:
            return Memory(self._layout)
        points = [law.point.name for _, law in self._points.all]
        former.adopt(self._layout, points, [grant.id for grant in self.policy.grants])
        return former

    def decide(self, client: Client, meaning: Meaning, memory: Memory, now: int, *, count: bool = True) -> Verdict:
        """Return the verdict on one request. `count=False` re-judges without touching rates and uses of grants."""
        unit = self._canonical[meaning.unit]
        groups = self._clients.groups(client.address)
        cell = self._cells.cell(groups, unit, meaning.function, meaning.sub)
        if cell.quick and meaning.intent is Intent.READ:
            accesses = meaning.accesses
            for spans, verdict in cell.quick:
                if spans is None or all(map(spans.covers, accesses)):
                    return verdict
        touches = self._sight.touches(unit, meaning, memory, now)
        if cell.quick_writes and not touches and meaning.intent is Intent.WRITE and len(meaning.accesses) == 1:
            for reached, verdict in cell.quick_writes:
                if reached.covers(meaning.accesses[0]):
                    return verdict
        return self._weigh(Case(client, groups, unit, meaning, cell, memory, now), touches, count=count)

    def delivered(self, meaning: Meaning, memory: Memory, now: int) -> None:
        """A write was handed to the device: its intervals and ramps start, its values are on their way."""
        unit = self._canonical[meaning.unit]
        touches = self._sight.touches(unit, meaning, memory, now)
        if touches:  # a write beside all points changes nothing that another one is judged by
            memory.version += 1
        for touch in touches:
            law = touch.effect.law
            history = memory.history(law.point.name)
            history.written_at = now
            if law.ramps:
                history.add(_moved(touch), now)
            _note(touch, memory, now)

    def is_safety(self, meaning: Meaning) -> bool:
        """Say whether the request writes, and writes nothing but declared safety points."""
        spans = self._safety.get(self._canonical[meaning.unit])
        if spans is None or meaning.intent is not Intent.WRITE:
            return False
        writes = [access for access in meaning.accesses if access.intent is Intent.WRITE]
        return bool(writes) and all(spans.covers(access) for access in writes)

    def _weigh(self, case: Case, touches: list[Touch], *, count: bool) -> Verdict:
        if case.unit == UNDECLARED:
            return _sum([Ground(no_unit(case), self._defaults.state)], self._lasts(case), "")
        grant = self._granted(case)
        grounds: list[Ground] = []
        used: list[Line] = []
        state = RuleState.ENFORCE
        if grant is not None:
            self._use(grant, case, count=count)
        else:
            grounds, used = self._permits.weigh(case, touches, count=count)
            state = self._state(used)
        grounds += [Ground(_answered(r, used), state) for touch in touches for r in self._value_reasons(touch, case)]
        if self.is_safety(case.meaning):
            grounds = [_eased(ground) for ground in grounds]
        rule = f"grant {grant.grant.id}" if grant else listed([line.rule.id for line in used])
        return _sum(grounds, self._lasts(case), rule)

    def _state(self, used: list[Line]) -> RuleState:
        """Return how far the limits of points are trusted: as far as the rules that let the request reach them."""
        if len(used) == 1:
            return used[0].rule.state
        return max((line.rule.state for line in used), key=_HARDEST, default=self._defaults.state)

    def _value_reasons(self, touch: Touch, case: Case) -> list[Reason]:
        law = touch.effect.law
        if touch.blind:
            where = place(touch.change.table, touch.change.span)
            text = f"{where} shares memory with {law.point.name}, whose limits cannot be judged on this way"
            return [breach("overlap", text, law.point, VALUE_REPLY)]
        return list(breaches(touch.effect, touch.present, case.memory, case.now, self._defaults.on_unknown))

    def _granted(self, case: Case) -> Pass | None:
        for given in case.cell.passes:
            if not given.holds(case.now, case.wall, case.memory.uses(given.grant.id)):
                continue
            if all(given.covers(access, case.unit, self._points) for access in case.meaning.accesses):
                return given
        return None

    def _use(self, given: Pass, case: Case, *, count: bool) -> None:
        if count and given.grant.max_uses:
            case.memory.use(given.grant.id)

    def _lasts(self, case: Case) -> int:
        """Return until when (steady clock) a byte-equal read has the same verdict; 0 for no longer than now."""
        cell = case.cell
        if case.meaning.intent not in _CACHED or case.meaning.changes or cell.uncountable:
            return 0
        shift = case.memory.wall_shift
        edges = [hours.next_edge(case.wall) - shift for hours in cell.hours]
        edges += [given.next_edge(case.now, shift) for given in cell.passes]
        return min(edges, default=FOREVER)

    def _safety_spans(self) -> dict[int, Spans]:
        loose: dict[int, list[Target]] = {}
        for unit, law in self._points.all:
            if law.is_safety:
                loose.setdefault(unit, []).append(Target(law.point.table, law.span))
        return {unit: Spans(targets) for unit, targets in loose.items()}

    def _make_layout(self) -> Layout:
        granted = any(Service(MASK_WRITE) in grant.services for grant in self.policy.grants)
        masks = granted or self._cells.has_service(MASK_WRITE)
        linked = {law.point.name for _, law in self._points.all if self._points.sharing(law)}
        wanted = [
            (unit, law)
            for unit, law in self._points.all
            if law.ramps or law.mask is not None or not law.point.atomic or masks or law.point.name in linked
        ]
        return Layout(wanted, {unit: self._units.same(unit) for unit in range(256)})


def _moved(touch: Touch) -> int | float:
    law, results = touch.effect.law, touch.effect.results
    olds = [old for old in map(law.decode, touch.present) if old is not None]
    return max((abs(result - old) for result in results for old in olds), default=0)


def _note(touch: Touch, memory: Memory, now: int) -> None:
    """Put what is on its way into the memory of the touched point."""
    law, change = touch.effect.law, touch.change
    for address in range(law.span.first, law.span.last + 1):
        index = address - change.start
        if touch.blind or (0 <= index < len(change.values) and change.keep):
            value = _masked_value(touch, address)
        elif 0 <= index < len(change.values):
            value = change.values[index]
        else:
            continue
        memory.written((touch.unit, law.point.table, address), value, now)


def _masked_value(touch: Touch, address: int) -> int | None:
    """Return what a mask write leaves in a register, None where its present value is in doubt."""
    if touch.blind or len(touch.present) != 1 or len(touch.effect.results) != 1:
        return None
    before = touch.present[0][address - touch.effect.law.span.first]
    keep = touch.change.keep
    return before & keep | touch.change.values[0] & ~keep


def _answered(reason: Reason, used: list[Line]) -> Reason:
    """Give a refusal over a value the answer and the technique that the permitting rule asks for."""
    if not used:
        return reason
    rule = used[0].rule
    return replace(
        reason,
        rule=rule.id,
        reply=rule.reply or reason.reply,
        technique=rule.technique or reason.technique,
    )


def _eased(ground: Ground) -> Ground:
    """On safety points the moment never refuses: it alerts."""
    if ground.reason.code not in _NEVER_ON_SAFETY:
        return ground
    return ground._replace(reason=replace(ground.reason, decision=min(ground.reason.decision, Decision.ALERT)))


def _sum(grounds: list[Ground], lasts: int, rule: str) -> Verdict:
    return summed(grounds, lasts, rule, busy=BUSY_REPLY, refused=FUNCTION_REPLY)
