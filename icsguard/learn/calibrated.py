"""Clean scores become thresholds: residual streams of rows that did not fit the twin, and the site's own windows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from icsguard.core.clock import SECOND
from icsguard.detect.calibration import BLOCK_NS, calibrate
from icsguard.detect.flow_features import features
from icsguard.detect.flow_model import FlowModel
from icsguard.detect.flows import FlowWatch, window_ns
from icsguard.detect.residuals import STREAMS, Smoother
from icsguard.inference.api import Array
from icsguard.learn.recorded import Recorded
from icsguard.twin.dynamics import Law
from icsguard.twin.scoring import Matrices, predict
from icsguard.twin.site_model import Calibration, Column

_PERCENTILE: Final = 99.0
_TAIL_NS: Final = 120 * SECOND
"""After the last transaction all windows are over."""


@dataclass(frozen=True, slots=True)
class Residuals:
    """The residuals of one stretch of rows, engineering units: rows x moving columns."""

    temporal: Array
    spatial: Array

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
        """Return the residuals of a stretch (commands already those of the step ahead) under a law."""
        standard = (run - law.mean) / law.scale
        temporal, spatial = predict(parts, standard[2:], standard[1:-1], standard[:-2])
        size = run.shape[1]
        place = np.zeros(len(run) - 2, dtype=np.intp)
        for number, mode in enumerate(modes):
            place[(patterns[2:] == np.array(mode)).all(axis=1)] = number + 1
        beside = spatial.reshape(len(place), -1, size)[np.arange(len(place)), place]
        columns = list(moving)
        expected = np.clip(temporal * law.scale + law.mean, law.low, law.high)
        # A step in which a command changed is not judged by the law of motion: nobody knows when in it that acted.
        settled = (run[1:-1][:, list(commands)] == run[:-2][:, list(commands)]).all(axis=1)
        return cls(
            (run[2:] - expected)[:, columns] * settled[:, None],
            (run[2:] - (beside * law.scale + law.mean))[:, columns],
        )


@dataclass(frozen=True, slots=True)
class Calibrated:
    """Thresholds with what scores are divided by."""

    stream_scale: tuple[float, ...]
    calibration: Calibration


def calibrate_residuals(
    residuals: Sequence[Residuals], columns: Sequence[Column], *, step_ns: int, per_day: float
) -> Calibrated:
    """Return the percentiles of the streams and the threshold of their largest."""
    moving = [column for column in columns if column.kind == "moving"]
    if not moving:
        return Calibrated((1.0,) * len(STREAMS), Calibration())
    sigma_time = np.array([column.sigma_time for column in moving])
    sigma_space = np.array([column.sigma_space for column in moving])
    rows: list[Array] = []
    for one in residuals:
        smoother = Smoother(len(moving))
        pairs = zip(one.temporal / sigma_time, one.spatial / sigma_space, strict=True)
        rows += [smoother.feed(*pair) for pair in pairs]
    if not rows:
        return Calibrated((1.0,) * len(STREAMS), Calibration())
    streams = np.array(rows)
    scale = np.maximum(np.percentile(streams, _PERCENTILE, axis=0), 1e-6)
    return Calibrated(
        tuple(scale.tolist()),
        calibrate(_blocks((streams / scale).max(axis=1), max(BLOCK_NS // step_ns, 1)), per_day=per_day),
    )


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
