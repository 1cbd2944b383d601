"""How far a law may be believed: the errors of its forecasts on rows that did not fit it, and the gate made of them.

Forecasts start all over the recorded rows, commands moving as they did. The half width that held 97.5 % of the errors
in one half of the time is tried on the other half, and the other way round: how often forecasts stay inside is the
coverage; the wider of the two is the band. A twin below its gate may alert, never hold or refuse.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from icsguard.inference.api import Array
from icsguard.twin.dynamics import Law, step
from icsguard.twin.site_model import HORIZONS

QUANTILE: Final = 0.975
COVERED: Final = 0.9
"""Least coverage that the gate asks for; a short recording must not be significantly below it."""
_SIGNIFICANT: Final = 1.3  # standard errors, one-sided 10 %
WIDEST: Final = 0.3
"""Widest half band that says anything, as a share of the safe envelope (or of the range seen)."""
LEAST_FORECASTS: Final = 20
MAX_STARTS: Final = 2_000  # forecasts per fold; more only cost time
_BLOCK: Final = 60  # rows; alternate blocks are the two halves


@dataclass(frozen=True, slots=True)
class Errors:
    """Forecast errors: rows are forecasts, then HORIZONS, then columns; NaN beyond the recording's end."""

    values: Array
    starts: Array
    """Row on which each forecast started, counted over the whole recording."""


def forecast_errors(law: Law, run: Array, commands: Sequence[int], offset: int) -> Errors:
    """Return the errors of forecasts along one stretch of rows (commands already those of the step ahead)."""
    stride = max(1, len(run) // MAX_STARTS)
    starts = np.arange(1, max(1, len(run) - 1), stride)
    errors: Array = np.full((len(starts), len(HORIZONS), run.shape[1]), np.nan)
    counted: Array = (starts + offset).astype(np.float64)
    if not len(starts):
        return Errors(errors, counted)
    state, previous, columns = run[starts].copy(), run[starts - 1].copy(), list(commands)
    for ahead in range(1, HORIZONS[-1] + 1):
        state, previous = step(law, state, previous), state
        alive = starts + ahead < len(run)
        if not alive.any():
            break
        there = run[np.minimum(starts + ahead, len(run) - 1)]
        if ahead in HORIZONS:
            errors[alive, HORIZONS.index(ahead)] = (state - there)[alive]
        state[:, columns] = there[:, columns]
    return Errors(errors, counted)


@dataclass(frozen=True, slots=True)
class Fidelity:
    """What one point's forecasts are worth."""

    band: tuple[float, ...]
    coverage: tuple[float, ...]
    trusted_steps: int


def fidelity(errors: Sequence[Errors], column: int, quantum: float, span: float) -> Fidelity:
    """Return band, coverage and reach of the forecasts of one column."""
    values = np.abs(np.concatenate([one.values[:, :, column] for one in errors]))
    first_half = np.concatenate([one.starts for one in errors]) // _BLOCK % 2 == 0
    bands: list[float] = []
    covered: list[float] = []
    widths = [quantum, quantum]
    trusted, open_ = 0, True
    for index, ahead in enumerate(HORIZONS):
        known = ~np.isnan(values[:, index])
        halves = values[known & first_half, index], values[known & ~first_half, index]
        if min(len(half) for half in halves) < LEAST_FORECASTS:
            break
        widths = [max(float(np.quantile(half, QUANTILE)), width) for half, width in zip(halves, widths, strict=True)]
        inside = [(half <= width).mean() for half, width in zip(halves, reversed(widths), strict=True)]
        covered.append(round(float(np.mean(inside)), 4))
        bands.append(max(widths))
        open_ = open_ and covered[-1] >= _least(known.sum(), ahead) and bands[-1] <= WIDEST * span
        trusted = ahead if open_ else trusted
    return Fidelity(tuple(bands), tuple(covered), trusted)


def _least(forecasts: int, ahead: int) -> float:
    """Return the coverage that passes: forecasts that overlap count as one."""
    apart = max(forecasts / ahead, 1.0)
    return COVERED - _SIGNIFICANT * float(np.sqrt(COVERED * (1 - COVERED) / apart))
