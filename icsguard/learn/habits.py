"""How points were written while learning: range, steps, rhythm, travel; and which set-points steer what."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from itertools import pairwise
from typing import Final

import numpy as np

from icsguard.core.clock import SECOND
from icsguard.core.point import Point
from icsguard.core.transaction import Outcome, Transaction
from icsguard.inference.api import Array
from icsguard.learn.recorded import Ways
from icsguard.twin.site_model import Column, Writing

MAX_TRAVEL_NS: Final = 600 * SECOND
LEAST_TRAVEL_NS: Final = 10 * SECOND
MAX_CLIENTS: Final = 64  # clients named per point; a point has few writers
_USUAL_ANSWER: Final = 0.999
_ANSWERS_LEAST: Final = 1_000
_STEERED: Final = 0.5  # correlation of a set-point with what follows it, so many rows later at most:
_LATEST: Final = 60
_NEAR: Final = 0.15
"""Mean distance between the two, as a share of the safe envelope."""


def travel_window(seconds: float) -> int:
    """Return the window over which travel is summed: ten minutes, or a third of a short recording."""
    return max(LEAST_TRAVEL_NS, min(MAX_TRAVEL_NS, int(seconds * SECOND / 3)))


def answer_time(transactions: Sequence[Transaction]) -> int:
    """Return what 99.9 % of the answers took at most, ns; 0 where too few came to say so."""
    took = [one.response_at - one.request_at for one in transactions if one.outcome == Outcome.ANSWERED]
    return int(np.quantile(took, _USUAL_ANSWER)) if len(took) >= _ANSWERS_LEAST else 0


def writing(point: Point, ways: Ways, travel_ns: int) -> Writing | None:
    """Return how the point was written; None where it never was."""
    if not ways.writes:
        return None
    values = [value for _, _, value, _ in ways.writes]
    moves = ways.moves
    gaps = [later - earlier for (earlier, _), (later, _) in pairwise(moves)]
    travel, changes = _most_within(moves, travel_ns)
    return Writing(
        point=point.name,
        count=len(values),
        low=min(values),
        high=max(values),
        max_step=max((abs(step) for _, step in moves), default=0.0),
        min_gap_ns=min(gaps, default=0),
        max_travel=travel,
        max_changes=changes,
        clients=tuple(sorted({client for _, client, _, _ in ways.writes}))[:MAX_CLIENTS],
    )


def _most_within(moves: Sequence[tuple[int, float]], window_ns: int) -> tuple[float, int]:
    """Return the largest sum of changes within any window, and the most changes."""
    recent: deque[tuple[int, float]] = deque()
    travel, total, most = 0.0, 0.0, 0
    for at, step in moves:
        recent.append((at, abs(step)))
        total += abs(step)
        while recent[0][0] < at - window_ns:
            total -= recent.popleft()[1]
        travel, most = max(travel, total), max(most, len(recent))
    return travel, most


def tracks(points: Sequence[Point], columns: Sequence[Column], rows: Array) -> tuple[tuple[int, int], ...]:
    """Return (set-point, measured point) pairs of one unit and loop in which the second keeps close to the first."""
    found = []
    for setpoint, source in enumerate(columns):
        for measured, target in enumerate(columns):
            one, other = points[setpoint], points[measured]
            if source.kind != "command" or target.kind != "moving" or one.unit != other.unit or not one.unit:
                continue
            if one.loop != other.loop or (other.safe_min is None and other.safe_max is None):
                continue
            if _follows(rows[:, setpoint], rows[:, measured], _span(other, target)):
                found.append((setpoint, measured))
    return tuple(found)


def _span(point: Point, column: Column) -> float:
    """Return the width of the safe envelope; of an open one, that of the range seen."""
    if point.safe_min is None or point.safe_max is None:
        return column.seen_high - column.seen_low
    return point.safe_max - point.safe_min


def _follows(setpoint: Array, measured: Array, span: float) -> bool:
    if setpoint.std() == 0 or measured.std() == 0:
        return False
    if float(np.abs(measured - setpoint).mean()) > _NEAR * span:
        return False
    lags = range(0, min(_LATEST, len(setpoint) // 3), 5)
    later = (np.corrcoef(setpoint[: len(setpoint) - lag], measured[lag:])[0, 1] for lag in lags)
    return max((float(one) for one in later), default=0.0) >= _STEERED
