"""Transactions become rows: first what each point's ways are (how often it is read, who writes it), then the grid.

Two passes over the same list with the very image and grid that the shadow uses live.
"""

from __future__ import annotations

import hashlib
from collections import Counter, deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from statistics import median
from typing import Final

import numpy as np

from icsguard.core.clock import MS, SECOND
from icsguard.core.point import Point
from icsguard.core.transaction import Outcome, Transaction
from icsguard.detect.conduct import FLOOD_WINDOW_NS
from icsguard.detect.flow_features import symbol
from icsguard.inference.api import Array
from icsguard.twin.grid import NEVER, Grid
from icsguard.twin.image import Habit, Image
from icsguard.twin.repeat import RepeatWatch
from icsguard.twin.site_model import HORIZONS
from icsguard.twin.traffic import event

LEAST_STEP_NS: Final = 50 * MS
MAX_STEPS: Final = HORIZONS[-1]
"""A horizon is cut into at most so many steps (detect.conduit rolls out no more)."""
FRESH_PERIODS: Final = 5
LEAST_RUN: Final = 10  # rows of a stretch that teaches anything
MAX_GAPS: Final = 1_000  # times between reads kept per point: a period is clear after some dozens
MAX_SYMBOLS: Final = 20_000  # different requests remembered; a site has some hundreds

_PROOF: Final = Habit(keeps=True, by_writes_only=True)
"""Every point is held to the strictest habits; what breaks them has others."""


@dataclass(slots=True)
class Ways:
    """What one point did."""

    reads: int = 0
    last_read: int = 0
    gaps: list[int] = field(default_factory=list)
    """Times between reads, the first MAX_GAPS of them."""
    longest_run: int = 0
    changed: bool = False
    ignored_writes: int = 0
    own_changes: int = 0
    writes: list[tuple[int, str, float, float | None]] = field(default_factory=list)
    """(when, client, value, value before)."""

    @property
    def period_ns(self) -> int:
        """Usual time between two reads, whatever pauses there were; NEVER for a point that nobody reads."""
        return int(median(self.gaps)) if self.gaps else NEVER

    @property
    def moves(self) -> list[tuple[int, float]]:
        """Writes that changed it: when, and by how much."""
        return [(at, value - before) for at, _, value, before in self.writes if before is not None and value != before]


@dataclass(slots=True)
class Recorded:
    """Everything that fitting needs to know of the traffic."""

    points: tuple[Point, ...]
    ways: list[Ways]
    transactions: list[Transaction]
    began: int = 0
    ended: int = 0
    clients: Counter[str] = field(default_factory=Counter)
    symbols: set[int] = field(default_factory=set)
    peak_rate: float = 0.0
    repeats: bool = False
    digest: str = ""

    @property
    def seconds(self) -> float:
        """How long the traffic lasted."""
        return (self.ended - self.began) / SECOND


def record(transactions: Sequence[Transaction], points: Sequence[Point]) -> Recorded:
    """Return what the transactions (of one conduit) say of the points' ways."""
    ordered = sorted(transactions, key=lambda one: one.response_at or one.request_at)
    image = Image(points, dict.fromkeys(range(len(points)), _PROOF))
    found = Recorded(image.points, [Ways() for _ in image.points], ordered)
    recent: dict[str, deque[int]] = {}
    repeat, digest = RepeatWatch(), hashlib.sha256()
    for one in ordered:
        now = one.response_at or one.request_at
        found.began, found.ended = found.began or now, now
        found.clients[one.client] += 1
        digest.update(one.request[6:] + one.response[6:])
        if len(found.symbols) < MAX_SYMBOLS and one.outcome == Outcome.ANSWERED:
            found.symbols.add(symbol(one.request))
        found.peak_rate = max(found.peak_rate, _rate(recent.setdefault(one.client, deque(maxlen=65_536)), now))
        found.repeats = _follow(found, image, repeat, one, now) or found.repeats
    found.digest = digest.hexdigest()
    return found


