"""Least squares for choosing the terms of a law: weights, what they leave, and what explains most of that."""

from __future__ import annotations

from typing import Final

import numpy as np

from icsguard.inference.api import Array

RIDGE: Final = 1e-3
_GAIN: Final = 0.005  # a term that explains less of what is left is noise


def solve(features: Array, changes: Array) -> Array:
    """Return the weights with which features explain changes best, a little shrunk."""
    gram = features.T @ features
    gram[np.diag_indices_from(gram)] += RIDGE * max(float(np.trace(gram)) / len(gram), 1.0)
    return np.asarray(np.linalg.solve(gram, features.T @ changes), dtype=np.float64)


def unexplained(features: Array, changes: Array) -> float:
    """Return the sum of squares that the features leave."""
    rest = changes - features @ solve(features, changes)
    return float(rest @ rest)


class Rest:
    """What is not explained yet: features and changes, made orthogonal to every feature taken."""

    def __init__(self, features: Array, changes: Array) -> None:
        self.features = features.copy()
        self.changes = changes.copy()
        self._floor = 1e-4 * (features**2).sum(axis=0) + 1e-12

    def best(self) -> int | None:
        """Return the feature that explains most of the rest; None where that is hardly anything."""
        norms = (self.features**2).sum(axis=0)
        gains = np.where(norms > self._floor, (self.changes @ self.features) ** 2 / np.maximum(norms, 1e-12), 0.0)
        best = int(np.argmax(gains))
        return best if gains[best] > _GAIN * float((self.changes**2).sum()) else None

    def take(self, index: int) -> None:
        """Explain by one more feature."""
        taken = self.features[:, index].copy()
        norm = float(taken @ taken)
        if norm > self._floor[index]:
            self.features -= np.outer(taken, taken @ self.features / norm)
            self.changes -= taken * (float(taken @ self.changes) / norm)
