"""The roll-out: a state and a law become a trajectory, fast enough to be asked while a write is held.

Bits stand still in a roll-out, so that a combination of bits is one linear map, and all steps of a horizon are one
product of the state with a matrix that is made once. That holds until a limit of a drive or of the wire binds, or where
a point follows the square of another; from there on it goes step by step. 60 steps of 20 points take about 40 us the
one way, 240 the other.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np

from icsguard.inference.api import Array
from icsguard.twin.dynamics import Law, fold

MAX_FOLDED: Final = 64  # combinations of bits whose matrices are kept; the oldest goes, and is folded again if needed
MAX_OPERATOR: Final = 1 << 18  # numbers in the matrix of a whole horizon (2 MB): larger sites go step by step
_HELD: Final = 1e-9  # a limit binds when it is passed by more than this, in standard deviations: rounding does not


@dataclass(slots=True)
class _Folded:
    """The law in one combination of bits."""

    matrix: Array
    """Makes the next state of (state, previous, 1), before limits and ties."""
    operator: Array | None = None
    """Makes the moving points of all steps of (state, previous, 1, load) where no limit binds; made when needed."""


class Roller:
    """Rolls one law out, from one state at a time."""

    def __init__(self, law: Law, steps: int = 60) -> None:
        """`steps` is the usual length of a roll-out; longer ones go step by step."""
        self.law = law
        self._steps, self._size = steps, len(law.mean)
        size, moving = self._size, law.moving
        self._kept: dict[bytes, _Folded] = {}
        self._low, self._high = np.full(size, -np.inf), np.full(size, np.inf)
        self._low[moving], self._high[moving] = law.low[moving], law.high[moving]
        slack = _HELD * law.scale[moving]
        self._inside = np.tile(law.low[moving] - slack, (steps, 1)), np.tile(law.high[moving] + slack, (steps, 1))
        self._ties = _ties(law)
        self._drifting = np.array([column for column, _ in law.drifts], dtype=np.intp)
        self._no_load = np.zeros(len(self._drifting))
        self._tied_low, self._tied_high = self._low[law.tied], self._high[law.tied]
        straight = not self._ties[:, size:-1].any()
        self._is_linear = straight and steps * len(moving) * (3 * size + 1) <= MAX_OPERATOR

    def one(self, state: Array, previous: Array) -> Array:
        """Return the next state by the law of motion alone: no limits, no ties, no load."""
        moved: Array = self._fold(state).matrix @ np.concatenate((state, previous, (1.0,)))
        return moved

    def roll(self, state: Array, previous: Array, steps: int, load: Array | None = None) -> Array:
        """Return the next `steps` states (rows, engineering units); `previous` is the state one step before.

        `load` is what moves the drifting points besides in a step, in the order of `law.drifts`.
        """
        load = self._no_load if load is None else load
        folded = self._fold(state)
        out = np.empty((steps, self._size))
        done = self._leap(folded, state, previous, load, out) if self._is_linear and steps <= self._steps else 0
        if done == 1:
            state, previous = out[0], state
        elif done:
            state, previous = out[done - 1], out[done - 2]
        if done < steps:
            self._walk(folded.matrix, state, previous, load, out[done:])
        return out

    def _leap(self, folded: _Folded, state: Array, previous: Array, load: Array, out: Array) -> int:
        """Fill the rows up to the first limit that binds; return how many those are."""
        if folded.operator is None:
            folded.operator = self._operator(folded.matrix)
        steps, moving = len(out), self.law.moving
        lever = np.concatenate((state, previous, (1.0,), load))
        reached = (folded.operator[: steps * len(moving)] @ lever).reshape(steps, len(moving))
        out[:] = state
        out[:, moving] = reached
        low, high = self._inside
        bound = (reached < low[:steps]) | (reached > high[:steps])
        return int(bound.any(axis=1).argmax()) if bound.any() else steps

    def _walk(self, matrix: Array, state: Array, previous: Array, load: Array, out: Array) -> None:
        """Fill the rows one after the other."""
        size, tied = self._size, self.law.tied
        low, high, dot, most, least = (
            self._low,
            self._high,
            np.dot,
            np.maximum,
            np.minimum,
        )  # np.clip takes thrice the time
        lever, curve = np.ones(2 * size + 1), np.ones(2 * size + 1)
        now, past = lever[:size], lever[size:-1]
        now[:], past[:] = state, previous
        besides = np.zeros(size)
        besides[self._drifting] = load
        for row in out:
            dot(matrix, lever, out=row)
            np.add(row, besides, out=row)
            most(row, low, out=row)
            least(row, high, out=row)
            if len(tied):
                curve[:size] = row
                np.multiply(row, row, out=curve[size:-1])
                row[tied] = least(most(dot(self._ties, curve), self._tied_low), self._tied_high)
            past[:] = now
            now[:] = row

    def _fold(self, state: Array) -> _Folded:
        """Return the matrices for the bits of `state`."""
        key = state[self.law.bits].tobytes()
        found = self._kept.get(key)
        if found is None:
            if len(self._kept) >= MAX_FOLDED:
                del self._kept[next(iter(self._kept))]
            values, changes, constant = fold(self.law, state)
            one = np.eye(len(constant))
            matrix = np.hstack([(one + values + changes).T, -changes.T, constant[:, None]])
            found = self._kept[key] = _Folded(np.ascontiguousarray(matrix))
        return found

    def _operator(self, matrix: Array) -> Array:
        """Return the matrix that makes the moving points of all steps, the ties put into it."""
        size, tied = self._size, self.law.tied
        once = matrix.copy()
        once[tied] = self._ties[:, :size] @ matrix
        once[tied, -1] += self._ties[:, -1]
        on, back = once[:, :size], once[:, size:-1]
        width = 2 * size + 1 + len(self._drifting)
        before, now = np.eye(size, width, size), np.eye(size, width)
        besides = np.zeros((size, width))
        besides[self._drifting, range(2 * size + 1, width)] = 1.0
        besides[tied] = self._ties[:, :size] @ besides
        besides[:, 2 * size] = once[:, -1]
        rows = []
        for _ in range(self._steps):
            before, now = now, on @ now + back @ before + besides
            rows.append(now[self.law.moving])
        return np.ascontiguousarray(np.vstack(rows))


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
