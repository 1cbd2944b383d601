"""From elements on the wire to points: which points a run of values touches, and with which of its words.

The same few runs are polled all day, so what each shape of run means is kept.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Sequence
from typing import Final, NamedTuple

from icsguard.core.ids import AddressRange
from icsguard.core.meaning import Table
from icsguard.core.point import Point

MAX_POINTS: Final = 512  # points that the twin follows; a larger list is followed in its order up to here, and told
MAX_SHAPES: Final = 1024  # runs whose meaning is kept; a scan that makes more only costs the time to look each up
_LONGEST: Final = 4  # words of the longest data type


class Hit(NamedTuple):
    """A point that a run of values touches."""

    point: int
    """Index in the list of points."""
    word: int
    """First word of the point that the run holds."""
    offset: int
    """Where that word stands in the run."""
    size: int
    """How many of its words the run holds."""


class PointBook:
    """The points of one conduit, found by where they live."""

    def __init__(self, points: Sequence[Point]) -> None:
        self.points = tuple(points[:MAX_POINTS])
        self.left_out = max(0, len(points) - MAX_POINTS)
        self._by_table: dict[tuple[int, Table], list[tuple[int, int]]] = {}
        for index, point in enumerate(self.points):
            self._by_table.setdefault((point.unit_id, point.table), []).append((point.address, index))
        for entries in self._by_table.values():
            entries.sort()
        self._shapes: dict[tuple[int, Table, int, int], tuple[Hit, ...]] = {}

    def hits(self, unit: int, table: Table, first: int, count: int) -> tuple[Hit, ...]:
        """Return the points that elements `first` to `first + count - 1` touch."""
        key = (unit, table, first, count)
        found = self._shapes.get(key)
        if found is None:
            found = tuple(self._find(unit, table, AddressRange(first, first + count - 1)))
            if len(self._shapes) < MAX_SHAPES:
                self._shapes[key] = found
        return found

    def _find(self, unit: int, table: Table, run: AddressRange) -> Iterable[Hit]:
        entries = self._by_table.get((unit, table), [])
        start = bisect_left(entries, (run.first - _LONGEST + 1, -1))
        for address, index in entries[start:]:
            if address > run.last:
                return
            last = self.points[index].last_address
            if last < run.first:
                continue
            begin, end = max(address, run.first), min(last, run.last)
            yield Hit(index, begin - address, begin - run.first, end - begin + 1)
