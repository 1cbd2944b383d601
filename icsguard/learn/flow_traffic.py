"""Made-up Modbus conversations for training the flow model: many sites, each with its own habits, and some attackers.

Every site differs: poll period, blocks, functions, answer times, jitter, operators. Attack windows are never trained
on; they only say how well the model tells them apart. All from one seed.
"""

from __future__ import annotations

import random
import struct
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Final

from icsguard.core.clock import MS, SECOND
from icsguard.core.decision import Decision
from icsguard.core.transaction import Outcome, Transaction
from icsguard.detect.flow_features import LEAST, FlowWindow, features, symbol

WINDOW_NS: Final = 5 * SECOND
MAX_TRANSACTIONS: Final = 3_000  # of one window: above it a flow is a flood, whatever its features

Numbers = tuple[float, ...]


@dataclass(frozen=True, slots=True)
class Ask:
    """One request of a script: its PDU, the size of a normal answer's PDU, and how it ends."""

    pdu: bytes
    answer: int
    outcome: Outcome = Outcome.ANSWERED


@dataclass(slots=True)
class Site:
    """One SCADA client with one device."""

    noise: random.Random
    unit: int
    polls: list[Ask]
    writes: list[Ask]
    period_s: float
    jitter: float
    answer_ms: float
    write_rate: float
    exceptions: float
    pipelined: bool

    @property
    def known(self) -> frozenset[int]:
        """Symbols of the site's ordinary requests."""
        return frozenset(symbol(adu(self.unit, ask.pdu)) for ask in (*self.polls, *self.writes))


def adu(unit: int, pdu: bytes) -> bytes:
    """Return the PDU with an MBAP header."""
    return struct.pack(">HHHB", 1, 0, len(pdu) + 1, unit) + pdu


def site(noise: random.Random) -> Site:
    """Return a site drawn at random."""
    functions = noise.choices((3, 4, 1, 2), (6, 4, 2, 2), k=noise.randint(1, 12))
    period = 10 ** noise.uniform(-1.2, 0.7)
    return Site(
        noise=noise,
        unit=noise.choice((1, 1, 1, 0, 255, noise.randint(2, 247))),
        polls=[_read(function, noise.randrange(2_000), _quantity(noise, function)) for function in functions],
        writes=[_write(noise) for _ in range(noise.randint(1, 8))],
        period_s=period,
        jitter=noise.uniform(0.0, 0.2),
        answer_ms=10 ** noise.uniform(-0.3, 1.9),
        write_rate=noise.choice((0.0, 0.0, noise.uniform(0.0, 0.3), noise.uniform(0.3, 2.0))),
        exceptions=noise.choice((0.0, 0.0, 0.0, noise.uniform(0.0, 0.02))),
        pipelined=noise.random() < 0.2,  # noqa: PLR2004 - one client in five asks without waiting
    )


def _quantity(noise: random.Random, function: int) -> int:
    most = 125 if function in {3, 4} else 512
    return noise.choice((1, 2, noise.randint(2, 20), noise.randint(1, most)))


def _read(function: int, first: int, count: int) -> Ask:
    size = 2 + (2 * count if function in {3, 4} else (count + 7) // 8)
    return Ask(struct.pack(">BHH", function, first, count), size)


def _write(noise: random.Random) -> Ask:
    function, first = noise.choice((5, 6, 6, 16, 15)), noise.randrange(2_000)
    if function in {5, 6}:
        return Ask(struct.pack(">BHH", function, first, noise.choice((0, 0xFF00))), 5)
    count = noise.randint(1, 8)
    data = bytes(2 * count if function == 16 else 1)  # noqa: PLR2004 - write multiple registers
    return Ask(struct.pack(">BHHB", function, first, count, len(data)) + data, 5)


def clean_window(place: Site) -> Numbers | None:
    """Return the features of one ordinary window; None where too little happened in it."""
    return _window(place, _ordinary(place))


def _ordinary(place: Site) -> Iterator[tuple[float, Ask]]:
    noise, at = place.noise, place.noise.uniform(0.0, place.period_s)
    while True:
        for ask in place.polls:
            yield at, ask if noise.random() >= place.exceptions else Ask(ask.pdu, 2, Outcome.EXCEPTION)
            at += 0.0002 if place.pipelined else place.answer_ms / 1000 * noise.uniform(0.8, 1.5)
            if noise.random() < place.write_rate * place.period_s / max(len(place.polls), 1):
                yield at, noise.choice(place.writes)
        at += max(place.period_s * (1 + place.jitter * noise.gauss(0, 1)), 0.001)


def _window(place: Site, asks: Iterator[tuple[float, Ask]]) -> Numbers | None:
    window = FlowWindow(0)
    for at_s, ask in asks:
        at = int(at_s * SECOND)
        if at >= WINDOW_NS or len(window.items) >= MAX_TRANSACTIONS:
            break
        window.add(_transaction(place, at, ask))
    if len(window.items) < LEAST:
        return None
    return features(window, WINDOW_NS, place.known)


def _transaction(place: Site, at: int, ask: Ask) -> Transaction:
    wait = int(place.answer_ms * MS * place.noise.lognormvariate(0.0, 0.25))
    answered = ask.outcome in {Outcome.ANSWERED, Outcome.EXCEPTION}
    response = adu(place.unit, bytes(ask.answer)) if answered else b""
    request = adu(place.unit, ask.pdu)
    decision = Decision.REFUSE if ask.outcome is Outcome.REFUSED else Decision.ALLOW
    return Transaction(
        0, "made", 1, "10.0.0.1", at, at + wait if answered else 0, request, response, decision, ask.outcome
    )


Attack = Callable[[Site], Iterator[tuple[float, Ask]]]


def _scan(place: Site) -> Iterator[tuple[float, Ask]]:
    for first in range(100_000):
        outcome = Outcome.EXCEPTION if first % 5 else Outcome.ANSWERED
        yield first * 0.004, Ask(struct.pack(">BHH", place.noise.choice((1, 3, 4)), first, 1), 4, outcome)


def _flood(place: Site) -> Iterator[tuple[float, Ask]]:
    for number in range(100_000):
        yield number * 0.001, place.polls[0]


def _brute_force(place: Site) -> Iterator[tuple[float, Ask]]:
    for number in range(100_000):
        yield number * 0.02, Ask(struct.pack(">BHH", 6, number % 400, place.noise.randrange(65_536)), 5)


def _refused(_place: Site) -> Iterator[tuple[float, Ask]]:
    for number in range(100_000):
        yield number * 0.05, Ask(struct.pack(">BHH", 5, number % 40, 0xFF00), 2, Outcome.REFUSED)


def _identity(_place: Site) -> Iterator[tuple[float, Ask]]:
    for number in range(100_000):
        pdu = (b"\x2b\x0e\x01\x00", b"\x11", b"\x08\x00\x00\x00\x00", b"\x5a\x00\x02")[number % 4]
        yield number * 0.1, Ask(pdu, 20)


ATTACKS: Final[dict[str, Attack]] = {
    "scan": _scan,
    "flood": _flood,
    "brute_force": _brute_force,
    "refused": _refused,
    "identity": _identity,
}
"""Conversations that the model must find strange, by name."""


def attack_window(place: Site, name: str) -> Numbers | None:
    """Return the features of one window of an attack on the site."""
    return _window(place, ATTACKS[name](place))
