"""The water cell without sockets and without waiting: an hour of its Modbus traffic in some seconds.

The same program and registers as behind the PLC's port, asked by a scripted SCADA on a clock that only counts. For
fitting and judging twins in tests and experiments, where traffic must come from one seed.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Final

from icsguard.config.points_csv import read_points
from icsguard.config.problem import Findings
from icsguard.core.clock import MS, SECOND
from icsguard.core.decision import Decision
from icsguard.core.meaning import Intent, Table
from icsguard.core.point import Point
from icsguard.core.transaction import Outcome, Transaction
from icsguard.lab.cell import UNIT, points_csv
from icsguard.lab.operations import POLL, ROUND_S, Move, maintenance_round
from icsguard.lab.program import Program
from icsguard.lab.water import SPEED_UP
from icsguard.protocols.modbus import build
from icsguard.protocols.modbus.pdu import parse_request

START: Final = 1_700_000_000 * SECOND
"""When every offline recording begins."""
POLL_NS: Final = 125 * MS
SCAN_NS: Final = 25 * MS
_ANSWER_NS: Final = 2 * MS
_PAUSE_NS: Final = 3 * MS

Script = Callable[[random.Random], tuple[Move, ...]]


def cell_points() -> tuple[Point, ...]:
    """Return the cell's points, read as the gateway reads them."""
    return tuple(read_points(points_csv(), "cell.points.csv", Findings()).points)


class OfflineCell:
    """A cell with its SCADA on a clock of its own (`now`)."""

    def __init__(self, seed: int, *, conduit: str = "cell", client: str = "127.0.1.1") -> None:
        self.program = Program(seed=seed)
        self.conduit, self.client = conduit, client
        self.now = START
        self._scanned, self._number = START, 0
        self._noise = random.Random(seed)

    def ask(self, pdu: bytes, *, client: str = "", outcome: Outcome = Outcome.ANSWERED) -> Transaction:
        """Let the device carry out one request; return the finished transaction."""
        request = parse_request(UNIT, pdu)
        registers, values = self.program.registers, []
        if outcome is Outcome.ANSWERED:
            for change in request.changes:
                registers.of(change.table)[change.start : change.start + len(change.values)] = change.values
            for access in request.accesses:
                if access.intent is Intent.READ and access.table is not Table.FILE:
                    values = registers.of(access.table)[access.span.first : access.span.last + 1]
        self._number += 1
        tid = self._number & 0xFFFF
        answer = build.adu(tid, UNIT, build.answer(request, values)) if outcome is Outcome.ANSWERED else b""
        at, ended = self.now, self.now + _ANSWER_NS if answer else 0
        self.now += _PAUSE_NS
        decision = Decision.REFUSE if outcome is Outcome.REFUSED else Decision.ALLOW
        question = build.adu(tid, UNIT, pdu)
        return Transaction(
            self._number,
            self.conduit,
            1,
            client or self.client,
            at,
            ended,
            question,
            answer,
            decision,
            outcome,
        )

    def run(
        self, seconds: float, script: Script | None = maintenance_round, length_s: float = ROUND_S
    ) -> list[Transaction]:
        """Poll for `seconds` of wall time and carry out the script again and again; return all transactions."""
        made: list[Transaction] = []
        end, began = self.now + int(seconds * SECOND), self.now
        moves = list(script(self._noise)) if script else []
        while self.now < end:
            polled = self.now
            self._pass(polled)
            made += [self.ask(pdu) for pdu in POLL]
            if script and self.now - began >= length_s * SECOND:
                began, moves = self.now, list(script(self._noise))
            while moves and self.now - began >= moves[0].at_s * SECOND:
                made.append(self.ask(moves.pop(0).pdu))
            self.now = max(self.now, polled + POLL_NS)
        return made

    def _pass(self, until: int) -> None:
        """Let the plant's time pass up to `until`."""
        while self._scanned + SCAN_NS <= until:
            self.program.scan(SCAN_NS / SECOND * SPEED_UP)
            self._scanned += SCAN_NS
