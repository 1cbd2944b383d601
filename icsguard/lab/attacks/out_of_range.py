"""A taken-over operator station writes a level that no tank has, by every function that can write it."""

from __future__ import annotations

from typing import Final

from icsguard.core.decision import Layer
from icsguard.lab import registers as at
from icsguard.lab.attacks.scene import Attack, Scene, Who, writes_of
from icsguard.protocols.modbus import build

_LEVEL: Final = 9000  # millimetres: the tank is 4 m high
_TRIES: Final = (
    ("function 6", build.write_register(at.SETPOINT_1, _LEVEL)),
    ("function 16, in a block", build.write_registers(at.SETPOINT_1, (_LEVEL, 2000))),
    ("function 23, while reading", build.read_write(at.SETPOINT_1, 1, at.SETPOINT_1, (_LEVEL,))),
    ("function 22, no bit kept", build.mask_write(at.SETPOINT_1, 0, _LEVEL)),
)


async def _run(scene: Scene) -> None:
    line = await scene.line()
    for how, pdu in _TRIES:
        await scene.ask(line, f"set-point of tank 1 to 9 m by {how}", pdu)


ATTACK: Final = Attack(
    key="out-of-range",
    title="Known client, set-point out of range",
    story="The operators' own station, taken over, asks for 9 m in a tank of 4 m: by functions 6, 16, 23 and 22.",
    who=Who.HMI,
    technique="T0836",
    run=_run,
    forbidden=writes_of(*(pdu for _how, pdu in _TRIES)),
    layers=frozenset({Layer.POLICY}),
    harm="tank 1 overflowed",
    shows="level_1",
    watch_s=10.0,
)
