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
        ("clean data", bench.recording, (0, 0, 0)),
        ("attacked data", poisoned, (len(hours), 0, 0)),
        ("attacked data, trimmed", kept, (len(hours), len(strange), rightly)),
    ):
        progress(f"{plant.name}: {name}")
        found.append(_variant(name, bench, recording, left, each, clean_polls))
    return found


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


def _variant(
    name: str, bench: Bench, recording: Sequence[Transaction], left: tuple[int, int, int], each: int, clean_polls: int
) -> Variant:
    taught = teach(recording, conduit=bench.plant.name, points=bench.plant.points, poll_s=POLL_S)
    other = replace(bench, taught=taught)
    lies = LieTrial(other)
    lies.run(each)
    total = Tally()
    for kind in PROMISED:
        total = Tally(total.count + lies.found[kind].count, total.hits + lies.found[kind].hits)
    quiet = measure(other, clean_polls)
    return Variant(name, total, quiet.a_day, taught.threshold, *left)


def table(found: dict[str, list[Variant]]) -> Table:
    """Return all plants' rows, and what the attacked hours cost in points of recall."""
    rows = tuple(variant.row(plant) for plant, variants in found.items() for variant in variants)
    notes = []
    for plant, (clean, _, trimmed_) in found.items():
        lost = 100 * ((clean.found.recall or 0.0) - (trimmed_.found.recall or 0.0))
        notes.append(f"{plant}: {lost:.1f} points of recall lost with trims (at most 2 promised).")
    return Table("poison", f"Attacks in {SHARE:.0%} of the hours that taught", rows, tuple(notes))
