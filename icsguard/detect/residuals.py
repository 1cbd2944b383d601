"""Residuals: how far each measured value is from what its past and its neighbours make of it, at three speeds.

Six streams (temporal and spatial, smoothed over 1, 6 and 30 rows) of each measured point, each divided by its own high
clean percentile; the largest of them is the score of a row. A point that is often wild does not blind the watch on the
others. Where that makes a sharper watch there are several yardsticks: one for a settled plant, wider ones for the rows
after a command changed.
"""

from __future__ import annotations

from typing import Final, NamedTuple

import numpy as np

from icsguard.core.finding import Contribution
from icsguard.inference.api import Array, Scorer
from icsguard.twin.grid import Row
from icsguard.twin.site_model import SiteModel

SPANS: Final = (1, 6, 30)
STREAMS: Final = tuple(f"{kind}-{span}" for kind in ("temporal", "spatial") for span in SPANS)
_SHOWN: Final = 4
EXPLAINED: Final = 0.2
"""Of the threshold: what scores less is told by nobody, and not explained."""
MAX_RESIDUAL: Final = 1e3
"""Standardised residuals are cut off here."""
MAX_SMOOTHED: Final = 10.0
"""Before smoothing they are cut off much earlier: one jump must not blind the slow streams for minutes."""
MAX_UNREST: Final = 3.0
"""A residual counts for so many of its usual size at most: unrest is of all points, not the jump of one."""


def unrest(step: Array, usual: Array) -> Array:
    """Return the mean size of rows of one-step residuals (standard deviations) in units of the usual ones."""
    found: Array = np.minimum(step / usual, MAX_UNREST).mean(axis=-1)
    return found


class Smoother:
    """Exponential means of both residuals at all spans. `feed` once a row; a gap starts anew."""

    def __init__(self, columns: int) -> None:
        self._rates = np.array([2.0 / (span + 1) for span in SPANS])[:, None]
        self._most = np.array([MAX_RESIDUAL if span == 1 else MAX_SMOOTHED for span in SPANS])[:, None]
        self._least = -self._most
        self._both = np.zeros((2, 1, columns))
        self.levels = np.zeros((2, len(SPANS), columns))

    def reset(self) -> None:
        """Forget: the rows before a gap say nothing about those after."""
        self.levels[:] = 0.0

    def feed(self, temporal: Array, spatial: Array) -> Array:
        """Take a row's residuals (in standard deviations); return the six streams, streams x columns."""
        self._both[0, 0], self._both[1, 0] = temporal, spatial
        cut = np.minimum(
            np.maximum(self._both, self._least), self._most
        )  # np.clip costs thrice as much on small arrays
        self.levels += self._rates * (cut - self.levels)
        streams: Array = np.abs(self.levels).reshape(len(STREAMS), -1)
        return streams


class Strange(NamedTuple):
    """The score of a row and what it is made of."""

    at: int
    score: float
    stream: str
    contributions: tuple[Contribution, ...]
    unrest: float = 0.0
    """How far the step ahead misses all points, in units of what is usual for each."""


class Levels(NamedTuple):
    """A scored row in full: what names an alarm afterwards (`detect.triage`)."""

    streams: Array
    """Streams x moving columns, in units of the yardsticks."""
    seen: Array
    """The moving columns as they were shown."""
    beside: Array
    """How far each is from what its neighbours say, signed, in standard deviations."""


