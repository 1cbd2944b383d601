"""A vendor's programming function, as an engineering tool would send it: the control program stops."""

from __future__ import annotations

from typing import Final

from icsguard.core.decision import Layer
from icsguard.lab.attacks.scene import Attack, Scene, Who, none_forbidden
from icsguard.protocols.modbus import build

_STOP: Final = b"\x00\x41\xff\x00"
_UPLOAD: Final = b"\x00\x30\x00\x01"


async def _run(scene: Scene) -> None:
    line = await scene.line()
    await scene.ask(line, "stop the control program (function 90)", build.private(90, _STOP))
    await scene.ask(line, "begin a program transfer (function 90)", build.private(90, _UPLOAD))


ATTACK: Final = Attack(
    key="programming",
    title="Programming command",
    story="The engineers' station, which only ever reads, stops the control program with a vendor's private function.",
    who=Who.STATION,
    technique="T0858",
    run=_run,
    forbidden=none_forbidden,
    layers=frozenset({Layer.POLICY}),
    harm="the control program is stopped",
    watch_s=0.6,
    foreign_functions=frozenset({90}),
)
