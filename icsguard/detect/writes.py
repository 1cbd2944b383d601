"""How points are written: range, rhythm and travel, against what learning saw. Deterministic, one rule a line.

A slow ramp is many legal steps, so travel (the sum of all changes) is budgeted over a window. A drive that is switched
faster than it ever was is toggled. Nothing here judges a read, and a safety point is never held or refused.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final, NamedTuple

from icsguard.core.clock import SECOND
from icsguard.core.decision import Decision
from icsguard.core.point import DataType, Point
from icsguard.detect.sliding import SlidingSum
from icsguard.twin.site_model import HORIZONS, SiteModel, Writing

TRAVEL_FACTOR: Final = 1.5
"""So much more travel than ever learnt, and one learnt step beside, is over budget."""
DEFAULT_TRAVEL_NS: Final = 600 * SECOND
MAX_MOVES: Final = 4_096  # changes of one point kept within a window; older ones then leave early, and travel is low
MAX_CLIENTS: Final = 256  # clients for which first writes are told apart; beyond, they count as known
_TOGGLE_SHARE: Final = 0.5  # faster than half the shortest learnt gap
_TOGGLES_HELD: Final = 3  # that many fast changes in a row are held, twice as many refused
_UNLEARNT_GAP_NS: Final = SECOND // 2
_HABIT: Final = 10  # writes that make a range
_FAR: Final = 1.0  # beyond the learnt range by more than its own width


class Odd(NamedTuple):
    """Something unusual about a write."""

    code: str
    decision: Decision
    point: int
    value: float
    expected: float
    """The learnt bound that it passes."""
    text: str


@dataclass(slots=True)
class _Track:
    """One point's recent writes."""

    last_at: int = 0
    fast: int = 0
    """Changes in a row that came too fast."""
    moves: SlidingSum = field(default_factory=lambda: SlidingSum(MAX_MOVES))


class WriteWatch:
    """The writes of one conduit."""

    def __init__(self, points: tuple[Point, ...], model: SiteModel | None) -> None:
        self._points = points
        self._unforeseen = _unforeseen(points, model) if model else ()
        self._learnt = {one.point: one for one in model.writings} if model else {}
        self._travel_ns = model.travel_ns if model else DEFAULT_TRAVEL_NS
        self._has_model = model is not None
        self._tracks = [_Track() for _ in points]
        self._met: set[str] = set()

    def judge(self, point: int, value: float, present: float | None, client: str, now: int) -> list[Odd]:
        """Return what is odd about writing `value` now. Changes nothing."""
        found = []
        learnt = self._learnt.get(self._points[point].name)
        moves = present is None or value != present
        if learnt is not None:
            found += self._range(point, value, learnt)
            if moves and present is not None:
                found += self._travel(point, value, present, learnt, now)
        if moves:
            found += self._rhythm(point, value, learnt, now)
        if self._has_model and (learnt is None or client not in learnt.clients):
            found += self._first(point, value, client, learnt)
        return found

    def delivered(self, point: int, value: float, present: float | None, client: str, now: int) -> None:
        """Take a write that reached the device."""
        track = self._tracks[point]
        if present is not None and value != present:
            track.fast = track.fast + 1 if now - track.last_at < self._gap(point) else 0
            track.moves.add(now, abs(value - present))
            track.last_at = now
        if len(self._met) < MAX_CLIENTS:
            self._met.add(f"{client}\0{point}")

    def _gap(self, point: int) -> int:
        learnt = self._learnt.get(self._points[point].name)
        if learnt is None or not learnt.min_gap_ns:
            return _UNLEARNT_GAP_NS
        return int(learnt.min_gap_ns * _TOGGLE_SHARE)

    def _range(self, point: int, value: float, learnt: Writing) -> list[Odd]:
        if learnt.low <= value <= learnt.high:
            return []
        bound = learnt.low if value < learnt.low else learnt.high
        limits = self._points[point].limits
        # An engineer's range outranks a learnt one, where a forecast can say what would come of the write.
        declared = limits.minimum is not None and limits.maximum is not None
        declared = declared and not (learnt.count >= _HABIT and self._may_move_unforeseen(point))
        far = abs(value - bound) > _FAR * max(learnt.high - learnt.low, learnt.max_step)
        bits = self._points[point].type is DataType.BOOL
        decision = Decision.HOLD if far and not declared and not bits else Decision.ALERT
        text = f"{value:g} was never written while learning ({learnt.low:g} to {learnt.high:g} was)"
        return [Odd("beyond-learnt-range", decision, point, value, bound, text)]

    def _may_move_unforeseen(self, point: int) -> bool:
        loop = self._points[point].loop
        return any(not loop or not other or loop == other for other in self._unforeseen)

    def _travel(self, point: int, value: float, present: float, learnt: Writing, now: int) -> list[Odd]:
        track = self._tracks[point]
        track.moves.expire(now - self._travel_ns)
        travelled = track.moves.total + abs(value - present)
        budget = TRAVEL_FACTOR * learnt.max_travel + learnt.max_step
        if travelled <= budget or self._points[point].type is DataType.BOOL:
            return []
        seconds = self._travel_ns // SECOND
        text = f"moved by {travelled:.4g} within {seconds} s, learnt was at most {learnt.max_travel:.4g}"
        return [Odd("travel-budget", Decision.HOLD, point, travelled, budget, text)]

    def _rhythm(self, point: int, value: float, learnt: Writing | None, now: int) -> list[Odd]:
        track, gap = self._tracks[point], self._gap(point)
        since = now - track.last_at
        if not track.last_at or since >= gap:
            return []
        fast = track.fast + 1
        if fast < _TOGGLES_HELD:
            return []
        decision = Decision.REFUSE if fast >= 2 * _TOGGLES_HELD else Decision.HOLD
        shortest = (
            f"learnt was {learnt.min_gap_ns / SECOND:.3g} s" if learnt and learnt.min_gap_ns else "none was learnt"
        )
        text = f"change number {fast + 1} in quick succession, {since / SECOND:.3g} s after the last; {shortest}"
        return [Odd("toggling", decision, point, value, gap / SECOND, text)]

    def _first(self, point: int, value: float, client: str, learnt: Writing | None) -> list[Odd]:
        if f"{client}\0{point}" in self._met:
            return []
        who = "no client ever" if learnt is None else "this client never"
        return [Odd("first-write", Decision.ALERT, point, value, value, f"{who} wrote this point while learning")]


def _unforeseen(points: Sequence[Point], model: SiteModel) -> tuple[str, ...]:
    """Return the control loops of points with a safe range whose forecasts are trusted for less than the horizon."""
    guarded = {one.name: one for one in points if one.safe_min is not None or one.safe_max is not None}
    return tuple(
        guarded[column.name].loop
        for column in model.columns
        if column.name in guarded and column.kind == "moving" and column.trusted_steps < HORIZONS[-1]
    )
