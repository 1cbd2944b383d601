"""Measures of detection, each as facts ask for it: event recall with its interval, delays, rates, areas. No adjustment.

An event is one run of attack rows; it is hit by the first alarm inside it. Points are never adjusted: a random score
would then look excellent.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from icsguard.inference.api import Array
from icsguard.learn.bounds import upper_bound

Flags = NDArray[np.bool_]
_TWO_SIDED: Final = 0.975
_MANY: Final = 100_000  # chances, so many that a share of them is a rate
_WINDOWS: Final = 5  # widths over which the volume is averaged


def runs(flags: Flags) -> list[tuple[int, int]]:
    """Return the runs of True as half-open ranges."""
    edges = np.flatnonzero(np.diff(np.concatenate([[0], flags.astype(np.int8), [0]])))
    return [(int(first), int(last)) for first, last in zip(edges[::2], edges[1::2], strict=True)]


def interval(hits: int, count: int) -> tuple[float, float]:
    """Return the two-sided 95 % Clopper-Pearson interval of a share; (0, 1) where nothing was counted."""
    if not count:
        return 0.0, 1.0
    return 1.0 - upper_bound(count - hits, count, _TWO_SIDED), upper_bound(hits, count, _TWO_SIDED)


def rate_interval(count: int) -> tuple[float, float]:
    """Return the two-sided 95 % interval of the mean of what was counted once (Poisson)."""
    low, high = interval(count, _MANY)
    return low * _MANY, high * _MANY


def first_alarms(alarm: Flags, label: Flags) -> list[int | None]:
    """Return for each event how many rows after its begin the first alarm came; None where none did."""
    found: list[int | None] = []
    for first, last in runs(label):
        inside = np.flatnonzero(alarm[first:last])
        found.append(int(inside[0]) if len(inside) else None)
    return found


def false_alarms(alarm: Flags, label: Flags, recovery: int = 0) -> int:
    """Return the number of runs of alarms that touch no event, nor the `recovery` rows after one."""
    spared = label.copy()
    for _, last in runs(label):
        spared[last : last + recovery] = True
    return sum(not spared[first:last].any() for first, last in runs(alarm))


def batadal(alarm: Flags, label: Flags) -> float:
    """Return S, the score of the BATADAL competition: half speed of detection, half balanced accuracy."""
    delays = [
        ((last - first) if delay is None else delay) / (last - first)
        for (first, last), delay in zip(runs(label), first_alarms(alarm, label), strict=True)
    ]
    rates = (float(alarm[label].mean()) + float((~alarm[~label]).mean())) / 2
    return ((1.0 - sum(delays) / len(delays)) + rates) / 2


def auc(score: Array, label: Flags) -> float:
    """Return the area under the ROC curve: the chance that an attacked row scores above a normal one."""
    positive, negative = int(label.sum()), int((~label).sum())
    if not positive or not negative:
        return math.nan
    order = np.argsort(score, kind="stable")
    ranks = np.empty(len(score))
    ranks[order] = np.arange(1, len(score) + 1)
    _, place, count = np.unique(score, return_inverse=True, return_counts=True)
    mean_rank = np.bincount(place, weights=ranks) / count  # equal scores share their ranks
    return float((mean_rank[place][label].sum() - positive * (positive + 1) / 2) / (positive * negative))


def vus_pr(score: Array, label: Flags, widest: int) -> float:
    """Return the volume under the precision-recall surface: labels softened at their edges by up to `widest` rows."""
    areas = [_soft_pr(score, _softened(label, round(widest * k / (_WINDOWS - 1)))) for k in range(_WINDOWS)]
    return float(np.mean(areas))


def _softened(label: Flags, width: int) -> Array:
    soft: Array = label.astype(np.float64)
    for first, last in runs(label):
        for distance in range(1, width + 1):
            worth = math.sqrt(1.0 - distance / (width + 1))
            for row in (first - distance, last - 1 + distance):
                if 0 <= row < len(soft):
                    soft[row] = max(soft[row], worth)
    return soft


def _soft_pr(score: Array, soft: Array) -> float:
    """Return the average precision with labels between 0 and 1."""
    total = float(soft.sum())
    if not total:
        return math.nan
    order = np.argsort(-score, kind="stable")
    hits = np.cumsum(soft[order])
    precision = hits / np.arange(1, len(score) + 1)
    # rows of equal score come into the curve together
    ends = np.append(np.flatnonzero(np.diff(score[order])), len(score) - 1)
    recall = hits[ends] / total
    return float(np.sum(np.diff(np.concatenate([[0.0], recall])) * precision[ends]))


def median(values: Sequence[float]) -> float | None:
    """Return the median; None of nothing."""
    return float(np.median(values)) if values else None


def late(values: Sequence[float]) -> float | None:
    """Return the 95th percentile; None of nothing."""
    return float(np.percentile(values, 95)) if values else None


@dataclass(slots=True)
class Tally:
    """How many attacks of one kind were found, and how soon."""

    count: int = 0
    hits: int = 0
    delays: list[float] | None = None

    def add(self, delay: float | None) -> None:
        """Count one attack; None: not found."""
        self.count += 1
        if delay is not None:
            self.hits += 1
            self.delays = [*(self.delays or []), delay]

    @property
    def recall(self) -> float | None:
        """Share found; None where none was tried."""
        return self.hits / self.count if self.count else None

    def cells(self, unit: str = "polls") -> dict[str, str | int | float | None]:
        """Return the figures of a table row."""
        low, high = interval(self.hits, self.count)
        return {
            "attacks": self.count,
            "found": self.hits,
            "recall": self.recall,
            "95 % interval": f"{low:.3f}-{high:.3f}" if self.count else "",
            f"median delay, {unit}": median(self.delays or []),
            f"p95 delay, {unit}": late(self.delays or []),
        }
