"""What a detector must beat: a random score, the range of each value, and principal components. They know no process.

Each is fitted on the first part of clean rows and gets its threshold on the rest by the very rule that icsguard's own
scores get theirs.
"""

from __future__ import annotations

from typing import Final, Protocol

import numpy as np

from icsguard.detect.calibration import calibrate
from icsguard.inference.api import Array

FITTED: Final = 0.7
"""Share of the clean rows that fits; the rest calibrates."""
VARIANCE: Final = 0.95
"""Share of the variance that the principal components keep."""
SPAN: Final = 6
"""Rows over which PCA's error is smoothed: its better form on BATADAL."""
_LEAST: Final = 1e-9


class Baseline(Protocol):
    """A score of rows, higher is stranger."""

    name: str

    def fit(self, rows: Array) -> None:
        """Learn from clean rows."""
        ...

    def score(self, rows: Array) -> Array:
        """Return one number a row, in the order of time."""
        ...


class RandomScore:
    """Looks at nothing."""

    name = "random"

    def __init__(self, seed: int) -> None:
        self._noise = np.random.default_rng(seed)

    def fit(self, rows: Array) -> None:
        """Learn nothing."""

    def score(self, rows: Array) -> Array:
        """Return noise."""
        return self._noise.random(len(rows))


class MinMax:
    """How far the worst value is outside the range that it had, in widths of that range."""

    name = "min-max"

    def __init__(self) -> None:
        self._low = self._high = np.empty(0)

    def fit(self, rows: Array) -> None:
        """Keep the ranges."""
        self._low, self._high = rows.min(axis=0), rows.max(axis=0)

    def score(self, rows: Array) -> Array:
        """Return the distance."""
        width = np.maximum(self._high - self._low, 1e-6 * np.maximum(np.abs(self._high), 1.0))
        beyond = np.maximum(rows - self._high, self._low - rows) / width
        worst: Array = np.maximum(beyond, 0.0).max(axis=1)
        return worst


class Pca:
    """The part of a row that the main components of clean rows do not carry, smoothed."""

    name = "PCA"

    def __init__(self) -> None:
        self._mean = self._scale = np.empty(0)
        self._kept = np.empty((0, 0))

    def fit(self, rows: Array) -> None:
        """Keep the main components."""
        moving = rows.std(axis=0) > _LEAST
        self._mean = rows.mean(axis=0)
        self._scale = np.where(moving, rows.std(axis=0), 1.0)
        standard = (rows - self._mean) / self._scale
        values, vectors = np.linalg.eigh(standard.T @ standard / len(rows))
        share = np.cumsum(values[::-1]) / max(float(values.sum()), _LEAST)
        self._kept = vectors[:, ::-1][:, : int(np.searchsorted(share, VARIANCE)) + 1]

    def score(self, rows: Array) -> Array:
        """Return the smoothed square error."""
        standard = (rows - self._mean) / self._scale
        rest = ((standard - standard @ self._kept @ self._kept.T) ** 2).sum(axis=1)
        level, rate = 0.0, 2.0 / (SPAN + 1)
        out = np.empty(len(rows))
        for index, error in enumerate(rest):
            level += rate * (error - level)
            out[index] = level
        return out


def all_of(seed: int) -> tuple[Baseline, ...]:
    """Return the three, unfitted."""
    return RandomScore(seed), MinMax(), Pca()


def threshold(baseline: Baseline, clean: Array, *, block_rows: int, block_ns: int, per_day: float) -> float:
    """Fit on the first part of the clean rows; return the threshold that the rest gives."""
    cut = int(len(clean) * FITTED)
    baseline.fit(clean[:cut])
    scores = baseline.score(clean[cut:])
    whole = len(scores) // block_rows
    blocks = scores[: whole * block_rows].reshape(whole, block_rows).max(axis=1) if whole else scores[:1]
    return max(calibrate(blocks.tolist(), block_ns=block_ns, per_day=per_day).threshold, _LEAST)
