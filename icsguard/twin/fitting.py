"""How a law is learnt: candidates, greedy choice, and a check by simulation of what each choice predicts.

Each point gets a small tree: at most two command bits, chosen because the point moves by another law when they are set
(pump off, loop in manual), and a sparse linear law in each leaf. Laws are fitted over windows of several steps at once
(the change over a window against the sum of the features in it): a one-step fit of a noisy, quantised level mistakes
its noise for a return to the mean, and would forget half of an integration within a minute. Window length and number
of terms are chosen by simulating the point on blocks of time that did not fit it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

import numpy as np
from numpy.typing import NDArray

from icsguard.inference.api import Array
from icsguard.twin.dynamics import Feature, Law, Term, Tie, When, design, holds
from icsguard.twin.least_squares import Rest, solve, unexplained
from icsguard.twin.ties import fit_ties, refit_ties

MAX_TERMS: Final = 5  # per leaf, beside the constant: published invariants use three, a drive in a loop needs four
MAX_TRIED: Final = 2  # bits tried for one split
MAX_DEPTH: Final = 2  # bits on the way to a leaf: a pump's run command and its loop's automatic
WINDOWS: Final = (1, 6)
SIMULATED: Final = 30
"""Steps of the simulation that chooses between candidates."""
FOLDS: Final = 3
MIN_WINDOWS: Final = 8  # fewer say nothing about a law
ROWS_PER_TERM: Final = 60
"""Rows that a further term needs: rows of one episode tell nearly the same."""
EPISODES_PER_TERM: Final = 3
"""A bit that was set for a moment, often, teaches by its episodes."""
MAX_STARTS: Final = 300  # simulations of one choice; more would only cost time
LASTING: Final = 60
"""Rows. A state that never lasted so long teaches how a point settles in it, and what it follows of all that the state
itself does not move: what it moves looks like a cause, and carries the point away where a roll-out goes on there."""
_ONE_WAY: Final = 0.5  # of how far a state moves a point, the share that is the same each time
_HARDLY: Final = 0.05  # standard deviations: so little is no move
_BRIEF: Final = 40  # a recording of so many short states is no week: what lasted a fortieth of it has lasted
_LAW_WORTH: Final = 0.1  # a law must be a tenth better than standing still
_CHANGES_WORTH: Final = 0.15  # last changes invite false friends: they must earn their place
_SPLIT_WORTH: Final = 0.15
_OWN_WORTH: Final = 0.5  # a state's own law must halve the error in that state
_OWN_STEPS: Final = 100  # simulated steps in a state before it may have a law by that
_GUARDED_WORTH: Final = 0.5  # what has a safe range is mostly a stock: moved by flows, not by bits of its own
_NEARLY: Final = 0.08  # a longer law must be so much better, or the shorter one is the better guess
_PATIENCE: Final = 2  # further terms that may bring nothing before the search ends
_ABSURD: Final = 1e3  # standard deviations: a simulation that runs away is bad enough


Bools = NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Columns:
    """What is known of the columns before a law is fitted."""

    mean: Array
    scale: Array
    low: Array
    high: Array
    moving: tuple[int, ...]
    """Measured numbers: each gets a law."""
    free: tuple[int, ...]
    """Those of them that may turn out to follow others at once; never a point with a safe envelope."""
    numbers: tuple[int, ...]
    """All numbers that may explain a move: measured, set-points, analogue commands."""
    bits: tuple[int, ...]
    """Command bits that may switch between laws."""
    acts_on: Bools
    """n x n: may the row's column explain the column's? A command acts inside its control loop, where that is named."""


Runs = Sequence[Array]
"""Stretches of rows without a gap, in time order."""


@dataclass(frozen=True, slots=True)
class Block:
    """Stretches of rows laid end to end, seen from one point."""

    features: Array
    values: Array
    """The point's own standardised values."""
    raw: Array
    """The rows as they are, for conditions."""
    goes_on: Bools
    """Says of each row whether the next one is its successor in time."""

    def rows(self, first: int, last: int) -> Block:
        """Return rows `first` to `last` (excluded)."""
        goes_on = self.goes_on[first:last].copy()
        goes_on[-1:] = False
        return Block(self.features[first:last], self.values[first:last], self.raw[first:last], goes_on)

    def only(self, features: Sequence[int]) -> Block:
        """Return the same rows with some of the features."""
        return Block(self.features[:, list(features)], self.values, self.raw, self.goes_on)


