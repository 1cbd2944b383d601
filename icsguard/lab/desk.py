"""Where operators sit: they look at fixed times, follow a script, and do at once what is asked of them.

`scada` (Modbus) and `ua_scada` say what looking and doing is.
"""

from __future__ import annotations

import asyncio
import random
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final, Generic, TypeVar

from icsguard.lab.wire import Fate, Reply

MAX_HURT_KEPT: Final = 100  # one would be a failure already
MAX_LATENCIES: Final = 20_000  # some ten minutes of polling; older ones leave

Deed = TypeVar("Deed")


@dataclass(slots=True)
class Log:
    """What a client experienced."""

    requests: int = 0
    writes: int = 0
    connections: int = 0
    hurt: deque[str] = field(default_factory=lambda: deque(maxlen=MAX_HURT_KEPT))
    hurt_count: int = 0
    latencies_s: deque[float] = field(default_factory=lambda: deque(maxlen=MAX_LATENCIES))

    def add(self, text: str, reply: Reply) -> None:
        """Note one request with its answer."""
        self.requests += 1
        if reply.fate is Fate.ANSWERED:
            self.latencies_s.append(reply.seconds)
            return
        self.hurt_count += 1
        code = f" with exception {reply.exception:02X}" if reply.exception else ""
        self.hurt.append(f"{text}: {reply.fate}{code}")

    def p99_ms(self) -> float:
        """Return the time within which 99 of 100 requests were answered, in ms; 0 without any."""
        ordered = sorted(self.latencies_s)
        return 1000.0 * ordered[int(len(ordered) * 0.99)] if ordered else 0.0


class Desk(Generic[Deed]):
    """One client on a loopback address of its own. `run` until its task is cancelled."""

    def __init__(self, port: int, source: str, *, seed: int, every_s: float) -> None:
        self.port = port
        self.source = source
        self.log = Log()
        self._noise = random.Random(seed)
        self._every_s = every_s
        self._moves: deque[Deed] = deque()
        """What is left of the script."""
        self._urgent: deque[Deed] = deque()
        self._tidy = asyncio.Event()

    async def carry_out(self, moves: Sequence[Deed]) -> None:
        """Have the operators do these things now, after the next look, and wait until they are done."""
        self._urgent.extend(moves)
        self._tidy.clear()
        await self._tidy.wait()

    async def run(self) -> None:
        """Look and operate until cancelled."""
        loop = asyncio.get_running_loop()
        due = loop.time()
        try:
            while True:
                await self._look()
                while self._urgent:
                    await self._do(self._urgent.popleft())
                self._tidy.set()
                await self._go_on()
                due = max(due + self._every_s, loop.time())
                await asyncio.sleep(due - loop.time())
        finally:
            self.hang_up()

    def hang_up(self) -> None:
        """Close the connection; the next look opens a new one."""
        raise NotImplementedError

    async def _look(self) -> None:
        """Read what operators see."""
        raise NotImplementedError

    async def _do(self, move: Deed) -> None:
        """Carry out one thing."""
        raise NotImplementedError

    async def _go_on(self) -> None:
        """Do what the script says is due."""
        raise NotImplementedError
