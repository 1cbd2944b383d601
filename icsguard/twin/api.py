"""The seam of this package: what a twin of a process is, wherever it comes from.

Learnt from traffic (`twin.learned`), an engineer's model as an FMU (`twin.fmu`), somebody's own Python class
(`twin.custom`), or no model at all (`twin.persistence`, the honest baseline). All of them pass the same battery.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import inf
from typing import NamedTuple, Protocol

from icsguard.inference.api import Array
from icsguard.twin.grid import Row


class Move(NamedTuple):
    """What becomes of one column that is commanded."""

    column: int
    value: float
    """From the first step on, engineering units."""
    per_step: float = 0.0
    """By how much it goes on moving each further step."""
    low: float = -inf
    """Where that ends."""
    high: float = inf


class Forecast(NamedTuple):
    """What is to come: steps x columns, engineering units. The first row is one step from now."""

    mean: Array
    band: Array
    """Half widths; infinite where nobody measured how good the forecast is."""


class Twin(Protocol):
    """A model of one process, at equal steps."""

    @property
    def names(self) -> tuple[str, ...]:
        """Return the names of the columns, in order."""

    def observe(self, row: Row) -> None:
        """Take the plant's next row; one that does not follow the last starts anew."""

    def predict(self, moves: Sequence[Move], steps: int) -> Forecast:
        """Return the forecast from the last row on; raise ValueError where no row was seen yet.

        Changes nothing. A move of a column that the twin does not have is ignored.
        """

    def snapshot(self) -> bytes:
        """Return everything that was observed, so that `restore` gives the same forecasts."""

    def restore(self, snapshot: bytes) -> None:
        """Go back to a snapshot of a twin of the same process; raise ValueError where it is none."""
