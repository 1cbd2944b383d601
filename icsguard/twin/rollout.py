"""The roll-out: a state and a law become a trajectory, fast enough to be asked while a write is held.

One product, two cuts and the ties a step, in memory that is laid out once; 60 steps of 25 points take about 0.3 ms.
Bits stand still, so the matrices of a combination of bits serve the whole trajectory.
"""

from __future__ import annotations

from typing import Final

import numpy as np

from icsguard.inference.api import Array
from icsguard.twin.dynamics import Law, fold

MAX_FOLDED: Final = 64  # combinations of bits whose matrices are kept; the oldest goes, and is folded again if needed


class Roller:
    """Rolls one law out, from one state at a time."""

    def __init__(self, law: Law) -> None:
        self.law = law
        size = len(law.mean)
        self._matrices: dict[bytes, Array] = {}
        self._low, self._high = np.full(size, -np.inf), np.full(size, np.inf)
        self._low[law.moving], self._high[law.moving] = law.low[law.moving], law.high[law.moving]
        self._ties = _ties(law)

    def roll(self, state: Array, previous: Array, steps: int) -> Array:
        """Return the next `steps` states (rows, engineering units); `previous` is the state one step before."""
        size, tied = len(state), self.law.tied
        matrix = self._matrix(state)
        low, high = self._low, self._high
        tied_low, tied_high = low[tied], high[tied]
        out = np.empty((steps, size))
        lever, curve = np.ones(2 * size + 1), np.ones(2 * size + 1)
        lever[:size], lever[size:-1] = state, previous
        for row in out:
            np.dot(matrix, lever, out=row)
            np.maximum(row, low, out=row)
            np.minimum(row, high, out=row)
            if len(tied):
                curve[:size] = row
                np.multiply(row, row, out=curve[size:-1])
                row[tied] = np.minimum(np.maximum(self._ties @ curve, tied_low), tied_high)
            lever[size:-1] = lever[:size]
            lever[:size] = row
        return out

    def _matrix(self, state: Array) -> Array:
        """Return one matrix that makes the next state of (state, previous, 1), for the bits of `state`."""
        key = state[self.law.bits].tobytes()
        found = self._matrices.get(key)
        if found is None:
            if len(self._matrices) >= MAX_FOLDED:
                del self._matrices[next(iter(self._matrices))]
            values, changes, constant = fold(self.law, state)
            one = np.eye(len(constant))
            found = np.ascontiguousarray(np.hstack([(one + values + changes).T, -changes.T, constant[:, None]]))
            self._matrices[key] = found
        return found


def _ties(law: Law) -> Array:
    """Return the matrix that makes the tied points of (state, squares, 1), engineering units."""
    size = len(law.mean)
    matrix = np.zeros((size, 2 * size + 1))
    for target, point, power, weight in law.ties:
        factor = weight * law.scale[target]
        if point < 0:
            matrix[target, -1] += factor
            continue
        mean, scale = law.mean[point], law.scale[point]
        if power == 1:
            matrix[target, point] += factor / scale
            matrix[target, -1] -= factor * mean / scale
        else:  # ((x - mean) / scale) squared
            matrix[target, size + point] += factor / scale**2
            matrix[target, point] -= 2 * factor * mean / scale**2
            matrix[target, -1] += factor * mean**2 / scale**2
    matrix[law.tied, -1] += law.mean[law.tied]
    return np.ascontiguousarray(matrix[law.tied])
