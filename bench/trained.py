"""The twin of the bench's plant: trained on a recording made here, by the code and into the files that a site uses.

The fake device has a small plant: a set-point, a level that follows it in 20 s, an outflow that follows the level in
5 s (bench/c/tables.c). The recording is a quarter of an hour of a client that polls the plant and trims its set-point
many times a second, as a cascade controller does; the centre moves now and then. Worked out in seconds.
"""

from __future__ import annotations

import hashlib
import json
import math
import random
import struct
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import icsguard
from icsguard.core.clock import MS, SECOND
from icsguard.core.decision import Decision
from icsguard.core.transaction import Outcome, Transaction
from icsguard.learn.export import export, site_key
from icsguard.learn.fit import fit
from icsguard.protocols.modbus import build
from icsguard.runtime.compiler import compile_now
from icsguard.runtime.model_store import ModelStore

RECORDING_S: Final = 900
START: Final = 1_700_000_000 * SECOND
PLANT: Final = 9900
LEVEL_TAU_S: Final = 20.0
OUTFLOW_TAU_S: Final = 5.0
TICKS: Final = 100
"""Requests a second: reads of the plant, writes of its set-point, and one of the poll set."""
WRITES: Final = 0.6  # share of writes; the load generator writes less often
TRIM: Final = 100  # how far a set-point is from its centre; the load generator's is from 400 to 600
CENTRE_S: Final = 40
JITTER_MS: Final = 8


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
        request, response = (struct.pack(">HHHB", tid, 0, len(pdu) + 1, 1) + pdu for pdu in (request_pdu, response_pdu))
        return Transaction(
            number=self._number,
            conduit=self._conduit,
            flow=1,
            client="127.0.0.1",
            request_at=at,
            response_at=at + MS,
            request=request,
            response=response,
            decision=Decision.ALLOW,
            outcome=Outcome.ANSWERED,
        )


def recording(conduit: str, reads: list[tuple[int, int]], seconds: int = RECORDING_S) -> Iterator[Transaction]:
    """Yield what a quiet site says: seeded, the same each time."""
    chance = random.Random(7)
    plant, log = _Plant(), _Recording(conduit)
    centre = 500
    for tick in range(seconds * TICKS):
        at = START + tick * SECOND // TICKS + chance.randint(0, JITTER_MS) * MS
        plant.step(1 / TICKS)
        if tick % (CENTRE_S * TICKS) == 0:
            centre = chance.randint(450, 550)
        if tick % TICKS == 0:
            first, count = chance.choice(reads)
            values = tuple(image_value(address) for address in range(first, first + count))
            yield log.of(at, _read(first, count), _words(values))
        elif chance.random() < WRITES:
            plant.set_point = centre + chance.randint(-TRIM, TRIM)
            pdu = struct.pack(">BHH", 6, PLANT, plant.set_point)
            yield log.of(at, pdu, pdu)
        else:
            yield log.of(at, _read(PLANT, 3), _words(plant.registers()))


def _read(first: int, count: int) -> bytes:
    return build.read(3, first, count)


def _words(values: tuple[int, ...]) -> bytes:
    return struct.pack(f">BB{len(values)}H", 3, 2 * len(values), *values)


def train(config: Path, programs: Path, name: str) -> None:
    """Fit and write the twin of one conduit of a site. Raises CompileError."""
    settings = compile_now(config).settings
    fitted = fit(
        recording(name, polls(programs)),
        settings.conduit(name),
        horizon_s=settings.shadow.horizon_s,
        window_s=settings.shadow.score_every_s,
        flow_model=ModelStore().load(settings).flow,
    )
    export(fitted, Path(settings.shadow.models_dir) / name, site_key(Path(settings.gateway.state_dir)))


def sources_digest() -> str:
    """Return a digest of everything that a trained twin depends on: it is trained anew when any of that changes."""
    digest = hashlib.sha256()
    product = Path(icsguard.__file__).parent
    folders = [product / name for name in ("core", "detect", "inference", "learn", "twin")]
    files = [path for folder in folders for path in sorted(folder.rglob("*.py"))]
    for path in [*files, *(Path(__file__).with_name(name) for name in ("site.py", "trained.py"))]:
        digest.update(path.read_bytes())
    return digest.hexdigest()[:12]
