"""Three writes, each of which an operator may do and has done, that together empty one tank and flood the other."""

from __future__ import annotations

from typing import Final

from icsguard.core.decision import Layer
from icsguard.lab import registers as at
from icsguard.lab.attacks.scene import Attack, Scene, Who, writes_of
from icsguard.lab.operations import percent, switch

_FASTER: Final = percent(at.MANUAL_SPEED_1, 75.0)
_MANUAL: Final = switch(at.AUTO_1, on=False)
_PUMP_2_OFF: Final = switch(at.PUMP_2, on=False)


async def _run(scene: Scene) -> None:
    line = await scene.line()
    scene.note("speed of pump 1 in manual to 75 % (of no effect in automatic)", await line.ask(_FASTER), harmless=True)
    await scene.sleep(0.6)
    await scene.ask(line, "pump 2 off", _PUMP_2_OFF)
    await scene.sleep(0.6)
    await scene.ask(line, "loop 1 to manual", _MANUAL)


ATTACK: Final = Attack(
    key="unsafe-consequence",
    title="Legal writes, unsafe consequence",
    story=(
        "Every value is in range, every write was done by operators before: but with pump 2 off and pump 1 at 75 % in "
        "manual, tank 1 overflows and the town runs dry. No rule sees that; a model of the plant does."
    ),
    who=Who.HMI,
    technique="T0831",
    run=_run,
    forbidden=writes_of(_PUMP_2_OFF, _MANUAL),
    layers=frozenset({Layer.CONSEQUENCE}),
    harm="tank 1 overflowed",
    shows="level_1",
    watch_s=10.0,
    watch_guarded_s=10.0,
)
