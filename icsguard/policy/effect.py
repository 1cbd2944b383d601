"""What a request would make of each point it touches, whichever function carries it.

One limit holds for every encoding (Modbus AP V1.1b3 §6.5, 6.6, 6.11, 6.12, 6.16, 6.17): a change is turned into the
point's possible raw results. A mask write on an unknown register yields its extremes, never a pass.
"""

from __future__ import annotations

from typing import Final, NamedTuple

from icsguard.core.meaning import Change
from icsguard.core.point import DataType, Point
from icsguard.policy.law import PointLaw, Raw

ALL_BITS: Final = 0xFFFF
SIGN: Final = 0x8000
MAX_RESULTS: Final = (
    256  # results of a mask write that are compared with `allowed` one by one; more cannot all be in it
)
_SIGNED: Final = frozenset({DataType.I16})
_PLAIN: Final = frozenset({DataType.U16, DataType.I16})


class Effect(NamedTuple):
    """One point after the request."""

    law: PointLaw
    results: tuple[Raw, ...]
    """What it may hold then: one number, two where the device may compute either way, the extremes if not exact."""
    fault: str = ""
    """`partial`, `not-a-number` or `unknown` where there are no results."""
    exact: bool = True
    touched: int = ALL_BITS
    """Bits that the request can change, of a point of one register."""
    open_bits: int = 0
    """Bits of the result that depend on an unknown register."""


def effect_of(change: Change, law: PointLaw, befores: list[tuple[int, ...]], *, variant: bool) -> Effect:
    """Return what `change` makes of a point that it touches. `befores`: what the point's words may be now."""
    offset = law.span.first - change.start
    whole = offset >= 0 and offset + law.point.words <= len(change.values)
    if change.keep:
        return _masked(change, law, befores, variant=variant)
    if whole:
        return _settled(law, [change.values[offset : offset + law.point.words]])
    if law.point.atomic:
        return Effect(law, (), "partial")
    return _settled(law, [_merged(change, law, before) for before in befores])


def _masked(change: Change, law: PointLaw, befores: list[tuple[int, ...]], *, variant: bool) -> Effect:
    point = law.point
    keep, ones = change.keep, change.values[0]
    touched = (~keep | ones if variant else ~keep) & ALL_BITS
    if point.words > 1 and point.atomic:
        return Effect(law, (), "partial")
    ways = [(keep, ones & ~keep)] + ([(keep & ~ones, ones)] if variant else [])
    at = change.start - law.span.first
    if befores:
        results = [(*b[:at], b[at] & kept | base, *b[at + 1 :]) for b in befores for kept, base in ways]
        return _settled(law, results)._replace(touched=touched)
    if point.type not in _PLAIN:
        return Effect(law, (), "unknown", touched=touched)
    ends = [end for kept, base in ways for end in _extremes(base, kept, signed=point.type in _SIGNED)]
    numbers = tuple(sorted({law.decode((end,)) or 0 for end in ends}))
    return Effect(law, numbers, exact=False, touched=touched, open_bits=keep)


def _extremes(base: int, unknown: int, *, signed: bool) -> tuple[int, int]:
    """Lowest and highest word over all values of the unknown bits (both as raw words)."""
    if signed and unknown & SIGN:
        return base | SIGN, (base | unknown) & ~SIGN
    return base, base | unknown


def _settled(law: PointLaw, possible: list[tuple[int, ...]]) -> Effect:
    if not possible:
        return Effect(law, (), "unknown")
    numbers = [law.decode(words) for words in possible]
    results = tuple(sorted({number for number in numbers if number is not None}))
    return Effect(law, results) if None not in numbers else Effect(law, (), "not-a-number")


def _merged(change: Change, law: PointLaw, before: tuple[int, ...]) -> tuple[int, ...]:
    words = list(before)
    for index in range(len(words)):
        inside = law.span.first + index - change.start
        if 0 <= inside < len(change.values):
            words[index] = change.values[inside]
    return tuple(words)


def results_within(effect: Effect, allowed: frozenset[Raw]) -> bool:
    """Say whether every possible result is one of the allowed numbers."""
    if effect.exact:
        return all(result in allowed for result in effect.results)
    # Over n unknown bits a register takes 2^n different values: more than are allowed cannot all be allowed.
    if 2 ** effect.open_bits.bit_count() > min(len(allowed), MAX_RESULTS):
        return False
    base = int(effect.results[0]) & ~effect.open_bits & ALL_BITS
    return all(effect.law.decode((base | bits,)) in allowed for bits in _subsets(effect.open_bits))


def _subsets(mask: int) -> list[int]:
    found, bits = [0], mask
    while bits:
        found.append(bits)
        bits = (bits - 1) & mask
    return found


def needs_present_value(change: Change, law: PointLaw) -> bool:
    """Say whether the effect of the change depends on what the point holds now."""
    return bool(change.keep) or not (
        change.start <= law.span.first and law.span.last < change.start + len(change.values)
    )


def overlap_bit(point: Point, other: str) -> int | None:
    """Return the bit of register point `other` that this coil point is, None where `overlaps` names no bit of it.

    A coil says so by `overlaps = register.bit`, counted from 0 for the lowest bit of a point of one register.
    """
    for text in point.overlaps:
        name, _, bit = text.rpartition(".")
        if name == other and bit.isdecimal():
            return int(bit)
    return None
