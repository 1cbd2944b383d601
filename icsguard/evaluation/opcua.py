"""Rows 16 to 18 on OPC UA: the attacks of `icsguard demo --opcua`, again and again, against the gateway as it runs.

Real processes and real peers on loopback: a plant that asyncua serves, icsguard that ends its channels, operators at
work over SignAndEncrypt all the time. What counts is whether a forbidden write or call reached the plant; the price is
what the operators were denied. No twin, no threshold.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from icsguard.evaluation.metrics import Tally, interval
from icsguard.evaluation.tables import Row, Table
from icsguard.lab.plants.api import Plant

if TYPE_CHECKING:
    from icsguard.lab.attacks.scene import Attack
    from icsguard.lab.ua_stage import UaStage

EACH: Final = 15
"""Rounds of all attacks."""
ROWS: Final = {"rogue-certificate": 18, "no-security": 18, "dangerous-method": 16}
"""Attack to row of the facts; all others are what INCONTROLLER did: writes that nobody permitted."""
OTHER_ROW: Final = 17
_ATTACK_S: Final = 30.0
_SETTLE_S: Final = 0.3
_FIRST_ROGUE: Final = 66

Progress = Callable[[str], None]


@dataclass(slots=True)
class UaConduct:
    """What became of the attacks."""

    kinds: dict[str, Tally] = field(default_factory=dict)
    """By key; found means: nothing forbidden reached the plant."""
    benign: int = 0
    denied: int = 0
    """Requests of the operators, and those of them that were not answered as they should be."""


def measure(_plant: Plant, each: int, seed: int, progress: Progress) -> UaConduct:
    """Carry out all attacks so often; it is the same for every plant. Raises GuardError or RuntimeError."""
    logging.getLogger("asyncua").setLevel(logging.CRITICAL + 1)  # each refusal is fatal to it
    progress("OPC UA: a plant, icsguard, operators and attackers")
    return asyncio.run(_rounds(each, seed))


async def _rounds(each: int, seed: int) -> UaConduct:
    from icsguard.lab.ua_attacks import attacks  # noqa: PLC0415 - brings asyncua, which only this study needs
    from icsguard.lab.ua_stage import UaStage  # noqa: PLC0415 - likewise

    found = UaConduct()
    async with UaStage(seed) as stage:
        every = attacks(stage.keys)
        for _ in range(each):
            for number, attack in enumerate(every):
                arrived = await _arrived(stage, attack, number)
                found.kinds.setdefault(attack.key, Tally()).add(None if arrived else 0.0)
        found.benign, found.denied = stage.normal.requests, stage.normal.hurt
    return found


async def _arrived(stage: UaStage, attack: Attack, number: int) -> int:
    """Carry out one attack; return how many forbidden writes reached the plant."""
    from icsguard.lab.attacks.scene import HMI, Scene, Who  # noqa: PLC0415 - see above

    plant = stage.guarded.plant
    before = len(plant.writes)
    address = HMI if attack.who is Who.HMI else f"127.0.0.{_FIRST_ROGUE + number}"
    scene = Scene(stage.guarded.port, address, recorded=())
    try:
        async with asyncio.timeout(_ATTACK_S):
            await attack.run(scene)
    except (TimeoutError, OSError):
        pass  # what counts is what arrived
    await asyncio.sleep(_SETTLE_S)
    return sum(attack.forbidden(write) for write in list(plant.writes)[before:])


def table(found: Mapping[str, UaConduct]) -> Table:
    """Return a row for each attack."""
    rows: list[Row] = []
    notes: list[str] = []
    for one in found.values():
        for key, tally in one.kinds.items():
            low, high = interval(tally.hits, tally.count)
            rows.append(
                {
                    "attack": key,
                    "row": ROWS.get(key, OTHER_ROW),
                    "attacks": tally.count,
                    "stopped": tally.hits,
                    "95 % interval": f"{low:.3f}-{high:.3f}",
                }
            )
        notes.append(f"Meanwhile operators made {one.benign} requests; {one.denied} were denied or lost.")
    return Table("opcua", "OPC UA: requests outside the policy (rows 16 to 18)", tuple(rows), tuple(notes))
