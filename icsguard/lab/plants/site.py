"""A simulated plant behind a Modbus device, without sockets: its polls and writes as the gateway would mirror them.

The clock only counts, noise comes from a seed, values are rounded to their registers, requests and answers are real
ADUs. A `tamper` stands on the wire between device and gateway and changes what sensors say: the plant and its
controller know nothing of it.
"""

from __future__ import annotations

import copy
import random
from collections.abc import Callable, Sequence
from typing import Final

from icsguard.core.clock import MS, SECOND
from icsguard.core.decision import Decision
from icsguard.core.meaning import Table
from icsguard.core.point import Point
from icsguard.core.registers import words_of
from icsguard.core.transaction import Outcome, Question, Transaction
from icsguard.lab.plants.api import POLL_S, UNIT, Outside, Plant, Tag
from icsguard.protocols.modbus import build
from icsguard.protocols.modbus.pdu import parse_request

START: Final = 1_700_000_000 * SECOND
"""When every simulation begins."""
CLIENT: Final = "10.0.0.21"
"""The SCADA server."""
_ANSWER_NS: Final = 2 * MS
_PAUSE_NS: Final = 3 * MS
_MAX_WORD: Final = 0xFFFF
_WANDER_S: Final = 600.0
"""Correlation time of the disturbances, in the equations' time."""
_READS: Final = ((4, Table.INPUT), (3, Table.HOLDING), (1, Table.COIL))

Tamper = Callable[[Tag, float], float]
"""(sensor, value as measured) -> value on the wire, engineering units."""


class PlantSite:
    """One plant with its device, its SCADA and its clock (`now`)."""

    def __init__(self, plant: Plant, seed: int, *, conduit: str = "", client: str = CLIENT) -> None:
        self.plant, self.conduit, self.client = plant, conduit or plant.name, client
        self.now = START
        self.state = dict(plant.start)
        self.told = {tag.name: tag.start for tag in plant.commands}
        self.points = {point.name: point for point in plant.points}
        self.shown: dict[str, float] = {}
        """What the last poll showed, by tag: engineering units as the wire carries them."""
        self.polls = 0
        self._noise = random.Random(seed)
        self._wander = [0.0, 0.0]
        self._number = 0
        self._reads = [
            (build.read(function, 0, len(tags)), tags)
            for function, table in _READS
            if (tags := [tag for tag in plant.tags if tag.table is table])
        ]

    def branch(self) -> PlantSite:
        """Return an independent copy of plant, device and noise: what would be if."""
        other = copy.copy(self)
        other.state, other.told, other.shown = dict(self.state), dict(self.told), dict(self.shown)
        other._wander = list(self._wander)  # noqa: SLF001 - another one of itself
        other._noise = random.Random()  # noqa: SLF001 - likewise
        other._noise.setstate(self._noise.getstate())  # noqa: SLF001 - likewise
        return other

    def advance(self) -> None:
        """Let one poll period pass in the plant."""
        seconds = self.plant.step_s
        keep = 1.0 - seconds / (_WANDER_S + seconds)
        spread = (1.0 - keep * keep) ** 0.5
        self._wander = [keep * one + spread * self._noise.gauss(0.0, 1.0) for one in self._wander]
        day = self.polls * seconds / self.plant.day_s % 1.0
        self.state = self.plant.advance(self.state, self.told, Outside(day, *self._wander), seconds)
        self.polls += 1

    def poll(self, tamper: Tamper | None = None) -> list[Transaction]:
        """Let a poll period pass, then ask for everything; return the transactions."""
        began = START + round(self.polls * POLL_S * SECOND)
        self.advance()
        self.now = max(self.now, began)
        return [self._ask(pdu, [self._word(tag, tamper) for tag in tags]) for pdu, tags in self._reads]

    def write(self, name: str, value: float, *, client: str = "", lost: bool = False) -> Transaction:
        """Write a command; `lost`: it is acknowledged by somebody on the way, and the device never sees it."""
        if not lost:
            self.told[name] = self._carried(name, value)
        return self._ask(self.pdu(name, value), (), client=client)

    def question(self, name: str, value: float, *, client: str = "") -> Question:
        """Return the gateway's question about such a write."""
        request = build.adu(self._number & 0xFFFF, UNIT, self.pdu(name, value))
        return Question(self._number, self.conduit, 1, client or self.client, self.now, request)

    def pdu(self, name: str, value: float) -> bytes:
        """Return the request that writes a command."""
        point = self.points[name]
        if point.table is Table.COIL:
            return build.write_coil(point.address, on=value > 0)
        return build.write_register(point.address, words_of(point, value)[0])

    def request(
        self, pdu: bytes, *, client: str, outcome: Outcome = Outcome.ANSWERED, answer: bytes = b""
    ) -> Transaction:
        """Return a transaction that is neither poll nor write: a foreign client's, one that failed."""
        return self._ask(pdu, (), client=client, outcome=outcome, answer=answer)

    def _carried(self, name: str, value: float) -> float:
        point = self.points[name]
        return float(value > 0) if point.table is Table.COIL else _engineering(point, words_of(point, value)[0])

    def _word(self, tag: Tag, tamper: Tamper | None) -> int:
        if tag.is_command:
            value = self.told[tag.name]
        else:
            value = self.state[tag.name] + (self._noise.gauss(0.0, tag.noise) if tag.noise else 0.0)
            value = tamper(tag, value) if tamper else value
        word = min(max(round((value - tag.offset) / tag.scale), 0), _MAX_WORD)
        self.shown[tag.name] = word * tag.scale + tag.offset
        return word

    def _ask(
        self,
        pdu: bytes,
        words: Sequence[int],
        *,
        client: str = "",
        outcome: Outcome = Outcome.ANSWERED,
        answer: bytes = b"",
    ) -> Transaction:
        self._number += 1
        tid = self._number & 0xFFFF
        said = answer
        if outcome is Outcome.ANSWERED and not said:
            said = build.answer(parse_request(UNIT, pdu), words)
        at, ended = self.now, self.now + _ANSWER_NS if said else 0
        self.now += _PAUSE_NS
        return Transaction(
            self._number,
            self.conduit,
            1,
            client or self.client,
            at,
            ended,
            build.adu(tid, UNIT, pdu),
            build.adu(tid, UNIT, said) if said else b"",
            Decision.REFUSE if outcome is Outcome.REFUSED else Decision.ALLOW,
            outcome,
        )


def _engineering(point: Point, word: int) -> float:
    return word * point.scale + point.offset
