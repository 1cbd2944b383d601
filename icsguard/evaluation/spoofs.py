"""Row 24: somebody who knows the detector and controls half of the sensors hides a lie about one of them.

Three families (facts on generic spoofs), each with a deviation of 10 to 30 % of the victim's span:

* *spatial*: the other sensors in his hand move with the victim as they did in the recording (regression on it);
* *temporal*: the victim creeps away in steps that its own noise makes every day, until it is there;
* *statistical*: the victim is a past stretch of itself, moved so that it begins where it is, and drifts away slowly;
  the others in his hand are the same past stretch: each looks alive, none of them follows the plant.

None of it is promised to be found; what is found, and what is not, is measured.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Final

import numpy as np

from icsguard.evaluation.bench import SPOOFS, Bench, scores
from icsguard.evaluation.clean import UNUSUAL
from icsguard.evaluation.lies import REST, WARM_UP
from icsguard.evaluation.metrics import Tally
from icsguard.evaluation.tables import Row
from icsguard.evaluation.tampering import LENGTH
from icsguard.lab.plants.api import Tag
from icsguard.lab.plants.site import Tamper

KINDS: Final = ("spatial", "temporal", "statistical")
CONTROLLED: Final = 0.5
"""Of the sensors, so many are in his hand at most: the victim, and those that move most alike."""
LEAST, MOST = 0.1, 0.3
_RISE: Final = 20
"""Polls in which a spatial lie grows."""
_QUANTILE: Final = 0.5
"""A creeping victim's step: what half of its own steps from poll to poll are below."""

Shown = Mapping[str, float]


class Spoof:
    """One attack under way; see `tampering.Liar`."""

    def __init__(self, kind: str, bench: Bench, shown: Shown, noise: np.random.Generator) -> None:
        places = {tag.name: at for at, tag in enumerate(bench.plant.tags) if not tag.is_command}
        sensors = [name for name in places if bench.spans[name] > 0]
        self.victim = sensors[int(noise.integers(len(sensors)))]
        alike = np.atleast_2d(np.corrcoef(bench.rows[:, [places[name] for name in sensors]].T))
        tied = np.abs(alike[sensors.index(self.victim)])
        nearest = [sensors[int(at)] for at in np.argsort(-tied, kind="stable") if sensors[int(at)] != self.victim]
        self._hand = [self.victim, *nearest[: max(int(CONTROLLED * len(sensors)) - 1, 0)]]
        self._size = float(noise.uniform(LEAST, MOST) * noise.choice((-1.0, 1.0))) * bench.spans[self.victim]
        self._poll = 0
        rows = bench.rows[:, [places[name] for name in self._hand]]
        self._say: Callable[[str, float], float] = {
            "spatial": self._spatial(rows),
            "temporal": self._temporal(rows),
            "statistical": self._statistical(bench.history, shown, noise),
        }[kind]

    def tamper(self) -> Tamper:
        """Return what this poll's answers are turned into."""
        self._poll += 1
        return self._tampered

    def _tampered(self, tag: Tag, value: float) -> float:
        return self._say(tag.name, value) if tag.name in self._hand else value

    def _spatial(self, rows: np.ndarray[tuple[int, ...], np.dtype[np.float64]]) -> Callable[[str, float], float]:
        centred = rows - rows.mean(axis=0)
        along = centred[:, 0] @ centred / max(float(centred[:, 0] @ centred[:, 0]), 1e-12)
        share = dict(zip(self._hand, along.tolist(), strict=True))
        return lambda name, value: value + share[name] * self._size * min(self._poll / _RISE, 1.0)

    def _temporal(self, rows: np.ndarray[tuple[int, ...], np.dtype[np.float64]]) -> Callable[[str, float], float]:
        steps = np.abs(np.diff(rows[:, 0]))
        usual = float(np.quantile(steps[steps > 0], _QUANTILE)) if (steps > 0).any() else 0.0
        step = min(usual, abs(self._size))

        def say(name: str, value: float) -> float:
            if name != self.victim:
                return value
            return value + float(np.sign(self._size)) * min(step * self._poll, abs(self._size))

        return say

    def _statistical(
        self, history: Sequence[Shown], shown: Shown, noise: np.random.Generator
    ) -> Callable[[str, float], float]:
        begin = int(noise.integers(max(len(history) - LENGTH - 1, 1)))
        past = history[begin : begin + LENGTH + 1]

        def say(name: str, value: float) -> float:
            del value
            at = min(self._poll, len(past) - 1)
            drift = self._size * at / LENGTH if name == self.victim else 0.0
            return shown[name] + past[at][name] - past[0][name] + drift

        return say


class SpoofTrial:
    """All spoofs on one plant, with the shadow and the baselines looking on."""

    def __init__(self, bench: Bench) -> None:
        self._bench = bench
        self._site, self._shift, self._guard = bench.site(SPOOFS), bench.shift(SPOOFS), bench.taught.guard()
        self._noise = bench.noise(SPOOFS)
        self._rows: list[list[float]] = []
        self._starts: dict[str, list[int]] = {kind: [] for kind in KINDS}
        self.found = {kind: Tally() for kind in KINDS}
        self.missed: dict[str, dict[str, int]] = {kind: {} for kind in KINDS}
        """By kind: victims that were not found, and how often."""

    def run(self, each: int) -> None:
        """Carry out so many of each kind, in random order."""
        kinds = [kind for kind in KINDS for _ in range(each)]
        self._pass(WARM_UP)
        for index in self._noise.permutation(len(kinds)):
            self._attack(kinds[int(index)])
            self._pass(int(self._noise.integers(*REST)))

    def _attack(self, kind: str) -> None:
        spoof = Spoof(kind, self._bench, dict(self._site.shown), self._noise)
        self._starts[kind].append(len(self._rows))
        delay: int | None = None
        for poll in range(LENGTH):
            if self._poll(spoof) and delay is None:
                delay = poll
        self.found[kind].add(delay)
        if delay is None:
            self.missed[kind][spoof.victim] = self.missed[kind].get(spoof.victim, 0) + 1

    def _pass(self, polls: int) -> None:
        for _ in range(polls):
            self._poll(None)

    def _poll(self, spoof: Spoof | None) -> bool:
        """Let one poll pass; say whether anything was found in it."""
        findings = self._guard.see(self._site.poll(spoof.tamper() if spoof else None))
        self._rows.append(self._bench.row(self._site.shown))
        for name, value in self._shift.due():
            findings += self._guard.see([self._site.write(name, value)])
        return any(one.code not in UNUSUAL for one in findings)

    def rows_of_table(self) -> list[Row]:
        """Return one row per kind, baselines beside."""
        beside = scores(self._bench, self._rows)
        rows: list[Row] = []
        for kind in KINDS:
            row: Row = {"plant": self._bench.plant.name, "spoof": kind, **self.found[kind].cells()}
            for name, score in beside:
                hits = sum(bool((score[at : at + LENGTH] > 1.0).any()) for at in self._starts[kind])
                row[f"{name} recall"] = hits / len(self._starts[kind]) if self._starts[kind] else None
            losing = sorted(self.missed[kind].items(), key=lambda item: (-item[1], item[0]))[:3]
            row["not found most often"] = ", ".join(f"{name} {count}" for name, count in losing)
            rows.append(row)
        return rows
