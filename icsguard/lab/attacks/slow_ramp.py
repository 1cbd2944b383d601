"""Many small steps, none of them remarkable, that end where a single one would be refused at once."""

from __future__ import annotations

from typing import Final

from icsguard.core.decision import Layer
from icsguard.lab import registers as at
from icsguard.lab.attacks.scene import Attack, Scene, Who, writes_of
from icsguard.lab.operations import level

_STEP_M: Final = 0.15
_LEVELS: Final = tuple(2.0 + _STEP_M * number for number in range(1, 17))
_BUDGET_M: Final = 0.48  # what the point list allows within a minute: see icsguard.lab.cell


async def _run(scene: Scene) -> None:
    line = await scene.line()
    for metres in _LEVELS:
        reply = await line.ask(level(at.SETPOINT_2, metres))
        scene.note(f"set-point of tank 2 to {metres:.2f} m", reply, harmless=metres - 2.0 <= _BUDGET_M)
        await scene.sleep(0.5)


ATTACK: Final = Attack(
    key="slow-ramp",
    title="Slow ramp of a set-point",
    story="The set-point of tank 2 creeps up by 15 cm at a time, as an operator might do once, until the tank is full.",
    who=Who.HMI,
    technique="T0836",
    run=_run,
    forbidden=writes_of(*(level(at.SETPOINT_2, metres) for metres in _LEVELS if metres - 2.0 > _BUDGET_M)),
    layers=frozenset({Layer.POLICY, Layer.CONSEQUENCE}),
    harm="tank 2 overflowed",
    shows="level_2",
    watch_s=15.0,
)
