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
from icsguard.twin.grid import Row
from icsguard.twin.loads import Loads
from icsguard.twin.rollout import Roller
from icsguard.twin.site_model import SiteModel

BEYOND: Final = 2.0
"""Bands are so much wider where the write, or the combination of bits that it makes, was never seen while learning."""
_SOONER: Final = 1.25  # a limit that would be reached anyway must be reached so much earlier to be the write's doing
_NEAR: Final = 0.25  # share of the range seen by which a written value may leave it before bands are widened
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
        self._modes = frozenset(model.known_modes)
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
        key = state.tobytes() + previous.tobytes() + self._loads.now.tobytes()
        if self._base is None or self._base[0] != key:
            self._base = (key, self._roller.roll(state, previous, self.steps, self._loads.now))
        return self._base[1]

    def try_write(self, state: Array, previous: Array, changes: Mapping[int, float]) -> list[Consequence]:
        """Return the safe limits that writing `changes` (column to value) would cross, worst first."""
        with_write = state.copy()
        for column, value in changes.items():
            with_write[column] = min(max(value, -_FARTHEST), _FARTHEST)
        if not self._envelopes or np.array_equal(with_write, state):
            return []
        tried = self._roller.roll(with_write, previous, self.steps, self._loads.now)
        unseen = self._is_unseen(with_write, changes)
        bands = self._bands * BEYOND if unseen else self._bands
        if not self._comes_near(tried, bands):
            return []  # whatever would have been without it
        base = self.forecast(state, previous)
        found = [
            one
            for envelope in self._envelopes
            for side in (1, -1)
            if (one := self._crossing(envelope, side, tried, base, bands, unseen=unseen)) is not None
        ]
        return sorted(found, key=lambda one: (not one.by_mean, not one.trusted, one.step))

    def _comes_near(self, tried: Array, bands: Array) -> bool:
        for column, low, high in self._envelopes:
            mean, band = tried[:, column], bands[:, column]
            reach = self.model.columns[column].trusted_steps
            if mean.max() > high or mean.min() < low:
                return True
            if reach and ((mean + band)[:reach].max() > high or (mean - band)[:reach].min() < low):
                return True
        return False

    def _crossing(
        self, envelope: Envelope, side: int, tried: Array, base: Array, bands: Array, *, unseen: bool
    ) -> Consequence | None:
        """Return how one limit is crossed: by the mean, else by the band; None where it is not, or not by the write."""
        column = envelope.column
        limit = envelope.high if side > 0 else envelope.low
        if not np.isfinite(limit):
            return None
        mean, anyway, band = side * tried[:, column], side * base[:, column], bands[:, column]
        edge, span = side * limit, _span(envelope, self.model, column)
        if np.abs(mean - anyway).max() < _FELT * span:
            return None
        reach = self.model.columns[column].trusted_steps
        step = _first(mean > edge)
        by_mean = step > 0
        if not by_mean:
            step = _first(mean + band > edge, until=reach)
            anyway = anyway + band
        if not step or not _is_cause(mean, anyway, edge, step, by_mean=by_mean, band=band):
            return None
        at = step - 1
        return Consequence(
            column=column,
            limit=limit,
            step=step,
            predicted=float(tried[at, column]),
            band=float(band[at]),
            without=float(base[at, column]),
            by_mean=by_mean,
            trusted=step <= reach,
            worst=float(side * mean.max()),
            unseen=unseen,
        )

    def _is_unseen(self, state: Array, changes: Mapping[int, float]) -> bool:
        mode = tuple(int(state[bit] != 0) for bit in self.model.mode_bits)
        if mode not in self._modes:
            return True
        for index, value in changes.items():
            column = self.model.columns[index]
            near = _NEAR * (column.seen_high - column.seen_low)
            if not column.seen_low - near <= value <= column.seen_high + near:
                return True
        return False


def _first(crossed: Array | np.ndarray[tuple[int, ...], np.dtype[np.bool_]], until: int | None = None) -> int:
    """Return the number of the first step that crosses, counted from 1; 0 where none does."""
    found = np.flatnonzero(crossed[:until])
    return int(found[0]) + 1 if len(found) else 0


def _is_cause(mean: Array, anyway: Array, edge: float, step: int, *, by_mean: bool, band: Array) -> bool:
    """Say whether the write, and not the course of things, makes the crossing."""
    without = _first(anyway > edge)
    if not without or without > step * _SOONER + 1:
        return True
    if not by_mean:
        return False
    beyond = mean - anyway
    finite = np.where(np.isfinite(band), band, 0.0)
    return bool((beyond[step - 1 :] > finite[step - 1 :]).any() and beyond[-1] > 0)


def _span(envelope: Envelope, model: SiteModel, column: int) -> float:
    if np.isfinite(envelope.low) and np.isfinite(envelope.high):
        return envelope.high - envelope.low
    return max(model.columns[column].seen_high - model.columns[column].seen_low, model.columns[column].quantum)
