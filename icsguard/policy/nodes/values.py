"""Is the value good? What a Write puts into a node against the limits of its point and of the rule that permits it."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Final, NamedTuple

from icsguard.core.meaning import NodeChange, NodeValue
from icsguard.core.verdict import Reason
from icsguard.policy.breach import breach, too_fast, too_soon, wrong_bits
from icsguard.policy.nodes.codes import reply_of
from icsguard.policy.nodes.law import NUMBERS, NodeLaw, as_sent, exceeds
from icsguard.policy.nodes.memory import NodeMemory, Number
from icsguard.policy.nodes.rules import Argument, NodeRule
from icsguard.policy.techniques import MANIPULATION, MODIFY_PARAMETER
from icsguard.policy.terms import OnUnknown
from icsguard.protocols.opcua.describe import shown

OPAQUE: Final = frozenset({"", "ExtensionObject", "Variant", "DataValue", "DiagnosticInfo"})
"""Types whose values are not looked into; empty: no value at all."""


class Moment(NamedTuple):
    """What a value is judged against beside its limits."""

    memory: NodeMemory
    now: int
    on_unknown: OnUnknown
    before: list[Number]
    """What earlier items of the same request put into the same point."""


def point_breaches(law: NodeLaw, change: NodeChange, index_range: str, moment: Moment) -> Iterator[Reason]:
    """Yield a reason for each limit of its point that a written value breaks."""
    value = change.values[0] if len(change.values) == 1 else None
    if law.point.node_type and law.point.node_type not in NUMBERS and not law.is_boolean:
        if change.type != law.point.node_type:
            yield _mismatch(law, change)
        return
    number = None if index_range else law.number(change.type, value)
    if number is None:
        yield _mismatch(law, change)
    elif not math.isfinite(number):
        yield reason("not-a-number", f"{_where(law)}: {number} is written, which is no number", law)
    else:
        yield from _bounds(law, change.type, number)
        yield from _moving(law, number, moment)


def _mismatch(law: NodeLaw, change: NodeChange) -> Reason:
    wanted = law.point.node_type or ("Boolean" if law.is_boolean else "a single number")
    return reason("type-mismatch", f"{_where(law)}: {change.type or 'no value'} is written, not {wanted}", law)


def _bounds(law: NodeLaw, kind: str, number: Number) -> Iterator[Reason]:
    low, high, allowed = law.limits.minimum, law.limits.maximum, law.limits.allowed
    if high is not None and not number <= as_sent(high, kind):
        text = f"{_where(law)} would be {_shown(law, number)}, above its maximum {_shown(law, high)}"
        yield reason("value-above-max", text, law, value=number, limit=high)
    if low is not None and not number >= as_sent(low, kind):
        text = f"{_where(law)} would be {_shown(law, number)}, below its minimum {_shown(law, low)}"
        yield reason("value-below-min", text, law, value=number, limit=low)
    if allowed and not any(number == as_sent(one, kind) for one in allowed):
        listed = ", ".join(f"{one:.9g}" for one in sorted(allowed)[:8])
        text = f"{_where(law)} would be {_shown(law, number)}, not one of its allowed values {listed}"
        yield reason("value-not-allowed", text, law, value=number)


def _moving(law: NodeLaw, number: Number, moment: Moment) -> Iterator[Reason]:
    """Judge what depends on the moment: interval, bits, step, rate of change."""
    limits = law.limits
    if limits.min_interval_ns:
        yield from _interval(law, moment)
    if limits.writable_mask is None and not law.ramps:
        return
    olds = [*moment.memory.present(law.point.name, law.point.max_age_ns, moment.now), *moment.before]
    if len(olds) == len(moment.before):  # what the device holds now is not known
        if moment.on_unknown is OnUnknown.REFUSE:
            text = f"{_where(law)}: its present value is not known or older than allowed, so its step cannot be judged"
            yield reason("value-unknown", text, law, MANIPULATION)
        return
    if limits.writable_mask is not None:
        yield from _bits(law, number, olds, limits.writable_mask)
    if law.ramps:
        yield from _ramp(law, number, olds, moment)


def _interval(law: NodeLaw, moment: Moment) -> Iterator[Reason]:
    last = moment.now if moment.before else moment.memory.history(law.point.name).written_at
    if last and moment.now - last < law.limits.min_interval_ns:
        yield too_soon(law.point, _where(law), moment.now - last, reply_of("interval"))


def _bits(law: NodeLaw, number: Number, olds: list[Number], mask: int) -> Iterator[Reason]:
    changed = 0
    for old in olds:
        changed |= int(old) ^ int(number)
    if changed & ~mask or number != int(number):
        yield wrong_bits(law.point, _where(law), changed & ~mask & 0xFFFF, mask, reply_of("bit-not-writable"))


def _ramp(law: NodeLaw, number: Number, olds: list[Number], moment: Moment) -> Iterator[Reason]:
    far, old = max((abs(number - old), old) for old in olds)
    path = f"{_shown(law, old)} to {_shown(law, number)}"
    if law.step is not None and exceeds(far, law.step, old, number):
        text = f"{_where(law)} would step from {path}, its largest step is {_shown(law, law.step)}"
        yield reason("step-too-large", text, law, MANIPULATION, value=number, limit=law.step)
    moved = moment.memory.history(law.point.name).moved(moment.now) + far
    if law.budget is not None and exceeds(moved, law.budget, old, number):
        yield too_fast(law.point, _where(law), path, number, reply_of("rate-of-change"))


def rule_breach(rule: NodeRule, change: NodeChange, index_range: str) -> tuple[str, str] | None:
    """Return what a rule does not let through of a written value: a code, and how its sentence goes on after the node.

    None where the value is good.
    """
    if index_range and not rule.index_range:
        return "partial-write", f": rule {rule.id} permits whole values, not the part [{shown(index_range)}]"
    if change.stamped and not rule.stamped:
        text = f": rule {rule.id} permits a value, not status or time with it (stamped = true in the rule does)"
        return "value-stamped", text
    if _base(change.type) in OPAQUE and not rule.structures:
        return "value-opaque", f": {change.type or 'no value'} is written, which rule {rule.id} cannot look into"
    if rule.minimum is None and rule.maximum is None:
        return None
    if not change.values or not all(_within(rule.minimum, rule.maximum, change.type, one) for one in change.values):
        permitted = _range(rule.minimum, rule.maximum)
        return "value-outside-rule", f" = {_few(change)}: rule {rule.id} permits {permitted}"
    return None


def argument_breach(rule: NodeRule, changes: list[NodeChange]) -> tuple[str, str] | None:
    """Return likewise what a rule does not let through of a method's arguments."""
    if not rule.arguments:
        return None
    sent = {change.argument: change for change in changes}
    for law in rule.arguments:
        change = sent.get(law.place)
        where = f": argument {law.place + 1}"
        if change is None:
            return "argument-missing", f"{where} is missing, and rule {rule.id} limits it"
        if law.type and change.type != law.type:
            return "type-mismatch", f"{where} is {change.type or 'nothing'}, rule {rule.id} permits {law.type}"
        if not _fits(law, change):
            return "argument-outside", f"{where} = {_few(change)}: rule {rule.id} permits {_permitted(law)}"
    return None


