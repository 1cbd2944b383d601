"""The golden attacks: false telemetry laid over recorded traffic of the site itself, the same for every model.

Champion and challenger are compared on what they find in it, and on how quiet they are between. The recording is one
that neither of them has to have seen; places, sizes and moments come from a fixed seed and from the recording alone.
"""

from __future__ import annotations

import random
from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Final

from icsguard.core.clock import HOUR
from icsguard.core.decision import Decision
from icsguard.core.point import Point
from icsguard.core.registers import engineering, words_of
from icsguard.core.transaction import Question, Transaction
from icsguard.detect.flow_model import FlowModel
from icsguard.detect.options import ConduitOptions, ShadowOptions
from icsguard.detect.promotion import Trial
from icsguard.detect.shadow import Shadow
from icsguard.detect.sparring import STATISTICAL
from icsguard.protocols.modbus import build
from icsguard.twin.points import PointBook
from icsguard.twin.site_model import Site, SiteModel
from icsguard.twin.traffic import HEADER, event, is_write, request_of

LENGTH: Final = 60
"""Rows that an attack lasts."""
REST: Final = 70
"""Rows between two attacks: longer than what detectors remember."""
MAX_ATTACKS: Final = 200  # a month of recording has room for more, and nothing new to say
SIZES: Final = (0.05, 0.1, 0.2, 0.3)
"""Deviations as shares of the range seen while learning."""
KINDS: Final = ("bias", "ramp", "frozen", "replay")
COUNTED: Final = STATISTICAL | {"frozen", "exact-repeat"}
"""Findings that tell of false telemetry."""
SEED: Final = 7
_LATE: Final = 2  # rows after an attack in which its alarm still counts as found


class NothingToJudgeError(Exception):
    """The recording is too short to judge a model on; the text says how long it should be."""


@dataclass(frozen=True, slots=True)
class Attack:
    """One lie."""

    kind: str
    since: int
    until: int
    point: str = ""
    """Empty for a replay: all of them."""
    size: float = 0.0


