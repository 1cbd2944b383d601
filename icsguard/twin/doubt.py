"""Where learning never was: how much less a forecast may be believed there, step by step.

A combination of bits that never stood widens the band. So does a number far outside those that were written; and what
it does may be more than a straight law says, by as much again as it lies beyond, measured by what was seen.

A switch that operators move for moments only is doubted beyond the longest of them: whoever learnt its first minutes
does not know its hour. Where it would do harm nearly each time, if it stayed, it may do more than foretold. Where it
would do so now and then it may do less: operators need it, and a forecast that just passes a limit proves nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, NamedTuple

import numpy as np

from icsguard.inference.api import Array
from icsguard.twin.site_model import SiteModel

BEYOND: Final = 2.0
"""Bands are so much wider where learning never was."""
MOST: Final = 2.0
"""What a far number does may be more than foretold by so many times itself at most."""
LASTING: Final = 0.5
LASTING_LESS: Final = 0.35
"""And what a switch does that stands longer than it ever did: more, or less, by this share of itself at most."""
BRIEF: Final = 0.25
"""Share of the horizon: a state that lasted longer has shown where it leads."""
_NEAR: Final = 0.25  # share of the range seen by which a written value may leave it


class Doubt(NamedTuple):
    """What is to be added to a forecast, for each step."""

    wider: Array
    """Factor of the band; 1 where learning has been."""
    more: Array
    """Share of the write's own effect by which that may be larger; below 0: by which it may be smaller."""


class Doubts:
    """What of one site was never seen."""

    def __init__(self, model: SiteModel, steps: int) -> None:
        self._model, self._steps = model, steps
        self._modes = frozenset(model.known_modes)
        self._moments = {(one.bit, one.value): one for one in model.holding.moments if one.rows < BRIEF * steps}

    def of(self, state: Array, changes: Mapping[int, float]) -> Doubt | None:
        """Return the doubt about a forecast that begins with `changes` in `state`; None where there is none."""
        steps = self._steps
        far = max((self._beyond(column, value) for column, value in changes.items()), default=0.0)
        unseen = far > 0 or tuple(int(state[bit] != 0) for bit in self._model.mode_bits) not in self._modes
        brief = [one for change in changes.items() if (one := self._moments.get((change[0], int(change[1] != 0))))]
        if not unseen and not brief:
            return None
        wider, more = np.full(steps, BEYOND if unseen else 1.0), np.full(steps, min(far, MOST))
        for one in brief:
            beyond = np.maximum(np.arange(1, steps + 1) - one.rows, 0)
            share = beyond / (beyond + one.rows)
            more = np.maximum(more, LASTING * share) if one.harms else more - LASTING_LESS * share * (not unseen)
        return Doubt(wider, more)

    def _beyond(self, index: int, value: float) -> float:
        """Return by how many ranges seen a value lies outside; 0 where that is near."""
        column = self._model.columns[index]
        span = max(column.seen_high - column.seen_low, column.quantum)
        far = max(column.seen_low - value, value - column.seen_high) / span
        return far if far > _NEAR else 0.0
