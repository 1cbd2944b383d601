"""May this client do this at all? Deny rules, permits that cover every element, their hours, rates and own limits."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import replace
from typing import Final, NamedTuple

from icsguard.core.decision import Decision, Layer
from icsguard.core.ids import AddressRange
from icsguard.core.meaning import Access, Intent, Table
from icsguard.core.verdict import Reason
from icsguard.policy import techniques
from icsguard.policy.case import Case, Ground, Touch
from icsguard.policy.cells import Line
from icsguard.policy.index import Points
from icsguard.policy.rules import Action, Defaults, Service
from icsguard.policy.words import place, rate_text, service_text, values_text, window_text

FUNCTION_REPLY: Final = 1
ADDRESS_REPLY: Final = 2
VALUE_REPLY: Final = 3
BUSY_REPLY: Final = 6
"""Modbus AP V1.1b3 §7."""


class Permission(NamedTuple):
    """What the rules say of one request, before the limits of points."""

    grounds: list[Ground]
    used: list[Line]
    """The rules that permit it, each for a part."""


class Permits:
    """Weighs one policy's rules."""

    __slots__ = ("_defaults", "_points")

    def __init__(self, points: Points, defaults: Defaults) -> None:
        self._points, self._defaults = points, defaults

    def weigh(self, case: Case, touches: list[Touch], *, count: bool) -> Permission:
        """Return what speaks against the request, and which rules speak for it."""
        cell = case.cell
        grounds = [Ground(_denied(line, case), line.rule.state) for line in cell.denies if self._applies(line, case)]
        if not cell.permits:
            return Permission([*grounds, self._default(_no_function(case))], [])
        breaches = {id(line): self._breach(line, case, touches) for line in cell.permits}
        met = [line for line in cell.permits if breaches[id(line)] is None]
        grounds += [Ground(_marked(line, case), line.rule.state) for line in met if self._is_marked(line, case)]
        used, gap = self._cover(case, met)
        if (gap is not None or not used) and len(met) < len(cell.permits):
            used, gap = self._cover(case, [*met, *cell.permits])
        if gap is not None:
            grounds.append(self._default(_no_address(case, gap)))
        for line in used:
            breach = breaches[id(line)] or self._rate(line, case, count=count)
            if breach is not None:
                grounds.append(Ground(breach, line.rule.state))
        return Permission(grounds, used)

    def _default(self, reason: Reason) -> Ground:
        return Ground(reason, self._defaults.state)

    def _applies(self, line: Line, case: Case) -> bool:
        if line.hours is not None and not line.hours.is_open(case.wall):
            return False
        accesses = case.meaning.accesses
        if not accesses or not (line.rule.targets or line.rule.points):
            return True
        reads, writes = line.reach(case.unit, self._points)
        return any((writes if a.intent is Intent.WRITE else reads or writes).meets(a) for a in accesses)

    def _is_marked(self, line: Line, case: Case) -> bool:
        return line.rule.action in {Action.ALERT, Action.HOLD} and self._applies(line, case)

    def _breach(self, line: Line, case: Case, touches: list[Touch]) -> Reason | None:
        if line.hours is not None and not line.hours.is_open(case.wall):
            windows = "; ".join(window_text(window) for window in line.rule.hours)
            text = f"rule {line.rule.id} permits this only {windows}"
            return _reason(line, "outside-hours", text, FUNCTION_REPLY, techniques.of_service(case.meaning))
        if line.limits_values and case.meaning.changes:
            return self._value_breach(line, case, touches)
        return None

    def _value_breach(self, line: Line, case: Case, touches: list[Touch]) -> Reason | None:
        writes = line.reach(case.unit, self._points)[1]
        for name, low, high in _values(case, touches):
            if writes.first_inside(name.table, name.span) is None:
                continue
            rule = line.rule
            below = rule.minimum is not None and low < rule.minimum
            above = rule.maximum is not None and high > rule.maximum
            if below or above:
                value = low if below else high
                text = f"{place(name.table, name.span)} = {value:.9g}: rule {rule.id} permits {values_text(rule)}"
                return _reason(line, "value-outside-rule", text, VALUE_REPLY, techniques.MODIFY_PARAMETER)
        return None

    def _rate(self, line: Line, case: Case, *, count: bool) -> Reason | None:
        rate = line.rule.rate
        if rate is None or not count or case.memory.take(line.rule.id, case.client.address, rate, case.now):
            return None
        text = f"{case.who} sends more than rule {line.rule.id} permits: {rate_text(rate)}"
        technique = techniques.BRUTE_FORCE_IO if case.meaning.changes else techniques.FLOOD
        return _reason(line, "rate-exceeded", text, BUSY_REPLY, technique, Layer.RESOURCES)

    def _cover(self, case: Case, lines: list[Line]) -> tuple[list[Line], Access | None]:
        """Return the lines that together reach every element, and the rest of the first access that none reaches."""
        if not case.meaning.accesses:
            return lines[:1], None
        used: list[Line] = []
        for access in case.meaning.accesses:
            at = access.span.first
            while at <= access.span.last:
                line, end = self._furthest(access, at, lines, case.unit)
                if line is None:
                    return used, access._replace(span=AddressRange(at, access.span.last))
                used += [line] if line not in used else []
                at = end + 1
        return used, None

    def _furthest(self, access: Access, at: int, lines: list[Line], unit: int) -> tuple[Line | None, int]:
        best, best_end = None, at - 1
        for line in lines:
            reads, writes = line.reach(unit, self._points)
            spans = writes if access.intent is Intent.WRITE else reads
            end = access.span.last if spans is None else spans.end_of_cover(access.table, at, access.file)
            if end is not None and end > best_end:
                best, best_end = line, end
                if end >= access.span.last:
                    break
        return best, best_end


