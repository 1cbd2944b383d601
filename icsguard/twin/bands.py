"""How far a law may be believed: the errors of its forecasts on rows that did not fit it, and the gate made of them.

Forecasts start all over the recorded rows, commands moving as they did. The half width that holds 97.5 % of the errors
is the band. The same is done without each fifth of the time, and tried on that fifth: how often forecasts stay inside
is the coverage. A twin below its gate may alert, never hold or refuse.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from icsguard.inference.api import Array
from icsguard.twin.dynamics import Law, loads, step
from icsguard.twin.site_model import HORIZONS

QUANTILE: Final = 0.975
COVERED: Final = 0.9
"""Least coverage that the gate asks for; a short recording must not be significantly below it."""
_SIGNIFICANT: Final = 1.3  # standard errors, one-sided 10 %
WIDEST: Final = 0.3
"""Widest half band that says anything, as a share of the safe envelope (or of the range seen)."""
LEAST_FORECASTS: Final = 20
MAX_STARTS: Final = 2_000  # forecasts per fold; more only cost time
_BLOCK: Final = 60  # rows; blocks of time are dealt to the parts in turn
_PARTS: Final = 5


@dataclass(frozen=True, slots=True)
class Errors:
    """Forecast errors: rows are forecasts, then HORIZONS, then columns; NaN beyond the recording's end."""

    values: Array
    starts: Array
    """Row on which each forecast started, counted over the whole recording."""


def written(run: Array, commands: Sequence[int]) -> NDArray[np.intp]:
    """Return the rows from which a command that was just written acts (commands already those of the step ahead)."""
    columns = list(commands)
    return np.flatnonzero((run[1:-1][:, columns] != run[:-2][:, columns]).any(axis=1)) + 1


def forecast_errors(
    law: Law, run: Array, commands: Sequence[int], offset: int, starts: NDArray[np.intp] | None = None
) -> Errors:
    """Return the errors of forecasts along one stretch of rows (commands already those of the step ahead).

    They start on the rows `starts`, all over the stretch where none are given.
    """
    if starts is None:
        starts = np.arange(1, max(1, len(run) - 1), max(1, len(run) // MAX_STARTS))
    else:
        starts = starts[:: max(1, -(-len(starts) // MAX_STARTS))]
    errors: Array = np.full((len(starts), len(HORIZONS), run.shape[1]), np.nan)
    counted: Array = (starts + offset).astype(np.float64)
    if not len(starts):
        return Errors(errors, counted)
    state, previous, columns = run[starts].copy(), run[starts - 1].copy(), list(commands)
    load = loads(law, run)[starts]
    for ahead in range(1, HORIZONS[-1] + 1):
        state, previous = step(law, state, previous, load), state
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
    if not errors:
        return Fidelity((), (), 0)
    values = np.abs(np.concatenate([one.values[:, :, column] for one in errors]))
    starts = np.concatenate([one.starts for one in errors])
    block = min(_BLOCK, max((starts.max(initial=0.0) + 1) // _PARTS, 1.0))  # a short recording has shorter blocks
    parts = starts // block % _PARTS
    bands: list[float] = []
    covered: list[float] = []
    trusted, open_ = 0, True
    for index, ahead in enumerate(HORIZONS):
        known = ~np.isnan(values[:, index])
        seen, part = values[known, index], parts[known]
        if len(seen) < LEAST_FORECASTS or len(np.unique(part)) < _PARTS:
            break
        bands.append(max(float(np.quantile(seen, QUANTILE)), bands[-1] if bands else quantum))
        covered.append(round(_coverage(seen, part, floor=bands[-2] if len(bands) > 1 else quantum), 4))
        open_ = open_ and covered[-1] >= _least(len(seen), ahead) and bands[-1] <= WIDEST * span
        trusted = ahead if open_ else trusted
    return Fidelity(tuple(bands), tuple(covered), trusted)


def _coverage(seen: Array, part: Array, *, floor: float) -> float:
    """Return the share of errors inside the band that the other parts make."""
    inside = 0
    for one in np.unique(part):
        here = part == one
        inside += int((seen[here] <= max(float(np.quantile(seen[~here], QUANTILE)), floor)).sum())
    return inside / len(seen)


def _least(forecasts: int, ahead: int) -> float:
    """Return the coverage that passes: forecasts that overlap count as one."""
    apart = max(forecasts / ahead, 1.0)
    return COVERED - _SIGNIFICANT * float(np.sqrt(COVERED * (1 - COVERED) / apart))
