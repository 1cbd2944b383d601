"""A switch thrown back and forth faster than any hand: motors burn from starting."""

from __future__ import annotations

from typing import Final

from icsguard.core.decision import Layer
from icsguard.lab import registers as at
from icsguard.lab.attacks.scene import Attack, Scene, Who
from icsguard.lab.operations import switch
from icsguard.lab.plc import Write

_TIMES: Final = 12
_PAUSE_S: Final = 0.12


async def _run(scene: Scene) -> None:
    line = await scene.line()
    for number in range(2 * _TIMES):
        on = bool(number % 2)
        reply = await line.ask(switch(at.PUMP_2, on=on))
        # One stop is an operator's right, and to start a pump that runs changes nothing: the repetition is the attack.
        scene.note(f"pump 2 {'on' if on else 'off'}", reply, harmless=number == 0 or on)
        await scene.sleep(_PAUSE_S)


def _forbidden(write: Write) -> bool:
    return write.table == "coil" and write.address == at.PUMP_2 and write.values == (0,)


ATTACK: Final = Attack(
    key="coil-toggling",
    title="Pump switched on and off",
    story="Pump 2 is stopped and started eight times a second. Each single write is one that operators do.",
    who=Who.HMI,
    technique="T0806",
    run=_run,
    forbidden=_forbidden,
    layers=frozenset({Layer.POLICY, Layer.CONSEQUENCE, Layer.RESOURCES, Layer.SEQUENCE}),
    harm="the motor of pump 2 is burnt out",
    tolerated=1,
    watch_s=2.0,
)
