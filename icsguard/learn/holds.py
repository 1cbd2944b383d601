"""What holding writes by forecasts would have cost while learning, and how sure a forecast must therefore be.

Writes of operators in the recording are tried on the twin. Where the mean passes a limit the write would have been
held; wrongly, if the forecast errs by as much as it passes the limit. How often forecasts that start with a write err
so is known from rows that did not fit their laws. The sum of these chances is how many wrong holds are to be expected:
the least margin is asked for that keeps them within the budget of a week.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Final, NamedTuple

import numpy as np

from icsguard.core.point import Point
from icsguard.inference.api import Array
from icsguard.twin.bands import Errors, written
from icsguard.twin.dynamics import loads
from icsguard.twin.site_model import HORIZONS, Column, Holding, Moment, SiteModel
from icsguard.twin.what_if import Consequence, WhatIf

BUDGET: Final = 0.5
"""Wrong holds that may be expected in a week; of a shorter recording, in that."""
CERTAINTIES: Final = (0.35, 0.4, 0.45, 0.5)
"""Margins to choose from, in bands. By less than the first the error of the forecast decides, not the write; more than
the last would let harm pass wherever bands are wide, and the status says instead that the budget is not kept."""
MOSTLY: Final = 0.7
LEAST_TIMES: Final = 4
"""A switch that would do harm so often, if it stayed, and was moved so many times, does harm beyond doubt."""
MAX_WRITES: Final = 20_000  # rows with writes of a stretch that are tried, evenly spread; more only cost time
STEPS: Final = HORIZONS[-1]
_SHORTEST: Final = 10  # steps: errors of the next few rows say nothing about where a write leads
_WEEK_S: Final = 604_800.0


Kind = tuple[int, int]
"""A kind of write: column, and 1 where it was raised or switched on, 0 where lowered or switched off."""


class _Tried(NamedTuple):
    """One row's writes, tried."""

    kinds: tuple[Kind, ...]
    told: Consequence | None
    """The limit that the mean passes by most, if any."""
    stands_for: int = 1
    """It stands for so many, where not all were tried."""

    @property
    def margin(self) -> float:
        """Return by how many bands it does; 0 where it does not."""
        return self.told.margin if self.told else 0.0


def holding(
    model: SiteModel, points: Sequence[Point], runs: Sequence[Array], errors: Sequence[Errors], commands: Sequence[int]
) -> Holding:
    """Return how sure forecasts must be; `runs` have commands already those of the step ahead.

    `errors` are those of forecasts that started with a write.
    """
    what_if = WhatIf(model, points, STEPS)
    if not what_if.guards:
        return Holding()
    tried = [one for run in runs for one in _try(what_if, model, run, commands)]
    certainty, expected = _least(_chances(model, tried, errors), max(model.seconds / _WEEK_S, 1.0))
    return Holding(certainty, expected, sum(one.stands_for for one in tried), _moments(model, tried, runs, certainty))


def _changed(run: Array, at: int, commands: Sequence[int]) -> list[int]:
    return [column for column in commands if run[at, column] != run[at - 1, column]]


def _try(what_if: WhatIf, model: SiteModel, run: Array, commands: Sequence[int]) -> list[_Tried]:
    """Try the writes of one stretch, as they would be asked about."""
    law, columns = model.law(), list(commands)
    besides = loads(law, run)[:, [column for column, _ in law.drifts]]
    at = written(run, commands)
    every = max(1, -(-len(at) // MAX_WRITES))
    found = []
    for row in at[::every]:
        before, past = run[row].copy(), run[row - 1].copy()
        before[columns] = past[columns]
        changes = {column: float(run[row, column]) for column in _changed(run, row, commands)}
        told = what_if.try_under(besides[row], before, past, changes)
        kinds = tuple((column, int(value > past[column])) for column, value in changes.items())
        found.append(_Tried(kinds, max(told, key=lambda one: one.margin, default=None), every))
    return found


def _chances(model: SiteModel, tried: Sequence[_Tried], errors: Sequence[Errors]) -> list[tuple[float, float]]:
    """Return (margin, how many are likely wrong) of the writes that the mean speaks against."""
    found = []
    known: dict[int, Array] = {}
    for one in tried:
        if one.told is None or one.margin <= 0:
            continue
        column = one.told.column
        if column not in known:
            known[column] = _sizes(model.columns[column], [each.values[:, :, column] for each in errors])
        sizes = known[column]
        as_large = len(sizes) - int(np.searchsorted(sizes, one.margin))
        # An error goes either way, and one more could always be larger than all that were seen.
        found.append((one.margin, one.stands_for * (as_large + 1) / (len(sizes) + 1) / 2))
    return found


def _sizes(column: Column, errors: Sequence[Array]) -> Array:
    """Return the sizes of forecast errors in bands, sorted, as far as the gate reaches."""
    found = [np.empty(0)]
    for index, ahead in enumerate(HORIZONS[: len(column.band)]):
        if _SHORTEST <= ahead <= column.trusted_steps:
            found += [np.abs(one[:, index]) / max(column.band[index], 1e-12) for one in errors]
    every = np.concatenate(found)
    return np.sort(every[~np.isnan(every)])


def _least(chances: Sequence[tuple[float, float]], weeks: float) -> tuple[float, float]:
    """Return the least certainty that keeps the budget, and the wrong holds a week to be expected at that."""
    expected = 0.0
    for certainty in CERTAINTIES:
        expected = sum(chance for margin, chance in chances if margin > certainty) / weeks
        if expected <= BUDGET:
            return certainty, round(expected, 4)
    return CERTAINTIES[-1], round(expected, 4)


def _moments(model: SiteModel, tried: Sequence[_Tried], runs: Sequence[Array], certainty: float) -> tuple[Moment, ...]:
    """Return how long switches stood that were moved often enough, and whether that mostly would do harm."""
    moved: Counter[Kind] = Counter()
    harmful: Counter[Kind] = Counter()
    for one in tried:
        if len(one.kinds) == 1 and one.kinds[0][0] in model.mode_bits:
            moved[one.kinds[0]] += 1
            harmful[one.kinds[0]] += one.margin > certainty
    return tuple(
        Moment(*kind, _longest(runs, *kind), harmful[kind] >= MOSTLY * times)
        for kind, times in sorted(moved.items())
        if times >= LEAST_TIMES
    )


def _longest(runs: Sequence[Array], column: int, value: int) -> int:
    """Return for how many rows a switch stood at a value at most."""
    longest = 0
    for run in runs:
        other = np.flatnonzero((run[:, column] != 0) != bool(value))
        longest = max(longest, int(np.diff(np.concatenate([[-1], other, [len(run)]])).max()) - 1)
    return longest
