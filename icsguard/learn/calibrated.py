"""Clean scores become thresholds: residual streams of rows that did not fit the twin, and the site's own windows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Final

import numpy as np
from numpy.typing import NDArray

from icsguard.core.clock import DAY, SECOND
from icsguard.detect.calibration import BLOCK_NS, calibrate, peaks
from icsguard.detect.flow_features import features
from icsguard.detect.flow_model import FlowModel
from icsguard.detect.flows import FlowWatch, window_ns
from icsguard.detect.guarantee import LEAST_UNREST, QUIET_NS, window_blocks
from icsguard.detect.residuals import STREAMS, Smoother, unrest
from icsguard.inference.api import Array
from icsguard.learn.recorded import Recorded
from icsguard.twin.dynamics import Law
from icsguard.twin.scoring import Matrices, predict
from icsguard.twin.site_model import NO_UNREST, Calibration, Column, Unrest

QUANTILE: Final = 0.9995
"""Residuals are divided by this quantile of their own clean size (of few rows: their largest)."""
SETTLINGS: Final = ((), (20,), (60,), (60, 20, 5))
"""Rows after a command changed that may have yardsticks of their own; what makes the sharpest watch is taken."""
LEAST_SETTLED: Final = 0.2
"""A plant that is settled more rarely has one yardstick for all rows."""
LEAST_ROWS: Final = 200
"""Fewer rows make no yardstick of their own."""
PARTS: Final = 8
"""Of the rows, each once left out of the yardsticks that judge it."""
LEAST_USUAL: Final = 0.15
"""Standard deviations: a usual residual is never taken for smaller."""
EXCUSED_NS: Final = 7 * DAY
"""One episode of clean hours in so long may be more restless than what suspends the guarantee."""
_LEAST_SCALE: Final = 0.3
"""Standard deviations: a yardstick is never finer."""
_TAIL_NS: Final = 120 * SECOND
"""After the last transaction all windows are over."""


def as_shown(run: Array, commands: Sequence[int]) -> Array:
    """Return the rows of a stretch, but for its first, with their own commands instead of those of the step ahead."""
    shown = run[1:].copy()
    shown[:, list(commands)] = run[:-1, list(commands)]
    return shown


@dataclass(frozen=True, slots=True)
class Residuals:
    """The residuals of one stretch of rows, engineering units: rows x moving columns."""

    temporal: Array
    spatial: Array
    changed: NDArray[np.bool_]
    """Says of each row whether a command changed in it."""

    @classmethod
    def of(
        cls,
        law: Law,
        parts: Matrices,
        run: Array,
        *,
        patterns: NDArray[np.int64],
        modes: Sequence[tuple[int, ...]],
        moving: Sequence[int],
        commands: Sequence[int],
    ) -> Residuals:
        """Return the residuals of a stretch (commands already those of the step ahead) under a law.

        What a row shows, its commands too, is what the live watch sees of it: nothing of the step ahead.
        """
        standard = (run - law.mean) / law.scale
        temporal, spatial = predict(parts, as_shown(standard, commands)[1:], standard[1:-1], standard[:-2])
        size = run.shape[1]
        place = np.zeros(len(run) - 2, dtype=np.intp)
        for number, mode in enumerate(modes):
            place[(patterns[1:-1] == np.array(mode)).all(axis=1)] = number + 1
        beside = spatial.reshape(len(place), -1, size)[np.arange(len(place)), place]
        columns = list(moving)
        expected = np.clip(temporal * law.scale + law.mean, law.low, law.high)
        # A step in which a command changed is not judged by the law of motion: nobody knows when in it that acted.
        settled = (run[1:-1][:, list(commands)] == run[:-2][:, list(commands)]).all(axis=1)
        return cls(
            (run[2:] - expected)[:, columns] * settled[:, None],
            (run[2:] - (beside * law.scale + law.mean))[:, columns],
            ~settled,
        )


@dataclass(frozen=True, slots=True)
class Calibrated:
    """Thresholds with what scores are divided by."""

    stream_scale: tuple[float, ...]
    settling: tuple[int, ...]
    calibration: Calibration
    unrest: Unrest = NO_UNREST


@dataclass(frozen=True, slots=True)
class _Scaled:
    """Yardsticks with the scores that they give on clean rows."""

    settling: tuple[int, ...]
    yardsticks: Array
    """Yardsticks x streams x columns; the first for a settled plant."""
    calibration: Calibration
    unrest: Unrest
    dullness: float
    """How large a residual must be for an alarm, in the geometric mean over streams and columns: less is better."""


def calibrate_residuals(
    residuals: Sequence[Residuals], columns: Sequence[Column], *, step_ns: int, per_day: float
) -> Calibrated:
    """Return the yardsticks of all streams and the threshold of their largest ratio."""
    moving = [column for column in columns if column.kind == "moving"]
    rows = sum(len(one.temporal) for one in residuals)
    if not moving or not rows:
        return Calibrated((1.0,) * (len(STREAMS) * len(moving)), (), Calibration())
    levels = [_levels(one, moving) for one in residuals]
    length = max(BLOCK_NS // step_ns, 1)
    tried = [
        scaled
        for settling in SETTLINGS
        if (scaled := _scaled(levels, residuals, settling, length=length, per_day=per_day)) is not None
    ]
    best = min(tried, key=lambda one: one.dullness)
    return Calibrated(tuple(best.yardsticks.ravel().tolist()), best.settling, best.calibration, best.unrest)


def _levels(one: Residuals, moving: Sequence[Column]) -> Array:
    """Return the smoothed residuals of a stretch: rows x streams x columns."""
    sigma_time = np.array([column.sigma_time for column in moving])
    sigma_space = np.array([column.sigma_space for column in moving])
    smoother = Smoother(len(moving))
    found = np.empty((len(one.temporal), len(STREAMS), len(moving)))
    for index, pair in enumerate(zip(one.temporal / sigma_time, one.spatial / sigma_space, strict=True)):
        found[index] = smoother.feed(*pair)
    return found


def _scaled(
    levels: Sequence[Array], residuals: Sequence[Residuals], settling: tuple[int, ...], *, length: int, per_day: float
) -> _Scaled | None:
    """Return what settling times give; None where some kind of row is too rare for them."""
    kinds = [_kinds(one.changed, settling) for one in residuals]
    every, kind = np.vstack(levels), np.concatenate(kinds)
    shares = np.bincount(kind, minlength=len(settling) + 1) / len(kind)
    if settling and (shares[0] < LEAST_SETTLED or shares.min() * len(kind) < LEAST_ROWS):
        return None
    table = _yardsticks(every, kind, len(settling) + 1)
    scores = _scores(every, kind, table)
    calibration = calibrate(_blocks(scores, length), per_day=per_day)
    widths = np.array([float(np.log(one).mean()) for one in table])
    dullness = float(np.log(max(calibration.threshold, 1e-9))) + float(shares @ widths)
    return _Scaled(settling, table, calibration, _unrest(every, kind, len(settling) + 1, length), dullness)


def _yardsticks(levels: Array, kind: NDArray[np.intp], kinds: int) -> Array:
    """Return the high clean quantile of each stream and column, by kind of row: kinds x streams x columns."""
    table = np.full((kinds, *levels.shape[1:]), _LEAST_SCALE)
    for number in range(kinds):
        if number:  # the shorter ago a command changed, the wider at least
            table[number] = table[number - 1]
        of_kind = levels[kind == number]
        if len(of_kind):
            table[number] = np.maximum(np.quantile(of_kind, QUANTILE, axis=0), table[number])
    return table


def _scores(levels: Array, kind: NDArray[np.intp], table: Array) -> Array:
    """Return each row's score by the geometric mean of two yardsticks: one that it helped to make, and one without it.

    By the first alone clean rows look tamer than later ones will: realised rates were 1.4 times the expected ones. By
    the second alone they look wilder, as each part is judged by fewer rows than will judge live: .7 times (six plants,
    weeks of learning, months of normal operation).
    """
    scores = np.empty(len(levels))
    edges = [len(levels) * part // PARTS for part in range(PARTS + 1)]
    for first, last in pairwise(edges):
        others = np.ones(len(levels), dtype=np.bool_)
        others[first:last] = False
        fair = np.sqrt(table * _yardsticks(levels[others], kind[others], len(table)))
        scores[first:last] = (levels[first:last] / fair[kind[first:last]]).max(axis=(1, 2))
    return scores


def _unrest(levels: Array, kind: NDArray[np.intp], kinds: int, length: int) -> Unrest:
    """Return the usual size of one-step residuals by kind of row, and what clean hours rarely reach."""
    step = levels[:, 0]
    usual = np.stack([np.median(step[kind == number], axis=0) for number in range(kinds)])
    usual = np.maximum(usual, LEAST_USUAL)
    rows = unrest(step, usual[kind])
    whole, window = len(rows) // length, window_blocks(BLOCK_NS)
    if whole * BLOCK_NS < LEAST_UNREST:
        return NO_UNREST
    sums = np.concatenate([[0.0], np.cumsum(rows[: whole * length].reshape(whole, length).mean(axis=1))])
    means = (sums[window:] - sums[:-window]) / window
    highest = peaks(means.tolist(), max(whole * BLOCK_NS // EXCUSED_NS, 1), QUIET_NS // BLOCK_NS)
    return Unrest(tuple(usual.ravel().tolist()), highest[-1])


def _kinds(changed: NDArray[np.bool_], settling: tuple[int, ...]) -> NDArray[np.intp]:
    """Return the number of each row's yardstick, as the live watch counts: rows since a command changed."""
    found = np.zeros(len(changed), dtype=np.intp)
    settled = since = max(settling, default=0)
    for index, now in enumerate(changed):
        since = 0 if now else min(since + 1, settled)
        found[index] = sum(since < rows for rows in settling)
    return found


