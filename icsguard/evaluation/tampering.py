"""Lies on the wire: false telemetry of six kinds, with random place, size and time. Facts §6 rows 7, 8, 9, 24."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from icsguard.lab.plants.api import Plant, Tag
from icsguard.lab.plants.site import Tamper

LENGTH: Final = 60
"""Polls that an attack lasts, and within which it must be found."""
LEAST: Final = 0.03
"""Smallest deviation of the promised kinds, as a share of the span seen while learning."""
MOST: Final = 0.3
RISE: Final = 30
"""Polls in which a ramp reaches its full size."""
CREEP: Final = 0.0005
"""Of the span, each poll: a ramp inside what controllers and noise do by themselves."""
KINDS: Final = ("bias", "scale", "ramp", "frozen", "replay", "creeping ramp")
PROMISED: Final = ("bias", "scale", "ramp", "frozen", "replay")
TECHNIQUES: Final = {"frozen": "T0856", "replay": "T0856", "creeping ramp": "T0856"}

Shown = Mapping[str, float]


@dataclass(frozen=True, slots=True)
class Lie:
    """One attack on what sensors say."""

    kind: str
    tag: Tag | None
    """The sensor; None: all of them (replay)."""
    size: float
    """Largest deviation, engineering units, signed; 0 where there is none of its own."""
    share: float
    """The same as a share of the span."""


def draw(kind: str, plant: Plant, spans: Mapping[str, float], noise: np.random.Generator) -> Lie:
    """Return a random attack of this kind."""
    sensors = [tag for tag in plant.measured if spans[tag.name] > 0]
    if kind == "replay":
        return Lie(kind, None, 0.0, 0.0)
    tag = sensors[int(noise.integers(len(sensors)))]
    if kind == "frozen":
        return Lie(kind, tag, 0.0, 0.0)
    share = CREEP * LENGTH if kind == "creeping ramp" else float(noise.uniform(LEAST, MOST))
    return Lie(kind, tag, float(noise.choice((-1.0, 1.0))) * share * spans[tag.name], share)


class Liar:
    """One attack under way: call `tamper()` before each poll and hand it to the site."""

    def __init__(self, lie: Lie, last: Shown, history: Sequence[Shown], noise: np.random.Generator) -> None:
        self._lie, self._last = lie, dict(last)
        self._poll = 0
        latest = max(len(history) - LENGTH, 1)
        begin = int(noise.integers(latest))
        self._recording = list(history[begin : begin + LENGTH])

    def tamper(self) -> Tamper:
        """Return what this poll's answers are turned into."""
        self._poll += 1
        return self._say

    def _say(self, tag: Tag, value: float) -> float:
        lie = self._lie
        if lie.kind == "replay":
            return self._recording[(self._poll - 1) % len(self._recording)][tag.name]
        if tag is not lie.tag:
            return value
        if lie.kind == "frozen":
            return self._last[tag.name]
        if lie.kind == "scale":
            base = self._last[tag.name] - tag.offset
            return tag.offset + (value - tag.offset) * (1.0 + lie.size / base) if base else value + lie.size
        rise = {"bias": 0, "ramp": RISE}.get(lie.kind, LENGTH)
        return value + lie.size * min(self._poll / max(rise, 1), 1.0)