def joined(blocks: Sequence[Block]) -> Block:
    """Return the blocks as one."""
    return Block(
        np.vstack([one.features for one in blocks]),
        np.concatenate([one.values for one in blocks]),
        np.vstack([one.raw for one in blocks]),
        np.concatenate([one.goes_on for one in blocks]),
    )


@dataclass(frozen=True, slots=True)
class _Leaf:
    """A law for the rows on which `when` holds."""

    when: When
    features: tuple[int, ...]
    window: int
    error: float
    """Mean square of the simulation on rows that did not fit it."""
    weight: int
    """How many simulated steps that was."""


@dataclass(frozen=True, slots=True)
class _Found:
    terms: list[Term]
    error: float
    windows: dict[Group, int]


Group = tuple[int, When]
"""One leaf of one point: target and conditions."""


@dataclass(frozen=True, slots=True)
class Structure:
    """A law with the window that each of its leaves was fitted over: enough to fit its weights to other rows."""

    law: Law
    windows: dict[Group, int]


def fit(runs: Runs, columns: Columns) -> Structure:
    """Return the law of all moving columns, its structure chosen and its weights fitted."""
    numbers = columns.numbers
    candidates = [Feature(-1), *(Feature(n) for n in numbers), *(Feature(n, change=True) for n in numbers)]

    def law_of(target: int, without: set[int]) -> _Found:
        rest = [f for f in candidates if f.point < 0 or (columns.acts_on[f.point, target] and f.point not in without)]
        bits = [bit for bit in columns.bits if columns.acts_on[bit, target]]
        return _Point(target, runs, columns, rest, bits).law()

    found = {target: law_of(target, set()) for target in columns.moving}
    ties = fit_ties(
        np.vstack([(run - columns.mean) / columns.scale for run in runs]),
        columns.numbers,
        sorted(columns.free, key=lambda target: -found[target].error),
        columns.acts_on,
    )
    tied = sorted({tie.target for tie in ties})
    for leader, followers in _followers(ties).items():
        # A pump must not be explained by its own flow: that is its own past in disguise, and feeds on itself.
        if leader in found:
            found[leader] = law_of(leader, followers)
    terms = [term for target, law in found.items() if target not in tied for term in law.terms]
    law = Law(
        columns.mean,
        columns.scale,
        columns.low,
        columns.high,
        tuple(terms),
        tuple(ties),
        np.array(columns.moving, dtype=np.intp),
        np.array(tied, dtype=np.intp),
        np.array(sorted({bit for term in terms for bit, _ in term.when}), dtype=np.intp),
    )
    return Structure(law, {group: window for one in found.values() for group, window in one.windows.items()})


def refit(structure: Structure, runs: Runs) -> Law:
    """Return the same law with the weights that other rows give it."""
    law = structure.law
    standard = [(run - law.mean) / law.scale for run in runs]
    groups: dict[Group, list[Feature]] = {}
    for term in law.terms:
        groups.setdefault((term.target, term.when), []).append(term.feature)
    terms: list[Term] = []
    for (target, when), features in groups.items():
        block = _block(runs, standard, features, target)
        everything = _Leaf(when, tuple(range(len(features))), structure.windows[target, when], 0.0, 0)
        weights = _weights(block, everything).tolist()
        terms += [Term(target, one, weight, when) for one, weight in zip(features, weights, strict=True)]
    return replace(law, terms=tuple(terms), ties=tuple(refit_ties(np.vstack(standard), law.ties)))


