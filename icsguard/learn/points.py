"""The point list of a proposal: the engineer's own points as they are, and one for every element that was seen.

Limits are proposed from the values that were written, with a margin, and only where the engineer has set none. What was
changed about a point is said, for the comment above its line.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Final

from icsguard.core.meaning import Table
from icsguard.core.point import DataType, Point, PointKind
from icsguard.core.registers import engineering
from icsguard.learn.seen import Element, Seen

MAX_POINTS: Final = 2_000
"""New points in one proposal; a device map of one conduit has tens to hundreds. Further elements are left out."""
_TYPES: Final = {DataType.U16: (0, 0xFFFF), DataType.I16: (-0x8000, 0x7FFF)}


@dataclass(frozen=True, slots=True)
class Enriched:
    """A point of the proposal, and what is new about it."""

    point: Point
    note: str = ""
    """Empty for a point that is as the engineer wrote it."""


class PointBook:
    """Known points and those that the traffic suggests, by the elements that they take."""

    def __init__(self, known: Iterable[Point], seen: Seen, margin: float) -> None:
        self._known = tuple(known)
        self._seen = seen
        self._margin = margin
        self._by_element: dict[Element, Point] = {}
        self._new: dict[Element, Point] = {}
        for point in self._known:
            for address in range(point.address, point.last_address + 1):
                self._by_element.setdefault(Element(point.unit_id, point.table, address), point)
        taken = {point.name for point in self._known}
        for element in self._wanted():
            name = f"u{element.unit}_{element.table.word}_{element.address}"
            while name in taken:
                name += "_"
            taken.add(name)
            self._new[element] = self._by_element[element] = self._point(name, element)

    def name_of(self, element: Element) -> str:
        """Return the name of the point that an element belongs to."""
        return self._by_element[element].name

    def written(self, name: str) -> str:
        """Return what was written to a point, as a part of a sentence; empty where it is not known."""
        point = next(point for point in self._by_element.values() if point.name == name)
        values = self._values(point)
        if values is None:
            return ""
        low, high = values
        unit = f" {point.unit}" if point.unit else ""
        return f", values {low:g} to {high:g}{unit}" if low != high else f", value {low:g}{unit}"

    def points(self) -> tuple[Enriched, ...]:
        """Return the known points in their order, with limits where they had none, then the new ones."""
        known = [self._enriched(point) for point in self._known]
        new = [
            Enriched(replace(self._enriched(point).point, name=point.name), self._new_note(point))
            for _, point in sorted(self._new.items())
        ]
        return (*known, *new)

    def _wanted(self) -> list[Element]:
        """Return the elements that need a point to be permitted; without any list also what the device reported."""
        written = sorted({element for _, element in self._seen.writes if element not in self._by_element})
        if self._known:
            return written
        read = sorted(self._seen.values.keys() - self._by_element.keys() - set(written))
        room = max(0, MAX_POINTS - len(written))
        return [*written, *read[:room]]

    def _point(self, name: str, element: Element) -> Point:
        if element.table.is_bits:
            kind = DataType.BOOL
        else:
            known = [one for one in (self._seen.written.get(element), self._seen.values.get(element)) if one]
            signed = any(one.is_signed for one in known) and not any(one.middling for one in known)
            kind = DataType.I16 if signed else DataType.U16
        return Point(name, element.unit, element.table, element.address, kind)

    def _raw(self, point: Point) -> tuple[int, int] | None:
        """Return the smallest and largest raw value that was written to a point of one element."""
        raw = self._seen.written.get(Element(point.unit_id, point.table, point.address))
        if raw is None or point.words != 1 or point.kind is PointKind.SECRET:
            return None
        return (raw.signed_low, raw.signed_high) if point.type is DataType.I16 else (raw.low, raw.high)

    def _values(self, point: Point) -> tuple[float, float] | None:
        """Return the same in engineering units."""
        raw = self._raw(point)
        return None if raw is None else _engineering(point, *raw)

    def _enriched(self, point: Point) -> Enriched:
        limits, raw = point.limits, self._raw(point)
        is_free = limits.minimum is None and limits.maximum is None and not limits.allowed
        if raw is None or point.table is not Table.HOLDING or not is_free or point.type not in _TYPES:
            return Enriched(point)
        slack = int(self._margin * (raw[1] - raw[0]))
        floor, ceiling = _TYPES[point.type]
        ends = _engineering(point, max(raw[0] - slack, floor), min(raw[1] + slack, ceiling))
        if ends is None:
            return Enriched(point)
        note = f"min and max proposed{self.written(point.name)}: check them against the process"
        return Enriched(replace(point, limits=replace(limits, minimum=ends[0], maximum=ends[1])), note)

    def _new_note(self, point: Point) -> str:
        values = self._seen.values.get(Element(point.unit_id, point.table, point.address))
        reported = f"; the device reported {values.low} to {values.high}" if values is not None else ""
        return f"seen, not named{self.written(point.name)}{reported}"


def _engineering(point: Point, low: int, high: int) -> tuple[float, float] | None:
    """Return two raw numbers in engineering units, the smaller first, without the noise of binary fractions."""
    ends = [engineering(point, (raw & 0xFFFF,)) for raw in (low, high)]
    found = sorted(round(end, 9) for end in ends if end is not None)
    return (found[0], found[-1]) if found else None
