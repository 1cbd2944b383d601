"""A point's limits on the value of its node. The node speaks engineering units, so nothing is scaled.

A limit is compared in the type that was sent: 0.1 written as a Float passes a maximum of 0.1.
"""

from __future__ import annotations

import math
import struct
from functools import lru_cache
from typing import Final

from icsguard.core.meaning import NodeChange, NodeValue
from icsguard.core.point import DataType, Point, PointKind
from icsguard.policy.nodes.memory import Number

BOOLEAN: Final = "Boolean"
INTEGERS: Final = ("SByte", "Byte", "Int16", "UInt16", "Int32", "UInt32", "Int64", "UInt64")
NUMBERS: Final = frozenset({*INTEGERS, "Float", "Double"})
ROUNDING: Final = 1e-12
"""Part of a value that a step may be too large by: 1.1 - 1.0 is a hair more than 0.1."""
_MINUTE_S: Final = 60


class NodeLaw:
    """One point with its limits, as its node is written. Made once at load."""

    __slots__ = ("budget", "is_boolean", "limits", "point", "step")

    def __init__(self, point: Point) -> None:
        self.point = point
        self.limits = point.limits
        self.step = point.limits.max_step
        self.budget = None if point.limits.max_rate is None else point.limits.max_rate * _MINUTE_S
        self.is_boolean = point.node_type == BOOLEAN or (not point.node_type and point.type is DataType.BOOL)

    @property
    def is_safety(self) -> bool:
        """Say whether the point trips or stops something for safety."""
        return self.point.kind is PointKind.SAFETY

    @property
    def is_secret(self) -> bool:
        """Say whether its value is never logged."""
        return self.point.kind is PointKind.SECRET

    @property
    def ramps(self) -> bool:
        """Say whether a write is judged against the present value."""
        return self.step is not None or self.budget is not None

    @property
    def is_limited(self) -> bool:
        """Say whether anything but the type limits its value."""
        limits = self.limits
        bounds = limits.minimum is not None or limits.maximum is not None or bool(limits.allowed)
        return bounds or self.ramps or limits.writable_mask is not None

    def number(self, kind: str, value: NodeValue) -> Number | None:
        """Return the number that was sent, None where the type is not the point's or it is no number."""
        if self.point.node_type and kind != self.point.node_type:
            return None
        if isinstance(value, bool):
            return int(value) if self.is_boolean and kind == BOOLEAN else None
        return value if isinstance(value, int | float) and kind in NUMBERS and not self.is_boolean else None

    def as_written(self, change: NodeChange) -> NodeChange:
        """Return what a method is handed as a write of it would be: the node's type, a Boolean for 0 and 1."""
        value = change.values[0] if len(change.values) == 1 else None
        if not isinstance(value, int | float) or "[" in change.type:
            return change
        kind = self.point.node_type or (BOOLEAN if self.is_boolean else change.type)
        if self.is_boolean:
            return change._replace(type=kind, values=(bool(value),)) if value in {0, 1} else change
        return change._replace(type="Double" if kind == BOOLEAN else kind, values=(value + 0,))


@lru_cache(maxsize=1024)  # limits of points: a policy has a few hundred different ones
def as_sent(limit: float, kind: str) -> float:
    """Return a limit as the type can say it: the nearest Float for a Float, itself for all others."""
    if kind != "Float" or not math.isfinite(limit):
        return limit
    try:
        nearest: float = struct.unpack("<f", struct.pack("<f", limit))[0]
    except OverflowError:
        return limit
    return nearest


def exceeds(distance: Number, limit: float, *values: Number) -> bool:
    """Say whether a distance between two values is above a limit by more than their rounding."""
    return distance - limit > ROUNDING * max(map(abs, values), default=0)
