"""How a point runs on when something is switched: one law for all states, and a load that nobody measures.

A tank drains by what a town draws, a room fills with the breath of people whom nobody counts. Such a load hides what a
switch does, as it moves by more. So a course may be fitted to *changes* of the pace: the move over a window against the
move over the window before, in which a slow load cancels. What it leaves over in the last rows is the load, and a
roll-out goes on with it. Where everything that acts is measured, a course is fitted to the moves themselves. Either
way a switch acts on a few inputs of the one law, and rows in which it is switched as it seldom is count for more, so
that minutes of maintenance teach what it does. Which points have a course is decided in `course_search`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from icsguard.inference.api import Array
from icsguard.twin.dynamics import Feature, Law, Term, When, column, holds
from icsguard.twin.fitting import Runs

SIMULATED: Final = 60
"""Steps of a simulation: as far as writes are rolled out."""
RARE: Final = 0.1
"""Each state of a switch counts in a fit as if it had been at least this share of the time."""
MAX_WEIGHT: Final = 30.0  # of a row: a few rows of one episode must not outweigh all others
_RIDGE: Final = 1e-4
_ABSURD: Final = 1e3  # standard deviations: a simulation that runs away is bad enough

Bools = NDArray[np.bool_]
Places = NDArray[np.intp]


class Input(NamedTuple):
    """A feature that counts while `when` holds."""

    feature: Feature
    when: When = ()


@dataclass(frozen=True, slots=True)
class Course:
    """The structure of one point's law: what it depends on, and the window over which it is fitted."""

    target: int
    inputs: tuple[Input, ...]
    window: int
    by_pace: bool = True
    """Fitted to changes of the pace, in which a load cancels; else to the moves themselves."""


@dataclass(frozen=True, slots=True)
class Rows:
    """Stretches of rows end to end, standardised; `raw` as they are, for conditions."""

    now: Array
    last: Array
    raw: Array
    goes_on: Bools
    """Says of each row whether the next one is its successor in time."""
    weights: Array
    """What a row counts in a fit: rows in a state that is rare count for more."""

    def column(self, one: Input) -> Array:
        """Return an input's value in every row."""
        return column(one.feature, self.now, self.last) * holds(one.when, self.raw)

    def part(self, first: int, last: int) -> Rows:
        """Return rows `first` to `last` (excluded)."""
        goes_on = self.goes_on[first:last].copy()
        goes_on[-1:] = False
        return Rows(
            self.now[first:last], self.last[first:last], self.raw[first:last], goes_on, self.weights[first:last]
        )


def rows_of(runs: Runs, law: Law, bits: Sequence[int] = ()) -> Rows:
    """Return the rows of stretches, each but for its first one, which is only a past."""
    standard = [(run - law.mean) / law.scale for run in runs]
    ends = np.cumsum([len(run) - 1 for run in runs]) - 1
    goes_on = np.ones(int(ends[-1]) + 1, dtype=np.bool_)
    goes_on[ends] = False
    return Rows(
        np.vstack([one[1:] for one in standard]),
        np.vstack([one[:-1] for one in standard]),
        np.vstack([run[1:] for run in runs]),
        goes_on,
        _weights(np.vstack([run[1:] for run in runs]), bits),
    )


def _weights(raw: Array, bits: Sequence[int]) -> Array:
    """Return weights that give each state of each switch its RARE share of all rows."""
    found = np.ones(len(raw))
    for bit in bits:
        on = raw[:, bit] != 0
        share = min(on.mean(), 1.0 - on.mean())
        if 0.0 < share < RARE:
            seldom = on if on.mean() == share else ~on
            found[seldom] = np.maximum(found[seldom], min(RARE / share, MAX_WEIGHT))
    return found


class Paces(NamedTuple):
    """How inputs and moves of one point over a window differ from those over the window before, multiplied out."""

    gram: Array
    beside: Array
    """Products of inputs and moves."""
    square: float
    """Of the moves."""

    def __sub__(self, other: Paces) -> Paces:
        return Paces(self.gram - other.gram, self.beside - other.beside, self.square - other.square)

    def weights(self, chosen: Sequence[int]) -> Array:
        """Return the weights of some inputs."""
        gram = self.gram[np.ix_(chosen, chosen)].copy()
        diagonal = np.diag(gram)
        gram[np.diag_indices_from(gram)] += _RIDGE * np.maximum(diagonal, diagonal.mean()) + 1e-12
        return np.asarray(np.linalg.solve(gram, self.beside[list(chosen)]), dtype=np.float64)


