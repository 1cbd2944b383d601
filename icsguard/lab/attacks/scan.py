"""A map of the plant: which units answer, which functions, which addresses."""

from __future__ import annotations

from typing import Final

from icsguard.core.decision import Layer
from icsguard.lab.attacks.scene import Attack, Scene, Who, none_forbidden
from icsguard.protocols.modbus import build

_UNITS: Final = range(1, 9)
_BARE: Final = (7, 11, 12, 17)
_ADDRESSES: Final = (0, 8, 16, 100, 1000, 40000)


async def _run(scene: Scene) -> None:
    line = await scene.line()
    for unit in _UNITS:
        await scene.ask(line, f"identify unit {unit}", build.identification(), unit)
    for function in _BARE:
        await scene.ask(line, f"function {function}", build.bare(function))
    for function in (1, 2, 3, 4):
        for address in _ADDRESSES:
            await scene.ask(line, f"function {function} at {address}", build.read(function, address, 4))


ATTACK: Final = Attack(
    key="scan",
    title="Scan of units, functions, addresses",
    story="Identity of eight units, four status functions, and reads all over the four tables: the attacker's map.",
    who=Who.ROGUE,
    technique="T0846",
    run=_run,
    forbidden=none_forbidden,
    layers=frozenset({Layer.POLICY}),
    harm="",
    watch_s=0.1,
    foreign_functions=frozenset(_BARE),
)
