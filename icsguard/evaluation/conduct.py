"""What needs no statistics: requests that no learnt policy permits, played against the gateway's own sessions.

Facts §6 rows 1, 2, 6, 14, 15, 16, 20: a policy is learnt from the recording of normal operation, checked like a file
that an operator wrote, and enforced by the same `Session` and `Guard` that run in the gateway. What counts is whether
a request reached the device. Then the same policy meets normal operation that it did not see: nothing may be refused.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from itertools import cycle
from typing import Final

import numpy as np

from icsguard.config.load import check_file
from icsguard.config.settings import Conduit
from icsguard.core.clock import SECOND
from icsguard.core.decision import Decision, Mode
from icsguard.core.finding import Finding
from icsguard.core.meaning import Table
from icsguard.core.record import Record
from icsguard.core.transaction import Outcome, Transaction
from icsguard.evaluation.bench import CLEAN, Bench
from icsguard.evaluation.metrics import Tally
from icsguard.lab.plants.api import UNIT, Plant
from icsguard.lab.plants.shift import run
from icsguard.lab.plants.site import CLIENT
from icsguard.learn.direction import Wire
from icsguard.learn.player import Player, wires_of
from icsguard.learn.proposal_text import points_text, policy_text
from icsguard.learn.propose import propose
from icsguard.learn.traffic import Traffic
from icsguard.policy.rules import Policy
from icsguard.protocols.modbus import build
from icsguard.runtime.files import shipped_rules

ROGUE: Final = "10.0.0.66"
"""A client that nobody knows."""
STOPPED: Final = frozenset({Outcome.REFUSED, Outcome.DROPPED, Outcome.UNREACHABLE})
"""Outcomes after which it is certain that the device never saw the request; all others count as reached."""
TAUGHT_POLLS: Final = 12_000
"""Of the recording, so many polls at most teach the policy: three days."""
CLEAN_POLLS: Final = 1_500
_SPACING: Final = SECOND // 4
_LAST_ADDRESS: Final = 0xFFFF


@dataclass(slots=True)
class Conduct:
    """What became of the requests of each kind."""

    kinds: dict[str, Tally] = field(default_factory=dict)
    """Found means: it did not reach the device."""
    missed: Counter[str] = field(default_factory=Counter)
    clean_requests: int = 0
    clean_refused: int = 0
    why: Counter[str] = field(default_factory=Counter)


Maker = Callable[[Plant, np.random.Generator], bytes]
"""One attacker's request as an ADU."""


def _scan(plant: Plant, noise: np.random.Generator) -> bytes:
    """Row 1: addresses, units and identity that nobody asks for."""
    beyond = len(plant.tags) + int(noise.integers(1, 60_000))
    pdus = (
        build.read(int(noise.integers(1, 5)), beyond, int(noise.integers(1, 100))),
        build.identification(),
        build.bare(17),
    )
    unit = int(noise.integers(2, 248)) if noise.random() < 0.5 else UNIT  # noqa: PLR2004 - half of them look for units
    return build.adu(int(noise.integers(65_536)), unit, pdus[int(noise.integers(len(pdus)))])


def _write(plant: Plant, noise: np.random.Generator) -> bytes:
    """Row 2: the right register, a wrong client."""
    point = plant.points[int(noise.integers(len(plant.points)))]
    address, value = point.address, int(noise.integers(_LAST_ADDRESS))
    pdus = (
        build.write_coil(address, on=bool(value & 1)),
        build.write_register(address, value),
        build.write_registers(address, (value, value)),
        build.mask_write(address, value, value ^ _LAST_ADDRESS),
    )
    return build.adu(int(noise.integers(65_536)), UNIT, pdus[int(noise.integers(len(pdus)))])


def _brute_force(plant: Plant, noise: np.random.Generator) -> bytes:
    """Row 6: coil after coil, as Industroyer2 does."""
    address = len(plant.commands) + int(noise.integers(60_000))
    return build.adu(int(noise.integers(65_536)), UNIT, build.write_coil(address, on=bool(noise.integers(2))))


def _malformed(_plant: Plant, noise: np.random.Generator) -> bytes:
    """Row 14: lengths and counts that do not agree with each other."""
    tid = int(noise.integers(65_536)).to_bytes(2, "big")
    bodies = (
        tid + b"\0\0\0\x06" + bytes((UNIT, 3, 0, 0, 0, 0)),  # quantity 0
        tid + b"\0\0\0\x06" + bytes((UNIT, 3, 0, 0, 0, 126)),  # quantity above 125
        tid + b"\0\0\0\x08" + bytes((UNIT, 3, 0, 0, 0, 1, 9, 9)),  # trailing bytes
        tid + b"\0\0\0\x09" + bytes((UNIT, 16, 0, 0, 0, 2, 4, 0, 1)),  # fewer values than said
        tid + b"\0\0\0\x06" + bytes((UNIT, 5, 0, 0, 0x12, 0x34)),  # neither on nor off
        tid + b"\x12\x34\0\x06" + bytes((UNIT, 3, 0, 0, 0, 1)),  # not Modbus
        tid + b"\0\0\0\x02" + bytes((UNIT, 0)),  # function 0
        tid + b"\0\0\x01\x04" + bytes((UNIT, 3)) + bytes(258),  # longer than any ADU
    )
    return bodies[int(noise.integers(len(bodies)))]


