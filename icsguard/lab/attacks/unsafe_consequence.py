"""Three writes, each of which an operator may do and has done, that together flood a tank."""

from __future__ import annotations

from typing import Final

from icsguard.core.decision import Layer
from icsguard.lab import registers as at
from icsguard.lab.attacks.scene import Attack, Scene, Who, writes_of
from icsguard.lab.operations import percent, switch

_FASTER: Final = percent(at.MANUAL_SPEED_1, 58.0)
_MANUAL: Final = switch(at.AUTO_1, on=False)
_PUMP_2_OFF: Final = switch(at.PUMP_2, on=False)
_PAUSE_S: Final = 0.6  # an operator's pace


async def _run(scene: Scene) -> None:
    line = await scene.line()
    scene.note("speed of pump 1 in manual to 58 %", await line.ask(_FASTER), harmless=True)
    await scene.sleep(_PAUSE_S)
    scene.note("loop 1 to manual", await line.ask(_MANUAL), harmless=True)
    await scene.sleep(_PAUSE_S)
    await scene.ask(line, "pump 2 off", _PUMP_2_OFF)


ATTACK: Final = Attack(
    key="unsafe-consequence",
    title="Legal writes, unsafe consequence",
    story=(
        "Every value is in range and every write was done by operators before, but never for long: with pump 1 in "
        "manual and pump 2 off, tank 1 overflows. No rule sees that; a model of the plant does."
    ),
    who=Who.HMI,
    technique="T0831",
    run=_run,
    forbidden=writes_of(_PUMP_2_OFF),
    layers=frozenset({Layer.CONSEQUENCE}),
    harm="tank 1 overflowed",
    shows="level_1",
    watch_s=12.0,
    watch_guarded_s=9.0,
)
