"""A random forest and a support vector machine, trained in numpy and written as one ONNX file that the gate lets pass.

The gate knows no tree operators, and needs none: a split is a steep sigmoid of one feature, a leaf is where all splits
on its way agree, which is a product, a sum and a Relu; three matrices are a whole forest. The same seed, the same file.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from icsguard.inference.api import Array
from icsguard.inference.onnx_build import Op, model

TREES: Final = 16
DEPTH: Final = 5
LEAST: Final = 4  # examples in a leaf
STEEP: Final = 1e5
"""Standardised features differ by more than a ten-thousandth from a split's threshold, or it does not matter."""
_ROUNDS: Final = 400
_PENALTY: Final = 1e-3
_PLATT: Final = 2.0  # probabilities of the machine are a softmax of its margins at this temperature

Labels = NDArray[np.int64]


class Split(NamedTuple):
    """One node: to the right where the feature is above the threshold."""

    feature: int
    threshold: float
    left: int
    """Index of the next node; below zero: leaf number -1 - n."""
    right: int


@dataclass(frozen=True, slots=True)
class Tree:
    """One tree."""

    splits: tuple[Split, ...]
    leaves: tuple[tuple[float, ...], ...]
    """Class probabilities."""


@dataclass(frozen=True, slots=True)
class Machine:
    """One linear machine for each class, one against the rest."""

    weights: Array
    bias: Array


def grow(rows: Array, labels: Labels, classes: int, *, seed: int, trees: int = TREES) -> list[Tree]:
    """Return a forest: each tree sees examples drawn with repetition, each split some of the features."""
    noise = np.random.default_rng(seed)
    weights = 1.0 / np.maximum(np.bincount(labels, minlength=classes), 1)
    chances = weights[labels] / weights[labels].sum()  # classes are drawn alike, however many examples they have
    found = []
    for _ in range(trees):
        chosen = noise.choice(len(rows), len(rows), p=chances)
        found.append(_Growing(rows[chosen], labels[chosen], classes, noise).tree())
    return found


class _Growing:
    """One tree while it grows."""

    def __init__(self, rows: Array, labels: Labels, classes: int, noise: np.random.Generator) -> None:
        self._rows, self._hot, self._noise = rows, np.eye(classes)[labels], noise
        self._tried = max(int(np.sqrt(rows.shape[1])) + 1, 1)
        self._splits: list[Split] = []
        self._leaves: list[tuple[float, ...]] = []

    def tree(self) -> Tree:
        """Return the tree."""
        self._node(np.arange(len(self._rows)), DEPTH)
        return Tree(tuple(self._splits), tuple(self._leaves))

    def _node(self, inside: NDArray[np.intp], depth: int) -> int:
        best = self._best(inside) if depth and len(inside) >= 2 * LEAST else None
        if best is None:
            self._leaves.append(tuple(self._hot[inside].mean(axis=0).tolist()))
            return -len(self._leaves)
        place = len(self._splits)
        self._splits.append(Split(0, 0.0, 0, 0))
        feature, threshold = best
        above = self._rows[inside, feature] > threshold
        left, right = self._node(inside[~above], depth - 1), self._node(inside[above], depth - 1)
        self._splits[place] = Split(feature, threshold, left, right)
        return place

    def _best(self, inside: NDArray[np.intp]) -> tuple[int, float] | None:
        """Return the split that leaves the least Gini impurity; None where none leaves less than there is."""
        found: tuple[int, float] | None = None
        least = _impurity(self._hot[inside].sum(axis=0)) * (1 - 1e-6)
        for feature in self._noise.permutation(self._rows.shape[1])[: self._tried].tolist():
            values = self._rows[inside, feature]
            order = np.argsort(values, kind="stable")
            below = np.cumsum(self._hot[inside][order], axis=0)[:-1]
            above = below[-1] + self._hot[inside][order][-1] - below
            wide = np.flatnonzero(np.diff(values[order]) > 2 / STEEP * 10)
            wide = wide[(wide >= LEAST - 1) & (wide < len(values) - LEAST)]
            if not len(wide):
                continue
            impurity = _impurities(below[wide]) + _impurities(above[wide])
            place = int(np.argmin(impurity))
            if impurity[place] < least:
                least = float(impurity[place])
                found = feature, float(values[order][wide[place]] + values[order][wide[place] + 1]) / 2
        return found


def _impurity(counts: Array) -> float:
    return float(_impurities(counts[None])[0])


def _impurities(counts: Array) -> Array:
    total = np.maximum(counts.sum(axis=1), 1e-12)
    found: Array = total - (counts**2).sum(axis=1) / total
    return found


