"""The plant as a process: `python -m icsguard.lab.plant --port 1502` runs the water cell behind its PLC, alone.

Useful with any Modbus client. With `--lines` it speaks JSON: one `Sight` a line on standard output, ten times a
second, and obeys one word a line on standard input (`renew`, `stop`; the end of the input means stop). That side
channel is how the demo and the tests see what really happened in the plant, past the gateway under test.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import logging
import signal
import sys
from collections.abc import Sequence, Sized
from typing import Final, Protocol

import msgspec

from icsguard.lab import registers as at
from icsguard.lab.plc import Arrivals, Plc, Write
from icsguard.lab.program import LEVEL_QUANTUM_M, Program
from icsguard.lab.water import SPEED_UP
from icsguard.runtime.tasks import spawn

SCAN_S: Final = 0.05
"""Wall time between two scans of the control program."""
SIGHT_EVERY: Final = 2  # scans: ten sights a second are smooth enough for a plot
MAX_LAG_S: Final = 1.0  # a machine that slept does not play the missed time in a rush
MAX_TOLD: Final = 500  # writes told in one line; the rest follows in the next


class Sight(msgspec.Struct, frozen=True):
    """What can be seen by standing in the plant."""

    wall_s: float
    """Since the plant was started, or renewed."""
    plant_s: float
    level_1: float
    level_2: float
    flow_in: float
    flow_transfer: float
    flow_town: float
    speed_1: float
    speed_2: float
    chlorine: float
    setpoint_1: float
    setpoint_2: float
    harms: tuple[str, ...]
    requests: int
    """All that ever reached the device, understood or not."""
    functions: dict[int, int]
    garbage: int
    written: int
    writes: tuple[Write, ...]
    """Carried out since the last line."""
    connections: int
    port: int


class Controller(Protocol):
    """What a plant needs of the PLC before it, whatever that speaks."""

    program: Program
    arrivals: Arrivals

    @property
    def port(self) -> int:
        """Where it listens."""
        ...

    @property
    def active_connections(self) -> Sized:
        """Who is connected."""
        ...

    @property
    def harms(self) -> tuple[str, ...]:
        """What an attack has achieved so far, in words."""
        ...

    def renew(self, program: Program) -> None:
        """Put a fresh cell behind the same port."""
        ...


class Plant:
    """The cell, its PLC and the beat of its scans."""

    def __init__(self, plc: Controller, speed: float) -> None:
        self._plc = plc
        self._speed = speed
        self._seed = plc.program.seed
        self._started = asyncio.get_running_loop().time()
        self._told = 0

    async def run(self, stop: asyncio.Event, *, lines: bool) -> None:
        """Scan until `stop` is set, telling what is seen."""
        loop = asyncio.get_running_loop()
        due, count = loop.time(), 0
        while not stop.is_set():
            self._plc.program.scan(SCAN_S * self._speed)
            count += 1
            self._tell(count, lines=lines)
            due = max(due + SCAN_S, loop.time() - MAX_LAG_S)
            await asyncio.sleep(max(0.0, due - loop.time()))

    def renew(self) -> None:
        """Put a fresh cell behind the same port; what has arrived stays counted."""
        self._seed += 1
        self._plc.renew(Program(seed=self._seed))
        self._started = asyncio.get_running_loop().time()

    def sight(self) -> Sight:
        """Return what is to be seen now; each write is told once."""
        plc, water, words = self._plc, self._plc.program.water, self._plc.program.registers.holding
        arrivals = plc.arrivals
        fresh = tuple(write for write in arrivals.writes if write.number > self._told)[:MAX_TOLD]
        self._told = fresh[-1].number if fresh else self._told
        return Sight(
            wall_s=round(asyncio.get_running_loop().time() - self._started, 3),
            plant_s=round(water.time_s, 2),
            level_1=round(water.level_1_m, 4),
            level_2=round(water.level_2_m, 4),
            flow_in=round(water.flow_in, 5),
            flow_transfer=round(water.flow_transfer, 5),
            flow_town=round(water.flow_town, 5),
            speed_1=round(water.speed_1, 4),
            speed_2=round(water.speed_2, 4),
            chlorine=round(water.chlorine_mg_l, 3),
            setpoint_1=words[at.SETPOINT_1] * LEVEL_QUANTUM_M,
            setpoint_2=words[at.SETPOINT_2] * LEVEL_QUANTUM_M,
            harms=plc.harms,
            requests=sum(arrivals.functions.values()) + arrivals.garbage,
            functions=dict(arrivals.functions),
            garbage=arrivals.garbage,
            written=arrivals.written,
            writes=fresh,
            connections=len(plc.active_connections),
            port=plc.port,
        )

    def _tell(self, count: int, *, lines: bool) -> None:
        if lines and count % SIGHT_EVERY == 0:
            sys.stdout.write(msgspec.json.encode(self.sight()).decode() + "\n")
            sys.stdout.flush()
        elif not lines and count % round(1.0 / SCAN_S) == 0:
            sys.stdout.write(_readable(self.sight()) + "\n")
            sys.stdout.flush()


def main(argv: Sequence[str] | None = None) -> int:
    """Run the plant until interrupted. Exit status 1 where its port cannot be had."""
    options = _parser().parse_args(argv)
    logging.getLogger("pymodbus").setLevel(logging.CRITICAL)  # it logs each packet that it dislikes
    with contextlib.suppress(KeyboardInterrupt, BrokenPipeError):
        return asyncio.run(_serve(options))
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m icsguard.lab.plant", description="A simulated water cell.")
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on (default: loopback)")
    parser.add_argument("--port", type=int, default=1502, help="TCP port of its Modbus server; 0 takes a free one")
    parser.add_argument("--seed", type=int, default=1, help="seed of the sensors' noise")
    parser.add_argument("--speed", type=float, default=SPEED_UP, help="plant seconds per second (default: %(default)s)")
    parser.add_argument("--lines", action="store_true", help="speak JSON lines and obey `renew` and `stop`")
    return parser


async def _serve(options: argparse.Namespace) -> int:
    plc = Plc(Program(seed=options.seed), options.host, options.port)
    try:
        await plc.serve_forever(background=True)
    except RuntimeError:
        sys.stderr.write(f"the plant cannot listen on {options.host}:{options.port}: is the port in use?\n")
        return 1
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    loop.add_signal_handler(signal.SIGTERM, stop.set)
    plant = Plant(plc, options.speed)
    if options.lines:
        spawn(obey(plant, stop), "plant-orders")
    await plant.run(stop, lines=options.lines)
    await plc.shutdown()  # type: ignore[no-untyped-call]
    return 0


async def obey(plant: Plant, stop: asyncio.Event) -> None:
    """Do what the lines on standard input say, until they say stop or end."""
    reader = asyncio.StreamReader()
    loop = asyncio.get_running_loop()
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
    while line := await reader.readline():
        if line.strip() == b"renew":
            plant.renew()
        elif line.strip() == b"stop":
            break
    stop.set()


def _readable(sight: Sight) -> str:
    harms = ", ".join(sight.harms) or "no harm"
    return (
        f"{sight.plant_s:8.0f} s  tank 1 {sight.level_1:5.2f} m  tank 2 {sight.level_2:5.2f} m  "
        f"chlorine {sight.chlorine:4.2f} mg/l  requests {sight.requests}  {harms}"
    )


if __name__ == "__main__":
    sys.exit(main())
