"""Which points have a course, and which a load: the law of `fitting` against courses, by simulation.

Both are judged on blocks of time that did not fit them, half of the simulations anywhere, half across switching: what
is seldom switched must count, as it is what an attacker switches. A course has to be clearly better.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Final

import numpy as np

from icsguard.inference.api import Array
from icsguard.twin import fitting
from icsguard.twin.courses import Course, Input, Motion, Paces, Places, Rows, fitted, paces, rows_of, terms_of
from icsguard.twin.dynamics import Feature, Law, Term
from icsguard.twin.fitting import Columns, Runs, Structure

WINDOWS: Final = ((3, True), (8, True), (1, False), (6, False))
"""Rows of a window: a short one for what reacts at once, a long one for what is noisy; by pace, or by moves."""
MEMORIES: Final = {True: (6, 20), False: (0, 20)}
"""Rows from which the load is told, for courses by pace and by moves; 0: there is none."""
MAX_INPUTS: Final = 8  # of one course: published invariants use three, and each switch needs one or two
MAX_BITS: Final = 24  # switches tried for one point, those of the point list that come first; more would only cost time
MAX_STARTS: Final = 300  # simulations anywhere, and as many across switching, of each part; more would only cost time
FOLDS: Final = 3
LEAST_SWITCHINGS: Final = 6
"""A switch that was moved more rarely has taught nothing."""
_GAIN: Final = 0.003  # an input that explains less of what is left is noise
_NEARLY: Final = 0.03  # a longer course must be so much better, or the shorter one is the better guess
_WORTH: Final = 0.1
"""A course, and a load, must be so much better than what was there."""
_CLEARLY: Final = 0.005  # and by so much of standing still: of two laws that hardly err the plain one is the better
_HALF: Final = 0.5
_LEAST_RUN: Final = 4  # rows of a stretch that says anything

Laws = Sequence[Sequence[Term]]
"""One point's law as each fold's teachers have it."""


@dataclass(frozen=True, slots=True)
class Improved:
    """A law with courses, and all that is needed to fit its weights to other rows."""

    law: Law
    plain: Structure
    courses: tuple[Course, ...]
    bits: tuple[int, ...] = ()
    """Command bits whose rare states count for more."""


def improve(plain: Structure, runs: Runs, columns: Columns) -> Improved:
    """Return the law with courses and loads where they are better."""
    usable = [run for run in runs if len(run) >= _LEAST_RUN]
    if not usable or sum(map(len, usable)) < FOLDS * _LEAST_RUN:
        return Improved(plain.law, plain, ())
    rows = rows_of(usable, plain.law, columns.bits)
    teachers = _teachers(plain, usable, len(rows.now))
    courses: list[Course] = []
    drifts: list[tuple[int, int]] = []
    for target in columns.moving:
        there = [[term for term in law.terms if term.target == target] for law in teachers]
        if target in plain.law.tied or (target in columns.free and any(term.when for term in there[0])):
            continue  # a drive that a switch stops has a law of its own when it stands, and no load then
        best = _Search(target, plain.law, columns, rows).best(there)
        courses += [best.course] if best.course else []
        drifts += [(target, best.memory)] if best.memory else []
    return Improved(_law(plain.law, courses, tuple(drifts), rows), plain, tuple(courses), columns.bits)


def refit(improved: Improved, runs: Runs) -> Law:
    """Return the same law with the weights that other rows give it."""
    law = fitting.refit(improved.plain, runs)
    usable = [run for run in runs if len(run) >= _LEAST_RUN]
    return _law(law, improved.courses, improved.law.drifts, rows_of(usable, law, improved.bits)) if usable else law


def _law(plain: Law, courses: Sequence[Course], drifts: tuple[tuple[int, int], ...], rows: Rows) -> Law:
    taken = {course.target for course in courses}
    terms = [term for term in plain.terms if term.target not in taken]
    for course in courses:
        terms += fitted(course, rows)
    bits = sorted({bit for term in terms for bit, _ in term.when})
    return replace(plain, terms=tuple(terms), bits=np.array(bits, dtype=np.intp), drifts=drifts)


def _cuts(size: int) -> list[int]:
    return [size * fold // FOLDS for fold in range(FOLDS + 1)]


def _teachers(plain: Structure, runs: Runs, size: int) -> list[Law]:
    """Return the law that is there as the rows outside each fold would have it."""
    found = []
    for first, last in pairwise(_cuts(size)):
        teach: list[Array] = []
        offset = 0
        for run in runs:
            begin, end = max(0, first - offset), max(0, min(len(run), last - offset))
            teach += [part for part in (run[:begin], run[end:]) if len(part) >= _LEAST_RUN]
            offset += len(run) - 1
        found.append(fitting.refit(plain, teach) if teach else plain.law)
    return found


@dataclass(frozen=True, slots=True)
class _Best:
    error: float
    course: Course | None
    """None: the law that is there."""
    memory: int
    """0: no load."""


class _Search:
    """The search for one point's course."""

    def __init__(self, target: int, law: Law, columns: Columns, rows: Rows) -> None:
        self._target, self._rows = target, rows
        followers = {tie.target for tie in law.ties if tie.point == target}  # they would explain it by itself
        numbers = [n for n in columns.numbers if columns.acts_on[n, target] and n not in followers]
        self._plain = [Input(Feature(-1)), *(Input(Feature(number)) for number in numbers)]
        bits = [bit for bit in columns.bits if columns.acts_on[bit, target]]
        self._bits = [bit for bit in bits if len(_switchings(rows, bit)) >= LEAST_SWITCHINGS][:MAX_BITS]
        self._parts = [rows.part(*cut) for cut in pairwise(_cuts(len(rows.now)))]
        self._starts = [_starts(part, self._bits) for part in self._parts]
        self._still = self._errors(self._motions([()] * FOLDS), 0)

    def best(self, there: Laws) -> _Best:
        """Return the best of the law that is there and of all courses, with and without a load."""
        motions = self._motions(there)
        best = _Best(self._score(motions, 0), None, 0)
        for memory in MEMORIES[True]:
            best = self._better(best, self._score(motions, memory), None, memory)
        for window, by_pace in WINDOWS:
            for error, course, memory in self._courses(there, window, by_pace=by_pace):
                best = self._better(best, error, course, memory)
        return best

    def _better(self, best: _Best, error: float, course: Course | None, memory: int) -> _Best:
        enough = min(best.error * (1 - _WORTH), best.error - _CLEARLY)
        return _Best(error, course, memory) if error < enough else best

    def _courses(self, there: Laws, window: int, *, by_pace: bool) -> list[tuple[float, Course, int]]:
        """Return for each memory the shortest course that is nearly as good as the best one."""
        inputs = self._inputs(there, window, by_pace=by_pace)
        every = paces(self._rows, inputs, self._target, window, by_pace=by_pace)
        # A pace across the border of two parts is in neither: that is one window of thousands.
        teachers = [every - paces(part, inputs, self._target, window, by_pace=by_pace) for part in self._parts]
        tried: dict[int, list[tuple[float, Course, int]]] = {memory: [] for memory in MEMORIES[by_pace]}
        for path in _greedy(every, MAX_INPUTS):
            chosen = _closed(path, inputs)
            course = Course(self._target, tuple(inputs[one] for one in chosen), window, by_pace)
            motions = self._motions([terms_of(course, one.weights(chosen)) for one in teachers])
            for memory, tries in tried.items():
                tries.append((self._score(motions, memory), course, memory))
        found = []
        for tries in tried.values():
            least = min((error for error, *_ in tries), default=np.inf)
            found += [one for one in tries if one[0] <= least * (1 + _NEARLY)][:1]
        return found

    def _inputs(self, there: Laws, window: int, *, by_pace: bool) -> list[Input]:
        """Return what may explain the point: numbers, and what a switch makes of those that do so best."""
        known = [Input(term.feature) for term in there[0] if not term.when]
        plain = list(dict.fromkeys([*self._plain, *known]))
        every = paces(self._rows, plain, self._target, window, by_pace=by_pace)
        told = [plain[one] for path in _greedy(every, MAX_INPUTS // 2)[-1:] for one in path]
        told += known
        about = dict.fromkeys([Input(Feature(-1)), Input(Feature(self._target)), *told])
        rare = {bit: int((self._rows.raw[:, bit] != 0).mean() < _HALF) for bit in self._bits}
        return [*plain, *(Input(one.feature, ((bit, rare[bit]),)) for bit in self._bits for one in about)]

    def _motions(self, laws: Laws) -> list[Motion]:
        return [Motion.of(terms, part, self._target) for terms, part in zip(laws, self._parts, strict=True)]

    def _errors(self, motions: Sequence[Motion], memory: int) -> list[float]:
        """Return the mean square errors of simulations anywhere, and across each switch."""
        return [
            float(np.mean(np.concatenate([motion.errors(memory, where) for motion, where in pairs])))
            for kind in range(len(self._starts[0]))
            if (pairs := [(m, s[kind]) for m, s in zip(motions, self._starts, strict=True) if len(s[kind])])
        ]

    def _score(self, motions: Sequence[Motion], memory: int) -> float:
        """Return the error as a share of standing still: anywhere counts as much as across all switches."""
        shares = [e / max(s, 1e-12) for e, s in zip(self._errors(motions, memory), self._still, strict=True)]
        across = shares[1:] or shares
        return (shares[0] + sum(across) / len(across)) / 2


def _greedy(known: Paces, most: int) -> list[list[int]]:
    """Return rising choices of inputs, each with that one more that explains most beside the others."""
    gram, beside, left = known.gram.copy(), known.beside.copy(), known.square
    floor = 1e-4 * np.diag(gram) + 1e-9
    path: list[list[int]] = []
    for _ in range(most):
        norms = np.diag(gram)
        gains = np.where(norms > floor, beside**2 / np.maximum(norms, 1e-12), 0.0)
        best = int(np.argmax(gains))
        if gains[best] <= _GAIN * left:
            break
        left = max(left - float(gains[best]), 0.0)  # rounding may explain more than there is
        share = gram[:, best] / gram[best, best]
        beside = beside - share * beside[best]
        gram = gram - np.outer(share, gram[best])
        path.append([*(path[-1] if path else []), best])
    return path


def _closed(chosen: Sequence[int], inputs: Sequence[Input]) -> list[int]:
    """Return the choice with the constant of each switch in it: what it does to a number it does beside that."""
    constants = [inputs.index(Input(Feature(-1), inputs[one].when)) for one in chosen if inputs[one].when]
    return list(dict.fromkeys([*chosen, *constants]))


def _switchings(rows: Rows, bit: int) -> Places:
    on = rows.raw[:, bit] != 0
    return np.flatnonzero((on[1:] != on[:-1]) & rows.goes_on[:-1])


def _starts(rows: Rows, bits: Sequence[int]) -> list[Places]:
    """Return where simulations start: anywhere, and just before each switch is moved."""
    size = len(rows.now)
    anywhere = np.arange(0, max(size - 2, 1), max(1, size // MAX_STARTS), dtype=np.intp)
    across = [_switchings(rows, bit) for bit in bits]
    return [anywhere, *(one[:: max(1, -(-len(one) // MAX_STARTS))] for one in across)]
