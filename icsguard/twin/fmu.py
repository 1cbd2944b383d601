"""An engineer's model as a twin: a Functional Mock-up Unit (FMI 2 or 3, co-simulation), kept in step with the plant.

The unit gets the plant's commands and steps as the plant does. What its outputs differ from the plant in is carried on
as it is: a model of the right dynamics with a wrong constant still forecasts well. Inputs and outputs have the names
of the point list, in engineering units. The unit itself is reached through `Unit`; `runtime.fmu_unit` loads real ones.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol

import numpy as np

from icsguard.inference.api import Array
from icsguard.twin.api import Forecast, Move
from icsguard.twin.grid import Row
from icsguard.twin.past import MAX_KEPT, Past, at_step, known


class Unit(Protocol):
    """A running unit."""

    @property
    def inputs(self) -> tuple[str, ...]:
        """Return the names of what it is told."""

    @property
    def outputs(self) -> tuple[str, ...]:
        """Return the names of what it says."""

    def reset(self, values: Mapping[str, float]) -> None:
        """Begin anew, with these values where the unit takes them as its start."""

    def step(self, inputs: Mapping[str, float], seconds: float) -> Mapping[str, float]:
        """Let time pass with these inputs; return the outputs. Raises ValueError where the unit fails."""

    def save(self) -> object:
        """Return the unit's inner state."""

    def load(self, state: object) -> None:
        """Go back to a saved state."""


class FmuTwin:
    """See `twin.api.Twin`."""

    def __init__(self, names: tuple[str, ...], unit: Unit, step_ns: int) -> None:
        missing = [name for name in unit.inputs if name not in names]
        if missing or not set(unit.outputs) & set(names):
            raise ValueError(
                f"the unit's inputs and outputs are not points: {', '.join(missing) or ', '.join(unit.outputs)}"
            )
        self._names, self._unit, self._seconds = names, unit, step_ns / 1e9
        self._places = {name: place for place, name in enumerate(names)}
        self._outputs = [name for name in unit.outputs if name in self._places]
        self._past = Past(names, MAX_KEPT)
        self._besides = np.zeros(len(names))

    @property
    def names(self) -> tuple[str, ...]:
        """Return the names of the columns."""
        return self._names

    def observe(self, row: Row) -> None:
        """Take the plant's next row: the unit steps with its commands, and what it misses is noted."""
        begins = not self._past.rows or not row.follows
        self._past.take(row)
        now = np.array(row.values)
        if begins:
            self._unit.reset(dict(zip(self._names, row.values, strict=True)))
            self._besides[:] = 0.0
            return
        said = self._unit.step(self._told(now), self._seconds)
        for name in self._outputs:
            self._besides[self._places[name]] = now[self._places[name]] - said[name]

    def predict(self, moves: Sequence[Move], steps: int) -> Forecast:
        """Return the unit's own course from here on, shifted by what it misses; the unit is then as before."""
        state, _ = self._past.last()
        mine, kept = known(moves, len(self._names)), self._unit.save()
        mean = np.empty((steps, len(state)))
        commanded = {one.column for one in mine}
        try:
            for step in range(1, steps + 1):
                at_step(mine, state, step)
                said = self._unit.step(self._told(state), self._seconds)
                for name in self._outputs:
                    place = self._places[name]
                    if place not in commanded:
                        state[place] = said[name] + self._besides[place]
                mean[step - 1] = state
        finally:
            self._unit.load(kept)
        if not np.isfinite(mean).all():
            raise ValueError("the unit forecast what is no number")
        return Forecast(mean, np.full_like(mean, np.inf))

    def snapshot(self) -> bytes:
        """Return the rows that were observed."""
        return self._past.snapshot()

    def restore(self, snapshot: bytes) -> None:
        """Go back to a snapshot: the unit begins anew and follows its rows."""
        rows = self._past.read(snapshot)
        self._past = Past(self._names, MAX_KEPT)
        for row in rows:
            self.observe(row)

    def _told(self, state: Array) -> dict[str, float]:
        return {name: float(state[self._places[name]]) for name in self._unit.inputs}
