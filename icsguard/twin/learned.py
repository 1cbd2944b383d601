"""The twin that was learnt from traffic, behind the seam: its law rolled out, its measured bands around it."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from icsguard.inference.api import Array
from icsguard.twin.api import Forecast, Move
from icsguard.twin.grid import Row
from icsguard.twin.loads import Loads
from icsguard.twin.past import MAX_KEPT, Past, at_step, known
from icsguard.twin.rollout import Roller
from icsguard.twin.site_model import SiteModel


class LearnedTwin:
    """See `twin.api.Twin`."""

    def __init__(self, model: SiteModel) -> None:
        self._model = model
        self._names = tuple(column.name for column in model.columns)
        self._commands = [place for place, one in enumerate(model.columns) if one.kind == "command"]
        self._roller = Roller(model.law())
        self._forget()

    @property
    def names(self) -> tuple[str, ...]:
        """Return the names of the columns."""
        return self._names

    def observe(self, row: Row) -> None:
        """Take the plant's next row: its value, and what moved it besides its law."""
        self._past.take(row)
        self._loads.feed(row)

    def predict(self, moves: Sequence[Move], steps: int) -> Forecast:
        """Return the roll-out; its bands are those that were measured while learning."""
        state, previous = self._past.last()
        mine = known(moves, len(self._names))
        bands = self._model.bands(steps)
        if any(one.per_step for one in mine):
            return Forecast(self._stepwise(mine, state, previous, steps), bands)
        at_step(mine, state, 1)
        previous[self._commands] = state[self._commands]  # what is commanded acts from now on, as while learning
        return Forecast(self._roller.roll(state, previous, steps, self._loads.now), bands)

    def snapshot(self) -> bytes:
        """Return the last rows."""
        return self._past.snapshot()

    def restore(self, snapshot: bytes) -> None:
        """Go back to a snapshot: observe its rows again."""
        rows = self._past.read(snapshot)
        self._forget()
        for row in rows:
            self.observe(row)

    def _forget(self) -> None:
        self._past = Past(self._names, MAX_KEPT)
        self._loads = Loads(self._roller, self._commands)

    def _stepwise(self, moves: Sequence[Move], state: Array, previous: Array, steps: int) -> Array:
        found = np.empty((steps, len(state)))
        for step in range(1, steps + 1):
            at_step(moves, state, step)
            previous[self._commands] = state[self._commands]
            state, previous = self._roller.roll(state, previous, 1, self._loads.now)[0], state
            found[step - 1] = state
        return found
