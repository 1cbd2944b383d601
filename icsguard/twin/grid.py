"""Rows at equal steps out of an image that changes whenever somebody polls.

A row holds every point's last known value at one moment of the grid. Where points are too old or unknown, or where
the traffic paused, there is a gap: laws are neither learnt nor judged across it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, NamedTuple

from icsguard.twin.image import Image

MAX_CATCH_UP: Final = 8  # rows made for one event after a silence; a longer silence is a gap
NEVER: Final = 1 << 62


class Row(NamedTuple):
    """The points at one moment of the grid."""

    at: int
    values: tuple[float, ...]
    """Engineering units, one a column."""
    follows: bool
    """The row before is one step older; False after a gap."""


class Grid:
    """Makes rows of some points (`columns`, indices into the image) every `step_ns`."""

    def __init__(self, step_ns: int, columns: Sequence[int], fresh_ns: Sequence[int]) -> None:
        self.step_ns = step_ns
        self.columns = tuple(columns)
        self.fresh_ns = tuple(fresh_ns)
        """How old each column's value may be; NEVER for what nobody reads."""
        self._next = 0
        self._whole = False

    def advance(self, image: Image, now: int) -> list[Row]:
        """Return the rows due up to `now`, with the image as it is; call before an event of `now` changes it."""
        if not self._next:
            self._next = now - now % self.step_ns + self.step_ns
            return []
        if now < self._next:
            return []
        if now - self._next > MAX_CATCH_UP * self.step_ns:
            self._next, self._whole = now - now % self.step_ns, False
        rows = []
        while self._next <= now:
            values = self.values(image, self._next)
            if values is not None:
                rows.append(Row(self._next, values, self._whole))
            self._whole = values is not None
            self._next += self.step_ns
        return rows

    def values(self, image: Image, now: int) -> tuple[float, ...] | None:
        """Return the columns as they stand; None where one is unknown or too old."""
        cells = image.cells
        found = []
        for index, fresh in zip(self.columns, self.fresh_ns, strict=True):
            cell = cells[index]
            if cell.value is None or not cell.settled or now - cell.at > fresh:
                return None
            found.append(cell.value)
        return tuple(found)
