"""One simulated plant, taught: what every trial on it starts from."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from icsguard.core.clock import SECOND
from icsguard.core.transaction import Transaction
from icsguard.evaluation.baselines import Baseline, all_of, threshold
from icsguard.evaluation.taught import PER_DAY, Taught, teach
from icsguard.inference.api import Array
from icsguard.lab.plants.api import POLL_S, Plant
from icsguard.lab.plants.shift import Shift
from icsguard.lab.plants.site import PlantSite

_BLOCK_NS: Final = 600 * SECOND
BLOCK_POLLS: Final = int(_BLOCK_NS / 1e9 / POLL_S)
"""Baselines count in blocks of ten minutes: what is told again so soon is one alarm."""
HISTORY: Final = 4_320
"""Polls of the recording that a replay may use: a day."""
LEARN, CLEAN, LIES, COMMANDS, RAMPS, DISTURBANCES, COSTS, SPOOFS = range(8)
"""Each part has seeds of its own: noise of the plant, actions of its operators."""


@dataclass(frozen=True, slots=True)
class Bench:
    """A plant with what was learnt of it."""

    plant: Plant
    taught: Taught
    recording: tuple[Transaction, ...]
    """The learning phase; for the policy."""
    rows: Array
    """All points at each poll of it."""
    history: tuple[Mapping[str, float], ...]
    spans: Mapping[str, float]
    """Of each sensor while learning."""
    baselines: tuple[tuple[Baseline, float], ...]
    """Fitted, with their thresholds."""
    seed: int

    def site(self, part: int) -> PlantSite:
        """Return the plant with fresh noise."""
        return PlantSite(self.plant, _seed(self.seed, part, 0))

    def shift(self, part: int) -> Shift:
        """Return fresh operators."""
        return Shift(self.plant, _seed(self.seed, part, 1))

    def noise(self, part: int) -> np.random.Generator:
        """Return the randomness of an attacker."""
        return np.random.default_rng(_seed(self.seed, part, 2))

    def row(self, shown: Mapping[str, float]) -> list[float]:
        """Return a poll as a row of numbers."""
        return [shown[tag.name] for tag in self.plant.tags]


def _seed(seed: int, part: int, what: int) -> int:
    return seed * 1_000 + part * 10 + what


def prepare(plant: Plant, polls: int, seed: int) -> Bench:
    """Let the plant be worked for so many polls and learn it; the last one learnt is kept for who asks for it again."""
    kept = _KEPT.get((plant.name, polls, seed))
    if kept is not None and kept.plant is plant:
        return kept
    _KEPT.clear()  # before the next is made: a month of recording need not lie beside another one
    _KEPT[plant.name, polls, seed] = made = _prepared(plant, polls, seed)
    return made


_KEPT: Final[dict[tuple[str, int, int], Bench]] = {}
"""At most one: a plant's week takes some hundred megabytes."""


def _prepared(plant: Plant, polls: int, seed: int) -> Bench:
    site, shift = PlantSite(plant, _seed(seed, LEARN, 0)), Shift(plant, _seed(seed, LEARN, 1))
    recording: list[Transaction] = []
    shown: list[dict[str, float]] = []
    for _ in range(polls):
        recording += site.poll()
        shown.append(dict(site.shown))
        recording += [site.write(*write) for write in shift.due()]
    rows = np.array([[one[tag.name] for tag in plant.tags] for one in shown])
    taught = teach(recording, conduit=plant.name, points=plant.points, poll_s=POLL_S)
    return Bench(
        plant=plant,
        taught=taught,
        recording=tuple(recording),
        rows=rows,
        history=tuple(shown[-HISTORY:]),
        spans={tag.name: float(np.ptp(rows[:, index])) for index, tag in enumerate(plant.tags)},
        baselines=tuple(
            (one, threshold(one, rows, block_rows=BLOCK_POLLS, block_ns=_BLOCK_NS, per_day=PER_DAY))
            for one in all_of(seed)
        ),
        seed=seed,
    )


def scores(bench: Bench, rows: Sequence[Sequence[float]]) -> list[tuple[str, Array]]:
    """Return each baseline's score of rows in units of its threshold."""
    table = np.array(rows)
    return [(one.name, one.score(table) / limit) for one, limit in bench.baselines]