def _rate(times: deque[int], now: int) -> float:
    times.append(now)
    while times[0] < now - FLOOD_WINDOW_NS:
        times.popleft()
    return len(times) * SECOND / FLOOD_WINDOW_NS


def _follow(found: Recorded, image: Image, repeat: RepeatWatch, one: Transaction, now: int) -> bool:
    """Take one transaction into the image and the ways; say whether its answers repeat a stretch exactly."""
    parsed, repeats = event(one), False
    unit = parsed.request.unit
    for change in parsed.writes:
        for index, value in image.preview(unit, change):
            if value is not None:
                found.ways[index].writes.append((now, one.client, value, image.cells[index].value))
        image.written(unit, change, now)
    for change in parsed.unknown:
        image.unknown(unit, change)
    for seen in parsed.reads:
        for deviation in image.read(unit, seen.table, seen.first, seen.values, asked=one.request_at, now=now):
            ways = found.ways[deviation.point]
            ways.ignored_writes += deviation.code == "write-not-effective"
            ways.own_changes += deviation.code == "changed-without-write"
        for index, *_ in image.book.hits(unit, seen.table, seen.first, len(seen.values)):
            _read(found.ways[index], image.cells[index].run, now)
        repeats = repeat.seen((unit, seen.table, seen.first, len(seen.values)), seen.values) or repeats
    return repeats


def _read(ways: Ways, run: int, now: int) -> None:
    ways.reads += 1
    if ways.last_read and len(ways.gaps) < MAX_GAPS:
        ways.gaps.append(now - ways.last_read)
    ways.last_read = now
    ways.changed = ways.changed or (run == 1 and ways.reads > 1)
    ways.longest_run = max(ways.longest_run, run)


@dataclass(frozen=True, slots=True)
class Rows:
    """The points on a grid."""

    columns: tuple[int, ...]
    """Index of each column's point."""
    step_ns: int
    fresh_ns: tuple[int, ...]
    runs: tuple[Array, ...]
    """Stretches without a gap."""
    times: tuple[tuple[int, ...], ...]


def rows(recorded: Recorded, horizon_s: float) -> Rows:
    """Return the recorded points at equal steps: the poll period, or coarser where the horizon needs it."""
    ways = recorded.ways
    columns = tuple(index for index, one in enumerate(ways) if one.reads > 1 or one.writes)
    polled = [ways[index].period_ns for index in columns if ways[index].changed and ways[index].period_ns < NEVER]
    period = int(median(polled)) if polled else SECOND
    step = max(period, int(horizon_s * SECOND / MAX_STEPS), LEAST_STEP_NS)
    step -= step % MS
    fresh = tuple(
        NEVER if ways[index].period_ns == NEVER else max(FRESH_PERIODS * ways[index].period_ns, 3 * step)
        for index in columns
    )
    runs: list[list[tuple[float, ...]]] = []
    times: list[list[int]] = []
    image, grid = Image(recorded.points), Grid(step, columns, fresh)
    for one in recorded.transactions:
        now = one.response_at or one.request_at
        for row in grid.advance(image, now):
            if not row.follows or not runs:
                runs.append([])
                times.append([])
            runs[-1].append(row.values)
            times[-1].append(row.at)
        _apply(image, one, now)
    keep = [index for index, run in enumerate(runs) if len(run) >= LEAST_RUN]
    return Rows(
        columns,
        step,
        fresh,
        tuple(np.array(runs[index]) for index in keep),
        tuple(tuple(times[index]) for index in keep),
    )


def _apply(image: Image, one: Transaction, now: int) -> None:
    parsed = event(one)
    unit = parsed.request.unit
    for change in parsed.writes:
        image.written(unit, change, now)
    for change in parsed.unknown:
        image.unknown(unit, change)
    for seen in parsed.reads:
        image.read(unit, seen.table, seen.first, seen.values, asked=one.request_at, now=now)
