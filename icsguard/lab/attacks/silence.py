"""Two diagnostic requests that no value rule looks at: restart the communication, and be silent from now on."""

from __future__ import annotations

from typing import Final

from icsguard.core.decision import Layer
from icsguard.lab.attacks.scene import Attack, Scene, Who, none_forbidden
from icsguard.protocols.modbus import build

_WAIT_S: Final = 0.6  # listen-only mode has no answer, ever: nothing to wait for


async def _run(scene: Scene) -> None:
    line = await scene.line()
    reply = await line.ask(build.diagnostic(4), within_s=_WAIT_S)
    scene.note("force listen only mode (8/4)", reply)
    line = await scene.line()
    reply = await line.ask(build.diagnostic(1), within_s=_WAIT_S)
    scene.note("restart communications (8/1)", reply)


ATTACK: Final = Attack(
    key="silence",
    title="Diagnostics: restart, listen only",
    story="Sub-functions 4 and 1 of function 8 make the PLC deaf and dumb. The operators see nothing any more.",
    who=Who.ROGUE,
    technique="T0814",
    run=_run,
    forbidden=none_forbidden,
    layers=frozenset({Layer.POLICY}),
    harm="the device is silent",
    watch_s=0.6,
    foreign_functions=frozenset({8}),
)
