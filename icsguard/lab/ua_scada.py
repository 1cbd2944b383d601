"""The operators' station of the water cell over OPC UA: reads, subscribes, and now and then moves a set-point.

The innocent party of `icsguard demo --opcua`, as `scada.Scada` is of the Modbus demo: whatever it asks and does not get
counts as hurt.
"""

from __future__ import annotations

import asyncio
import random
from collections import deque
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any, Final, NamedTuple

from icsguard.lab.desk import Desk
from icsguard.lab.scada import RECONNECT_S
from icsguard.lab.ua_cell import LAMP_TEST, NODES, Value
from icsguard.lab.ua_client import UaLine, told
from icsguard.lab.wire import Fate

EVERY_S: Final = 0.25
"""Wall time between two reads of all nodes."""
PUBLISH_MS: Final = 200
SHIFT_S: Final = 6.0
"""Length of one sequence of what operators do."""
_LEVELS: Final = ("level_1", "level_2", "chlorine")


class UaMove(NamedTuple):
    """One thing that an operator does."""

    at_s: float
    """Since the start of the sequence."""
    text: str
    values: dict[str, Value]
    """Nodes and what is written to them, in one request; empty for a lamp test."""


def quiet_shift(noise: random.Random) -> tuple[UaMove, ...]:
    """Return SHIFT_S of a quiet shift: small moves of set-points and dose, a lamp test."""
    level = 2.0 + noise.choice((-0.06, 0.06))
    return (
        UaMove(0.5, "dose", {"dose": round(noise.uniform(0.75, 0.95), 2)}),
        UaMove(1.5, "set-points of both tanks", {"setpoint_1": level, "setpoint_2": level}),
        UaMove(3.0, "lamp test", {}),
        UaMove(4.0, "dose", {"dose": 0.8}),
        UaMove(5.0, "set-points of both tanks", {"setpoint_1": 2.0, "setpoint_2": 2.0}),
    )


class UaScada(Desk[UaMove]):
    """One operators' station. `run` until its task is cancelled."""

    def __init__(self, port: int, source: str, keys: Path, *, seed: int) -> None:
        super().__init__(port, source, seed=seed, every_s=EVERY_S)
        self.published = 0
        """Values that the subscription brought."""
        self.at_home = False
        """Read only, touch nothing: nobody is left to put things right."""
        self._keys = keys
        self._line: UaLine | None = None
        self._began = 0.0

    def datachange_notification(self, _node: Any, _value: Any, _data: Any) -> None:  # noqa: ANN401 - asyncua's own
        """Take a value that the subscription brought."""
        self.published += 1

    def hang_up(self) -> None:
        """Close the connection; the next read opens a new one."""
        if self._line is not None:
            self._line.client.disconnect_socket()
            self._line = None

    async def _look(self) -> None:
        await self._ask("read of all nodes", self._read)
        now = asyncio.get_running_loop().time()
        if now - self._began >= SHIFT_S and not self.at_home:
            self._began, self._moves = now, deque(quiet_shift(self._noise))

    async def _go_on(self) -> None:
        now = asyncio.get_running_loop().time()
        while self._moves and not self.at_home and now - self._began >= self._moves[0].at_s:
            await self._do(self._moves.popleft())

    async def _do(self, move: UaMove) -> None:
        self.log.writes += 1

        async def act() -> list[str]:
            line = await self._connected()
            return await (line.write(move.values) if move.values else line.call(LAMP_TEST))

        await self._ask(move.text, act)

    async def _read(self) -> list[str]:
        line = await self._connected()
        values = await line.read([node.name for node in NODES])
        return ["Good" if None not in values else "Bad"]

    async def _connected(self) -> UaLine:
        if self._line is None:
            self._line = await UaLine.open(self.port, self.source, self._keys, "hmi")
            self.log.connections += 1
            subscription = await self._line.client.create_subscription(PUBLISH_MS, self)
            await subscription.subscribe_data_change([self._line.node(name) for name in _LEVELS])
        return self._line

    async def _ask(self, text: str, act: Callable[[], Awaitable[list[str]]]) -> None:
        reply, _statuses = await told(act)
        self.log.add(text, reply)
        if reply.fate in {Fate.CLOSED, Fate.SILENT}:
            self.hang_up()
            await asyncio.sleep(RECONNECT_S)
