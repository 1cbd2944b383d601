"""The scene of an attack: who attacks from where, what was sent, and what came back.

An attack is a value: what it tells about itself, what is expected of it with and without a gateway, and the coroutine
that carries it out against whatever listens on the scene's port. It does not know whether a gateway is in between.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final, NamedTuple

from icsguard.core.decision import Layer
from icsguard.lab.operations import Move
from icsguard.lab.plc import Write
from icsguard.lab.wire import Fate, Line, Reply
from icsguard.protocols.modbus.pdu import parse_request

HMI: Final = "127.0.0.2"
"""The operators' station; an attack from here has taken it over."""
STATION: Final = "127.0.0.4"
"""The engineers' station: known, and only ever reads."""
MAX_STEPS: Final = 20_000  # a flood is the longest attack; more than this is told as a number only


class Who(StrEnum):
    """Whose address an attack comes from."""

    ROGUE = "rogue"
    """An address that nobody has seen before, another one for each attack."""
    HMI = "hmi"
    STATION = "station"


class Step(NamedTuple):
    """One request of an attack and its answer."""

    text: str
    reply: Reply
    harmless: bool
    """Part of the scene, and permitted: a read beside a forbidden write."""


Runner = Callable[["Scene"], Awaitable[None]]
Forbidden = Callable[[Write], bool]


@dataclass(frozen=True, slots=True)
class Attack:
    """One attack, told in words, with everything that is expected of it."""

    key: str
    title: str
    story: str
    """One or two plain sentences: what is done, and why it would work."""
    who: Who
    technique: str
    """ATT&CK for ICS technique id."""
    run: Runner
    forbidden: Forbidden
    """Says of a write that reached the device whether it is one of this attack's."""
    layers: frozenset[Layer]
    """One of these must have caught it."""
    harm: str
    """What it does to an unguarded plant: a text of `Plc.harms`, or `` where it only learns something."""
    tolerated: int = 0
    """How many forbidden writes may arrive: where the first of many is nothing unusual."""
    shows: str = ""
    """What is plotted: a field of `Sight`; empty where nothing is to be seen."""
    watch_s: float = 2.0
    """How long the unguarded plant is watched for the harm, in wall time."""
    watch_guarded_s: float = 1.0
    foreign_functions: frozenset[int] = frozenset()
    """Function codes that must never reach the device during this attack."""


@dataclass(slots=True)
class Scene:
    """One attack in progress."""

    port: int
    address: str
    """The attacker's."""
    recorded: tuple[Move, ...] = ()
    """What the attacker has overheard of the operators: the requests of a maintenance round."""
    steps: list[Step] = field(default_factory=list)
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep
    """Waits in wall time; a test turns the plant instead."""
    _lines: list[Line] = field(default_factory=list)

    async def line(self) -> Line:
        """Connect to the target from the attacker's address. Raises OSError where nobody listens."""
        line = await Line.open(self.port, self.address)
        self._lines.append(line)
        return line

    def note(self, text: str, reply: Reply, *, harmless: bool = False) -> Reply:
        """Write down one request with its answer."""
        if len(self.steps) < MAX_STEPS:
            self.steps.append(Step(text, reply, harmless))
        return reply

    async def ask(self, line: Line, text: str, pdu: bytes, unit: int = 1) -> Reply:
        """Send a request, write it down and return its answer."""
        return self.note(text, await line.ask(pdu, unit))

    def close(self) -> None:
        """End all connections of the scene."""
        for line in self._lines:
            line.close()

    @property
    def attempts(self) -> list[Step]:
        """The steps that should not succeed."""
        return [step for step in self.steps if not step.harmless]

    @property
    def succeeded(self) -> int:
        """How many attempts were answered normally."""
        return sum(1 for step in self.attempts if step.reply.fate is Fate.ANSWERED)


def writes_of(*pdus: bytes) -> Forbidden:
    """Return a judge that recognises the writes which these requests make in the device."""
    marks = {
        (change.table.word, change.start, change.values) for pdu in pdus for change in parse_request(1, pdu).changes
    }
    return lambda write: (write.table, write.address, write.values) in marks


def none_forbidden(_write: Write) -> bool:
    """Recognise nothing: for attacks that write nothing."""
    return False
