"""Row 13: connections that take slots and give nothing, against the gateway's own listener over real sockets.

Half an ADU and silence, silence from the start, more connections than there are slots, and the SCADA server that comes
back while somebody holds them all. What counts is when they are ended, that a fragile device behind never notices,
and whether the SCADA server is served all the time. Only Modbus traffic: no plant, no twin, no threshold.
"""

from __future__ import annotations

import asyncio
import contextlib
import io
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import Final

import msgspec

from icsguard.config.settings import Conduit, GatewaySettings, Settings
from icsguard.core.decision import Mode
from icsguard.core.ids import AddressRange
from icsguard.core.meaning import Table as ModbusTable
from icsguard.evaluation.metrics import Tally
from icsguard.evaluation.tables import Row, Table
from icsguard.lab.plants.api import Plant
from icsguard.policy.rules import ClientGroup, Policy, Rule, Service, Target
from icsguard.protocols.modbus import build
from icsguard.protocols.modbus.pdu import parse_request
from icsguard.runtime.site import Site
from icsguard.runtime.tasks import spawn

EACH: Final = 100
"""Connections of each kind."""
SLOTS: Final = 32
"""What the conduit permits in this trial (`max_clients`)."""
INCOMPLETE_S: Final = 1
IDLE_S: Final = 2
"""Bounds of the trial, so that it takes seconds; those of a real conduit are 10 s and an hour."""
SPARE_S: Final = 1.0
"""So much later than its bound an end still counts as kept."""
RETURNS: Final = 20
LOOPBACK: Final = "127.0.0.1"
SCADA: Final = "127.0.0.21"
ROGUE: Final = "127.0.0.66"
_POLL_S: Final = 0.05
_ANSWER_S: Final = 1.0
_ROW: Final = "13"
HALF: Final = "half an ADU, then silence: ended"
IDLE: Final = "silence from the start: ended"
BEYOND: Final = "more connections than slots: turned away"
RETURN: Final = "slots held by others, the SCADA server returns: served"

Progress = Callable[[str], None]


@dataclass(slots=True)
class Exhaustion:
    """What came of it."""

    kinds: dict[str, Tally] = field(default_factory=dict)
    """Found means: ended in time, or turned away; delays in seconds."""
    polls: int = 0
    """Of the SCADA server, while all this went on."""
    answered: int = 0
    links: int = 0
    """Connections that the device had at most."""


def measure(_plant: Plant, each: int, seed: int, progress: Progress) -> Exhaustion:
    """Carry out the trial; it is the same for every plant."""
    progress("connections that take slots")
    quiet = contextlib.redirect_stdout(io.StringIO())  # the listener's log would get between the tables
    with quiet, tempfile.TemporaryDirectory(prefix="icsguard-evaluate-") as folder:
        return asyncio.run(_trial(Path(folder), each, Random(seed)))  # noqa: S311 - nothing secret


class _Device:
    """Answers reads, counts its connections."""

    def __init__(self) -> None:
        self.now = self.most = 0

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.now += 1
        self.most = max(self.most, self.now)
        with contextlib.suppress(asyncio.IncompleteReadError, ConnectionError):
            while True:
                head = await reader.readexactly(6)
                unit, *pdu = await reader.readexactly(int.from_bytes(head[4:]))
                request = parse_request(unit, bytes(pdu))
                count = int.from_bytes(bytes(pdu[3:5]))
                tid = int.from_bytes(head[:2])
                writer.write(build.adu(tid, unit, build.answer(request, [0] * count)))
        self.now -= 1
        writer.close()


async def _trial(folder: Path, each: int, noise: Random) -> Exhaustion:
    device = _Device()
    server = await asyncio.start_server(device.serve, LOOPBACK, 0)
    settings = _settings(folder, server.sockets[0].getsockname()[1])
    site = Site(folder / "icsguard.toml", settings, msgspec.msgpack.encode(settings))
    await site.start()
    found = Exhaustion()
    try:
        port = site.listeners[settings.conduits[0].name].port
        scada = spawn(_polls(port, found), "exhaustion-scada")
        found.kinds[HALF] = await _silent(port, each, INCOMPLETE_S, lambda: noise.randbytes(1)[:1] + bytes(3))
        found.kinds[IDLE] = await _silent(port, each, IDLE_S, bytes)
        found.kinds[BEYOND] = await _beyond(port, each)
        scada.cancel()
        await asyncio.gather(scada, return_exceptions=True)
        found.kinds[RETURN] = await _returns(port)
        found.links = device.most
    finally:
        await site.close()
        server.close()
    return found


