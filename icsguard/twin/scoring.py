"""What a row should have been: the two predictions whose residuals are scored, as matrices that ONNX can carry.

*Temporal*: one step on. Where enough rows taught, a regression of each point on all points of the two rows before: it
need not be rolled out, so it may use everything. Else the law of motion, tied points from their leaders at the same
moment. *Spatial*: each point from all others at the same moment, by ridge, per operating mode where that was seen often
enough. All standardised. The numpy form is the reference; live rows are scored through ONNX, and a test holds the two
together.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple

import numpy as np

from icsguard.inference.api import Array
from icsguard.twin.dynamics import Law

GRAM_RIDGE: Final = 10.0 / 6_000
"""Ridge per row: lambda 10 at 6 000 rows (measured on BATADAL)."""
AHEAD_RIDGE: Final = GRAM_RIDGE / 100
"""Ridge per row of the step ahead: its inputs are nearly the same, and shrinking would cost a slow point its past."""
ROWS_PER_WEIGHT: Final = 20
"""Rows for each weight of the step ahead; of fewer the law of motion, which has a few terms, is the better guess."""


@dataclass(frozen=True, slots=True)
class Matrices:
    """Everything that the two predictions need. n columns, t terms, m modes."""

    now: Array
    """n x t: which point each term reads, and `past` what it subtracts of the step before."""
    past: Array
    one: Array
    """t: the constant terms."""
    gate_1: Array
    """n x t and t: first and second condition of each term as a factor 0 or 1."""
    gate_1_bias: Array
    gate_2: Array
    gate_2_bias: Array
    weights: Array
    """t x n."""
    keep: Array
    """n x n diagonal: 1 for columns that move on from their state, 0 for tied ones."""
    tie_1: Array
    """n x n, n x n and n: tied points of the row and of its squares."""
    tie_2: Array
    tie_bias: Array
    ahead_state: Array
    """n x n, n x n and n: the step ahead from the two rows before; all 0 where the law speaks."""
    ahead_past: Array
    ahead_bias: Array
    spatial: Array
    """n x (m+1)n: the global fit first, then one of each mode."""
    spatial_bias: Array
    """(m+1)n."""


class Ahead(NamedTuple):
    """The step ahead by regression: `row = state @ of_state + previous @ of_past + bias`, standardised."""

    of_state: Array
    of_past: Array
    bias: Array


def matrices(law: Law, spatial: Array, spatial_bias: Array, ahead: Ahead | None = None) -> Matrices:
    """Return the matrices of a site; `ahead`, where given, stands for the law of motion.

    `spatial` has weights ((m+1) x n x n) with their biases.
    """
    size, count = len(law.mean), max(len(law.terms), 1)
    step = ahead or Ahead(np.zeros((size, size)), np.zeros((size, size)), np.zeros(size))
    now, past, one = np.zeros((size, count)), np.zeros((size, count)), np.zeros(count)
    gates = [np.zeros((size, count)), np.zeros((size, count))]
    biases = [np.ones(count), np.ones(count)]
    weights, keep = np.zeros((count, size)), np.eye(size)
    for index, (target, feature, weight, when) in enumerate(law.terms):
        weights[index, target] = weight
        if feature.point < 0:
            one[index] = 1.0
        else:
            now[feature.point, index] = 1.0
            past[feature.point, index] = -1.0 if feature.change else 0.0
        for gate, bias, (bit, value) in zip(gates, biases, when, strict=False):
            gate[bit, index], bias[index] = (1.0, 0.0) if value else (-1.0, 1.0)
    tie_1, tie_2, tie_bias = _ties(law)
    keep[law.tied, law.tied] = 0.0
    if ahead is not None:
        weights[:], keep[:], tie_1[:], tie_2[:], tie_bias[:] = 0.0, 0.0, 0.0, 0.0, 0.0
    return Matrices(
        now=now,
        past=past,
        one=one,
        gate_1=gates[0],
        gate_1_bias=biases[0],
        gate_2=gates[1],
        gate_2_bias=biases[1],
        weights=weights,
        keep=keep,
        tie_1=tie_1,
        tie_2=tie_2,
        tie_bias=tie_bias,
        ahead_state=step.of_state,
        ahead_past=step.of_past,
        ahead_bias=step.bias,
        spatial=np.hstack(list(spatial)),
        spatial_bias=spatial_bias.ravel(),
    )


def _ties(law: Law) -> tuple[Array, Array, Array]:
    size = len(law.mean)
    tie_1, tie_2, bias = np.zeros((size, size)), np.zeros((size, size)), np.zeros(size)
    for target, point, power, weight in law.ties:
        if point < 0:
            bias[target] += weight
        else:
            (tie_1 if power == 1 else tie_2)[point, target] += weight
    return tie_1, tie_2, bias


def predict(parts: Matrices, row: Array, state: Array, previous: Array) -> tuple[Array, Array]:
    """Return the temporal prediction of `row` and all spatial ones side by side; everything standardised, rows x n.

    `state` is the row before with the commands of this one; `previous` the row before that.
    """
    features = state @ parts.now + previous @ parts.past + parts.one
    open_ = (state @ parts.gate_1 + parts.gate_1_bias) * (state @ parts.gate_2 + parts.gate_2_bias)
    moved = state @ parts.keep + (features * open_) @ parts.weights
    tied = row @ parts.tie_1 + (row * row) @ parts.tie_2 + parts.tie_bias
    ahead = state @ parts.ahead_state + previous @ parts.ahead_past + parts.ahead_bias
    return moved + tied + ahead, row @ parts.spatial + parts.spatial_bias


def ahead_of(standard: Sequence[Array]) -> Ahead | None:
    """Return the step ahead that stretches of standardised rows teach; None where they are too few.

    A row's commands are those of the step after it, as everywhere in learning.
    """
    size = standard[0].shape[1] if standard else 0
    gram, beside, rows = np.zeros((2 * size + 1, 2 * size + 1)), np.zeros((2 * size + 1, size)), 0
    for run in standard:
        if len(run) > 2:  # noqa: PLR2004 - a past, a row, and the one that is told
            inputs = np.column_stack([run[1:-1], run[:-2], np.ones(len(run) - 2)])
            gram += inputs.T @ inputs
            beside += inputs.T @ run[2:]
            rows += len(inputs)
    if rows < ROWS_PER_WEIGHT * (2 * size + 1):
        return None
    weights: Array = np.asarray(np.linalg.solve(gram + AHEAD_RIDGE * rows * np.eye(len(gram)), beside), np.float64)
    return Ahead(weights[:size], weights[size:-1], weights[-1])


def spatial_weights(gram: Array, rows: float) -> Array:
    """Return the ridge weights of each column on all others from a Gram matrix of centred, standardised rows.

    One inverse serves all columns: weights of column j are -P[:, j] / P[j, j] of the regularised inverse P.
    """
    size = len(gram)
    inverse = np.linalg.inv(gram + max(GRAM_RIDGE * rows, 1e-3) * np.eye(size))
    weights = -inverse / np.diag(inverse)
    weights[np.diag_indices(size)] = 0.0
    return weights
