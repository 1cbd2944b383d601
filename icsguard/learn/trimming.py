"""Hours that contradict all others do not teach: a first defence against attacks in the learning data.

A fitted twin looks back at what taught it. Every hour has its largest residuals, in each stream and of each point; most
hours agree on how large those are. An hour that is far beyond is left out, and the twin is fitted again without it.
Rows after a command are not looked at: maintenance is rare and strange, and must teach all the same.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

import numpy as np
from numpy.typing import NDArray

from icsguard.core.clock import HOUR
from icsguard.detect.residuals import SPANS
from icsguard.inference.api import Array
from icsguard.learn.calibrated import Residuals
from icsguard.learn.fit import Fitted
from icsguard.learn.recorded import Rows
from icsguard.twin.site_model import Column

LEAST_HOURS: Final = 24
"""Fewer hours have no usual size."""
FACTOR: Final = 6.0
"""An hour is left out where a residual is so many times what most hours have. Clean weeks of the plants to tune on
reach 5.5."""
ROUNDS: Final = 3  # without the worst hours the next ones stand out; more rounds would begin to eat honest work
MAX_STRANGE: Final = 0.3
"""Where more of the hours are strange none is left out: the plant has several faces, and none is the lie."""
MAX_TRIMMED: Final = 0.15
"""At most this share is left out in a round, the strangest first. Lies bend the twin, so that honest hours look strange
beside them; without the worst they look honest again."""
_USUAL: Final = 0.85
"""Quantile over the hours that counts as usual: so many may be strange without becoming the measure."""
_AFTER: Final = 20  # rows after a command that are not judged
_SIGMAS: Final = 1.4826  # of a normal distribution: standard deviations in its median size
_FLOOR: Final = 0.02  # of a point's own spread: a residual is not measured finer, as when it is judged live
_LEAST: Final = 0.3  # standard deviations: nothing finer is a contradiction


@dataclass(frozen=True, slots=True)
class Suspect:
    """An hour that contradicts the others."""

    begin: int
    end: int
    point: str
    factor: float
    """How many times the usual size its worst residual is."""


def suspects(fitted: Fitted, grid: Rows, *, factor: float = FACTOR) -> list[Suspect]:
    """Return the hours to leave out, worst first; none where too many would be, or where there are too few hours."""
    hours, table = _hours(fitted, grid)
    if len(hours) < LEAST_HOURS:
        return []
    moving = [column.name for column in fitted.model.columns if column.kind == "moving"]
    usual = np.maximum(np.quantile(table, _USUAL, axis=0), _LEAST)
    found = []
    for hour, ratios in zip(hours, table / usual, strict=True):
        worst = int(np.argmax(ratios.max(axis=0)))
        size = float(ratios[:, worst].max())
        if size > factor:
            found.append(Suspect(hour * HOUR, (hour + 1) * HOUR, moving[worst], size))
    found.sort(key=lambda one: -one.factor)
    return found[: max(int(MAX_TRIMMED * len(hours)), 1)] if len(found) <= MAX_STRANGE * len(hours) else []


def _hours(fitted: Fitted, grid: Rows) -> tuple[list[int], Array]:
    """Return the hours, and of each the largest residual in every stream of every measured point."""
    moving = [index for index, column in enumerate(fitted.model.columns) if column.kind == "moving"]
    long = [(run, times) for run, times in zip(grid.runs, grid.times, strict=True) if len(run) > _AFTER]
    found = [_residuals(fitted, run, moving) for run, _ in long if moving]
    columns = _robust([fitted.model.columns[index] for index in moving], found)
    most: dict[int, Array] = {}
    for residuals, (_, times) in zip(found, long, strict=False):
        sizes = _smoothed(residuals, columns) * _calm(residuals.changed)[:, None, None]
        places = np.array(times[2 : len(sizes) + 2]) // HOUR
        for hour in np.unique(places).tolist():
            here = sizes[places == hour].max(axis=0)
            most[hour] = np.maximum(most[hour], here) if hour in most else here
    hours = sorted(most)
    return hours, np.array([most[hour] for hour in hours])


def _residuals(fitted: Fitted, run: Array, moving: Sequence[int]) -> Residuals:
    model = fitted.model
    commands = [index for index, column in enumerate(model.columns) if column.kind == "command"]
    moved = run[:-1].copy()
    moved[:, commands] = run[1:, commands]
    return Residuals.of(
        model.law(),
        fitted.matrices,
        moved,
        patterns=(moved[:, list(model.mode_bits)] != 0).astype(np.int64),
        modes=model.modes,
        moving=moving,
        commands=commands,
    )


def _robust(columns: Sequence[Column], found: Sequence[Residuals]) -> list[Column]:
    """Return the columns with scales that strange hours cannot move: the model's own are made of all rows."""
    if not found:
        return list(columns)
    spread = [
        _SIGMAS * np.median(np.abs(np.vstack(rest)), axis=0)
        for rest in ([one.temporal for one in found], [one.spatial for one in found])
    ]
    least = [max(column.quantum, _FLOOR * column.scale) for column in columns]
    return [
        replace(column, sigma_time=max(float(time), floor), sigma_space=max(float(space), floor))
        for column, time, space, floor in zip(columns, *spread, least, strict=True)
    ]


def _smoothed(one: Residuals, columns: Sequence[Column]) -> Array:
    """Return the residuals' exponential means at all spans: rows x streams x columns, in standard deviations.

    Unlike live, nothing is cut off before it is smoothed: here the largest is looked for, not the first.
    """
    sigma = np.array([[column.sigma_time for column in columns], [column.sigma_space for column in columns]])
    both = np.stack([one.temporal, one.spatial], axis=1) / sigma
    rates = np.array([2.0 / (span + 1) for span in SPANS])[:, None]
    level, found = np.zeros((2, len(SPANS), len(columns))), np.empty((len(both), 2 * len(SPANS), len(columns)))
    for index, row in enumerate(both[:, :, None, :]):
        level += rates * (row - level)
        found[index] = np.abs(level).reshape(2 * len(SPANS), -1)
    return found


def _calm(changed: Sequence[bool] | NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Say of each row whether no command changed in the rows just before it."""
    found = np.zeros(len(changed), dtype=np.bool_)
    since = _AFTER
    for index, now in enumerate(changed):
        since = 0 if now else since + 1
        found[index] = since >= _AFTER
    return found
