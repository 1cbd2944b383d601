"""Points that follow others at once: a flow its pump's speed, a power its current. Learnt as a curve, not as a motion.

Between two samples such a point has long arrived, so a law of motion would always be a step late. A tie is a sum of a
few points and their squares at the same moment. What is tied is not followed by others: no circles.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Final

import numpy as np
from numpy.typing import NDArray

from icsguard.inference.api import Array
from icsguard.twin.dynamics import Tie

MAX_PARTS: Final = 4  # points and squares in one tie
UNEXPLAINED: Final = 0.03
"""A tie leaves at most this share of the point's variance on rows that did not fit it."""
MIN_INSIDE: Final = 30
_AT_END: Final = 1e-6
_SATURATED: Final = 0.01
_WORTH: Final = 0.1
_RIDGE: Final = 1e-4
_BLOCKS: Final = 4


def fit_ties(rows: Array, numbers: Sequence[int], order: Sequence[int], acts_on: NDArray[np.bool_]) -> list[Tie]:
    """Return the ties among `order` (worst law of motion first) over standardised rows."""
    ties: list[Tie] = []
    tied: set[int] = set()
    followed: set[int] = set()
    for target in order:
        if target in followed:
            continue
        found = _fit_one(rows, target, [n for n in numbers if n != target and n not in tied and acts_on[n, target]])
        if found:
            ties += found
            tied.add(target)
            followed.update(tie.point for tie in found)
    return ties


def refit_ties(rows: Array, ties: Sequence[Tie]) -> list[Tie]:
    """Return the same ties with the weights that other standardised rows give them."""
    found: list[Tie] = []
    for target in sorted({tie.target for tie in ties}):
        own = [tie for tie in ties if tie.target == target]
        table = np.column_stack([np.ones(len(rows)) if t.point < 0 else rows[:, t.point] ** t.power for t in own])
        inside = _inside(rows[:, target])
        weights = _solve(table[inside], rows[inside, target]).tolist()
        found += [tie._replace(weight=weight) for tie, weight in zip(own, weights, strict=True)]
    return found


def _fit_one(rows: Array, target: int, inputs: Sequence[int]) -> list[Tie]:
    parts = [(-1, 0)] + [(point, power) for point in inputs for power in (1, 2)]
    table = np.column_stack([np.ones(len(rows))] + [rows[:, point] ** power for point, power in parts[1:]])
    values, chosen = rows[:, target], [0]
    inside, left = _inside(values), float(values.var())
    if left <= 0.0 or inside.sum() < MIN_INSIDE:
        return []
    while len(chosen) <= MAX_PARTS:
        rest = (values - table[:, chosen] @ _solve(table[inside][:, chosen], values[inside])) * inside
        best = _best(table[inside], chosen, rest[inside])
        error = _judged(table[:, [*chosen, best]], values, inside)
        if not error < left * (1 - _WORTH):
            break
        chosen, left = [*chosen, best], error
    if left > UNEXPLAINED * float(values.var()):
        return []
    weights = _solve(table[inside][:, chosen], values[inside])
    return [Tie(target, *parts[index], float(weight)) for index, weight in zip(chosen, weights, strict=True)]


def _best(table: Array, chosen: list[int], rest: Array) -> int:
    """Return the part that explains most of the rest beside those chosen."""
    basis, _ = np.linalg.qr(table[:, chosen])
    beside = table - basis @ (basis.T @ table)
    norms = (beside**2).sum(axis=0)
    useful = norms > 1e-6 * (table**2).sum(axis=0)
    return int(np.argmax(np.where(useful, (rest @ beside) ** 2 / np.maximum(norms, 1e-12), -1.0)))


def _inside(values: Array) -> NDArray[np.bool_]:
    """Say which values are not at an end where many lie: a pump too slow to lift has flow 0, whatever it does."""
    inside = np.ones(len(values), dtype=np.bool_)
    for end in (values.min(), values.max()):
        at_end = np.abs(values - end) < _AT_END
        if at_end.mean() > _SATURATED:
            inside &= ~at_end
    return inside


def _judged(table: Array, values: Array, inside: NDArray[np.bool_]) -> float:
    """Return the mean square error, cut off at the ends, on blocks of time that did not fit."""
    edges = np.linspace(0, len(values), _BLOCKS + 1).astype(int)
    total = 0.0
    for first, last in pairwise(edges):
        teach = inside.copy()
        teach[first:last] = False
        guess = table[first:last] @ _solve(table[teach], values[teach])
        rest = values[first:last] - np.clip(guess, values.min(), values.max())
        total += float(rest @ rest)
    return total / len(values)


def _solve(table: Array, values: Array) -> Array:
    gram = table.T @ table
    gram[np.diag_indices_from(gram)] += _RIDGE * len(table)
    return np.asarray(np.linalg.solve(gram, table.T @ values), dtype=np.float64)
