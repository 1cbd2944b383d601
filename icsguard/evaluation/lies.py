"""False telemetry by the hundred: each attack begins in normal operation, lasts LENGTH polls, and is rested after."""

from __future__ import annotations

from typing import Final

import numpy as np

from icsguard.evaluation.bench import LIES, Bench, scores
from icsguard.evaluation.clean import UNUSUAL
from icsguard.evaluation.metrics import Tally, auc, vus_pr
from icsguard.evaluation.tables import Row
from icsguard.evaluation.tampering import KINDS, LENGTH, PROMISED, Liar, draw

REST: Final = (75, 110)
"""Polls between two attacks: longer than every memory of the detectors."""
WARM_UP: Final = 120
SETTLED: Final = 40
"""Of the rest, so many polls after an attack are its recovery and count as neither."""


class LieTrial:
    """All attacks on one plant, with the shadow and the baselines looking on."""

    def __init__(self, bench: Bench) -> None:
        self._bench = bench
        self._site, self._shift, self._guard = bench.site(LIES), bench.shift(LIES), bench.taught.guard()
        self._noise = bench.noise(LIES)
        self._rows: list[list[float]] = []
        self._score: list[float] = []
        self._events: list[tuple[str, int]] = []
        self.found: dict[str, Tally] = {}
        """By kind of attack."""
        self.by: dict[str, int] = {}
        """Attacks by the finding that saw them first."""
        self.smallest: list[tuple[float, bool]] = []
        """(share of the span, found) of every attack with a size."""
        self.transactions = 0

    def run(self, each: int) -> None:
        """Carry out so many attacks of each kind, in random order."""
        kinds = [kind for kind in KINDS for _ in range(each)]
        self._pass(WARM_UP)
        for index in self._noise.permutation(len(kinds)):
            self._attack(kinds[int(index)])
            self._pass(int(self._noise.integers(*REST)))
        self.transactions = self._guard.transactions

    def _attack(self, kind: str) -> None:
        bench = self._bench
        lie = draw(kind, bench.plant, bench.spans, self._noise)
        liar = Liar(lie, self._site.shown, bench.history, self._noise)
        self._events.append((kind, len(self._rows)))
        delay: int | None = None
        for poll in range(LENGTH):
            codes = self._poll(liar)
            if codes and delay is None:
                delay = poll
                self.by[codes[0]] = self.by.get(codes[0], 0) + 1
        self.found.setdefault(kind, Tally()).add(delay)
        if lie.share and kind in PROMISED:
            self.smallest.append((lie.share, delay is not None))

    def _pass(self, polls: int) -> None:
        for _ in range(polls):
            self._poll(None)

    def _poll(self, liar: Liar | None) -> list[str]:
        """Let one poll pass; return the codes of what was found in it."""
        findings = self._guard.see(self._site.poll(liar.tamper() if liar else None))
        self._rows.append(self._bench.row(self._site.shown))
        self._score.append(self._guard.score() / max(self._bench.taught.threshold, 1e-9))
        for name, value in self._shift.due():
            findings += self._guard.see([self._site.write(name, value)])
        return [one.code for one in findings if one.code not in UNUSUAL]

    def rows_of_table(self) -> list[Row]:
        """Return one row per kind, baselines beside."""
        beside = scores(self._bench, self._rows)
        rows: list[Row] = []
        for kind in KINDS:
            row: Row = {"plant": self._bench.plant.name, "attack": kind, **self.found.get(kind, Tally()).cells()}
            starts = [at for one, at in self._events if one == kind]
            for name, score in beside:
                hits = sum(bool((score[at : at + LENGTH] > 1.0).any()) for at in starts)
                row[f"{name} recall"] = hits / len(starts) if starts else None
            rows.append(row)
        return rows

    def areas(self) -> list[Row]:
        """Return AUC and VUS-PR of every score over all rows (recovery left out)."""
        label = np.zeros(len(self._rows), dtype=np.bool_)
        keep = np.ones(len(self._rows), dtype=np.bool_)
        for kind, at in self._events:
            label[at : at + LENGTH] = kind in PROMISED
            keep[at : at + LENGTH] = kind in PROMISED
            keep[at + LENGTH : at + LENGTH + SETTLED] = False
        keep[:WARM_UP] = False
        every = [("icsguard", np.array(self._score)), *scores(self._bench, self._rows)]
        return [
            {
                "plant": self._bench.plant.name,
                "score": name,
                "AUC": auc(score[keep], label[keep]),
                "VUS-PR": vus_pr(score[keep], label[keep], LENGTH // 2),
            }
            for name, score in every
        ]
