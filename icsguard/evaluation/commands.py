"""Legal writes with harmful consequences, tried by the hundred, and writes in a rhythm that no operator has.

Facts §6 rows 3, 4, 5: what policy permits. Whether a write is harmful is asked of the plant itself (`truth`), not of a
twin. A write that is stopped is not delivered; one that is not stopped is not delivered either, so that all tries of
one plant start from its normal operation. Ramps and toggles are delivered, as their harm lies in the sum.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Final

import numpy as np

from icsguard.core.decision import Decision
from icsguard.core.finding import Finding
from icsguard.core.meaning import Table
from icsguard.core.transaction import Opinion, Transaction
from icsguard.evaluation import truth
from icsguard.evaluation.bench import COMMANDS, RAMPS, Bench
from icsguard.evaluation.metrics import Tally
from icsguard.lab.plants.api import Tag
from icsguard.lab.plants.shift import Shift
from icsguard.lab.plants.site import PlantSite

APART: Final = 12
"""Polls between two tries."""
WARM_UP: Final = 60
RECOVERY: Final = 90
STEPS: Final = 30
"""Writes of which a ramp consists at most; each is a small part of the permitted range."""
STEP_POLLS: Final = 3
TOGGLES: Final = 8

_Ask = Callable[[str, float], Opinion]
_See = Callable[[Sequence[Transaction]], list[Finding]]


@dataclass(slots=True)
class CommandTrial:
    """What became of the tries on one plant."""

    jumps: Tally = field(default_factory=Tally)
    """Harmful values of set-points and drives."""
    switches: Tally = field(default_factory=Tally)
    """Harmful switching."""
    ramps: Tally = field(default_factory=Tally)
    toggles: Tally = field(default_factory=Tally)
    harmless: int = 0
    harmless_held: int = 0
    """Unusual but harmless writes that were held: the price."""
    alerted: int = 0
    """Harmful writes that were only alerted."""
    warnings: list[float] = field(default_factory=list)
    """Polls from the stopped write to the harm that it would have done."""


ENOUGH: Final = 1_000_000
"""No class has so many: every try is made."""


def measure(bench: Bench, tries: int, ramps: int, enough: int = ENOUGH) -> CommandTrial:
    """Try commands on a taught plant, so many at most, until each class has `enough` harmful ones."""
    found = CommandTrial()
    _single(bench, tries, enough, found)
    _sequences(bench, ramps, enough, found)
    return found


def _single(bench: Bench, tries: int, enough: int, found: CommandTrial) -> None:
    site, shift, guard = bench.site(COMMANDS), bench.shift(COMMANDS), bench.taught.guard()
    noise = bench.noise(COMMANDS)
    for poll in range(WARM_UP + tries * APART):
        guard.see(site.poll())
        for name, value in shift.due():
            guard.see([site.write(name, value)])
        if poll < WARM_UP or poll % APART or truth.is_outside(site):
            continue
        wanted = [tag for tag in bench.plant.commands if _tally(tag, found).count < enough]
        if not wanted:
            return
        tag = wanted[int(noise.integers(len(wanted)))]
        value = _any_value(tag, site, noise)
        harm = truth.leaves_safe_range(site, tag.name, value)
        opinion = guard.ask(site.question(tag.name, value))
        stopped = opinion.decision >= Decision.HOLD
        if harm is None:
            found.harmless += 1
            found.harmless_held += stopped
            continue
        _tally(tag, found).add(0.0 if stopped else None)
        found.alerted += opinion.decision == Decision.ALERT
        if stopped:
            found.warnings.append(float(harm[1]))


def _tally(tag: Tag, found: CommandTrial) -> Tally:
    return found.switches if tag.table is Table.COIL else found.jumps


def _any_value(tag: Tag, site: PlantSite, noise: np.random.Generator) -> float:
    if tag.table is Table.COIL:
        return 1.0 - site.told[tag.name]
    low, high = tag.writable or (0.0, 1.0)
    return float(noise.uniform(low, high))


def _sequences(bench: Bench, each: int, enough: int, found: CommandTrial) -> None:
    """Ramps and toggles, delivered until they are stopped."""
    site, shift, guard = bench.site(RAMPS), bench.shift(RAMPS), bench.taught.guard()
    noise = bench.noise(RAMPS)
    trial = _Sequence(site, shift, guard_ask=lambda name, value: guard.ask(site.question(name, value)), see=guard.see)
    trial.rest(WARM_UP)
    ramped = [tag for tag in bench.plant.commands if tag.usual is not None]
    switched = [tag for tag in bench.plant.commands if tag.table is Table.COIL]
    for _ in range(each):
        if min(found.ramps.count, found.toggles.count) >= enough:
            return
        if ramped and found.ramps.count < enough:
            trial.ramp(ramped[int(noise.integers(len(ramped)))], up=bool(noise.integers(2)), tally=found.ramps)
        if switched and found.toggles.count < enough:
            trial.toggle(switched[int(noise.integers(len(switched)))], found.toggles)


class _Sequence:
    """Writes that are delivered one after the other."""

    def __init__(self, site: PlantSite, shift: Shift, *, guard_ask: _Ask, see: _See) -> None:
        self._site, self._shift, self._ask, self._see = site, shift, guard_ask, see

    def rest(self, polls: int) -> None:
        """Let normal operation go on."""
        for _ in range(polls):
            self._see(self._site.poll())
            for name, value in self._shift.due():
                self._see([self._site.write(name, value)])
        while self._shift.is_working:  # nobody attacks in the middle of maintenance: its own writes would mix in
            self._see(self._site.poll())
            for name, value in self._shift.due():
                self._see([self._site.write(name, value)])

    def ramp(self, tag: Tag, *, up: bool, tally: Tally) -> None:
        """Creep to the end of the permitted range; what counts is the harm there, or that it was held before.

        A ramp that leads to no harm proves nothing: it is not begun, or not counted.
        """
        site = self._site
        before, (low, high) = site.told[tag.name], tag.writable or (0.0, 1.0)
        end = high if up else low
        if not _would_harm(site, tag.name, end):
            self.rest(APART)
            return
        harmed = False
        for step in range(1, STEPS + 1):
            value = before + (end - before) * step / STEPS
            if self._ask(tag.name, value).decision >= Decision.HOLD:
                if harmed or _would_harm(site, tag.name, end):
                    tally.add(None if harmed else float(step * STEP_POLLS))
                break
            self._see([site.write(tag.name, value)])
            for _ in range(STEP_POLLS):
                self._see(site.poll())
                harmed = harmed or truth.is_outside(site)
        else:
            for _ in range(truth.HORIZON):
                self._see(site.poll())
                harmed = harmed or truth.is_outside(site)
            if harmed:
                tally.add(None)
        self._see([site.write(tag.name, before)])
        self.rest(RECOVERY)

    def toggle(self, tag: Tag, tally: Tally) -> None:
        """Switch at each poll; stopped in time is: before the last of TOGGLES."""
        site, before = self._site, self._site.told[tag.name]
        stopped: float | None = None
        for number in range(TOGGLES):
            value = 1.0 - site.told[tag.name]
            if self._ask(tag.name, value).decision >= Decision.HOLD:
                stopped = float(number)
                break
            self._see([site.write(tag.name, value)])
            self._see(site.poll())
        tally.add(stopped)
        self._see([site.write(tag.name, before)])
        self.rest(RECOVERY)


def _would_harm(site: PlantSite, name: str, end: float) -> bool:
    """Say whether the rest of the ramp would have done harm."""
    return truth.leaves_safe_range(site, name, end, 2 * truth.HORIZON) is not None
