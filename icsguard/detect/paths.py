"""One variable, two paths: what a device says of a point over Modbus against what it says over OPC UA.

Two conduits speak of one variable where their point lists give it the same name and the same node. Paths are read at
different moments, so a moving value differs a little and for a while; what is told is a difference that is larger than
a part of the point's span and stays over fresh words of both.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import combinations
from typing import Final, NamedTuple

from icsguard.core.clock import SECOND
from icsguard.core.decision import Decision, Layer
from icsguard.core.finding import Contribution, Finding
from icsguard.core.point import Point
from icsguard.detect.catalog import kind
from icsguard.twin.image import Image

CODE: Final = "paths-disagree"
LOOK_NS: Final = SECOND
PERSIST_NS: Final = 10 * SECOND
"""A difference this old is told, once both paths have said their value again meanwhile."""
FRESH_NS: Final = 10 * SECOND
"""Older words are no word against the other path."""
PART: Final = 0.05
"""Of the point's span: two clients that ask a second apart see a plant move by less."""


class Side(NamedTuple):
    """One path to a point."""

    conduit: str
    image: Image
    place: int
    """Of the point in the image."""


@dataclass(slots=True)
class _Pair:
    """Two paths to one variable."""

    one: Side
    other: Side
    since: int = 0
    """When they began to disagree; 0: they agree, or nobody can say."""
    told: bool = False


class PathWatch:
    """All variables that two conduits of one gateway speak of."""

    def __init__(self, images: Mapping[str, Image]) -> None:
        self._pairs = [_Pair(one, other) for one, other in _pairs(images)]
        self._looked_at = 0

    def __len__(self) -> int:
        return len(self._pairs)

    def look(self, now: int) -> list[Finding]:
        """Return what has newly turned out to disagree; cheap to call often."""
        if not self._pairs or now - self._looked_at < LOOK_NS:
            return []
        self._looked_at = now
        return [finding for pair in self._pairs if (finding := self._judge(pair, now)) is not None]

    def _judge(self, pair: _Pair, now: int) -> Finding | None:
        ages = [side.image.age(side.place, now) for side in (pair.one, pair.other)]
        if any(age is None or age > FRESH_NS for age in ages):
            return None
        one, other = (side.image.cells[side.place] for side in (pair.one, pair.other))
        assert one.value is not None  # noqa: S101 - its age is known
        assert other.value is not None  # noqa: S101 - likewise
        limit = tolerance(pair.one.image.points[pair.one.place], one.value, other.value)
        if abs(one.value - other.value) <= limit:
            pair.since, pair.told = 0, False
            return None
        pair.since = pair.since or now
        if pair.told or now - pair.since < PERSIST_NS or min(one.at, other.at) <= pair.since:
            return None
        pair.told = True
        return _finding(pair, one.value, other.value, limit, now)


def tolerance(point: Point, *values: float) -> float:
    """Return how far two honest words about a point may lie apart."""
    ends = (point.safe_min, point.safe_max)
    if None in ends:
        ends = (point.limits.minimum, point.limits.maximum)
    low, high = ends
    span = high - low if low is not None and high is not None else max(map(abs, values))
    return PART * span + abs(point.scale)


def _pairs(images: Mapping[str, Image]) -> Iterator[tuple[Side, Side]]:
    known: dict[tuple[str, str], list[Side]] = {}
    for conduit, image in images.items():
        for place, point in enumerate(image.points):
            if point.node:
                known.setdefault((point.name, point.node), []).append(Side(conduit, image, place))
    for sides in known.values():
        yield from combinations(sides, 2)


def _finding(pair: _Pair, seen: float, expected: float, limit: float, now: int) -> Finding:
    point, found = pair.one.image.points[pair.one.place], kind(CODE)
    text = (
        f"{point.name} is {seen:.6g} {point.unit} on conduit {pair.one.conduit} and {expected:.6g} on "
        f"{pair.other.conduit}: two paths to one variable, and at most {limit:.3g} may lie between them"
    )
    return Finding(
        detector="paths",
        layer=Layer.IMAGE,
        code=CODE,
        text=text,
        at=now,
        conduit=pair.one.conduit,
        decision=Decision.ALERT,
        score=abs(seen - expected),
        threshold=limit,
        technique=found.technique,
        point=point.name,
        since=pair.since,
        contributions=(Contribution(point.name, 1.0, seen, expected, point.unit),),
        harmless_cause=found.harmless,
    )
