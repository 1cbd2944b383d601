"""The twin of the bench's plant: trained on a recording made here, by the code and into the files that a site uses.

The fake device has a small plant: a set-point, a level that follows it in 20 s, an outflow that follows the level in
5 s (bench/c/tables.c). The recording is one and a half hours of a client that polls everything once a second and
changes the set-point now and then, worked out in a second or two.
"""

from __future__ import annotations

import json
import math
import random
import struct
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from icsguard.config.settings import Settings
from icsguard.core.clock import MS, SECOND
from icsguard.core.decision import Decision
from icsguard.core.transaction import Outcome, Transaction
from icsguard.learn.export import export, site_key
from icsguard.learn.fit import fit
from icsguard.protocols.modbus import build
from icsguard.runtime.compiler import compile_now
from icsguard.runtime.model_store import ModelStore

RECORDING_S: Final = 5_400
START: Final = 1_700_000_000 * SECOND
PLANT: Final = 9900
LEVEL_TAU_S: Final = 20.0
OUTFLOW_TAU_S: Final = 5.0
POLLS_A_SECOND: Final = 4


def image_value(address: int) -> int:
    """Return what the fake device holds at `address` until somebody writes it (bench/c/common.h)."""
    return (address * 40503 + 12345) & 0xFFFF


def polls(programs: Path) -> list[tuple[int, int]]:
    """Return the reads that the load generator repeats: (first address, count)."""
    done = subprocess.run([str(programs / "load"), "--polls"], capture_output=True, check=True)
    return [(first, count) for first, count in json.loads(done.stdout)]


class _Plant:
    """The plant of tables.c, at its own pace."""

    def __init__(self) -> None:
        self.set_point = 500
        self._level = self._outflow = 500.0

    def step(self, seconds: float) -> None:
        self._outflow += (self._level - self._outflow) * (1.0 - math.exp(-seconds / OUTFLOW_TAU_S))
        self._level += (self.set_point - self._level) * (1.0 - math.exp(-seconds / LEVEL_TAU_S))

    def registers(self) -> tuple[int, int, int]:
        return self.set_point, round(self._level * 10), round(self._outflow * 10)


class _Recording:
    """Transactions with rising numbers."""

    def __init__(self, conduit: str) -> None:
        self._conduit = conduit
        self._number = 0

    def of(self, at: int, request_pdu: bytes, response_pdu: bytes) -> Transaction:
        self._number += 1
        tid = self._number & 0xFFFF
        request, response = (
            struct.pack(">HHHB", tid, 0, len(pdu) + 1, 1) + pdu for pdu in (request_pdu, response_pdu)
        )
        answered = (int(Decision.ALLOW), int(Outcome.ANSWERED))
        return Transaction(
            self._number, self._conduit, 1, "127.0.0.1", at, at + MS, request, response, answered[0], answered[1]
        )


def recording(conduit: str, reads: list[tuple[int, int]], seconds: int = RECORDING_S) -> Iterator[Transaction]:
    """Yield what a quiet site says: seeded, the same each time."""
    chance = random.Random(7)
    plant, log = _Plant(), _Recording(conduit)
    next_change = 30
    for second in range(seconds):
        at = START + second * SECOND
        plant.step(1.0)
        yield log.of(at, _read(PLANT, 3), _words(plant.registers()))
        for index in range(POLLS_A_SECOND):
            first, count = reads[(second * POLLS_A_SECOND + index) % len(reads)]
            values = tuple(image_value(address) for address in range(first, first + count))
            yield log.of(at + (10 + 5 * index) * MS, _read(first, count), _words(values))
        if second >= next_change:
            next_change = second + chance.randint(20, 90)
            plant.set_point = chance.randint(350, 650)
            pdu = struct.pack(">BHH", 6, PLANT, plant.set_point)
            yield log.of(at + 200 * MS, pdu, pdu)


def _read(first: int, count: int) -> bytes:
    return build.read(3, first, count)


def _words(values: tuple[int, ...]) -> bytes:
    return struct.pack(f">BB{len(values)}H", 3, 2 * len(values), *values)


def train(config: Path, programs: Path) -> Settings:
    """Fit and write the models of every conduit of a site; return its settings. Raises CompileError."""
    settings = compile_now(config).settings
    reads = polls(programs)
    flow = ModelStore().load(settings).flow
    for conduit in settings.conduits:
        fitted = fit(
            recording(conduit.name, reads),
            conduit,
            horizon_s=settings.shadow.horizon_s,
            window_s=settings.shadow.score_every_s,
            flow_model=flow,
        )
        export(fitted, Path(settings.shadow.models_dir) / conduit.name, site_key(Path(settings.gateway.state_dir)))
    return settings
