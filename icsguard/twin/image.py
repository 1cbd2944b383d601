"""The process image: what every point of a device was last known to be, how old that is, and what contradicts it.

Exact, nothing learnt but habits: whether a point keeps what is written to it, whether it changes by writes alone, how
long it ever stood still. Fed with what answers prove, in the order of the answers.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from math import ceil, log
from typing import Final, NamedTuple

from icsguard.core.meaning import Change, Table
from icsguard.core.point import Point
from icsguard.core.registers import engineering
from icsguard.twin.points import PointBook

_WORD: Final = 0xFFFF


@dataclass(frozen=True, slots=True)
class Habit:
    """What learning found of one point's ways."""

    keeps: bool = False
    """Each time it was written, the next read showed just that value."""
    by_writes_only: bool = False
    """It never changed but by a write that went through the gateway."""
    longest_run: int = 0
    """Most reads in a row with the same value; 0 where standing still says nothing about the point."""
    reads: int = 0
    """Out of how many."""

    @property
    def frozen_after(self) -> int:
        """Return the run of equal reads that is told; 0 where none is.

        Runs of a noisy value get rarer by the same factor with each further read, so that the longest of n reads grows
        with log n: this one is what FROZEN_RECORDINGS such recordings together would show.
        """
        if not self.longest_run:
            return 0
        longer = 1.0 + log(FROZEN_RECORDINGS) / log(max(self.reads, _FEW_READS))
        return max(FROZEN_LEAST, ceil(self.longest_run * longer))


NO_HABIT: Final = Habit()
FROZEN_RECORDINGS: Final = 200
FROZEN_LEAST: Final = 10
"""Fewer equal reads in a row are never told, however lively the point was."""
_FEW_READS: Final = 20


class Deviation(NamedTuple):
    """The device contradicts what it said, or what it was told."""

    code: str
    """`write-not-effective`, `changed-without-write` or `frozen`."""
    point: int
    seen: float
    expected: float
    since: int
    """When the expected value was established."""


@dataclass(slots=True)
class Cell:
    """One point's state. `words` holds None where an element is not known."""

    words: list[int | None]
    value: float | None = None
    at: int = 0
    """When `value` was last confirmed."""
    run: int = 0
    """Reads in a row with this very value."""
    run_since: int = 0
    pending: float | None = None
    """Written and acknowledged, not read since."""
    pending_at: int = 0
    settled: bool = False
    """`value` was read or acknowledged, and no write of unknown outcome came since."""
    told: set[str] = field(default_factory=set)
    """Deviations already reported of the present state."""


