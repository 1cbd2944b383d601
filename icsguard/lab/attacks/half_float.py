"""Half of a 32-bit number: the upper register of the dose alone makes 0.8 mg/l a multiple of ten."""

from __future__ import annotations

import struct
from typing import Final

from icsguard.core.decision import Layer
from icsguard.lab import registers as at
from icsguard.lab.attacks.scene import Attack, Scene, Who
from icsguard.lab.operations import dose
from icsguard.lab.plc import Write
from icsguard.protocols.modbus import build

_LETHAL_MG_L: Final = 11.1
_UPPER: Final = struct.unpack(">HH", struct.pack(">f", _LETHAL_MG_L))[0]


async def _run(scene: Scene) -> None:
    line = await scene.line()
    await scene.ask(line, "upper half of the dose alone", build.write_register(at.DOSE, _UPPER))
    await scene.ask(line, f"dose to {_LETHAL_MG_L} mg/l", dose(_LETHAL_MG_L))


def _forbidden(write: Write) -> bool:
    return (write.table, write.address, write.values[0]) == ("holding", at.DOSE, _UPPER)


ATTACK: Final = Attack(
    key="half-float",
    title="Half of a 32-bit dose",
    story=(
        "Writing only the upper register of the chlorine dose turns 0.8 into 11 mg/l, past any limit that looks at "
        "single registers. Then the whole value, plainly."
    ),
    who=Who.HMI,
    technique="T0836",
    run=_run,
    forbidden=_forbidden,
    layers=frozenset({Layer.POLICY}),
    harm="chlorine above the drinkable limit",
    shows="chlorine",
    watch_s=8.0,
)
