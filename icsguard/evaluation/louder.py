"""A plant that slowly becomes another one: how soon does the status say that the promise no longer holds?

From one moment on every residual is larger by the same factor, as where sensors wear or the plant is run in another
way. Nothing else changes; the shadow has watched normal operation until then.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

import numpy as np

from icsguard.core.transaction import Transaction
from icsguard.evaluation.bench import CLEAN, Bench
from icsguard.lab.plants.api import POLL_S
from icsguard.lab.plants.shift import Shift
from icsguard.lab.plants.site import PlantSite

FACTORS: Final = (1.3, 2.0)
TRIALS: Final = 20
"""Of each factor."""
WITHIN_MIN: Final = 60.0
"""What is promised."""
_MINUTE_POLLS: Final = round(60 / POLL_S)
_BEFORE: Final = 90 * _MINUTE_POLLS
_AFTER: Final = 120 * _MINUTE_POLLS
"""Polls after which nobody waits any more."""


@dataclass(frozen=True, slots=True)
class Louder:
    """What came of one factor."""

    factor: float
    minutes: tuple[float, ...]
    """Until "guarantee suspended" was shown; infinite where it was not within two hours."""

    @property
    def in_time(self) -> int:
        """Trials in which it was shown within the hour."""
        return sum(one <= WITHIN_MIN for one in self.minutes)

    def cells(self) -> dict[str, str | float | None]:
        """Return the columns that a table has of it."""
        name = f"residuals x {self.factor:g}"
        middle = float(np.median(self.minutes)) if self.minutes else None
        return {
            f"{name}: suspended within the hour": f"{self.in_time} of {len(self.minutes)}",
            f"{name}: median, min": middle if middle is not None and np.isfinite(middle) else None,
        }


def measure(bench: Bench, trials: int = TRIALS) -> tuple[Louder, ...]:
    """Try each factor so many times, at different moments of the same plant's work."""
    polls = _work(bench.site(CLEAN), bench.shift(CLEAN))
    found = []
    for factor in FACTORS:
        minutes = [_trial(bench, polls, factor) for _ in range(trials)]
        found.append(Louder(factor, tuple(one for one in minutes if one is not None)))
    return tuple(found)


def _work(site: PlantSite, shift: Shift) -> Iterator[list[Transaction]]:
    """Let the plant be worked without end; a poll with its writes at a time."""
    while True:
        yield [*site.poll(), *(site.write(*write) for write in shift.due())]


def _trial(bench: Bench, polls: Iterator[list[Transaction]], factor: float) -> float | None:
    """Return after how many minutes of louder residuals the guarantee was suspended; None where it was before."""
    guard = bench.taught.guard()
    for _ in range(_BEFORE):
        guard.see(next(polls))
    if guard.fact("guarantee_suspended_since"):
        return None
    guard.louder(factor)
    for poll in range(1, _AFTER + 1):
        guard.see(next(polls))
        if guard.fact("guarantee_suspended_since"):
            return poll / _MINUTE_POLLS
    return float("inf")
