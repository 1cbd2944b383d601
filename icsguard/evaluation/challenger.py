"""The sequence model (GRU) beside the linear twin: same rows, same attacks, same alarm budget. It ships where it wins.

It is one more baseline: fitted on the first part of the clean rows, its threshold from the rest by the rule that the
linear twin's is made by, and residuals smoothed and divided as the twin's are.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Final

import numpy as np

from icsguard.detect.calibration import BLOCK_NS
from icsguard.detect.residuals import MAX_RESIDUAL, SPANS
from icsguard.evaluation.baselines import threshold
from icsguard.evaluation.bench import BLOCK_POLLS, Bench, prepare
from icsguard.evaluation.clean import measure
from icsguard.evaluation.lies import LieTrial
from icsguard.evaluation.metrics import Tally, interval
from icsguard.evaluation.tables import Row, Table
from icsguard.evaluation.tampering import PROMISED
from icsguard.evaluation.taught import PER_DAY
from icsguard.inference.api import Array
from icsguard.lab.plants.api import Plant
from icsguard.learn.sequence import Gru, features_of, run, train

NAME: Final = "GRU"
_QUANTILE: Final = 0.9995
_LEAST: Final = 1e-6

Progress = Callable[[str], None]


class GruScore:
    """The largest smoothed residual of the GRU's forecast, in units of what is usual. See `baselines.Baseline`."""

    name = NAME

    def __init__(self, commands: Sequence[int], seed: int) -> None:
        self._commands, self._seed = list(commands), seed
        self._net: Gru | None = None
        self._mean = self._scale = self._sigma = self._usual = np.empty(0)

    def fit(self, rows: Array) -> None:
        """Train on clean rows; a fifth of them, at the end, says what residuals are usual."""
        moving = rows.std(axis=0) > 0
        self._mean, self._scale = rows.mean(axis=0), np.where(moving, rows.std(axis=0), 1.0)
        self._measured = [place for place in np.flatnonzero(moving).tolist() if place not in self._commands]
        standard = (rows - self._mean) / self._scale
        cut = len(rows) * 4 // 5
        moves = np.diff(standard[:, self._measured], axis=0)
        self._spread = np.maximum(moves.std(axis=0), _LEAST)
        features = features_of(standard, self._commands)
        self._net = train(features[:cut], moves[:cut] / self._spread, seed=self._seed)
        rest = self._residuals(rows)[cut:]
        self._sigma = np.maximum(np.quantile(np.abs(rest), 0.95, axis=0) / 1.96, 0.02)
        self._usual = np.maximum(np.quantile(self._levels(rest), _QUANTILE, axis=0), 0.3)

    def score(self, rows: Array) -> Array:
        """Return the largest stream of each row; the first row has none."""
        levels = self._levels(self._residuals(rows)) / self._usual
        found: Array = np.concatenate([[0.0], levels.max(axis=(1, 2))])
        return found

    def _residuals(self, rows: Array) -> Array:
        if self._net is None:
            raise RuntimeError("the network was not trained")
        standard = (rows - self._mean) / self._scale
        features = features_of(standard, self._commands)
        moves = np.diff(standard[:, self._measured], axis=0) / self._spread
        told = (np.diff(rows[:, self._commands], axis=0) != 0).any(axis=1)
        found: Array = (moves - run(self._net, features)) * ~told[:, None]  # as the linear law: no step with a command
        return found

    def _levels(self, rest: Array) -> Array:
        sigma = self._sigma if len(self._sigma) else 1.0
        rates = np.array([2.0 / (span + 1) for span in SPANS])[:, None]
        level, found = np.zeros((len(SPANS), rest.shape[1])), np.empty((len(rest), len(SPANS), rest.shape[1]))
        for index, row in enumerate(np.clip(rest / sigma, -MAX_RESIDUAL, MAX_RESIDUAL)):
            level += rates * (row - level)
            found[index] = np.abs(level)
        return found


@dataclass(frozen=True, slots=True)
class Duel:
    """Both on one plant."""

    plant: str
    twin: Tally
    gru: Tally
    twin_a_day: float
    gru_a_day: float

    @property
    def gru_wins(self) -> bool:
        """Say whether the GRU surely finds more at no more false alarms a day: only then would it be used."""
        surely = interval(self.gru.hits, self.gru.count)[0] > (self.twin.recall or 0.0)
        return surely and self.gru_a_day <= max(self.twin_a_day, PER_DAY)

    def row(self) -> Row:
        """Return the row of the table."""
        low, high = interval(self.gru.hits, self.gru.count)
        return {
            "plant": self.plant,
            "attacks": self.twin.count,
            "linear twin": self.twin.recall,
            "GRU": self.gru.recall,
            "GRU, interval": f"{low:.3f}-{high:.3f}",
            "twin, false alarms a day": self.twin_a_day,
            "GRU, false alarms a day": self.gru_a_day,
            "used": "GRU" if self.gru_wins else "linear twin",
        }


def duel(plant: Plant, polls: int, each: int, clean_polls: int, seed: int, progress: Progress) -> Duel:
    """Return what both find of the same attacks, and how they alarm on clean rows."""
    progress(f"{plant.name}: learning {polls} polls")
    bench = with_gru(prepare(plant, polls, seed), seed)
    progress(f"{plant.name}: attacks")
    lies = LieTrial(bench)
    lies.run(each)
    twin, gru = Tally(), Tally()
    for row in lies.rows_of_table():
        if row["attack"] in PROMISED:
            found = lies.found[str(row["attack"])]
            twin = Tally(twin.count + found.count, twin.hits + found.hits)
            gru = Tally(gru.count + each, gru.hits + round(float(row[f"{NAME} recall"] or 0.0) * each))
    progress(f"{plant.name}: normal operation")
    quiet = measure(bench, clean_polls, is_alone=False)
    return Duel(plant.name, twin, gru, quiet.a_day, quiet.baselines[NAME] / quiet.days)


def with_gru(bench: Bench, seed: int) -> Bench:
    """Return the bench with the GRU as its only baseline."""
    commands = [place for place, tag in enumerate(bench.plant.tags) if tag.is_command]
    one = GruScore(commands, seed)
    limit = threshold(one, bench.rows, block_rows=BLOCK_POLLS, block_ns=BLOCK_NS, per_day=PER_DAY)
    return replace(bench, baselines=((one, limit),))


def table(duels: Sequence[Duel]) -> Table:
    """Return all plants' rows."""
    wins = sum(one.gru_wins for one in duels)
    where = f"on {wins} of {len(duels)} plants"
    note = f"The GRU is used where it surely (95 %) finds more at equal false alarms a day: {where}."
    return Table("challenger", "Sequence model against the linear twin", tuple(one.row() for one in duels), (note,))