class _Written(NamedTuple):
    """One value that a rule with limits of its own looks at."""

    table: Table
    span: AddressRange


def _values(case: Case, touches: list[Touch]) -> Iterator[tuple[_Written, float, float]]:
    """Yield lowest and highest value of each point written (engineering units) and of each bare element (raw)."""
    for touch in touches:
        law, results = touch.effect.law, touch.effect.results
        name = _Written(law.point.table, law.span)
        if touch.blind or touch.effect.fault == "unknown":
            yield name, -math.inf, math.inf
        elif results:
            ends = law.shown(results[0]), law.shown(results[-1])
            yield name, min(ends), max(ends)
    for change in case.meaning.changes:
        taken = [touch.effect.law.span for touch in touches if touch.effect.law.point.table is change.table]
        for index, value in enumerate(change.values):
            span = AddressRange(change.start + index, change.start + index)
            if not any(other.covers(span) for other in taken):
                low = value & ~change.keep
                yield _Written(change.table, span), low, low | change.keep


def _denied(line: Line, case: Case) -> Reason:
    text = line.rule.text or f"rule {line.rule.id} denies function {_service(case)} to {case.who}"
    return _reason(line, "denied-by-rule", text, FUNCTION_REPLY, techniques.of_service(case.meaning))


def _marked(line: Line, case: Case) -> Reason:
    if line.rule.action is Action.HOLD:
        text = line.rule.text or f"rule {line.rule.id} lets a human approve each such request"
        reason = _reason(line, "held-by-rule", text, BUSY_REPLY, techniques.of_service(case.meaning))
    else:
        text = line.rule.text or f"rule {line.rule.id} permits this with an alert"
        reason = _reason(line, "alert-by-rule", text, 0, techniques.of_service(case.meaning))
    return replace(reason, decision=line.rule.action.decision)


def _no_function(case: Case) -> Reason:
    service = _service(case)
    if case.groups:
        text = f"no rule lets {case.who} use function {service} on unit {case.meaning.unit}"
        technique = techniques.of_service(case.meaning)
        return _plain("function-not-permitted", text, FUNCTION_REPLY, technique)
    text = f"{case.client.address} is in no client group of the policy, no rule lets it use function {service}"
    return _plain("client-unknown", text, FUNCTION_REPLY, techniques.ROGUE_CLIENT)


def _no_address(case: Case, gap: Access) -> Reason:
    verb = "write" if gap.intent is Intent.WRITE else "read"
    where = place(gap.table, gap.span, gap.file)
    text = f"no rule lets {case.who} {verb} {where} of unit {case.meaning.unit} with function {_service(case)}"
    return _plain("address-not-permitted", text, ADDRESS_REPLY, techniques.of_service(case.meaning))


def no_unit(case: Case) -> Reason:
    """Return why a request to a unit that nobody declared is refused."""
    text = f"unit {case.meaning.unit} is declared by no rule and no point of the policy"
    return _plain("unit-undeclared", text, ADDRESS_REPLY, techniques.DISCOVERY)


def _service(case: Case) -> str:
    return service_text(Service(case.meaning.function, case.meaning.sub))


def _plain(code: str, text: str, reply: int, technique: str) -> Reason:
    return Reason(Layer.POLICY, code, text, Decision.REFUSE, "default-deny", technique, reply=reply)


def _reason(line: Line, code: str, text: str, reply: int, technique: str, layer: Layer = Layer.POLICY) -> Reason:
    rule = line.rule
    technique = rule.technique or technique
    return Reason(layer, code, text, Decision.REFUSE, rule.id, technique, reply=rule.reply or reply)
