"""Is the value good? Each possible result of a write against the limits of its point, with a reason for each breach."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from icsguard.core.verdict import Reason
from icsguard.policy.breach import breach, too_fast, too_soon, wrong_bits
from icsguard.policy.effect import ALL_BITS, Effect, results_within
from icsguard.policy.law import PointLaw, Raw
from icsguard.policy.memory import Memory
from icsguard.policy.rules import OnUnknown
from icsguard.policy.techniques import MANIPULATION
from icsguard.policy.words import place

VALUE_REPLY: Final = 3
"""Modbus AP V1.1b3 §7: ILLEGAL DATA VALUE."""
PASSING: Final = frozenset({"interval", "step-too-large", "rate-of-change", "value-unknown"})
"""Breaches that say something of the moment, not of the value: on a safety point they alert and never refuse."""

Present = list[tuple[int, ...]]


def breaches(effect: Effect, present: Present, memory: Memory, now: int, on_unknown: OnUnknown) -> Iterator[Reason]:
    """Yield a reason for each limit of its point that the write breaks. `present`: what the point may hold now."""
    law = effect.law
    if effect.fault:
        yield from _fault(effect, on_unknown)
        return
    yield from _bounds(effect)
    if law.mask is not None:
        yield from _bits(effect, law.mask, present, on_unknown)
    if law.interval_ns:
        yield from _interval(law, memory, now)
    if law.ramps:
        yield from _ramp(effect, present, memory, now, on_unknown)


def _fault(effect: Effect, on_unknown: OnUnknown) -> Iterator[Reason]:
    law = effect.law
    if effect.fault == "partial":
        text = f"{_where(law)}: the write covers only a part of its {law.point.words} registers"
        yield breach("partial-write", text, law.point, VALUE_REPLY)
    elif effect.fault == "not-a-number":
        yield breach(
            "not-a-number", f"{_where(law)}: the written words hold no {law.point.type} number", law.point, VALUE_REPLY
        )
    elif law.bounds or (law.is_limited and on_unknown is OnUnknown.REFUSE):
        yield breach(
            "value-unknown",
            f"{_where(law)}: the result depends on its present value, not known now",
            law.point,
            VALUE_REPLY,
        )


def _bounds(effect: Effect) -> Iterator[Reason]:
    law = effect.law
    low, high = effect.results[0], effect.results[-1]
    written = "would be" if effect.exact else "could become"
    if law.high is not None and high > law.high:
        yield _outside(law, high, law.high, f"{written} {_number(law, high)}")
    if law.low is not None and low < law.low:
        yield _outside(law, low, law.low, f"{written} {_number(law, low)}")
    if law.allowed is not None and not results_within(effect, law.allowed):
        listed = ", ".join(_number(law, raw) for raw in sorted(law.allowed)[:8])
        text = f"{_where(law)} {written} {_number(law, high)}, not one of its allowed values {listed}"
        yield breach("value-not-allowed", text, law.point, VALUE_REPLY, value=law.shown(high))


def _outside(law: PointLaw, raw: Raw, limit: Raw, written: str) -> Reason:
    value, edge = law.shown(raw), law.shown(limit)
    name, side = ("value-above-max", "maximum") if value > edge else ("value-below-min", "minimum")
    above = "above" if value > edge else "below"
    text = f"{_where(law)} {written}, {above} its {side} {_number(law, limit)}"
    return breach(name, text, law.point, VALUE_REPLY, value=value, limit=edge)


def _bits(effect: Effect, mask: int, present: Present, on_unknown: OnUnknown) -> Iterator[Reason]:
    law = effect.law
    if effect.touched != ALL_BITS:
        changed = effect.touched
    elif present:
        changed = 0
        for words in present:
            for result in effect.results:
                changed |= words[0] ^ (int(result) & ALL_BITS)
    else:
        if on_unknown is OnUnknown.REFUSE:
            text = f"{_where(law)}: its bits are limited and its present value is not known"
            yield breach("value-unknown", text, law.point, VALUE_REPLY)
        return
    if changed & ~mask:
        yield wrong_bits(law.point, _where(law), changed & ~mask, mask, VALUE_REPLY)


def _interval(law: PointLaw, memory: Memory, now: int) -> Iterator[Reason]:
    last = memory.history(law.point.name).written_at
    if last and now - last < law.interval_ns:
        yield too_soon(law.point, _where(law), now - last, VALUE_REPLY)


def _ramp(effect: Effect, present: Present, memory: Memory, now: int, on_unknown: OnUnknown) -> Iterator[Reason]:
    law = effect.law
    olds = [old for old in map(law.decode, present) if old is not None]
    if not olds or not effect.exact:
        if on_unknown is OnUnknown.REFUSE:
            text = f"{_where(law)}: its step cannot be judged, its present value is not known or older than allowed"
            yield breach("value-unknown", text, law.point, VALUE_REPLY, MANIPULATION)
        return
    far, old, new = max((abs(result - old), old, result) for result in effect.results for old in olds)
    path = f"{_number(law, old)} to {_number(law, new)}"
    if law.step is not None and far > law.step:
        limit = law.point.limits.max_step
        text = f"{_where(law)} would step from {path}, its largest step is {limit:g} {law.point.unit}".rstrip()
        yield breach("step-too-large", text, law.point, VALUE_REPLY, MANIPULATION, value=law.shown(new), limit=limit)
    if law.budget is not None and memory.history(law.point.name).moved(now) + far > law.budget:
        yield too_fast(law.point, _where(law), path, law.shown(new), VALUE_REPLY)


def _where(law: PointLaw) -> str:
    point = law.point
    return f"{point.name} (unit {point.unit_id} {place(point.table, law.span)})"


def _number(law: PointLaw, raw: Raw) -> str:
    return f"{law.shown(raw):.9g} {law.point.unit}".rstrip()
