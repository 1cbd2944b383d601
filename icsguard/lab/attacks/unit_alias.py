"""The same device under another name: many answer to any unit identifier, and many rules name only one."""

from __future__ import annotations

from typing import Final

from icsguard.core.decision import Layer
from icsguard.lab import registers as at
from icsguard.lab.attacks.scene import Attack, Scene, Who, writes_of
from icsguard.protocols.modbus import build

_WRITE: Final = build.write_register(at.SETPOINT_1, 7777)
_ALIASES: Final = (0, 2, 7, 255)


async def _run(scene: Scene) -> None:
    line = await scene.line()
    for unit in _ALIASES:
        await scene.ask(line, f"set-point of tank 1 to 7.8 m, unit {unit}", _WRITE, unit)


ATTACK: Final = Attack(
    key="unit-alias",
    title="Write through another unit identifier",
    story="The PLC answers to any unit identifier. A limit on unit 1 must not be escaped through units 0, 2, 7 or 255.",
    who=Who.HMI,
    technique="T0836",
    run=_run,
    forbidden=writes_of(_WRITE),
    layers=frozenset({Layer.POLICY}),
    harm="tank 1 overflowed",
    shows="level_1",
    watch_s=10.0,
)