def paces(rows: Rows, inputs: Sequence[Input], target: int, window: int, *, by_pace: bool = True) -> Paces:
    """Return the moves over windows within stretches, or how they differ from those over the window before."""
    values, size, back = rows.now[:, target], len(rows.now), window if by_pace else 0
    starts = np.arange(back, max(size - window, back))
    whole = np.concatenate([[0], np.cumsum(rows.goes_on)])
    starts = starts[whole[starts + window] - whole[starts - back] == window + back]
    table = np.column_stack([rows.column(one) for one in inputs])
    total = np.vstack([np.zeros(table.shape[1]), np.cumsum(table, axis=0)])
    weights = np.concatenate([[0.0], np.cumsum(rows.weights)])
    changes, moves = total[starts + window] - total[starts], values[starts + window] - values[starts]
    if by_pace:
        changes -= total[starts] - total[starts - window]
        moves -= values[starts] - values[starts - window]
    weight = np.sqrt((weights[starts + window] - weights[starts - back]) / (window + back))
    changes *= weight[:, None]
    moves = moves * weight
    return Paces(changes.T @ changes, changes.T @ moves, float(moves @ moves))


def terms_of(course: Course, weights: Array) -> tuple[Term, ...]:
    """Return the course as terms of a law."""
    return tuple(
        Term(course.target, one.feature, weight, one.when)
        for one, weight in zip(course.inputs, weights.tolist(), strict=True)
    )


def fitted(course: Course, rows: Rows) -> tuple[Term, ...]:
    """Return the course with the weights that rows give it."""
    known = paces(rows, course.inputs, course.target, course.window, by_pace=course.by_pace)
    return terms_of(course, known.weights(range(len(course.inputs))))


@dataclass(frozen=True, slots=True)
class Motion:
    """One point's law along rows: `push` of the others, `pull` of its own value, `left` over of each move."""

    values: Array
    push: Array
    pull: Array
    left: Array
    goes_on: Bools

    @classmethod
    def of(cls, terms: Sequence[Term], rows: Rows, target: int) -> Motion:
        """Return the motion that terms make of rows."""
        size, values = len(rows.now), rows.now[:, target]
        push, pull = np.zeros(size), np.zeros(size)
        for _, feature, weight, when in terms:
            if feature == Feature(target):
                pull += weight * holds(when, rows.raw)
            else:
                push += weight * rows.column(Input(feature, when))
        left = np.zeros(size)
        left[:-1] = values[1:] - values[:-1] - push[:-1] - pull[:-1] * values[:-1]
        left[~rows.goes_on] = 0.0
        return cls(values, push, pull, left, rows.goes_on)

    def loads(self, memory: int) -> Array:
        """Return the load at each row: the mean of what was left over in the rows before it, in its stretch."""
        if not memory:
            return np.zeros(len(self.left))
        at = np.arange(len(self.left))
        ends = np.flatnonzero(~self.goes_on)
        begins = np.concatenate([[0], ends + 1])[np.searchsorted(ends, at)]
        first = np.maximum(at - memory, begins)
        total = np.concatenate([[0.0], np.cumsum(self.left)])
        found: Array = (total[at] - total[first]) / np.maximum(at - first, 1)
        return found

    def errors(self, memory: int, starts: Places) -> Array:
        """Return the mean square error of simulations of the point alone, one a start; others move as they did."""
        load, state, here = self.loads(memory)[starts], self.values[starts], starts.copy()
        total, steps = np.zeros(len(starts)), np.zeros(len(starts))
        alive = np.ones(len(starts), dtype=np.bool_)
        for _ in range(SIMULATED):
            alive = alive & self.goes_on[here]
            if not alive.any():
                break
            moved = np.clip(state + self.push[here] + self.pull[here] * state + load, -_ABSURD, _ABSURD)
            state, here = np.where(alive, moved, state), here + alive
            total += np.where(alive, (state - self.values[here]) ** 2, 0.0)
            steps += alive
        return total / np.maximum(steps, 1.0)