def vote(trees: Sequence[Tree], rows: Array) -> Array:
    """Return the forest's class probabilities, rows x classes: the reference form."""
    total = np.zeros((len(rows), len(trees[0].leaves[0])))
    for tree in trees:
        for index, row in enumerate(rows):
            place = 0 if tree.splits else -1
            while place >= 0:
                split = tree.splits[place]
                place = split.right if row[split.feature] > split.threshold else split.left
            total[index] += tree.leaves[-1 - place]
    return total / len(trees)


def separate(rows: Array, labels: Labels, classes: int) -> Machine:
    """Return linear machines by the squared hinge loss, one class against the rest, classes weighted alike."""
    wide = np.column_stack([rows, np.ones(len(rows))])
    weights = np.zeros((wide.shape[1], classes))
    sides = np.where(labels[:, None] == np.arange(classes), 1.0, -1.0)
    share = np.where(
        sides > 0, 0.5 / np.maximum((sides > 0).sum(axis=0), 1), 0.5 / np.maximum((sides < 0).sum(axis=0), 1)
    )
    rate = 1.0 / (2.0 * float(np.linalg.norm(wide, axis=1).max()) ** 2 + _PENALTY)
    ahead = weights.copy()
    for turn in range(_ROUNDS):  # Nesterov's accelerated descent
        slack = np.maximum(0.0, 1.0 - sides * (wide @ ahead))
        slope = -2.0 * wide.T @ (share * sides * slack) + _PENALTY * ahead
        moved = ahead - rate * slope
        ahead = moved + turn / (turn + 3) * (moved - weights)
        weights = moved
    return Machine(weights[:-1], weights[-1])


def margins(machine: Machine, rows: Array) -> Array:
    """Return the machine's class probabilities, rows x classes: the reference form."""
    raw = _PLATT * (rows @ machine.weights + machine.bias)
    sharp = 1.0 / (1.0 + np.exp(-raw))
    found: Array = sharp / sharp.sum(axis=1, keepdims=True)
    return found


def to_onnx(trees: Sequence[Tree], machine: Machine, features: int) -> bytes:
    """Return both as an ONNX file that takes one row and gives the forest's probabilities and the machine's scores.

    The machine's scores are not divided by their sum (the gate knows no division): whoever reads them does.
    """
    pick, thresholds, ways, wanted, leaves = _matrices(trees, features)
    constants = {
        "pick": pick * STEEP,
        "thresholds": -thresholds * STEEP,
        "ways": ways,
        "wanted": wanted,
        "leaves": leaves / len(trees),
        "weights": machine.weights * _PLATT,
        "bias": machine.bias * _PLATT,
    }
    ops = (
        Op("Gemm", ("features", "pick", "thresholds"), "beyond"),
        Op("Sigmoid", ("beyond",), "right"),
        Op("Gemm", ("right", "ways", "wanted"), "agreed"),
        Op("Relu", ("agreed",), "reached"),
        Op("MatMul", ("reached", "leaves"), "forest"),
        Op("Gemm", ("features", "weights", "bias"), "margins"),
        Op("Sigmoid", ("margins",), "machine"),
    )
    classes = machine.weights.shape[1]
    return model(
        ops, constants, {"features": (1, features)}, dict.fromkeys(("forest", "machine"), (1, classes)), name="triage"
    )


def _matrices(trees: Sequence[Tree], features: int) -> tuple[Array, Array, Array, Array, Array]:
    """Return which feature each split takes, its threshold, and for each leaf which splits must say what."""
    splits = sum(len(tree.splits) for tree in trees)
    count = sum(len(tree.leaves) for tree in trees)
    pick, thresholds = np.zeros((features, splits)), np.zeros(splits)
    ways, wanted = np.zeros((splits, count)), np.zeros(count)
    first_split = first_leaf = 0
    for tree in trees:
        for place, split in enumerate(tree.splits):
            pick[split.feature, first_split + place] = 1.0
            thresholds[first_split + place] = split.threshold
        for leaf, path in _paths(tree):
            for place, right in path:
                ways[first_split + place, first_leaf + leaf] = 1.0 if right else -1.0
            wanted[first_leaf + leaf] = 1.0 - sum(right for _, right in path)
        first_split += len(tree.splits)
        first_leaf += len(tree.leaves)
    return pick, thresholds, ways, wanted, np.array([leaf for tree in trees for leaf in tree.leaves])


def _paths(tree: Tree) -> list[tuple[int, list[tuple[int, bool]]]]:
    """Return every leaf with the splits on its way and which side each must take."""
    found: list[tuple[int, list[tuple[int, bool]]]] = []
    waiting: list[tuple[int, list[tuple[int, bool]]]] = [(0 if tree.splits else -1, [])]
    while waiting:
        place, path = waiting.pop()
        if place < 0:
            found.append((-1 - place, path))
            continue
        split = tree.splits[place]
        waiting += [(split.left, [*path, (place, False)]), (split.right, [*path, (place, True)])]
    return found
