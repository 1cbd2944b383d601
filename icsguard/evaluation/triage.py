"""How well alarms are named on a plant whose alarms taught nothing: each plant in turn is left out."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np

from icsguard.detect.triage import CLASSES, FEATURES, TriageMemory, standard
from icsguard.evaluation.bench import LIES, Bench, prepare
from icsguard.evaluation.lies import REST, WARM_UP
from icsguard.evaluation.tables import Row, Table
from icsguard.evaluation.tampering import LENGTH, Liar, draw
from icsguard.inference.api import Array
from icsguard.lab.plants.api import Plant
from icsguard.learn.forest import Labels, grow, margins, separate, vote

CLASS_OF: Final = {"bias": "shifted", "scale": "shifted", "ramp": "drifting", "frozen": "frozen", "replay": "replayed"}
ALARMS: Final = frozenset({"implausible", "implausible-drift"})
"""Alarms that want a name; the exact ones have theirs."""
SEED: Final = 5

Progress = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Examples:
    """Named alarms of one plant."""

    rows: Array
    labels: Labels


def collect(plant: Plant, polls: int, each: int, seed: int, progress: Progress) -> Examples:
    """Return the features of the first statistical alarm in each of `each` attacks of every kind."""
    progress(f"{plant.name}: learning {polls} polls")
    bench = prepare(plant, polls, seed)
    progress(f"{plant.name}: {each * len(CLASS_OF)} attacks")
    return _Collecting(bench).run(each)


class _Collecting:
    """One plant under attack."""

    def __init__(self, bench: Bench) -> None:
        self._bench = bench
        self._site, self._shift, self._guard = bench.site(LIES), bench.shift(LIES), bench.taught.guard()
        self._noise = bench.noise(LIES)
        self._memory = TriageMemory()

    def run(self, each: int) -> Examples:
        kinds = [kind for kind in CLASS_OF for _ in range(each)]
        for _ in range(WARM_UP):
            self._poll(None)
        rows, labels = [], []
        for index in self._noise.permutation(len(kinds)):
            kind = kinds[int(index)]
            found = self._attack(kind)
            if found is not None:
                rows.append(found)
                labels.append(CLASSES.index(CLASS_OF[kind]))
            for _ in range(int(self._noise.integers(*REST))):
                self._poll(None)
        return Examples(np.array(rows).reshape(-1, len(FEATURES)), np.array(labels, dtype=np.int64))

    def _attack(self, kind: str) -> Array | None:
        bench = self._bench
        liar = Liar(draw(kind, bench.plant, bench.spans, self._noise), self._site.shown, bench.history, self._noise)
        found: Array | None = None
        for _ in range(LENGTH):
            codes = self._poll(liar)
            if found is None and codes & ALARMS:
                found = self._memory.features()
        return found

    def _poll(self, liar: Liar | None) -> set[str]:
        findings = self._guard.see(self._site.poll(liar.tamper() if liar else None))
        self._memory.take(self._guard.levels())
        for name, value in self._shift.due():
            findings += self._guard.see([self._site.write(name, value)])
        return {one.code for one in findings}


def left_out(found: Mapping[str, Examples]) -> Table:
    """Return for each plant how well alarms are named by what the others taught."""
    rows: list[Row] = []
    for name, own in found.items():
        others = [one for other, one in found.items() if other != name]
        rows.append({"plant": name, "alarms": len(own.labels), **_judged(others, own)})
    total = sum(int(row["alarms"] or 0) for row in rows)
    every: Row = {"plant": "all", "alarms": total}
    for column in ("forest", "machine", "vote", "most frequent class", "surely named", "of these right"):
        every[column] = sum(float(row[column] or 0.0) * int(row["alarms"] or 0) for row in rows) / max(total, 1)
    return Table(
        "triage",
        "Naming an alarm (each plant left out of the training in turn)",
        (*rows, every),
        ("Shares of alarms named rightly; four classes. Surely named: the vote's probability is at least a half.",),
    )


def _judged(others: list[Examples], own: Examples) -> dict[str, float]:
    taught, labels = np.vstack([one.rows for one in others]), np.concatenate([one.labels for one in others])
    mean, scale = taught.mean(axis=0), np.maximum(taught.std(axis=0), 1e-6)
    rows, asked = standard(taught, mean, scale), standard(own.rows, mean, scale)
    by_forest = vote(grow(rows, labels, len(CLASSES), seed=SEED), asked)
    by_machine = margins(separate(rows, labels, len(CLASSES)), asked)
    both = (by_forest + by_machine) / 2
    named = both.argmax(axis=1)
    sure = both.max(axis=1) >= 0.5  # noqa: PLR2004 - triage.SURE
    return {
        "forest": float((by_forest.argmax(axis=1) == own.labels).mean()),
        "machine": float((by_machine.argmax(axis=1) == own.labels).mean()),
        "vote": float((named == own.labels).mean()),
        "most frequent class": float((own.labels == np.bincount(labels).argmax()).mean()),
        "surely named": float(sure.mean()),
        "of these right": float((named == own.labels)[sure].mean()) if sure.any() else 0.0,
    }
