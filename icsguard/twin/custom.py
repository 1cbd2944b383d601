"""A user's own Python class as a twin: plain dictionaries in and out, found by the entry point group `icsguard.twins`.

The class is an engineer's code and may do anything, so it is held to its contract: every answer is checked for its
shape and for numbers, and what it keeps to itself is rebuilt from observed rows, never pickled.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Final, Protocol

import numpy as np

from icsguard.twin.api import Forecast, Move
from icsguard.twin.grid import Row
from icsguard.twin.past import MAX_KEPT, Past, at_step, known

GROUP: Final = "icsguard.twins"
"""Entry point group: each names a callable without arguments that returns a `Model`."""


class Model(Protocol):
    """What a user writes. Names are those of the point list, values in engineering units."""

    def observe(self, values: Mapping[str, float]) -> None:
        """Take what all points are now, at equal steps."""

    def predict(self, commands: Sequence[Mapping[str, float]], steps: int) -> Sequence[Mapping[str, float]]:
        """Return for each of the next `steps` what each point will be; `commands`: what is commanded in each step.

        A point that is left out stays as it is. Must not change what a later call returns.
        """


Make = Callable[[], Model]


class CustomTwin:
    """See `twin.api.Twin`."""

    def __init__(self, names: tuple[str, ...], model: Model, make: Make | None = None) -> None:
        """`make` gives a fresh model for `restore`; default: another one of the model's class."""
        self._names, self._model = names, model
        self._make: Make = make or type(model)
        self._past = Past(names, MAX_KEPT)

    @property
    def names(self) -> tuple[str, ...]:
        """Return the names of the columns."""
        return self._names

    def observe(self, row: Row) -> None:
        """Take the plant's next row."""
        self._past.take(row)
        if not row.follows:
            self._model = self._make()
        self._model.observe(dict(zip(self._names, row.values, strict=True)))

    def predict(self, moves: Sequence[Move], steps: int) -> Forecast:
        """Return the model's forecast; raise ValueError where it keeps not to its contract."""
        now, _ = self._past.last()
        mine = known(moves, len(self._names))
        commands = [{self._names[one.column]: one.value + one.per_step * step for one in mine} for step in range(steps)]
        answer = self._model.predict(commands, steps)
        if len(answer) != steps:
            raise ValueError(f"the model of class {type(self._model).__name__} forecast {len(answer)} of {steps} steps")
        mean = np.tile(now, (steps, 1))
        for step, values in enumerate(answer):
            for place, name in enumerate(self._names):
                value = commands[step].get(name, values.get(name, mean[step, place]))
                if not math.isfinite(value):
                    raise ValueError(f"the model of class {type(self._model).__name__} forecast no number for {name}")
                mean[step, place] = value
        return Forecast(mean, np.full_like(mean, np.inf))

    def _commands(self, moves: Sequence[Move], step: int) -> dict[str, float]:
        state = np.zeros(len(self._names))
        at_step(moves, state, step)
        return {self._names[one.column]: float(state[one.column]) for one in moves}

    def snapshot(self) -> bytes:
        """Return the rows that were observed."""
        return self._past.snapshot()

    def restore(self, snapshot: bytes) -> None:
        """Go back to a snapshot: a fresh model observes its rows."""
        rows = self._past.read(snapshot)
        self._model, self._past = self._make(), Past(self._names, MAX_KEPT)
        for number, row in enumerate(rows):
            self.observe(row._replace(follows=row.follows and number > 0))