class Image:
    """All points of one conduit."""

    def __init__(self, points: Sequence[Point], habits: Mapping[int, Habit] | None = None) -> None:
        self.book = PointBook(points)
        self.points = self.book.points
        self.habits = dict(habits or {})
        self._frozen_after = [self.habits.get(index, NO_HABIT).frozen_after for index in range(len(self.points))]
        self.cells = [Cell([None] * point.words) for point in self.points]

    def read(
        self, unit: int, table: Table, first: int, values: Sequence[int], *, asked: int, now: int
    ) -> list[Deviation]:
        """Take what a read proved (asked at `asked`, answered at `now`); return what contradicts the image."""
        found: list[Deviation] = []
        for index, word, offset, count in self.book.hits(unit, table, first, len(values)):
            cell = self.cells[index]
            if (
                cell.settled
                and cell.pending is None
                and cell.words[word : word + count] == [*values[offset : offset + count]]
            ):
                found += self._same(index, cell, now)
                continue
            cell.words[word : word + count] = values[offset : offset + count]
            value = self._value(index)
            if value is None:
                continue
            found += self._judge(index, value, asked)
            _confirm(cell, value, now)
            if cell.pending is not None and asked >= cell.pending_at:
                cell.pending = None
        return found

    def written(self, unit: int, change: Change, now: int) -> list[int]:
        """Take an acknowledged write; return the points whose whole value is now known to be new."""
        touched = []
        for index, value in self.preview(unit, change):
            cell = self.cells[index]
            if value is None:
                self._forget(index)
                continue
            if value != cell.value:
                cell.run, cell.run_since = 0, now
            cell.value, cell.at, cell.settled = value, now, True
            cell.pending, cell.pending_at = value, now
            cell.told.clear()
            touched.append(index)
        self._store(unit, change)
        return touched

    def unknown(self, unit: int, change: Change) -> None:
        """Take a write of unknown outcome: what it touches is no longer known."""
        for index, word, _, count in self.book.hits(unit, change.table, change.start, len(change.values)):
            self.cells[index].words[word : word + count] = [None] * count
            self._forget(index)

    def preview(self, unit: int, change: Change) -> list[tuple[int, float | None]]:
        """Return the points that a write touches with the value that each would have; None where that is not known."""
        found = []
        for index, word, offset, count in self.book.hits(unit, change.table, change.start, len(change.values)):
            words = list(self.cells[index].words)
            for step in range(count):
                words[word + step] = _merged(words[word + step], change, offset + step)
            found.append((index, _engineering(self.points[index], words)))
        return found

    def age(self, index: int, now: int) -> int | None:
        """Return how old a point's value is, ns; None where it is not known."""
        cell = self.cells[index]
        return now - cell.at if cell.value is not None and cell.settled else None

    def quality(self, index: int, now: int) -> str:
        """Return `good`, `stale`, `unknown` or the code of what contradicts the value."""
        age = self.age(index, now)
        if age is None:
            return "unknown"
        told = self.cells[index].told
        if told:
            return min(told)
        return "stale" if age > self.points[index].max_age_ns else "good"

    def _store(self, unit: int, change: Change) -> None:
        for index, word, offset, count in self.book.hits(unit, change.table, change.start, len(change.values)):
            words = self.cells[index].words
            for step in range(count):
                words[word + step] = _merged(words[word + step], change, offset + step)

    def _forget(self, index: int) -> None:
        cell = self.cells[index]
        cell.settled, cell.pending = False, None

    def _value(self, index: int) -> float | None:
        return _engineering(self.points[index], self.cells[index].words)

    def _same(self, index: int, cell: Cell, now: int) -> list[Deviation]:
        """Take a read that showed the very words that were known: most reads of most points."""
        if cell.value is None:
            return []
        found = self._frozen(index, cell, cell.value)
        cell.run += 1
        cell.at = now
        if found:
            cell.told.add(found[0].code)
        return found

    def _frozen(self, index: int, cell: Cell, value: float) -> list[Deviation]:
        limit = self._frozen_after[index]
        if not limit or cell.run < limit or "frozen" in cell.told:
            return []
        return [Deviation("frozen", index, value, value, cell.run_since)]

    def _judge(self, index: int, value: float, asked: int) -> list[Deviation]:
        """Compare a value that was just read with what the image held; report each contradiction once."""
        cell, habit = self.cells[index], self.habits.get(index, NO_HABIT)
        found: list[Deviation] = []
        if value == cell.value:
            found += self._frozen(index, cell, value)
        elif cell.settled and cell.value is not None and asked >= cell.pending_at:
            pending = cell.pending is not None
            if pending and habit.keeps:
                found.append(Deviation("write-not-effective", index, value, cell.value, cell.pending_at))
            elif not pending and habit.by_writes_only:
                found.append(Deviation("changed-without-write", index, value, cell.value, cell.at))
        if cell.told and value != cell.value:
            cell.told.clear()
        if found:
            cell.told.update(one.code for one in found)
        return found


def _confirm(cell: Cell, value: float, now: int) -> None:
    if value != cell.value:
        cell.run, cell.run_since = 0, now
    cell.run += 1
    cell.value, cell.at, cell.settled = value, now, True


def _merged(word: int | None, change: Change, step: int) -> int | None:
    """Return what an element holds after the change (AP §6.16 for a mask write)."""
    value = change.values[step]
    if not change.keep:
        return value
    return None if word is None else (word & change.keep) | (value & ~change.keep & _WORD)


def _engineering(point: Point, words: Sequence[int | None]) -> float | None:
    known = [word for word in words if word is not None]
    return engineering(point, known) if len(known) == len(words) else None
