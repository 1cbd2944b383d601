"""Everything between traffic and a fitted twin: hours that contradict all others are left out, the rest teaches.

What was taught is kept beside the model as a lesson (`learn.lesson`), so that a stretch of time can be taken out later
and the result checked against it.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Final

from icsguard.config.settings import Conduit, ShadowSettings
from icsguard.core.meaning import Table
from icsguard.core.point import DataType
from icsguard.core.transaction import Transaction
from icsguard.detect.flow_model import FlowModel
from icsguard.learn.fit import Fitted, NothingToLearnError, Progress, fit
from icsguard.learn.lesson import Lesson, Taught, lesson_of
from icsguard.learn.recorded import Rows, record, rows
from icsguard.learn.trimming import ROUNDS, Suspect, suspects

MAX_TOLD: Final = 5  # hours named in a note; the rest are counted
Span = tuple[int, int]


@dataclass(frozen=True, slots=True)
class Teaching:
    """How a twin is fitted."""

    horizon_s: float = 60.0
    window_s: float = 5.0
    alarms_per_day: float = 1.0
    trims: bool = True
    """Leave out hours that contradict all others (`learn.trimming`)."""


def teaching_of(shadow: ShadowSettings) -> Teaching:
    """Return what the settings say."""
    return Teaching(shadow.horizon_s, shadow.score_every_s, shadow.alarms_per_day)


@dataclass(frozen=True, slots=True)
class Lessoned:
    """A fitted twin with what taught it."""

    fitted: Fitted
    lesson: Lesson
    left_out: tuple[Suspect, ...]


def _silent(_share: float, _text: str) -> None:
    """Tell nobody."""


def teach(
    transactions: Sequence[Transaction],
    conduit: Conduit,
    teaching: Teaching,
    *,
    flow_model: FlowModel | None = None,
    progress: Progress = _silent,
) -> Lessoned:
    """Return the twin that the transactions teach, without what contradicts the rest. Raises NothingToLearnError."""
    mine: Sequence[Transaction] = [one for one in transactions if one.conduit == conduit.name]
    left_out: list[Suspect] = []
    for turn in range(ROUNDS + 1):
        fitted = fit(
            mine,
            conduit,
            horizon_s=teaching.horizon_s,
            window_s=teaching.window_s,
            alarms_per_day=teaching.alarms_per_day,
            flow_model=flow_model,
            progress=progress,
        )
        strange = suspects(fitted, _grid(mine, conduit, teaching)) if teaching.trims and turn < ROUNDS else []
        if not strange:
            break
        progress(0.0, f"{len(strange)} hours contradict all others: once more without them")
        mine = outside(mine, [(one.begin, one.end) for one in strange])
        left_out += strange
    if left_out:
        fitted = replace(fitted, model=replace(fitted.model, notes=(*fitted.model.notes, note(left_out))))
    return Lessoned(fitted, lesson_from(mine, conduit, teaching.horizon_s), tuple(left_out))


def _grid(transactions: Sequence[Transaction], conduit: Conduit, teaching: Teaching) -> Rows:
    return rows(record(transactions, conduit.policy.points), teaching.horizon_s)


def lesson_from(
    transactions: Sequence[Transaction],
    conduit: Conduit,
    horizon_s: float,
    *,
    like: Lesson | None = None,
) -> Lesson:
    """Return the statistics of the rows that transactions of one conduit make; `like`: on the reference of another."""
    points = conduit.policy.points
    if not points:
        raise NothingToLearnError(f"conduit {conduit.name} has no point list: a twin needs to know what the values are")
    recorded = record(transactions, points)
    grid = rows(recorded, horizon_s)
    if not grid.runs:
        raise NothingToLearnError(f"the traffic of conduit {conduit.name} holds no whole row of its points")
    chosen = [recorded.points[index] for index in grid.columns]
    bits = tuple(i for i, one in enumerate(chosen) if one.table is Table.COIL and one.type is DataType.BOOL)
    unwritten = tuple(recorded.points[index].name for index in grid.columns if not recorded.ways[index].writes)
    taught = Taught(tuple(one.name for one in chosen), unwritten, bits, grid.runs, grid.times)
    return lesson_of(taught, (like.mean, like.scale) if like is not None and like.names == taught.names else None)


def outside(transactions: Sequence[Transaction], spans: Sequence[Span]) -> list[Transaction]:
    """Return the transactions that were not asked within any of the spans (from, until excluded)."""
    within = _within(spans)
    return [one for one in transactions if not within(one.request_at)]


def inside(transactions: Sequence[Transaction], spans: Sequence[Span]) -> list[Transaction]:
    """Return the transactions that were asked within one of the spans."""
    within = _within(spans)
    return [one for one in transactions if within(one.request_at)]


def _within(spans: Sequence[Span]) -> Callable[[int], bool]:
    """Return what says whether a moment lies in one of the spans, however many and however they overlap."""
    begins: list[int] = []
    ends: list[int] = []
    for since, until in sorted(spans):
        if ends and since <= ends[-1]:
            ends[-1] = max(ends[-1], until)
        else:
            begins.append(since)
            ends.append(until)

    def within(at: int) -> bool:
        place = bisect_right(begins, at)
        return place > 0 and at < ends[place - 1]

    return within


def note(strange: Sequence[Suspect]) -> str:
    """Return for people what was left out and why."""
    told = ", ".join(f"{one.point} x {one.factor:.0f}" for one in strange[:MAX_TOLD])
    return f"{len(strange)} stretches of time contradict all others and were left out ({told})."
