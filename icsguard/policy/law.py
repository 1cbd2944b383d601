"""A point's limits, turned once from engineering units into raw numbers that requests are compared with.

Fractions are taken from the decimal text of a limit, so that 80.0 with a scale of 0.1 is exactly 800: a limit value
itself always passes. What a type cannot hold is a ValueError here, and an error of `policy check` for the operator.
"""

from __future__ import annotations

import math
import struct
from collections.abc import Sequence
from fractions import Fraction
from functools import lru_cache
from typing import Final

from icsguard.core.ids import AddressRange
from icsguard.core.point import DataType, Point, PointKind
from icsguard.core.registers import raw_value

FLOATS: Final = frozenset({DataType.F32, DataType.F64})
RANGES: Final = {
    DataType.BOOL: (0, 1),
    DataType.U16: (0, 0xFFFF),
    DataType.I16: (-0x8000, 0x7FFF),
    DataType.U32: (0, 0xFFFF_FFFF),
    DataType.I32: (-0x8000_0000, 0x7FFF_FFFF),
    DataType.U64: (0, 2**64 - 1),
    DataType.I64: (-(2**63), 2**63 - 1),
    DataType.BCD16: (0, 9_999),
    DataType.BCD32: (0, 99_999_999),
}
_F32_MAX: Final = 3.4028234663852886e38
_MINUTE_S: Final = 60

Raw = int | float


class PointLaw:
    """One point with its limits in raw numbers. Made once at load, read for each write."""

    __slots__ = ("allowed", "budget", "high", "interval_ns", "low", "mask", "point", "scale", "span", "step")

    def __init__(self, point: Point) -> None:
        limits = point.limits
        self.point = point
        self.span = AddressRange.of(point.address, point.words)
        ends = (limits.minimum, limits.maximum) if point.scale > 0 else (limits.maximum, limits.minimum)
        self.low = raw_limit(point, ends[0], round_up=True)
        self.high = raw_limit(point, ends[1], round_up=False)
        self.allowed = frozenset(exact_raw(point, value) for value in limits.allowed) or None
        self.mask = limits.writable_mask
        self.interval_ns = limits.min_interval_ns
        self.step = _raw_distance(point, limits.max_step)
        self.budget = None if limits.max_rate is None else _raw_distance(point, limits.max_rate * _MINUTE_S)

    @property
    def is_safety(self) -> bool:
        """Say whether the point trips or stops something for safety."""
        return self.point.kind is PointKind.SAFETY

    @property
    def ramps(self) -> bool:
        """Say whether a write is judged against the present value."""
        return self.step is not None or self.budget is not None

    @property
    def is_limited(self) -> bool:
        """Say whether anything but the type limits its value."""
        return self.ramps or self.bounds or self.mask is not None

    @property
    def bounds(self) -> bool:
        """Say whether its value itself is limited."""
        return self.low is not None or self.high is not None or self.allowed is not None

    def decode(self, words: Sequence[int]) -> Raw | None:
        """Return the raw number that words hold; None where they hold none or its engineering value is none."""
        point = self.point
        raw = words[0] if point.type is DataType.U16 else raw_value(words, point.type, point.order)
        if isinstance(raw, float) and not math.isfinite(self.shown(raw)):
            return None
        return raw

    def shown(self, raw: Raw) -> float:
        """Return a raw number in engineering units."""
        return float(raw * self.point.scale + self.point.offset)


def raw_limit(point: Point, value: float | None, *, round_up: bool) -> Raw | None:
    """Return the raw number of an engineering limit: the type's nearest for floats, else rounded to the inside."""
    if value is None:
        return None
    raw = _exact(point, value)
    if point.type in FLOATS:
        return _nearest(point.type, float(raw))
    return math.ceil(raw) if round_up else math.floor(raw)


def exact_raw(point: Point, value: float) -> Raw:
    """Return the raw number that stands for `value`; ValueError where the wire cannot carry exactly that value."""
    if point.type in FLOATS:
        return _nearest(point.type, float(_exact(point, value)))
    raw = _exact(point, value)
    if raw.denominator != 1:
        raise ValueError(f"{value:g} is not a whole multiple of the scale {point.scale:g}")
    return int(raw)


def type_range(point: Point) -> tuple[float, float]:
    """Return the lowest and highest engineering value that the point's type can hold."""
    if point.type in FLOATS:
        most = _F32_MAX if point.type is DataType.F32 else math.inf
        return -most, most
    ends = [float(raw * _fraction(point.scale) + _fraction(point.offset)) for raw in RANGES[point.type]]
    return min(ends), max(ends)


@lru_cache(maxsize=1024)  # a list of points repeats a few limits and scales; without it, half of a policy's load time
def _fraction(value: float) -> Fraction:
    """Return the number that the decimal text says, not the nearest binary one."""
    return Fraction(str(value))


def _exact(point: Point, value: float) -> Fraction:
    raw = _fraction(value)
    if point.offset:
        raw -= _fraction(point.offset)
    return raw if point.scale == 1 else raw / _fraction(point.scale)


def _raw_distance(point: Point, distance: float | None) -> Raw | None:
    if distance is None:
        return None
    raw = abs(_fraction(distance) / _fraction(point.scale))
    return float(raw) if point.type in FLOATS else math.floor(raw)


def _nearest(kind: DataType, value: float) -> float:
    if kind is DataType.F64:
        return value
    try:
        nearest: float = struct.unpack(">f", struct.pack(">f", value))[0]
    except OverflowError as error:
        raise ValueError(f"{value:g} does not fit {kind}") from error
    return nearest