def _fits(law: Argument, change: NodeChange) -> bool:
    if law.minimum is None and law.maximum is None and not law.allowed:
        return True
    if law.allowed and not all(_is_one_of(law.allowed, change.type, one) for one in change.values):
        return False
    limited = law.minimum is not None or law.maximum is not None
    within = all(_within(law.minimum, law.maximum, change.type, one) for one in change.values)
    return bool(change.values) and (within or not limited)


def _is_one_of(allowed: tuple[float | str, ...], kind: str, value: NodeValue) -> bool:
    if isinstance(value, str):
        return value in allowed
    if isinstance(value, bool):
        return int(value) in allowed
    return any(value == as_sent(one, _base(kind)) for one in allowed if not isinstance(one, str))


def _within(low: float | None, high: float | None, kind: str, value: NodeValue) -> bool:
    if isinstance(value, bool) or not isinstance(value, int | float) or _base(kind) not in NUMBERS:
        return False
    base = _base(kind)
    return math.isfinite(value) and (
        (low is None or value >= as_sent(low, base)) and (high is None or value <= as_sent(high, base))
    )


def _few(change: NodeChange) -> str:
    """Return the first values for a sentence; texts are the client's own, so they are escaped."""
    return shown(", ".join(str(one) for one in change.values[:4]))


def _base(kind: str) -> str:
    """Return the type of an array's elements."""
    return kind.partition("[")[0]


def _range(low: float | None, high: float | None) -> str:
    if low is not None and high is not None:
        return f"{low:g} to {high:g}"
    return f"at least {low:g}" if low is not None else f"at most {high:g}"


def _permitted(law: Argument) -> str:
    if law.allowed:
        return "one of " + ", ".join(str(one) for one in law.allowed[:8])
    return _range(law.minimum, law.maximum)


def reason(code: str, text: str, law: NodeLaw, technique: str = MODIFY_PARAMETER, **numbers: float | None) -> Reason:
    """Return a refusal over a point's value."""
    return breach(code, text, law.point, reply_of(code), technique, **numbers)


def _where(law: NodeLaw) -> str:
    return f"{law.point.name} ({law.point.node})"


def _shown(law: NodeLaw, number: Number) -> str:
    return f"{number:.9g} {law.point.unit}".rstrip()
