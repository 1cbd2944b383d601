import asyncio
import functools
import io
import struct

import msgspec
import pytest
from rich.console import Console

from icsguard.lab.outcome import Outcome, Phase
from icsguard.lab.plc import Plc
from icsguard.lab.program import Program
from icsguard.lab.trial import Caught, Check, Curve, Trial


class Wire:
    """A bare Modbus client: bytes out, one ADU in."""

    def __init__(self, reader, writer):
        self.reader, self.writer, self.tid = reader, writer, 0

    def adu(self, pdu, unit=1):
        self.tid += 1
        return struct.pack(">HHHB", self.tid, 0, len(pdu) + 1, unit) + pdu

    async def ask(self, pdu, unit=1):
        self.writer.write(self.adu(pdu, unit))
        return await self.answer()

    async def answer(self, within=2.0):
        header = await asyncio.wait_for(self.reader.readexactly(6), within)
        body = await self.reader.readexactly(int.from_bytes(header[4:6], "big"))
        return body[1:]

    async def silence(self, for_s=0.15):
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(self.reader.read(1), for_s)
        return True


@pytest.fixture
async def plc():
    server = Plc(Program(), "127.0.0.1", 0)
    await server.serve_forever(background=True)
    yield server
    await server.shutdown()
    await asyncio.sleep(0.02)  # closed transports say farewell in the next turns of the loop


@pytest.fixture
async def wire(plc):
    reader, writer = await asyncio.open_connection("127.0.0.1", plc.port)
    yield Wire(reader, writer)
    writer.close()


@pytest.fixture
def trial():
    """Make a trial that went as it should; name what differs."""
    base = Trial(
        key="rogue-write",
        title="Unknown client writes",
        story="A laptop writes.",
        who="rogue",
        address="127.0.0.66",
        technique="T0855",
        guarded=True,
        attempts=3,
        answered=0,
        refused=3,
        lost=0,
        verdict_ms=1.25,
        arrived=0,
        harms=(),
        tries=(),
        caught=Caught(
            layers=("policy",), layer="policy", code="not-permitted", text="not permitted", record="r1-000001"
        ),
        curve=Curve(),
        began_s=0.0,
        checks=(Check("the plant is unharmed", held=True),),
    )
    return functools.partial(msgspec.structs.replace, base)


@pytest.fixture
def outcome(trial):
    """Make an outcome of two attacks that went as they should; name what differs."""
    times = tuple(number / 10 for number in range(-10, 100))
    high, low = (Curve("level_1", times, tuple(value for _ in times)) for value in (4.0, 2.0))
    bare = {"guarded": False, "answered": 3, "refused": 0, "arrived": 3, "harms": ("tank 1 overflowed",)}
    base = Outcome(
        version="0.1",
        seed=1,
        made="2026-01-01T12:00:00Z",
        speed_up=10.0,
        seconds=100.0,
        phases=(
            Phase("learn", 45.0, 1000, 60, 0, "two clients"),
            Phase("enforce", 60.0, 900, 20, 0, "-"),
        ),
        guarded=(trial(curve=low), trial(key="scan", title="Scan")),
        bare=(trial(curve=high, **bare), trial(key="scan", title="Scan", guarded=False, answered=2, refused=1)),
        overview=(low, high),
        bare_overview=(high, low),
        explanation=("The twin says: overflow.",),
        checks=(Check("0 of 1900 normal requests were hurt", held=True),),
        policy="[clients]",
    )
    return functools.partial(msgspec.structs.replace, base)


@pytest.fixture
def console():
    """Give a console that nobody reads."""
    return Console(file=io.StringIO(), width=120)