class ResidualWatch:
    """Scores the rows of one site through its ONNX model."""

    def __init__(self, model: SiteModel, scorer: Scorer) -> None:
        self._model, self._scorer = model, scorer
        columns = model.columns
        self._mean = np.array([column.mean for column in columns])
        self._scale = np.array([column.scale for column in columns])
        self._low = np.array([column.low for column in columns])
        self._high = np.array([column.high for column in columns])
        self._moving = np.array([i for i, column in enumerate(columns) if column.kind == "moving"], dtype=np.intp)
        self._commands = np.array([i for i, column in enumerate(columns) if column.kind == "command"], dtype=np.intp)
        self._sigma = np.array([[c.sigma_time for c in columns], [c.sigma_space for c in columns]])[:, self._moving]
        self._yardsticks = np.maximum(np.array(model.stream_scale), 1e-6).reshape(-1, len(STREAMS), len(self._moving))
        self._usual = self._usual_of(model)
        self._settling = model.settling
        self._since = self._settled = max(model.settling, default=0)
        self._modes = {mode: place + 1 for place, mode in enumerate(model.modes)}
        self._smoother = Smoother(len(self._moving))
        self._last: list[Array] = []
        self._expected: Array | None = None
        self.levels: Levels | None = None
        """Of the last scored row."""
        self._explained = EXPLAINED * model.residuals.threshold

    @property
    def expected(self) -> dict[str, float]:
        """What the temporal twin expected of each measured point in the last scored row."""
        if self._expected is None:
            return {}
        return {self._model.columns[index].name: float(self._expected[index]) for index in self._moving}

    def feed(self, row: Row) -> Strange | None:
        """Return the row's score; None for the first rows after a gap."""
        raw = np.array(row.values)
        if not row.follows:
            self._last = []
            self._smoother.reset()
            self._since = self._settled
        self._last = [*self._last[-2:], (raw - self._mean) / self._scale]
        if len(self._last) < 3:  # noqa: PLR2004 - this row, the one before, and that one's past
            return None
        past, state, row_z = self._last[0].copy(), self._last[1].copy(), self._last[2]
        # As while learning, a row has the commands of the one after it: its change is what was told in between.
        told, before = row_z[self._commands], state[self._commands]
        past[self._commands], state[self._commands] = before, told
        settled = bool((told == before).all())
        temporal, spatial = self._scorer.score(row_z, state, past)
        self._since = min(self._since + 1, self._settled) if settled else 0
        size = len(raw)
        place = self._modes.get(tuple(int(raw[bit] != 0) for bit in self._model.mode_bits), 0)
        expected = np.minimum(np.maximum(temporal.ravel() * self._scale + self._mean, self._low), self._high)
        beside = spatial.ravel()[place * size : (place + 1) * size] * self._scale + self._mean
        return self._judge(row.at, raw, expected if settled else raw, beside)

    def _judge(self, at: int, raw: Array, expected: Array, beside: Array) -> Strange:
        # `expected` is the row itself where a command changed during the step: nobody knows when in it that acted.
        moving = self._moving
        seen = raw[moving]
        kind = sum(self._since < rows for rows in self._settling)
        smoothed = self._smoother.feed(
            (seen - expected[moving]) / self._sigma[0], (seen - beside[moving]) / self._sigma[1]
        )
        streams = smoothed / self._yardsticks[kind]
        best, worst = divmod(int(streams.argmax()), len(moving))
        score = float(streams[best, worst])
        self._expected = expected
        self.levels = Levels(streams, seen, (seen - beside[moving]) / self._sigma[1])
        told = expected if best < len(SPANS) else beside
        shares = self._shares(streams[best], raw, told) if score > self._explained else ()
        restless = 0.0 if self._usual is None else float(unrest(smoothed[0], self._usual[kind]))
        return Strange(at, score, STREAMS[best], shares, restless)

    def _usual_of(self, model: SiteModel) -> Array | None:
        return np.array(model.unrest.usual).reshape(-1, len(self._moving)) if model.unrest.highest else None

    def _shares(self, levels: Array, raw: Array, told: Array) -> tuple[Contribution, ...]:
        total = float(levels.sum()) or 1.0
        columns = self._model.columns
        return tuple(
            Contribution(columns[column].name, float(levels[place]) / total, float(raw[column]), float(told[column]))
            for place in np.argsort(levels)[::-1][:_SHOWN]
            for column in (int(self._moving[place]),)
        )
