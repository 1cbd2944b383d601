"""What one frame costs the pure core, without sockets: `python -m bench.micro [--profile KIND]`.

It runs the core that the gateway would run, compiled where it was built; with ICSGUARD_CORE=python the other one.

Each kind is a whole transaction (request and answer) through the code that runs live. Figures are also given relative
to a fixed loop of plain Python, so that a change in the code can be told from a change of the machine.
"""

from __future__ import annotations

import argparse
import cProfile
import pstats
import struct
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from statistics import median
from typing import Final

from icsguard.runtime import compiled

if __name__ == "__main__":
    compiled.choose()  # before the first import of what may be compiled

from bench.site import write_site
from bench.trained import image_value
from icsguard.config.settings import Conduit
from icsguard.conversation.api import Ask
from icsguard.conversation.guard import Guard
from icsguard.conversation.run import Run
from icsguard.conversation.session import Session
from icsguard.core.clock import MS, SECOND, US
from icsguard.core.decision import Decision
from icsguard.core.flow import Client
from icsguard.core.transaction import Opinion
from icsguard.policy.decide import Judge
from icsguard.protocols.modbus import build
from icsguard.runtime.compiler import compile_now

START: Final = 1_700_000_000 * SECOND
REPEATS: Final = 7
EACH: Final = 3_000


class Bare:
    """One session on one guard with the bench's own policy, and a clock turned by hand."""

    def __init__(self, conduit: Conduit, *, shadow: bool = True) -> None:
        self.guard = Guard(conduit, Judge(conduit.policy), Run("bench"))
        self.guard.shadow_up = shadow
        self.now = START
        self._tid = 0
        client = Client("127.0.0.1", 4000, self.guard.judge.client("127.0.0.1"))
        self._session = Session(self.guard, client, self.guard.run.next_flow(), self.now)
        self.exchange(build.read(3, 0, 10), _words(0, 10))
        self._session.link_up(self.now)
        self._session.link_bytes(_adu(self._tid, _words(0, 10)), self.now)

    def exchange(self, request: bytes, response: bytes) -> None:
        """Take one transaction from the client's bytes to the device's answer."""
        self._tid = (self._tid + 1) & 0xFFFF
        self.now += 20 * US
        session, data, answer = self._session, _adu(self._tid, request), _adu(self._tid, response)
        if not session.request_passes(data, self.now):
            for command in session.client_bytes(data, self.now):
                if isinstance(command, Ask):
                    number = command.question.number
                    session.opinion(Opinion(number, Decision.ALLOW, (), "0123456789ab"), self.now + MS)
        if not session.response_passes(answer, self.now):
            session.link_bytes(answer, self.now)
        if len(self.guard.run.mirror) > 64:
            self.guard.run.mirror.clear()
            self.guard.run.records.clear()


def _adu(tid: int, pdu: bytes) -> bytes:
    return build.adu(tid, 1, pdu)


def _words(first: int, count: int) -> bytes:
    return struct.pack(f">BB{count}H", 3, 2 * count, *(image_value(first + index) for index in range(count)))


def kinds(conduit: Conduit) -> dict[str, Callable[[int], None]]:
    """Return what is measured: name to a function of a counter that does one transaction."""
    bare = Bare(conduit)
    hot = (build.read(3, 100, 55), _words(100, 55))
    cold = [(build.read(3, first, 55), _words(first, 55)) for first in range(4000)]
    one, many = (
        [bytes(build.write_register(10_016, value)) for value in range(64)],
        build.write_registers(10_000, list(range(16))),
    )
    forbidden = build.write_register(60_001, 1)

    def denied(_index: int) -> None:
        bare.exchange(forbidden, b"\x86\x03")

    return {
        "hot read": lambda _index: bare.exchange(*hot),
        "cold read": lambda index: bare.exchange(*cold[index % len(cold)]),
        "write (06), judged": lambda index: bare.exchange(one[index % 64], one[index % 64]),
        "write (16 x 16), judged": lambda _index: bare.exchange(many, many[:5]),
        "refused write": denied,
    }


def calibration(index: int) -> None:
    """Do a fixed piece of plain Python: calls, attributes, dictionary, slices. About a microsecond."""
    table = {number: (number, index) for number in range(8)}
    data = bytes(16)
    for number in range(8):
        _ = (table[number][0], data[number:12])


def cost(do: Callable[[int], None], each: int = EACH) -> float:
    """Return the CPU microseconds of one call: the least of several repeats, the rest is noise."""
    best = []
    for _ in range(REPEATS):
        began = time.process_time_ns()
        for index in range(each):
            do(index)
        best.append((time.process_time_ns() - began) / each / 1e3)
    return min(best)


def bench_conduit() -> Conduit:
    """Return the conduit of the bench's site."""
    with tempfile.TemporaryDirectory() as folder:
        config = write_site(Path(folder), {"cell": (15_502, 15_503)})
        return replace(compile_now(config).settings.conduits[0], max_in_flight=16)


def main(argv: Sequence[str] | None = None) -> int:
    """Print the table, or the profile of one kind."""
    parser = argparse.ArgumentParser(prog="python -m bench.micro", description=__doc__)
    parser.add_argument("--profile", default="", help="print where the time of this kind goes")
    options = parser.parse_args(argv)
    found = kinds(bench_conduit())
    if options.profile:
        return profile(found, options.profile)
    core = compiled.running()
    if core.is_compiled:
        compiled.quicken()
    print(f"core: {core.name} ({core.why})")
    unit = median(cost(calibration) for _ in range(3))
    print(f"{'transaction':26} {'us':>8} {'x calibration':>14}")
    for name, do in found.items():
        spent = cost(do)
        print(f"{name:26} {spent:8.2f} {spent / unit:14.2f}")
    return 0


def profile(found: dict[str, Callable[[int], None]], name: str) -> int:
    """Print the functions that take the time of one kind."""
    if name not in found:
        sys.stderr.write(f"bench.micro: no kind {name!r}; there are: {', '.join(found)}\n")
        return 2
    profiler = cProfile.Profile()
    profiler.enable()
    for index in range(EACH * 3):
        found[name](index)
    profiler.disable()
    pstats.Stats(profiler).sort_stats("tottime").print_stats(40)
    return 0


if __name__ == "__main__":
    sys.exit(main())
