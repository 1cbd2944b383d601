"""The people of a plant: set-points moved in the course of a shift, maintenance now and then, recipes run.

One seed gives one shift. The same operators teach (while learning) and work (while being guarded).
"""

from __future__ import annotations

import random
from typing import Final, NamedTuple

from icsguard.core.transaction import Transaction
from icsguard.lab.plants.api import Plant, Routine
from icsguard.lab.plants.site import PlantSite, Tamper

MOVES_APART: Final = (40, 160)
"""Polls between two moves of a set-point."""
WORK_APART: Final = (250, 700)
"""Polls between two rounds of maintenance."""
_RECIPE_PAUSE: Final = (5, 40)


class Write(NamedTuple):
    """An operator's wish."""

    name: str
    value: float


class Shift:
    """Who writes what at which poll."""

    def __init__(self, plant: Plant, seed: int) -> None:
        self._plant = plant
        self._random = random.Random(seed)
        self._moved = [tag for tag in plant.commands if tag.usual is not None]
        self._waiting: list[tuple[int, Write]] = []
        self._next_move = self._random.randint(*MOVES_APART)
        self._next_work = self._random.randint(*WORK_APART) // 2
        self._next_batch = 1
        self._poll = 0

    def due(self) -> list[Write]:
        """Return the writes of this poll, in order; call once a poll."""
        self._poll += 1
        if self._moved and self._poll >= self._next_move:
            self._next_move = self._poll + self._random.randint(*MOVES_APART)
            tag = self._random.choice(self._moved)
            low, high = tag.usual or (tag.start, tag.start)
            self._waiting.append((self._poll, Write(tag.name, self._random.uniform(low, high))))
        if self._plant.maintenance and self._poll >= self._next_work:
            end = self._schedule(self._random.choice(self._plant.maintenance))
            self._next_work = end + self._random.randint(*WORK_APART)
        if self._plant.recipe and self._poll >= self._next_batch:
            self._next_batch = self._schedule(self._plant.recipe) + self._random.randint(*_RECIPE_PAUSE)
        now = [write for at, write in self._waiting if at <= self._poll]
        self._waiting = [one for one in self._waiting if one[0] > self._poll]
        return now

    @property
    def is_working(self) -> bool:
        """Say whether a routine is under way: something written now is taken back later."""
        return bool(self._waiting)

    def _schedule(self, routine: Routine) -> int:
        at = self._poll
        for stroke in routine:
            at += stroke.after
            self._waiting.append((at, Write(stroke.name, self._random.uniform(stroke.low, stroke.high))))
        return at


def run(site: PlantSite, shift: Shift, polls: int, tamper: Tamper | None = None) -> list[Transaction]:
    """Let the plant be worked for so many polls; return all transactions."""
    made: list[Transaction] = []
    for _ in range(polls):
        made += site.poll(tamper)
        made += [site.write(*write) for write in shift.due()]
    return made