def _diagnostics(_plant: Plant, noise: np.random.Generator) -> bytes:
    """Row 15: restart, listen only, clear counters."""
    sub = int(noise.choice((1, 4, 10, 11, 13, 20)))
    return build.adu(int(noise.integers(65_536)), UNIT, build.diagnostic(sub))


def _programming(_plant: Plant, noise: np.random.Generator) -> bytes:
    """Rows 16 and 20: private functions, files, encapsulated general reference."""
    data = noise.bytes(int(noise.integers(1, 40)))
    pdus = (
        build.private(90, data),
        build.private(13, data),
        build.private(int(noise.integers(65, 73)), data),
        build.read_files([build.FilePart(1, int(noise.integers(1_000)), 4)]),
        build.write_files([build.FilePart(1, 0, words=(1, 2))]),
        build.encapsulated(13, data),
    )
    return build.adu(int(noise.integers(65_536)), UNIT, pdus[int(noise.integers(len(pdus)))])


def _smuggled(plant: Plant, noise: np.random.Generator) -> bytes:
    """Row 25: behind a read that is permitted comes, in the same segments and with its identifier, what is not."""
    tid, inputs = int(noise.integers(65_536)), len([tag for tag in plant.tags if tag.table is Table.INPUT])
    hidden = (_brute_force, _diagnostics, _programming)[int(noise.integers(3))](plant, noise)
    return build.adu(tid, UNIT, build.read(4, 0, inputs)) + tid.to_bytes(2, "big") + hidden[2:]


KINDS: Final[dict[str, tuple[str, str, Maker]]] = {
    "scan by an unknown client": ("1", ROGUE, _scan),
    "scan by a known client": ("1", CLIENT, _scan),
    "write by an unknown client": ("2", ROGUE, _write),
    "brute-force I/O by a known client": ("6", CLIENT, _brute_force),
    "malformed by a known client": ("14", CLIENT, _malformed),
    "diagnostics by a known client": ("15", CLIENT, _diagnostics),
    "programming by a known client": ("16, 20", CLIENT, _programming),
    "smuggled behind a permitted read": ("25", CLIENT, _smuggled),
}
"""Kind to (row of the attack table, client, maker)."""


def learnt_policy(plant: Plant, recording: Sequence[Transaction]) -> Policy:
    """Return the policy that `icsguard learn` proposes for a recording, read back from its own text."""
    proposal = propose(Traffic(tuple(recording), {}), plant.name, Policy(points=plant.points))
    files = {"p.policy.toml": policy_text(proposal), "p.points.csv": points_text(proposal.points), **shipped_rules()}
    policy, problems = check_file(files, "p.policy.toml", "p.points.csv")
    if policy is None:
        raise ValueError(f"the proposed policy is not valid: {problems[0].message}")
    return policy


def measure(bench: Bench, each: int) -> Conduct:
    """Play requests of every kind, then normal operation that the policy has not seen."""
    per_poll = max(len(bench.recording) // max(len(bench.rows), 1), 1)
    policy = learnt_policy(bench.plant, bench.recording[: TAUGHT_POLLS * (per_poll + 1)])
    conduit = Conduit(bench.plant.name, "127.0.0.1", 1502, "127.0.0.1", 502, policy=policy)
    found = Conduct()
    for number, (name, (_, client, make)) in enumerate(KINDS.items()):
        noise = np.random.default_rng(bench.seed * 100 + number)
        raws = [make(bench.plant, noise) for _ in range(each)]
        reached = _played(conduit, raws, client)
        found.kinds[name] = Tally(each, each - reached)
    _clean(bench, conduit, found)
    return found


def _played(conduit: Conduit, raws: Sequence[bytes], client: str) -> int:
    """Return how many of the requests reached the device. Each comes on a connection of its own, in pieces or whole.

    Of several requests in one go the last counts: what stands before it is permitted.
    """
    made: list[Transaction] = []
    wires = [
        Wire(
            SECOND + number * _SPACING + place,
            number + 1,
            (client, port),
            ("device", 502),
            from_client=True,
            data=piece,
        )
        for number, (raw, port) in enumerate(zip(raws, cycle(range(40_000, 60_000)), strict=False))
        for place, piece in enumerate(_pieces(raw, number))
    ]
    _player(conduit, made.append).play(wires)
    last = {one.flow: one for one in sorted(made)}  # by number, as they came
    return sum(one.outcome not in STOPPED for one in last.values())


def _pieces(raw: bytes, number: int) -> list[bytes]:
    """Cut every second request in two, each time elsewhere."""
    at = number % len(raw) if number % 2 else 0
    return [raw[:at], raw[at:]] if at else [raw]


def _player(conduit: Conduit, on_transaction: Callable[[Transaction], None]) -> Player:
    def forget(_one: Record | Finding) -> None:
        """Only what reaches the device counts here."""

    return Player(
        replace(conduit, mode=Mode.ENFORCE),
        Mode.ENFORCE,
        on_transaction=on_transaction,
        on_record=forget,
        on_finding=forget,
    )


def _clean(bench: Bench, conduit: Conduit, found: Conduct) -> None:
    made: list[Transaction] = []
    _player(conduit, made.append).play(wires_of(run(bench.site(CLEAN), bench.shift(CLEAN), CLEAN_POLLS)))
    found.clean_requests = len(made)
    for one in made:
        if one.decision >= Decision.HOLD:
            found.clean_refused += 1
            found.why[one.request[7:].hex()[:10]] += 1
