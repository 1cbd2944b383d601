"""What cannot be detected: per point, the largest lie that stays below the alarm threshold, at the budget in force.

Computed from the model itself: a lie on one sensor moves the residuals of that point and of all that are predicted from
it, through both predictions and all smoothings, as `residuals` scores them on a settled plant. Noise is left out: it
can push a smaller lie over the threshold, and after a command the yardsticks are wider.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from math import inf
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from icsguard.detect.residuals import MAX_RESIDUAL, MAX_SMOOTHED, SPANS, STREAMS, Smoother
from icsguard.inference.api import Array, Scorer
from icsguard.twin.image import Habit
from icsguard.twin.site_model import Column, SiteModel

_Flags = NDArray[np.bool_]
_Found = Callable[[Array], _Flags]
"""Size of a lie on each point -> is it found?"""
WITHIN: Final = 60
"""Rows within which a sudden lie is to be found."""
_MEMORY: Final = 3  # rows that the temporal prediction looks at
_HALVINGS: Final = 30
_MOST_SPANS: Final = 10.0
"""A lie of so many times the range seen that still goes unnoticed is told as: any."""


class Limit(NamedTuple):
    """One measured point, engineering units; infinite where no deviation is found."""

    name: str
    sudden: float
    """Largest offset that appears at once and is not found within WITHIN rows."""
    creeping: float
    """Largest offset that is never found if it grows slowly enough."""
    span: float
    """Range seen while learning."""
    frozen_after: int
    """Equal reads in a row after which a frozen value is told; 0: never."""


@dataclass(frozen=True, slots=True)
class _Response:
    """What an offset of 1 on point j (rows) does to the residual of point i (columns), in standard deviations."""

    now: Array
    """Temporal, in the row where it appears."""
    next: Array
    """What is added in the row after it, and in the one after that."""
    later: Array
    beside: Array
    """Spatial."""


def undetectable(model: SiteModel, scorer: Scorer) -> tuple[Limit, ...]:
    """Return the limit of every measured point; all infinite where nothing is calibrated."""
    places = [index for index, column in enumerate(model.columns) if column.kind == "moving"]
    if not places:
        return ()
    columns = [model.columns[index] for index in places]
    yardstick = np.array(model.stream_scale).reshape(-1, len(STREAMS), len(places))[0] * model.residuals.threshold
    spans = np.array([max(column.seen_high - column.seen_low, column.quantum) for column in columns])
    response = _response(model, scorer, places)
    calibrated = model.residuals.threshold > 0.0
    sudden = _largest(spans, lambda size: _sudden(response, yardstick, size)) if calibrated else spans * inf
    creeping = _largest(spans, lambda size: _creeping(response, yardstick, size)) if calibrated else spans * inf
    return tuple(
        Limit(column.name, float(sudden[place]), float(creeping[place]), float(spans[place]), _frozen(column, model))
        for place, column in enumerate(columns)
    )


def _frozen(column: Column, model: SiteModel) -> int:
    return Habit(longest_run=column.longest_run, reads=model.rows).frozen_after


def _response(model: SiteModel, scorer: Scorer, places: list[int]) -> _Response:
    """Probe the model, as it is in its usual operating mode, with one unit on each point."""
    size, scale = len(model.columns), np.array([column.scale for column in model.columns])
    usual = np.zeros(size)  # standardised: everything at its mean, bits (mean 0, scale 1) as they mostly are
    mode = model.modes[0] if model.modes else None
    if mode is not None:
        usual[list(model.mode_bits)] = mode
    beside_at = size if mode is not None else 0  # the global fit comes first
    sigma = np.array([[one.sigma_time, one.sigma_space] for one in model.columns])[places]
    calm = scorer.score(usual, usual, usual)
    found = np.zeros((4, len(places), len(places)))
    for place, index in enumerate(places):
        lie = usual.copy()
        lie[index] += 1.0
        moved = [
            scorer.score(lie if at == 0 else usual, lie if at == 1 else usual, lie if at == 2 else usual)  # noqa: PLR2004 - row, row before, its past
            for at in range(3)
        ]
        temporal = [(one[0].ravel() - calm[0].ravel())[places] for one in moved]
        spatial = (moved[0][1].ravel() - calm[1].ravel())[beside_at : beside_at + size][places]
        own = np.zeros(len(places))
        own[place] = 1.0
        changes = (own - temporal[0], -temporal[1], -temporal[2], own - spatial)
        found[:, place] = [one * scale[places] / scale[index] for one in changes]
    found[:3] /= sigma[:, 0]
    found[3] /= sigma[:, 1]
    return _Response(*found)


def _largest(spans: Array, is_found: _Found) -> Array:
    """Return for each point the largest size that is not found, by halving."""
    low, high = np.zeros(len(spans)), spans * _MOST_SPANS
    never = ~is_found(high)
    for _ in range(_HALVINGS):
        middle = (low + high) / 2
        found = is_found(middle)
        low, high = np.where(found, low, middle), np.where(found, middle, high)
    return np.where(never, inf, low)


def _sudden(response: _Response, limit: Array, size: Array) -> _Flags:
    """Say of each point whether an offset of its size is found within WITHIN rows."""
    count = len(size)
    smoother = Smoother(count * count)
    found = np.zeros(count, dtype=np.bool_)
    temporal = np.zeros((count, count))
    for row in range(WITHIN):
        part = (response.now, response.next, response.later)[row] if row < _MEMORY else 0.0
        temporal = temporal + part * size[:, None]
        streams = smoother.feed(temporal.ravel(), (response.beside * size[:, None]).ravel())
        found |= (streams.reshape(len(STREAMS), count, count) > limit[:, None, :]).any(axis=(0, 2))
    return found


def _creeping(response: _Response, limit: Array, size: Array) -> _Flags:
    """Say of each point whether an offset of its size, there for ever, is found."""
    temporal = (response.now + response.next + response.later) * size[:, None]
    levels = np.abs(np.stack([temporal] * len(SPANS) + [response.beside * size[:, None]] * len(SPANS)))
    most = np.array([MAX_RESIDUAL if span == 1 else MAX_SMOOTHED for span in SPANS] * 2)[:, None, None]
    found: _Flags = (np.minimum(levels, most) > limit[:, None, :]).any(axis=(0, 2))
    return found