def _block(runs: Runs, standard: Sequence[Array], features: Sequence[Feature], target: int) -> Block:
    return joined(
        [
            Block(design(features, one), one[1:, target], run[1:], _goes_on(len(run) - 1))
            for one, run in zip(standard, runs, strict=True)
        ]
    )


def _followers(ties: Sequence[Tie]) -> dict[int, set[int]]:
    followers: dict[int, set[int]] = {}
    for tie in ties:
        followers.setdefault(tie.point, set()).add(tie.target)
    return followers


class _Point:
    """The search for one point's law."""

    def __init__(
        self, target: int, runs: Runs, columns: Columns, candidates: list[Feature], bits: Sequence[int]
    ) -> None:
        self._target, self._candidates, self._bits = target, candidates, bits
        self._free = target in columns.free
        self._own = candidates.index(Feature(target))
        told = {-1, target, *(number for number in columns.numbers if number not in columns.moving)}
        self._told = {index for index, one in enumerate(candidates) if one.point in told}
        standard = [(run - columns.mean) / columns.scale for run in runs]
        self._rows = _block(runs, standard, candidates, target)
        self._folds = _folds(self._rows)

    def law(self) -> _Found:
        """Return the best tree found."""
        terms: list[Term] = []
        leaves = self._grow(self._leaf(()), MAX_DEPTH)
        for leaf in leaves:
            weights = _weights(self._rows, leaf)
            terms += [
                Term(self._target, self._candidates[index], float(weight), leaf.when)
                for index, weight in zip(leaf.features, weights, strict=True)
            ]
        steps = sum(leaf.weight for leaf in leaves)
        error = sum(leaf.error * leaf.weight for leaf in leaves if leaf.weight) / max(steps, 1)
        return _Found(terms, error, {(self._target, leaf.when): leaf.window for leaf in leaves})

    def _grow(self, leaf: _Leaf, depth: int) -> list[_Leaf]:
        """Split the leaf where that pays, and its children likewise."""
        best, most = [leaf], 0.0
        for bit in self._telling_bits(leaf.when) if depth else ():
            children = [self._leaf((*leaf.when, (bit, value))) for value in (0, 1)]
            gain = self._gain(leaf, children)
            if gain > most:
                best, most = children, gain
        if len(best) == 1:
            return best
        return [grown for child in best for grown in self._grow(child, depth - 1)]

    def _gain(self, leaf: _Leaf, children: Sequence[_Leaf]) -> float:
        """Return how much better the children are than the leaf; 0 where that is not worth a split.

        A rare state counts by itself: a loop that is in manual for a moment has a clear law of its own, which would
        drown in the noise of all the time in automatic.
        """
        steps = sum(child.weight for child in children)
        overall = 1 - sum(child.error * child.weight for child in children) / max(steps, 1) / max(leaf.error, 1e-12)
        if not self._free:
            return overall if overall >= _GUARDED_WORTH else 0.0
        if overall >= _SPLIT_WORTH:
            return overall
        gains = [
            1 - child.error / max(self._error_under(leaf, child.when), 1e-12) if child.weight >= _OWN_STEPS else -1.0
            for child in children
        ]
        return max(gains) if max(gains) >= _OWN_WORTH and overall > 0 else 0.0

    def _error_under(self, leaf: _Leaf, when: When) -> float:
        """Return the leaf's error on only those rows on which `when` holds."""
        under = replace(leaf, when=when)
        judged = [_simulated(judge, under, _weights(teach, leaf), self._own) for teach, judge in self._folds]
        steps = sum(count for _, count in judged)
        return sum(error * count for error, count in judged if count) / max(steps, 1)

    def _telling_bits(self, when: When) -> list[int]:
        """Return the few bits that tell most about the change from one row to the next."""
        plain = [i for i, one in enumerate(self._candidates) if not one.change]
        features, changes, raw = _windows(self._rows.only(plain), 1, when)
        found: list[tuple[float, int]] = []
        for bit in self._bits:
            on = raw[:, bit] != 0
            if min(on.sum(), (~on).sum()) < MIN_WINDOWS:
                continue
            rest = unexplained(features[on], changes[on]) + unexplained(features[~on], changes[~on])
            found.append((rest, bit))
        return [bit for _, bit in sorted(found)[:MAX_TRIED]]

    def _lasting(self) -> int:
        """Return for how many rows a state must hold to teach everything: fewer in a recording of minutes."""
        return min(LASTING, len(self._rows.values) // _BRIEF)

    def _leaf(self, when: When) -> _Leaf:
        """Return the best law for the rows on which `when` holds."""
        still = _Leaf(when, (), 1, *_simulated(self._rows, _Leaf(when, (), 1, 0.0, 0), np.empty(0), self._own))
        best, worth = still, _LAW_WORTH
        known = set(range(len(self._candidates)))
        if _longest(self._rows, when) < self._lasting():
            known = self._told | set(np.flatnonzero(~_moved_by(self._rows, when)).tolist())
        for with_changes in (False, True):
            usable = [
                i
                for i, one in enumerate(self._candidates)
                if i in known and (not one.change or (with_changes and one.point != self._target))
            ]
            found = [
                _simplest(self._path(when, window, start=start, usable=usable))
                for window in WINDOWS
                for start in ([0], [0, self._own])
            ]
            better = min((one for one in found if one is not None), key=lambda one: one.error, default=still)
            if better.error < best.error * (1 - worth):
                best = better
            worth = _CHANGES_WORTH
        return best

    def _path(self, when: When, window: int, *, start: list[int], usable: list[int]) -> list[_Leaf]:
        """Return the laws with a rising number of terms, each judged on blocks of time that did not fit it.

        Each step takes the feature that explains most *beside* those already chosen: a flow that follows its pump is
        only seen so, as neither the flow nor the speed alone says anything about the change.
        """
        features, changes, _ = _windows(self._rows, window, when)
        if len(changes) < MIN_WINDOWS:
            return []
        chosen, rest = list(start), Rest(features[:, usable], changes)
        for index in chosen:
            rest.take(usable.index(index))
        leaves = [self._judged(when, chosen, window)]
        for _ in range(_capacity(self._rows, when)):
            best = rest.best()
            if best is None:
                break
            rest.take(best)
            chosen = [*chosen, usable[best]]
            leaves.append(self._judged(when, chosen, window))
            if len(leaves) > _PATIENCE and leaves[-1].error > (1 - _NEARLY) * leaves[-1 - _PATIENCE].error:
                break
        return leaves

    def _judged(self, when: When, chosen: list[int], window: int) -> _Leaf:
        total, steps = 0.0, 0
        leaf = _Leaf(when, tuple(chosen), window, np.inf, 0)
        for teach, judge in self._folds:
            error, count = _simulated(judge, leaf, _weights(teach, leaf), self._own)
            total, steps = total + (error * count if count else 0.0), steps + count
        return _Leaf(when, leaf.features, window, total / steps if steps else np.inf, steps)


def _goes_on(size: int) -> Bools:
    goes_on = np.ones(size, dtype=np.bool_)
    goes_on[-1:] = False
    return goes_on


def _capacity(block: Block, when: When) -> int:
    """Return how many terms, beside the constant and the point itself, the rows under `when` can teach."""
    held = holds(when, block.raw)
    episodes = int((held[1:] & ~(held[:-1] & block.goes_on[:-1])).sum()) + int(held[:1].sum())
    return min(MAX_TERMS, int(held.sum()) // ROWS_PER_TERM + episodes // EPISODES_PER_TERM)


def _moved_by(rows: Block, when: When) -> Bools:
    """Say of each feature whether a state moves it: by much the same whenever it comes."""
    held = holds(when, rows.raw)
    begins = held & ~np.concatenate([[False], (held & rows.goes_on)[:-1]])
    ends = held & ~np.concatenate([held[1:] & rows.goes_on[:-1], [False]])
    moves = rows.features[ends] - rows.features[begins]
    if not len(moves):
        return np.ones(rows.features.shape[1], dtype=np.bool_)
    size = np.sqrt((moves**2).mean(axis=0))
    moved: Bools = (np.abs(moves.mean(axis=0)) > _ONE_WAY * size) & (size > _HARDLY)
    return moved


def _longest(block: Block, when: When) -> int:
    """Return for how many rows at most `when` held without a break."""
    ends = np.flatnonzero(~(holds(when, block.raw) & block.goes_on))
    return int(np.diff(np.concatenate([[-1], ends, [len(block.values)]])).max())


def _simplest(path: list[_Leaf]) -> _Leaf | None:
    """Return the shortest law that is nearly as good as the best one."""
    least = min((leaf.error for leaf in path), default=np.inf)
    return next((leaf for leaf in path if leaf.error <= least * (1 + _NEARLY)), None)


def _folds(block: Block) -> list[tuple[Block, Block]]:
    """Return (to fit, to judge) pairs: blocks of time, each judged by what the others taught."""
    size = len(block.values)
    parts = [block.rows(size * k // FOLDS, size * (k + 1) // FOLDS) for k in range(FOLDS)]
    return [(joined([parts[j] for j in range(FOLDS) if j != k]), parts[k]) for k in range(FOLDS)]


def _windows(block: Block, window: int, when: When) -> tuple[Array, Array, Array]:
    """Return sums of features over windows in which `when` holds, the change over each, and each one's first row."""
    if len(block.values) <= window:
        return np.empty((0, block.features.shape[1])), np.empty(0), block.raw[:0]
    inside = np.concatenate([[0], np.cumsum(holds(when, block.raw) & block.goes_on)])
    keep = (inside[window:-1] - inside[: -1 - window]) == window
    if window == 1:
        sums = block.features[:-1]
    else:
        total = np.vstack([np.zeros(block.features.shape[1]), np.cumsum(block.features, axis=0)])
        sums = total[window:-1] - total[: -1 - window]
    return sums[keep], (block.values[window:] - block.values[:-window])[keep], block.raw[:-window][keep]


def _weights(block: Block, leaf: _Leaf) -> Array:
    if not leaf.features:
        return np.empty(0)
    features, changes, _ = _windows(block.only(leaf.features), leaf.window, leaf.when)
    return solve(features, changes) if len(changes) else np.zeros(len(leaf.features))


def _simulated(block: Block, leaf: _Leaf, weights: Array, own: int) -> tuple[float, int]:
    """Simulate the point alone while `when` holds, others as they were: mean square error, and of how many steps."""
    pull = sum(weight for index, weight in zip(leaf.features, weights, strict=True) if index == own)
    others = [place for place, index in enumerate(leaf.features) if index != own]
    chosen = [leaf.features[place] for place in others]
    push = block.features[:, chosen] @ weights[others] if others else np.zeros(len(block.values))
    values, held = block.values, holds(leaf.when, block.raw) & block.goes_on
    starts = np.flatnonzero(held)[:: max(1, len(values) // MAX_STARTS)]
    state, total, steps = values[starts], 0.0, 0
    for _ in range(SIMULATED):
        alive = held[starts]
        starts, state = starts[alive], state[alive]
        if not len(starts):
            break
        state = state + push[starts] + pull * state
        starts = starts + 1
        rest = np.minimum(np.abs(state - values[starts]), _ABSURD)
        total += float(rest @ rest)
        steps += len(starts)
    return (total / steps if steps else np.inf), steps


def standardisers(rows: Array, quanta: Array, bits: Bools) -> tuple[Array, Array]:
    """Return mean and scale per column: bits stay as they are, a still column is scaled by its quantum."""
    mean = np.where(bits, 0.0, rows.mean(axis=0))
    scale = np.where(bits, 1.0, np.maximum(rows.std(axis=0), quanta))
    return mean, scale
