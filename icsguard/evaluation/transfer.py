"""How much learning time a base model saves: neighbours and pasts learnt on a simulated plant, then fine-tuned on site.

The base is the same kind of plant with other constants, simulated for days. Its statistics are a prior of some hours'
weight; the site's own hours are added to them. Both ways are judged on days of the site that neither has seen.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Final

import numpy as np

from icsguard.evaluation.tables import Row, Table
from icsguard.inference.api import Array
from icsguard.lab.plants.api import POLL_S, Outside, Plant, State, Told
from icsguard.lab.plants.shift import Shift
from icsguard.lab.plants.site import PlantSite
from icsguard.twin.grams import Gram, errors, gram_of, neighbours

OTHER: Final = 1.25
"""The base plant is so much slower than the site's."""
WEAKER: Final = 0.85
"""What its numeric commands (set-points, drives) count for, of the site's."""
PRIOR_HOURS: Final = 2.0
"""What the base weighs in the end, in hours of the site's own rows."""
HOURS: Final = (0.25, 0.5, 1.0, 2.0, 4.0, 8.0, 16.0, 32.0)
BASE_HOURS: Final = 72
JUDGED_HOURS: Final = 48
_AN_HOUR: Final = int(3_600 / POLL_S)

Progress = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Curve:
    """The error of both ways after so many hours on site: root mean square of measured points, in their spreads."""

    plant: str
    scratch: tuple[float, ...]
    transfer: tuple[float, ...]

    def saved(self, hours: float) -> float:
        """Return how many hours from scratch are as good as `hours` with the base; at least as many as those."""
        reached = self.transfer[HOURS.index(hours)]
        better = [one for one, error in zip(HOURS, self.scratch, strict=True) if error <= reached]
        return min(better, default=HOURS[-1])


def curve(plant: Plant, seed: int, progress: Progress) -> Curve:
    """Return how both ways learn one plant."""
    progress(f"{plant.name}: base and site")
    base = _wide(_rows(other(plant), BASE_HOURS, seed))
    own = _wide(_rows(plant, HOURS[-1], seed + 1))
    judged = _wide(_rows(plant, JUDGED_HOURS, seed + 2))
    mean, scale = base.mean(axis=0), np.where(base.std(axis=0) > 0, base.std(axis=0), 1.0)
    measured = [place for place, tag in enumerate(plant.tags) if not tag.is_command]
    spread = np.maximum((judged[:, measured].std(axis=0) / scale[measured]) ** 2, 1e-12)
    prior, test = gram_of((base - mean) / scale), gram_of((judged - mean) / scale)
    weight = PRIOR_HOURS * _AN_HOUR / prior.rows
    prior = Gram(round(prior.rows * weight), prior.table * weight)
    found: tuple[list[float], list[float]] = ([], [])
    for hours in HOURS:
        mine = gram_of((own[: round(hours * _AN_HOUR)] - mean) / scale)
        for gram, into in zip((mine, mine + prior), found, strict=True):
            share = errors(test, *neighbours(gram))[measured] / spread
            into.append(float(np.sqrt(np.minimum(share, 100.0).mean())))
    return Curve(plant.name, tuple(found[0]), tuple(found[1]))


def other(plant: Plant) -> Plant:
    """Return the same kind of plant with other constants: slower, and its drives do less for the same word."""
    weaker = {tag.name for tag in plant.commands if not tag.table.is_bits}

    def advance(state: State, told: Told, outside: Outside, seconds: float) -> State:
        acting = {name: value * WEAKER if name in weaker else value for name, value in told.items()}
        return plant.advance(state, acting, outside, seconds)

    return replace(plant, step_s=plant.step_s * OTHER, advance=advance)


def _rows(plant: Plant, hours: float, seed: int) -> Array:
    site, shift, rows = PlantSite(plant, seed * 10), Shift(plant, seed * 10 + 1), []
    for _ in range(round(hours * _AN_HOUR) + 2):
        site.poll()
        rows.append([site.shown[tag.name] for tag in plant.tags])
        for write in shift.due():
            site.write(*write)
    return np.array(rows)


def _wide(rows: Array) -> Array:
    """Return each row with the one before: a point follows from its neighbours and from the past of all."""
    return np.hstack([rows[1:], rows[:-1]])


def table(curves: Sequence[Curve]) -> Table:
    """Return the errors after each time, and the time saved."""
    rows: list[Row] = [
        {
            "plant": one.plant,
            "way": way,
            **{f"{hours:g} h": error for hours, error in zip(HOURS, errors_, strict=True)},
        }
        for one in curves
        for way, errors_ in (("from scratch", one.scratch), ("with the base", one.transfer))
    ]
    notes = [
        f"{one.plant}: an hour with the base is as good as {one.saved(1.0):g} h from scratch, "
        f"a quarter of an hour as {one.saved(0.25):g} h."
        for one in curves
    ]
    return Table(
        "transfer",
        "Learning time with a base model from a simulated plant of other constants",
        tuple(rows),
        tuple(notes),
    )
