"""Learning from data in which somebody lied already: what attacked hours cost, with and without trims.

The same plant is taught three times: from its clean recording, from the same one with attacks in a tenth of its hours,
and from that one without the hours that contradict all others (`learn.trimming`). All three meet the same attacks.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Final

import numpy as np

from icsguard.config.settings import Conduit
from icsguard.core.clock import SECOND
from icsguard.core.transaction import Transaction
from icsguard.evaluation.bench import LEARN, Bench, prepare
from icsguard.evaluation.clean import measure
from icsguard.evaluation.lies import LieTrial
from icsguard.evaluation.metrics import Tally, interval
from icsguard.evaluation.tables import Row, Table
from icsguard.evaluation.tampering import LENGTH, PROMISED, Liar, draw
from icsguard.evaluation.taught import HORIZON_POLLS, WINDOW_POLLS, teach
from icsguard.lab.plants.api import POLL_S, Plant
from icsguard.lab.plants.site import START
from icsguard.learn.teach import Teaching, outside
from icsguard.learn.teach import teach as teach_trimmed
from icsguard.learn.trimming import Suspect
from icsguard.policy.rules import Policy

SHARE: Final = 0.1
"""Of the hours of learning, so many are attacked throughout."""
HOUR_POLLS: Final = int(3_600 / POLL_S)
FIRST: Final = 10
"""Attacks begin after so many hours: a liar must know what he imitates."""
_HOUR_NS: Final = 3_600 * SECOND
CLEAN: Final = "clean data"
ATTACKED: Final = "attacked data"
TRIMMED: Final = "attacked data, trimmed"

Progress = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Variant:
    """One way of teaching with what came of it."""

    name: str
    found: Tally
    alarms_a_day: float
    threshold: float
    attacked: int
    """Attacked hours in the recording."""
    left_out: int
    """Hours that did not teach."""
    rightly: int
    """Those of them that were attacked."""

    def row(self, plant: str) -> Row:
        """Return the row of the table."""
        low, high = interval(self.found.hits, self.found.count)
        return {
            "plant": plant,
            "taught with": self.name,
            "attacked hours": self.attacked,
            "left out": self.left_out,
            "rightly": self.rightly,
            "attacks": self.found.count,
            "recall": self.found.recall,
            "interval": f"{low:.3f}-{high:.3f}",
            "false alarms a day": self.alarms_a_day,
            "threshold": self.threshold,
        }


def measure_poison(
    plant: Plant, polls: int, each: int, clean_polls: int, seed: int, progress: Progress
) -> list[Variant]:
    """Return the three variants of one plant; `each`: attacks of each kind that they meet afterwards."""
    bench = prepare(plant, polls, seed)
    poisoned, hours = poison(bench, polls)
    conduit = Conduit(plant.name, "127.0.0.1", 1502, "127.0.0.1", 502, policy=Policy(points=plant.points))
    progress(f"{plant.name}: looking for attacked hours")
    strange = teach_trimmed(poisoned, conduit, Teaching(HORIZON_POLLS * POLL_S, WINDOW_POLLS * POLL_S)).left_out
    kept = outside(poisoned, [(one.begin, one.end) for one in strange])
    rightly = sum(not hours.isdisjoint(_hours_of(one)) for one in strange)
    found = []
    for name, recording, left in (
        (CLEAN, None, (0, 0, 0)),
        (ATTACKED, poisoned, (len(hours), 0, 0)),
        (TRIMMED, kept, (len(hours), len(strange), rightly)),
    ):
        progress(f"{plant.name}: {name}")
        other = bench if recording is None else _taught_with(bench, recording)
        found.append(_variant(name, other, left, each, clean_polls))
    return found


def _taught_with(bench: Bench, recording: Sequence[Transaction]) -> Bench:
    taught = teach(recording, conduit=bench.plant.name, points=bench.plant.points, poll_s=POLL_S)
    return replace(bench, taught=taught)


def _hours_of(one: Suspect) -> range:
    """Return the hours of the recording that a suspect touches, and the one before: an attack's end is seen in it."""
    return range((one.begin - START) // _HOUR_NS - 1, (one.end - 1 - START) // _HOUR_NS + 1)


def poison(bench: Bench, polls: int) -> tuple[list[Transaction], frozenset[int]]:
    """Return the recording of the same plant and operators with attacks in it, and the hours in which they are."""
    site, shift, noise = bench.site(LEARN), bench.shift(LEARN), np.random.default_rng(bench.seed)
    hours = range(FIRST, polls // HOUR_POLLS)
    chosen = frozenset(int(hour) for hour in noise.permutation(list(hours))[: round(SHARE * polls / HOUR_POLLS)])
    recording: list[Transaction] = []
    liar: Liar | None = None
    for poll in range(polls):
        attacked = poll // HOUR_POLLS in chosen
        if attacked and poll % LENGTH == 0:
            lie = draw(str(noise.choice(PROMISED)), bench.plant, bench.spans, noise)
            liar = Liar(lie, site.shown, bench.history, noise)
        recording += site.poll(liar.tamper() if liar is not None and attacked else None)
        recording += [site.write(*write) for write in shift.due()]
    return recording, chosen


def _variant(name: str, bench: Bench, left: tuple[int, int, int], each: int, clean_polls: int) -> Variant:
    lies = LieTrial(bench)
    lies.run(each)
    total = Tally()
    for kind in PROMISED:
        total = Tally(total.count + lies.found[kind].count, total.hits + lies.found[kind].hits)
    quiet = measure(bench, clean_polls, is_alone=False)
    return Variant(name, total, quiet.a_day, bench.taught.threshold, *left)


def table(found: dict[str, list[Variant]]) -> Table:
    """Return all plants' rows, and what the attacked hours cost in points of recall."""
    rows = tuple(variant.row(plant) for plant, variants in found.items() for variant in variants)
    made = Table("poison", f"Attacks in {SHARE:.0%} of the hours that taught", rows)
    notes = [
        f"{plant}: {lost:.1f} points of recall lost with trims (at most 2 promised)."
        for plant, lost in points_lost(made).items()
    ]
    return replace(made, notes=tuple(notes))


def points_lost(made: Table) -> dict[str, float]:
    """Return what attacked hours cost each plant where they were trimmed, in points of recall."""
    recalls = {(str(row["plant"]), row["taught with"]): float(row["recall"] or 0.0) for row in made.rows}
    return {plant: 100 * (recalls[plant, CLEAN] - recalls[plant, TRIMMED]) for plant, name in recalls if name == CLEAN}
