"""The SCADA of the water cell: polls the PLC some times a second and carries out what operators do.

It is the innocent party of the demo: every request of it that is not answered normally counts as hurt. It keeps the
bytes of its last maintenance round, which is what an eavesdropper on the wire would have: material for a replay.
"""

from __future__ import annotations

import asyncio
import random
from collections import deque
from collections.abc import Callable, Sequence
from typing import Final

from icsguard.lab.desk import Desk
from icsguard.lab.operations import POLL, Move
from icsguard.lab.wire import Fate, Line, Reply

POLL_S: Final = 0.125
"""Wall time between two polls: eight a second."""
RECONNECT_S: Final = 0.2

Script = Callable[[random.Random], tuple[Move, ...]]
"""Makes the next sequence of moves."""


class Scada(Desk[Move]):
    """One polling client on a loopback address of its own. `run` until its task is cancelled."""

    def __init__(
        self, port: int, source: str, *, seed: int, poll: Sequence[bytes] = POLL, every_s: float = POLL_S
    ) -> None:
        super().__init__(port, source, seed=seed, every_s=every_s)
        self.inputs: tuple[int, ...] = ()
        """The input registers as last read: what the operators see."""
        self.last_round: tuple[Move, ...] = ()
        self.hang_up_each_round = False
        """Close the connection at the end of each script: every round is a session of its own."""
        self._poll = tuple(poll)
        self._script: Script | None = None
        self._length_s = 0.0
        self._round_began = 0.0
        self._line: Line | None = None

    def follow(self, script: Script | None, length_s: float) -> None:
        """From now on carry out this script, again and again; None: only poll."""
        self._script, self._length_s = script, length_s
        self._begin()

    def hang_up(self) -> None:
        """Close the connection, as at a change of shift; the next poll opens a new one."""
        if self._line:
            self._line.close()
            self._line = None

    async def _look(self) -> None:
        for pdu in self._poll:
            reply = await self._ask(f"read by function {pdu[0]}", pdu)
            if pdu[0] == 4 and reply.fate is Fate.ANSWERED:  # noqa: PLR2004 - input registers
                self.inputs = reply.words
        if self._script and asyncio.get_running_loop().time() - self._round_began >= self._length_s:
            self._begin()

    async def _go_on(self) -> None:
        while self._moves and self._is_due(self._moves[0]):
            await self._do(self._moves.popleft())

    async def _do(self, move: Move) -> None:
        self.log.writes += 1
        await self._ask(move.text, move.pdu)

    def _begin(self) -> None:
        if self.hang_up_each_round:
            self.hang_up()
        self._round_began = asyncio.get_running_loop().time()
        self.last_round = self._script(self._noise) if self._script else ()
        self._moves = deque(self.last_round)

    def _is_due(self, move: Move) -> bool:
        return asyncio.get_running_loop().time() - self._round_began >= move.at_s

    async def _ask(self, text: str, pdu: bytes) -> Reply:
        try:
            if self._line is None:
                self._line = await Line.open(self.port, self.source)
                self.log.connections += 1
            reply = await self._line.ask(pdu)
        except OSError:
            await asyncio.sleep(RECONNECT_S)
            reply = Reply(Fate.CLOSED, b"", RECONNECT_S)
        self.log.add(text, reply)
        if reply.fate in {Fate.CLOSED, Fate.SILENT}:
            self.hang_up()
        return reply