def _settings(folder: Path, port: int) -> Settings:
    target = Target(ModbusTable.HOLDING, AddressRange(0, 9))
    rule = Rule("polls", clients=("scada",), units=(1,), services=(Service(3),), targets=(target,))
    conduit = Conduit(
        "slots",
        LOOPBACK,
        0,
        LOOPBACK,
        port,
        mode=Mode.ENFORCE,
        policy=Policy(digest="trial", groups=(ClientGroup("scada", (SCADA,)),), rules=(rule,)),
        max_clients=SLOTS,
        incomplete_timeout_s=INCOMPLETE_S,
        idle_timeout_s=IDLE_S,
    )
    gateway = GatewaySettings(
        state_dir=str(folder / "state"), run_dir=str(folder / "run"), control_socket=str(folder / "run" / "c.sock")
    )
    return Settings(gateway, (conduit,), digest="trial", source=str(folder / "icsguard.toml"))


class _Caller:
    """One connection."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader, self._writer = reader, writer

    @classmethod
    async def open(cls, port: int, source: str) -> _Caller:
        return cls(*await asyncio.open_connection(LOOPBACK, port, local_addr=(source, 0)))

    def send(self, data: bytes) -> None:
        self._writer.write(data)

    async def read(self) -> bool:
        """Ask for one register; say whether the answer came in time."""
        self._writer.write(build.adu(1, 1, build.read(3, 0, 1)))
        try:
            answer = await asyncio.wait_for(self._reader.readexactly(11), _ANSWER_S)
        except (TimeoutError, OSError, asyncio.IncompleteReadError):
            return False
        return answer[7] == 3  # noqa: PLR2004 - not an exception

    async def ended_within(self, seconds: float) -> float | None:
        """Return after how many seconds the other side ended it; None where it did not in time."""
        loop = asyncio.get_running_loop()
        began = loop.time()
        try:
            await asyncio.wait_for(self._reader.read(), seconds)
        except TimeoutError:
            return None
        except OSError:
            pass  # ended by a reset
        return loop.time() - began

    def close(self) -> None:
        self._writer.close()


async def _polls(port: int, found: Exhaustion) -> None:
    """Be the SCADA server until cancelled."""
    caller = await _Caller.open(port, SCADA)
    try:
        while True:
            was_answered = await caller.read()
            found.polls += 1
            found.answered += was_answered
            await asyncio.sleep(_POLL_S)
    finally:
        caller.close()


async def _silent(port: int, each: int, bound_s: float, first: Callable[[], bytes]) -> Tally:
    """Open connections that say `first` and no more; they must be ended at their bound."""
    tally = Tally()
    while tally.count < each:
        callers = [await _Caller.open(port, ROGUE) for _ in range(min(each - tally.count, SLOTS - 2))]
        for caller in callers:
            caller.send(first())
        for delay in await asyncio.gather(*(one.ended_within(bound_s + SPARE_S) for one in callers)):
            tally.add(delay)
        for caller in callers:
            caller.close()
    return tally


async def _beyond(port: int, each: int) -> Tally:
    """Hold every slot, then come again and again: each more must be turned away at once."""
    holders, tally = await _held(port), Tally()
    for number in range(each):
        if number % SLOTS == 0:
            holders = await _held(port, holders)
        caller = await _Caller.open(port, ROGUE)
        tally.add(await caller.ended_within(SPARE_S))
        caller.close()
    for one in holders:
        one.close()
    await asyncio.sleep(_POLL_S)
    return tally


async def _held(port: int, before: list[_Caller] | None = None) -> list[_Caller]:
    """Take all slots, with whole requests from time to time: nobody idle."""
    for one in before or ():
        one.close()
    holders = [await _Caller.open(port, ROGUE) for _ in range(SLOTS)]
    for one in holders:
        one.send(build.adu(1, 1, build.read(3, 0, 1)))  # refused, and heard
    await asyncio.sleep(_POLL_S)
    return holders


async def _returns(port: int) -> Tally:
    """Let the SCADA server come back while somebody holds every slot; found means: it is served."""
    tally, holders = Tally(), await _held(port)
    for _ in range(RETURNS):
        caller = await _Caller.open(port, SCADA)
        began = asyncio.get_running_loop().time()
        tally.add(asyncio.get_running_loop().time() - began if await caller.read() else None)
        caller.close()
        holders = await _held(port, holders)
    for one in holders:
        one.close()
    return tally


def table(found: Mapping[str, Exhaustion]) -> Table:
    """Return the trial's rows."""
    rows: list[Row] = []
    notes: list[str] = []
    for one in found.values():
        for kind, tally in one.kinds.items():
            rows.append({"attack": kind, "row": _ROW, **tally.cells("s")})
        notes.append(
            f"Meanwhile the SCADA server asked {one.polls} times and was answered {one.answered} times; the device had "
            f"{one.links} connections at most, {SLOTS} slots being permitted."
        )
    return Table("exhaustion", "Slots taken by connections that give nothing (row 13)", tuple(rows), tuple(notes))
