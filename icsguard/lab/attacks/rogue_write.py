"""A client that nobody knows turns the cell into a fountain: the plainest attack there is."""

from __future__ import annotations

from typing import Final

from icsguard.core.decision import Layer
from icsguard.lab import registers as at
from icsguard.lab.attacks.scene import Attack, Scene, Who, writes_of
from icsguard.lab.operations import percent, switch

_FULL_SPEED: Final = percent(at.MANUAL_SPEED_1, 100.0)
_MANUAL: Final = switch(at.AUTO_1, on=False)
_PUMP_2_OFF: Final = switch(at.PUMP_2, on=False)


async def _run(scene: Scene) -> None:
    line = await scene.line()
    await scene.ask(line, "speed of pump 1 to 100 %", _FULL_SPEED)
    await scene.ask(line, "loop 1 to manual", _MANUAL)
    await scene.ask(line, "pump 2 off", _PUMP_2_OFF)


ATTACK: Final = Attack(
    key="rogue-write",
    title="Unknown client writes",
    story="A laptop in the cabinet sets pump 1 to full speed in manual and stops pump 2. Modbus asks for no name.",
    who=Who.ROGUE,
    technique="T0855",
    run=_run,
    forbidden=writes_of(_FULL_SPEED, _MANUAL, _PUMP_2_OFF),
    layers=frozenset({Layer.POLICY}),
    harm="tank 1 overflowed",
    shows="level_1",
    watch_s=9.0,
    watch_guarded_s=6.0,
)
