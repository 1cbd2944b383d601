"""What would happen if this were written: the state with the write, rolled out beside the state without it.

A write is blamed only for what it changes: where the process would leave its safe envelope anyway, just as soon, the
write is not the cause. Changes nothing, and says how far its own forecast may be believed.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final, NamedTuple

import numpy as np

from icsguard.core.point import Point
from icsguard.inference.api import Array
from icsguard.twin.crossing import Path
from icsguard.twin.doubt import Doubt, Doubts
from icsguard.twin.grid import Row
from icsguard.twin.loads import Loads
from icsguard.twin.rollout import Roller
from icsguard.twin.site_model import SiteModel

_FELT: Final = 0.02  # share of the envelope by which the write must move the point at all
_FARTHEST: Final = 1e100  # a written value beyond is tried as this: its square is still finite, a double ends at 1e308


class Envelope(NamedTuple):
    """A column with a safe range; infinite where it is open."""

    column: int
    low: float
    high: float


class Consequence(NamedTuple):
    """A safe limit that the write would make the process cross."""

    column: int
    limit: float
    step: int
    """When, in steps from now; 1 for the next one."""
    predicted: float
    """The forecast's mean there."""
    band: float
    """Its half width there."""
    without: float
    """What it would be there without the write."""
    by_mean: bool
    """The mean itself crosses; else only the band does."""
    trusted: bool
    """The fidelity gate lets this forecast refuse or hold."""
    worst: float
    """The mean's most extreme value on that side within the horizon."""
    unseen: bool
    """The write leads where learning never was."""
    sure: bool
    """The mean passes the limit by as much as the hold budget asks for; else it is not enough to refuse."""
    margin: float
    """By how many bands it does, as far as the gate lets it speak."""


def envelopes(model: SiteModel, points: Mapping[str, Point]) -> tuple[Envelope, ...]:
    """Return the safe ranges that the point list declares for columns with a law."""
    found = []
    for index, column in enumerate(model.columns):
        point = points.get(column.name)
        if point is None or column.kind != "moving" or (point.safe_min is None and point.safe_max is None):
            continue
        low = -np.inf if point.safe_min is None else point.safe_min
        found.append(Envelope(index, low, np.inf if point.safe_max is None else point.safe_max))
    return tuple(found)


class WhatIf:
    """Tries writes on one site's model."""

    def __init__(self, model: SiteModel, points: Sequence[Point], steps: int) -> None:
        self.model = model
        self.steps = steps
        self._roller = Roller(model.law(), steps)
        self._envelopes = envelopes(model, {point.name: point for point in points})
        self._bands = model.bands(steps)
        self._doubts = Doubts(model, steps)
        self._base: tuple[bytes, Array] | None = None
        commands = [place for place, one in enumerate(model.columns) if one.kind == "command"]
        self._loads = Loads(self._roller, commands)

    def follow(self, row: Row) -> None:
        """Take the plant's next row: what moved it besides its laws goes on in forecasts."""
        self._loads.feed(row)

    @property
    def guards(self) -> bool:
        """Say whether any safe envelope is declared that a forecast could be held against."""
        return bool(self._envelopes)

    def forecast(self, state: Array, previous: Array) -> Array:
        """Return the trajectory without any write; the last one is kept, as every write is compared with it."""
        return self._anyway(state, previous, self._loads.now)

    def _anyway(self, state: Array, previous: Array, load: Array) -> Array:
        key = state.tobytes() + previous.tobytes() + load.tobytes()
        if self._base is None or self._base[0] != key:
            self._base = (key, self._roller.roll(state, previous, self.steps, load))
        return self._base[1]

    def try_write(self, state: Array, previous: Array, changes: Mapping[int, float]) -> list[Consequence]:
        """Return the safe limits that writing `changes` (column to value) would cross, worst first."""
        return self.try_under(self._loads.now, state, previous, changes)

    def try_under(self, load: Array, state: Array, previous: Array, changes: Mapping[int, float]) -> list[Consequence]:
        """Return the same where something else moved the plant besides its laws."""
        with_write = state.copy()
        for column, value in changes.items():
            with_write[column] = min(max(value, -_FARTHEST), _FARTHEST)
        if not self._envelopes or np.array_equal(with_write, state):
            return []
        tried = self._roller.roll(with_write, previous, self.steps, load)
        doubt = self._doubts.of(with_write, changes)
        if doubt is None and not self._comes_near(tried):
            return []  # whatever would have been without it
        base = self._anyway(state, previous, load)
        found = [
            one
            for envelope in self._envelopes
            for side in (1, -1)
            if (one := self._crossing(envelope, side, tried, base, doubt)) is not None
        ]
        return sorted(found, key=lambda one: (not one.trusted, not one.sure, not one.by_mean, one.step))

    def _comes_near(self, tried: Array) -> bool:
        for column, low, high in self._envelopes:
            mean, band = tried[:, column], self._bands[:, column]
            reach = self.model.columns[column].trusted_steps
            if mean.max() > high or mean.min() < low:
                return True
            if reach and ((mean + band)[:reach].max() > high or (mean - band)[:reach].min() < low):
                return True
        return False

    def _crossing(
        self, envelope: Envelope, side: int, tried: Array, base: Array, doubt: Doubt | None
    ) -> Consequence | None:
        """Return how one limit is crossed by the write's doing; None where it is not."""
        column = envelope.column
        limit = envelope.high if side > 0 else envelope.low
        if not np.isfinite(limit):
            return None
        span = _span(envelope, self.model, column)
        edge, bands = side * limit, self._bands[:, column]
        path = Path(side * tried[:, column] - edge, side * base[:, column] - edge, bands, span)
        if np.abs(path.mean - path.anyway).max() < _FELT * span:
            return None
        reach = self.model.columns[column].trusted_steps
        found = path.crossing(reach, self.model.holding.certainty, doubt)
        if found is None:
            return None
        at = found.step - 1
        return Consequence(
            column=column,
            limit=limit,
            step=found.step,
            predicted=float(tried[at, column]),
            band=found.band,
            without=float(base[at, column]),
            by_mean=found.by_mean,
            trusted=found.step <= reach,
            worst=float(side * (side * tried[:, column]).max()),
            unseen=found.unseen,
            sure=found.sure,
            margin=found.margin,
        )


def _span(envelope: Envelope, model: SiteModel, column: int) -> float:
    if np.isfinite(envelope.low) and np.isfinite(envelope.high):
        return envelope.high - envelope.low
    return max(model.columns[column].seen_high - model.columns[column].seen_low, model.columns[column].quantum)
