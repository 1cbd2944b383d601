"""How the process moves: a sparse linear law per point, in differences, and the roll-out that follows from it.

Every measured point changes by a weighted sum of a few others: `x' = x + sum of w * feature`. The differenced form
suits what plants are made of: a tank integrates its flows, a drive runs after its command, a PI loop in velocity form
moves by its error. A term may hold only while some command bits have given values (a pump that is off moves nothing, a
loop in manual does not regulate). In a given combination of bits the law is one matrix, so that a roll-out costs two
small products a step. Points are standardised; commands stand still unless the caller moves them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from icsguard.inference.api import Array


class Feature(NamedTuple):
    """One regressor: a point or its last change."""

    point: int
    """Column; -1 for the constant 1."""
    change: bool = False
    """Its last change instead of its value."""


When = tuple[tuple[int, int], ...]
"""Conditions: (column of a bit, 0 or 1), all of them."""


class Term(NamedTuple):
    """One feature with its weight in one point's law, while the conditions hold."""

    target: int
    feature: Feature
    weight: float
    when: When = ()


class Tie(NamedTuple):
    """One part of a point that follows others at once, as a flow follows its pump: weight * (standardised point)^power.

    The constant 1 is point -1.
    """

    target: int
    point: int
    power: int
    weight: float


@dataclass(frozen=True, slots=True)
class Law:
    """The moves of all points. `mean` and `scale` standardise; bits keep mean 0 and scale 1."""

    mean: Array
    scale: Array
    low: Array
    """Lowest value of each point that the wire can carry or the process saturates at (engineering units)."""
    high: Array
    terms: tuple[Term, ...]
    ties: tuple[Tie, ...]
    moving: NDArray[np.intp]
    """Columns that have a law; the others are commands or stand still."""
    tied: NDArray[np.intp]
    """Columns among the moving ones that follow others at once; none of them is followed itself."""
    bits: NDArray[np.intp]
    """Columns of bits that some term depends on."""
    drifts: tuple[tuple[int, int], ...] = ()
    """(column, rows): points that a load moves which nobody measures, and over how many rows that is averaged."""


class Folded(NamedTuple):
    """The law in one combination of bits, engineering units: `x' = x + x @ values + (x - previous) @ changes + c`."""

    values: Array
    changes: Array
    constant: Array


def fold(law: Law, state: Array) -> Folded:
    """Return the law's matrices where the bits are those of `state`."""
    size = len(law.mean)
    values, changes, constant = np.zeros((size, size)), np.zeros((size, size)), np.zeros(size)
    for target, feature, weight, when in law.terms:
        if any(bool(state[bit]) != bool(value) for bit, value in when):
            continue
        factor = weight * law.scale[target]
        if feature.point < 0:
            constant[target] += factor
        elif feature.change:
            changes[feature.point, target] += factor / law.scale[feature.point]
        else:
            values[feature.point, target] += factor / law.scale[feature.point]
            constant[target] -= factor * law.mean[feature.point] / law.scale[feature.point]
    return Folded(values, changes, constant)


def step(law: Law, state: Array, previous: Array, load: Array | None = None) -> Array:
    """Return the next state of many rows at once (engineering units): the same law, not folded.

    `load` is what moves them besides in a step (rows x columns).
    """
    now, last = (state - law.mean) / law.scale, (previous - law.mean) / law.scale
    moved = state.copy()
    for target, feature, weight, when in law.terms:
        moved[:, target] += law.scale[target] * weight * column(feature, now, last) * holds(when, state)
    if load is not None:
        moved += load
    moved[:, law.moving] = np.clip(moved[:, law.moving], law.low[law.moving], law.high[law.moving])
    if len(law.tied):
        standard = (moved - law.mean) / law.scale
        moved[:, law.tied] = np.clip(tied(law, standard), law.low[law.tied], law.high[law.tied])
    return moved


def loads(law: Law, run: Array) -> Array:
    """Return what moved each point besides its law in a step, as the rows before each row of a stretch tell."""
    found = np.zeros_like(run)
    if not law.drifts or len(run) < 3:  # noqa: PLR2004 - a past, a row, and what came of it
        return found
    left = run[2:] - step(law, run[1:-1], run[:-2])
    total = np.vstack([np.zeros(run.shape[1]), np.cumsum(left, axis=0)])
    until = np.maximum(np.arange(len(run)) - 1, 0)
    for place, memory in law.drifts:
        since = np.maximum(until - memory, 0)
        found[:, place] = (total[until, place] - total[since, place]) / np.maximum(until - since, 1)
    return found


def tied(law: Law, standard: Array) -> Array:
    """Return the tied columns of standardised rows, in engineering units."""
    values = np.zeros_like(standard)
    for target, point, power, weight in law.ties:
        values[:, target] += weight * (1.0 if point < 0 else standard[:, point] ** power)
    return (values * law.scale + law.mean)[:, law.tied]


def holds(when: When, rows: Array) -> NDArray[np.bool_]:
    """Say for each row whether all conditions hold."""
    held = np.ones(len(rows), dtype=np.bool_)
    for bit, value in when:
        held &= (rows[:, bit] != 0) == bool(value)
    return held


def column(feature: Feature, now: Array, last: Array) -> Array:
    """Return a feature's values over many standardised rows."""
    if feature.point < 0:
        return np.ones(len(now))
    return now[:, feature.point] - last[:, feature.point] if feature.change else now[:, feature.point]


def design(features: Sequence[Feature], standard: Array) -> Array:
    """Return the matrix of all features over standardised rows, from the second row on (the first is only a past)."""
    return np.column_stack([column(feature, standard[1:], standard[:-1]) for feature in features])
