"""One forbidden bit, set without writing a value: the function that most rules forget."""

from __future__ import annotations

from typing import Final

from icsguard.core.decision import Layer
from icsguard.lab import registers as at
from icsguard.lab.attacks.scene import Attack, Scene, Who
from icsguard.lab.plc import Write
from icsguard.protocols.modbus import build

_ALL_BUT_BYPASS: Final = 0xFFFF & ~at.BYPASS_BIT


async def _run(scene: Scene) -> None:
    line = await scene.line()
    bypass = build.mask_write(at.CONTROL_WORD, _ALL_BUT_BYPASS, at.BYPASS_BIT)
    await scene.ask(line, "mask write: set bit 15 of the control word, keep the rest", bypass)
    await scene.ask(line, "mask write: keep no bit, value 8000h", build.mask_write(at.CONTROL_WORD, 0, at.BYPASS_BIT))


def _forbidden(write: Write) -> bool:
    return (write.table, write.address) == ("holding", at.CONTROL_WORD) and bool(write.values[0] & at.BYPASS_BIT)


ATTACK: Final = Attack(
    key="mask-write",
    title="Mask write of a forbidden bit",
    story=(
        "Function 22 sets the one bit of the control word that bypasses the dry-run interlock. The lamp in the same "
        "register is switched every day."
    ),
    who=Who.HMI,
    technique="T0878",
    run=_run,
    forbidden=_forbidden,
    layers=frozenset({Layer.POLICY}),
    harm="the dry-run interlock is bypassed",
)
