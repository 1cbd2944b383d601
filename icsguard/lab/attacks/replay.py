"""A recorded session of the operators, played again from elsewhere and at the wrong time."""

from __future__ import annotations

from typing import Final

from icsguard.core.decision import Layer
from icsguard.lab import registers as at
from icsguard.lab.attacks.scene import Attack, Scene, Who
from icsguard.lab.operations import Move, switch
from icsguard.lab.plc import Write

_PUMP_2_OFF: Final = switch(at.PUMP_2, on=False)


def fatal_part(recorded: tuple[Move, ...]) -> tuple[Move, ...]:
    """Return the overheard session up to the moment when pump 2 stood still: the restart is left out."""
    stops = [number for number, move in enumerate(recorded) if move.pdu == _PUMP_2_OFF]
    return recorded[: stops[0] + 1] if stops else recorded


async def _run(scene: Scene) -> None:
    line = await scene.line()
    for move in fatal_part(scene.recorded):
        await scene.ask(line, f"replayed: {move.text}", move.pdu)


def _forbidden(write: Write) -> bool:
    return (write.table, write.address, write.values) == ("coil", at.PUMP_2, (0,))


ATTACK: Final = Attack(
    key="replay",
    title="Replayed capture",
    story=(
        "A maintenance round overheard on the wire is played again byte for byte from another address, up to the "
        "moment when pump 2 stands still and pump 1 runs in manual."
    ),
    who=Who.ROGUE,
    technique="T0855",
    run=_run,
    forbidden=_forbidden,
    layers=frozenset({Layer.POLICY}),
    harm="tank 1 overflowed",
    shows="level_1",
    watch_s=11.0,
)