def _blocks(scores: Array, length: int) -> list[float]:
    """Return the maxima of whole blocks; of a recording shorter than one block, its maximum."""
    whole = len(scores) // length
    if not whole:
        return [float(scores.max())]
    return [float(part.max()) for part in scores[: whole * length].reshape(whole, length)]


@dataclass(frozen=True, slots=True)
class CalibratedFlows:
    """The site's own usual error of each feature, and the threshold."""

    scale: tuple[float, ...]
    calibration: Calibration


def calibrate_flows(recorded: Recorded, model: FlowModel | None, *, window_s: float, per_day: float) -> CalibratedFlows:
    """Return what the flow model's score is on the site's clean windows."""
    if model is None:
        return CalibratedFlows((), Calibration())
    watch = FlowWatch(window_ns(window_s), None, None)
    closed = []
    for one in recorded.transactions:
        now = one.response_at or one.request_at
        watch.take(one, now)
        closed += watch.due(now)
    closed += watch.due(recorded.ended + _TAIL_NS)
    windows = [(one.until, features(one.window, one.until, recorded.symbols)) for one in closed]
    if not windows:
        return CalibratedFlows((), Calibration())
    errors = np.array([model.score(numbers)[1] for _, numbers in windows])
    scale = tuple(errors.mean(axis=0).tolist())
    blocks: dict[int, float] = {}
    for until, numbers in windows:
        block = until // BLOCK_NS
        blocks[block] = max(blocks.get(block, 0.0), model.score(numbers, scale)[0])
    return CalibratedFlows(scale, calibrate(list(blocks.values()), per_day=per_day))
