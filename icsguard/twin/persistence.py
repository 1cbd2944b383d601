"""The honest baseline: everything stays as it is, but for what is commanded. A twin that is no better is none."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from icsguard.twin.api import Forecast, Move
from icsguard.twin.grid import Row
from icsguard.twin.past import Past, at_step, known


class PersistenceTwin:
    """See `twin.api.Twin`."""

    def __init__(self, names: tuple[str, ...]) -> None:
        self._names = names
        self._past = Past(names, 1)

    @property
    def names(self) -> tuple[str, ...]:
        """Return the names of the columns."""
        return self._names

    def observe(self, row: Row) -> None:
        """Take the plant's next row."""
        self._past.take(row)

    def predict(self, moves: Sequence[Move], steps: int) -> Forecast:
        """Return the last row again and again."""
        mean = np.tile(self._past.last()[0], (steps, 1))
        for step, row in enumerate(mean, 1):
            at_step(known(moves, len(self._names)), row, step)
        return Forecast(mean, np.full_like(mean, np.inf))

    def snapshot(self) -> bytes:
        """Return the last row."""
        return self._past.snapshot()

    def restore(self, snapshot: bytes) -> None:
        """Go back to a snapshot."""
        self._past.rows = self._past.read(snapshot)[-1:]
