"""What moves a plant besides its laws: the rest of the last rows, which a forecast carries on."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from icsguard.inference.api import Array
from icsguard.twin.grid import Row
from icsguard.twin.rollout import Roller


class Loads:
    """The loads of the drifting points of one site, in the order of `law.drifts`. `feed` once a row."""

    def __init__(self, roller: Roller, commands: Sequence[int]) -> None:
        self._roller, self._commands = roller, list(commands)
        drifts = roller.law.drifts
        self._columns = np.array([column for column, _ in drifts], dtype=np.intp)
        self._memories = np.array([memory for _, memory in drifts], dtype=np.intp)
        self._rest = np.zeros((int(self._memories.max(initial=0)), len(drifts)))
        """What the law left over of the last rows, the latest first."""
        self._ages = np.arange(len(self._rest))[:, None]
        self._count = 0
        self._past: list[Array] = []
        self.now = np.zeros(len(drifts))
        """What each point moves by in a step, besides its law."""

    def feed(self, row: Row) -> None:
        """Take the next row; a gap starts anew."""
        if not len(self._memories):
            return
        raw = np.array(row.values)
        if not row.follows:
            self._past, self._count = [], 0
            self.now = np.zeros(len(self._memories))
        self._past = [*self._past[-2:], raw]
        if len(self._past) < 3:  # noqa: PLR2004 - a past, a row, and what came of it
            return
        past, state, _ = (one.copy() for one in self._past)
        # As while learning, a row has the commands of the one after it.
        past[self._commands] = state[self._commands]
        state[self._commands] = raw[self._commands]
        law, columns = self._roller.law, self._columns
        expected = np.clip(self._roller.one(state, past)[columns], law.low[columns], law.high[columns])
        self._rest[1:] = self._rest[:-1]
        self._rest[0] = raw[columns] - expected
        self._count += 1
        self.now = self._means()

    def _means(self) -> Array:
        """Return the mean of each point's last rows."""
        weights = (self._ages < np.minimum(self._count, self._memories)).astype(np.float64)
        means: Array = (weights * self._rest).sum(axis=0) / weights.sum(axis=0)
        return means