def attacks(recording: Sequence[Transaction], model: SiteModel) -> list[Attack]:
    """Return the attacks that the recording has room for. Raises NothingToJudgeError where it has none."""
    sensors = [column for column in model.columns if column.kind == "moving" and column.seen_high > column.seen_low]
    noise = random.Random(SEED)
    step = model.step_ns
    found: list[Attack] = []
    if not recording or not sensors:
        raise NothingToJudgeError("the recording holds none of the points that the twin follows")
    at, end = recording[0].request_at + REST * step, recording[-1].request_at - LENGTH * step
    while at < end and len(found) < MAX_ATTACKS:
        kind = KINDS[len(found) % len(KINDS)]
        one = noise.choice(sensors)
        size = noise.choice(SIZES) * noise.choice((-1, 1)) * (one.seen_high - one.seen_low)
        point = "" if kind == "replay" else one.name
        found.append(Attack(kind, at, at + LENGTH * step, point, size))
        at += (LENGTH + REST + noise.randrange(REST // 4)) * step
    if not found:
        seconds = (2 * REST + LENGTH) * step / 1e9
        raise NothingToJudgeError(f"the recording is too short to try attacks on it: at least {seconds:.0f} s")
    return found


def play(
    recording: Sequence[Transaction],
    site: Site,
    points: tuple[Point, ...],
    flow: FlowModel | None,
    options: ShadowOptions,
    lies: Sequence[Attack],
) -> Trial:
    """Return what a model does with the recording as it is, and with the attacks laid over it."""
    quiet = _Listener(site, points, flow, options)
    for one in recording:
        quiet.take(one)
    loud = _Listener(site, points, flow, options)
    for one in forged(recording, points, lies):
        loud.take(one)
    kinds: dict[str, tuple[int, int]] = {}
    late = _LATE * site.model.step_ns
    for lie in lies:
        hits, count = kinds.get(lie.kind, (0, 0))
        hit = any(lie.since <= at <= lie.until + late for at in loud.alarms)
        kinds[lie.kind] = (hits + hit, count + 1)
    hours = (recording[-1].request_at - recording[0].request_at) / HOUR
    return Trial(
        attacks=len(lies),
        found=sum(hits for hits, _ in kinds.values()),
        kinds=kinds,
        clean_hours=hours,
        false_alarms=len(quiet.alarms),
        writes=quiet.writes,
        holds=quiet.holds,
    )


@dataclass(slots=True)
class _Listener:
    """A shadow of one conduit that hears a recording."""

    site: Site
    points: tuple[Point, ...]
    flow: FlowModel | None
    options: ShadowOptions
    alarms: list[int] = field(default_factory=list)
    writes: int = 0
    holds: int = 0
    shadow: Shadow = field(init=False)

    def __post_init__(self) -> None:
        name = self.site.model.conduit
        options = ShadowOptions(
            (ConduitOptions(name, self.points),),
            self.options.horizon_s,
            self.options.window_s,
            self.options.alarms_per_day,
        )
        self.shadow = Shadow(options, {name: self.site}, self.flow)

    def take(self, one: Transaction) -> None:
        now = one.response_at or one.request_at
        if is_write(request_of(one.request)):
            self.writes += 1
            question = Question(one.number, one.conduit, one.flow, one.client, one.request_at, one.request)
            self.holds += self.shadow.ask(question, one.request_at).decision >= Decision.HOLD
        self.shadow.observe([one], now)
        findings, _ = self.shadow.tick(now)
        self.alarms += [now for found in findings if found.code in COUNTED]


def forged(recording: Sequence[Transaction], points: Sequence[Point], lies: Sequence[Attack]) -> Iterator[Transaction]:
    """Yield the recording with the attacks in its answers."""
    forger = _Forger(points)
    waiting = deque(lies)
    for one in recording:
        while waiting and one.request_at > waiting[0].until:
            waiting.popleft()
            forger.begin()
        lie = waiting[0] if waiting and one.request_at >= waiting[0].since else None
        yield forger.forge(one, lie)


class _Forger:
    """Changes what answers say, as somebody between device and gateway would."""

    def __init__(self, points: Sequence[Point]) -> None:
        self._book = PointBook(points)
        self._frozen: dict[str, tuple[int, ...]] = {}
        self._past: dict[bytes, deque[bytes]] = {}
        self._replayed: dict[bytes, deque[bytes]] = {}

    def begin(self) -> None:
        """Forget what the attack before began with."""
        self._frozen.clear()
        self._replayed.clear()

    def forge(self, one: Transaction, lie: Attack | None) -> Transaction:
        """Return the transaction with the lie in its answer; the very same one where it says nothing of it."""
        asked = one.request[HEADER - 1 :]
        if lie is not None and lie.kind == "replay":
            return self._replay(one, asked)
        past = self._past.setdefault(asked, deque(maxlen=LENGTH))
        if one.response:
            past.append(one.response[HEADER:])
        return one if lie is None else self._change(one, lie)

    def _replay(self, one: Transaction, asked: bytes) -> Transaction:
        if is_write(request_of(one.request)) or not one.response:
            return one
        held = self._replayed.setdefault(asked, deque(self._past.get(asked, ())))
        if not held:
            return one
        said = held.popleft()
        held.append(said)
        return one._replace(response=one.response[:4] + (1 + len(said)).to_bytes(2, "big") + one.response[6:7] + said)

    def _change(self, one: Transaction, lie: Attack) -> Transaction:
        parsed = event(one)
        for seen in parsed.reads:
            for hit in self._book.hits(parsed.request.unit, seen.table, seen.first, len(seen.values)):
                point = self._book.points[hit.point]
                if point.name != lie.point or hit.size != point.words:
                    continue
                values = list(seen.values)
                values[hit.offset : hit.offset + hit.size] = self._said(
                    point, values[hit.offset :][: hit.size], one, lie
                )
                pdu = build.answer(parsed.request, values)
                return one._replace(response=build.adu(int.from_bytes(one.response[:2], "big"), one.response[6], pdu))
        return one

    def _said(self, point: Point, words: Sequence[int], one: Transaction, lie: Attack) -> tuple[int, ...]:
        """Return the words that the lie puts in the place of a point's own."""
        if lie.kind == "frozen":
            return self._frozen.setdefault(point.name, tuple(words))
        value = engineering(point, words)
        if value is None:
            return tuple(words)
        share = 1.0 if lie.kind == "bias" else min((one.request_at - lie.since) * 2 / (lie.until - lie.since), 1.0)
        for size in (lie.size, -lie.size):  # where the wire cannot carry the one, the other
            try:
                return words_of(point, value + size * share)
            except ValueError:
                continue
        return tuple(words)
