"""A plant in a process of its own, as the demo holds it: started, seen, renewed and stopped past the gateway.

Whatever happens to the plant's network, this side channel (two pipes) keeps telling the truth about tanks and arrivals.
"""

from __future__ import annotations

import asyncio
import sys
from collections import deque
from collections.abc import Callable
from typing import Final, NamedTuple, Self

import msgspec

from icsguard.lab.plant import Sight
from icsguard.lab.plc import Write
from icsguard.runtime.tasks import spawn

START_S: Final = 60.0
"""Longest wait for the first sight: asyncua takes seconds to build its address space, more on a busy machine."""
STOP_S: Final = 5.0
MAX_SIGHTS: Final = 12_000  # twenty minutes at ten a second
MAX_WRITES: Final = 20_000  # all that a demo can write, several times over
MAX_LINE: Final = 1 << 20


class Seen(NamedTuple):
    """One sight and when it was had."""

    at_s: float
    """Time of the event loop."""
    sight: Sight


class PlantProcess:
    """One running plant. `await PlantProcess.start(...)` makes it; raises RuntimeError where it does not come up."""

    def __init__(self, process: asyncio.subprocess.Process, seed: int) -> None:
        self.seed = seed
        self.sights: deque[Seen] = deque(maxlen=MAX_SIGHTS)
        self.writes: deque[Write] = deque(maxlen=MAX_WRITES)
        """Every write that the device carried out."""
        self._process = process
        self._decoder = msgspec.json.Decoder(Sight)
        self._fresh = asyncio.Event()

    @classmethod
    async def start(cls, seed: int, module: str = "icsguard.lab.plant", *more: str, port: int = 0) -> Self:
        """Start a plant on a port (0 for a free one) and wait until it can be seen."""
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", module, "--port", str(port), "--lines", "--seed", str(seed), *more),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            limit=MAX_LINE,
        )
        plant = cls(process, seed)
        spawn(plant._watch(), "plant-watch")
        try:
            await asyncio.wait_for(plant._fresh.wait(), START_S)
        except TimeoutError:
            await plant.stop()
            raise RuntimeError(f"the simulated plant did not start within {START_S:g} s") from None
        return plant

    @property
    def now(self) -> Sight:
        """The newest sight."""
        return self.sights[-1].sight

    @property
    def port(self) -> int:
        """The TCP port of its PLC."""
        return self.now.port

    async def renew(self) -> None:
        """Have the plant repaired, and wait until that is seen."""
        self._order(b"renew\n")
        await self.until(lambda sight: sight.wall_s < 1.0 and not sight.harms, STOP_S)

    async def until(self, condition: Callable[[Sight], bool], within_s: float) -> bool:
        """Wait for a sight that meets a condition; return whether one came in time."""
        try:
            async with asyncio.timeout(within_s):
                while True:
                    self._fresh.clear()
                    await self._fresh.wait()
                    if condition(self.now):
                        return True
        except TimeoutError:
            return False

    async def stop(self) -> None:
        """End the process; kill it if it does not end by itself."""
        if self._process.returncode is None and self._process.stdin:
            self._process.stdin.close()
        try:
            await asyncio.wait_for(self._process.wait(), STOP_S)
        except TimeoutError:
            self._process.kill()
            await self._process.wait()

    def _order(self, word: bytes) -> None:
        if self._process.stdin:
            self._process.stdin.write(word)

    async def _watch(self) -> None:
        out = self._process.stdout
        while out and (line := await out.readline()):
            sight = self._decoder.decode(line)
            self.writes.extend(sight.writes)
            self.sights.append(Seen(asyncio.get_running_loop().time(), sight))
            self._fresh.set()
