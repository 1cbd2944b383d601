"""Weekly time windows in local time: open or shut, and until when.

Wall clock in, nanoseconds since the epoch. Local time comes from the policy's table of zone shifts, so that no time
zone database is read here.
"""

from __future__ import annotations

from bisect import bisect_right
from typing import Final

from icsguard.core.clock import DAY, MINUTE, SECOND
from icsguard.policy.rules import Window, ZoneShift

FOREVER: Final = 2**62
"""A moment that never comes."""
_DAY: Final = 24 * 60
_WEEK: Final = 7 * _DAY
_EPOCH_WEEKDAY: Final = 3
"""1 January 1970 was a Thursday."""


class Calendar:
    """Local time of one policy."""

    __slots__ = ("_offsets", "_since")

    def __init__(self, zone: tuple[ZoneShift, ...] = ()) -> None:
        self._since = [shift.since for shift in zone]
        self._offsets = [shift.offset_s for shift in zone]

    def minute_of_week(self, wall: int) -> int:
        """Return the local minute, 0 for Monday 00:00."""
        local = wall + self._offset(wall)
        return (local // DAY + _EPOCH_WEEKDAY) % 7 * _DAY + local % DAY // MINUTE

    def shift_after(self, wall: int) -> int:
        """Return when local time shifts next (wall clock), FOREVER where the table ends."""
        at = bisect_right(self._since, wall)
        return self._since[at] if at < len(self._since) else FOREVER

    def _offset(self, wall: int) -> int:
        at = bisect_right(self._since, wall) - 1
        return self._offsets[max(at, 0)] * SECOND if self._offsets else 0


class Hours:
    """A rule's windows, compiled to minutes of the week."""

    __slots__ = ("_calendar", "_edges", "_runs")

    def __init__(self, windows: tuple[Window, ...], calendar: Calendar) -> None:
        self._calendar = calendar
        self._runs = [run for window in windows for run in _runs(window)]
        self._edges = sorted({edge % _WEEK for run in self._runs for edge in run})

    def is_open(self, wall: int) -> bool:
        """Say whether the rule applies at this wall-clock time."""
        minute = self._calendar.minute_of_week(wall)
        return any(first <= minute < last for first, last in self._runs)

    def next_edge(self, wall: int) -> int:
        """Return when `is_open` may next change: a window's edge or a shift of local time."""
        minute = self._calendar.minute_of_week(wall)
        ahead = min(((edge - minute - 1) % _WEEK + 1 for edge in self._edges), default=_WEEK)
        edge = wall - wall % MINUTE + ahead * MINUTE
        return min(edge, self._calendar.shift_after(wall))


def _runs(window: Window) -> list[tuple[int, int]]:
    runs = []
    for day in window.days:
        first = day * _DAY + window.start
        last = day * _DAY + window.end + (_DAY if window.end <= window.start else 0)
        runs.append((first, min(last, _WEEK)))
        if last > _WEEK:
            runs.append((0, last - _WEEK))
    return runs
