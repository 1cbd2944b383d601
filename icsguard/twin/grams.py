"""Sufficient statistics of rows: what a linear twin needs to know of them, additive, so that rows can be taken out.

A Gram matrix of standardised rows (with a column of ones) and their count give every ridge on them. The sum of two
stretches' matrices is the matrix of both; the difference is the matrix of a fit that never saw the second. All
stretches of one lesson share a reference (mean and scale), else they could not be added.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from icsguard.inference.api import Array
from icsguard.twin.scoring import spatial_weights


class Gram(NamedTuple):
    """The rows of one stretch in one mode. `table` is (1 + n) x (1 + n): first row and column are the sums."""

    rows: int
    table: Array

    def __add__(self, other: object) -> Gram:
        """Return the statistics of both."""
        if not isinstance(other, Gram):
            return NotImplemented
        return Gram(self.rows + other.rows, self.table + other.table)

    def __sub__(self, other: Gram) -> Gram:
        """Return the statistics of these rows without those of `other`, exactly as if it had never been added."""
        return Gram(self.rows - other.rows, self.table - other.table)


def gram_of(standard: Array) -> Gram:
    """Return the statistics of standardised rows."""
    wide = np.column_stack([np.ones(len(standard)), standard])
    return Gram(len(standard), wide.T @ wide)


def nothing(columns: int) -> Gram:
    """Return the statistics of no row at all."""
    return Gram(0, np.zeros((columns + 1, columns + 1)))


def neighbours(gram: Gram) -> tuple[Array, Array]:
    """Return the ridge weights (n x n) and biases (n) of each column on all others."""
    mean = gram.table[0, 1:] / gram.rows
    weights = spatial_weights(gram.table[1:, 1:] - gram.rows * np.outer(mean, mean), gram.rows)
    return weights, mean - mean @ weights


def errors(gram: Gram, weights: Array, biases: Array) -> Array:
    """Return the mean square error of each column under weights that these rows need not have made."""
    size = len(biases)
    rest = np.vstack([-biases, np.eye(size) - weights])
    found: Array = np.einsum("ij,ik,kj->j", rest, gram.table, rest) / max(gram.rows, 1)
    return np.maximum(found, 0.0)


def distance(one: Gram, other: Gram) -> float:
    """Return the largest difference between two sets of statistics, as a share of the larger one."""
    most = max(float(np.abs(one.table).max()), float(np.abs(other.table).max()), 1e-300)
    return max(float(np.abs(one.table - other.table).max()) / most, float(one.rows != other.rows))
