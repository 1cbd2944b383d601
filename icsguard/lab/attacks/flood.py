"""Many connections and many requests at once: whoever is thrown off a small PLC first is blind."""

from __future__ import annotations

import asyncio
from typing import Final

from icsguard.core.decision import Layer
from icsguard.lab.attacks.scene import Attack, Scene, Who, none_forbidden
from icsguard.lab.operations import POLL
from icsguard.lab.wire import Fate, Line, Reply

_CONNECTIONS: Final = 12  # a small PLC has eight
_ROUNDS: Final = 40
_STACKED: Final = 8


async def _run(scene: Scene) -> None:
    opened = await asyncio.gather(*(scene.line() for _ in range(_CONNECTIONS)), return_exceptions=True)
    lines = [line for line in opened if isinstance(line, Line)]
    for line in opened:
        if not isinstance(line, Line):
            scene.note("connection", Reply(Fate.CLOSED, b"", 0.0))
    await asyncio.gather(*(_hammer(scene, line) for line in lines))


async def _hammer(scene: Scene, line: Line) -> None:
    for _ in range(_ROUNDS):
        replies = await line.burst([POLL[0]] * _STACKED)
        for reply in replies:
            scene.note("read", reply)
        if replies[-1].fate is Fate.CLOSED:
            return


ATTACK: Final = Attack(
    key="flood",
    title="Flood of connections and requests",
    story="Twelve connections with nearly four thousand reads in a moment. A small PLC throws the operators out first.",
    who=Who.ROGUE,
    technique="T0814",
    run=_run,
    forbidden=none_forbidden,
    layers=frozenset({Layer.POLICY, Layer.RESOURCES, Layer.OPERATOR}),
    harm="clients were thrown off the device",
    watch_s=0.5,
)
