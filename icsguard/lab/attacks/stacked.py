"""Bytes that break the protocol, and a forbidden write hidden behind an honest read in the same segment."""

from __future__ import annotations

from struct import pack
from typing import Final

from icsguard.core.decision import Layer
from icsguard.lab import registers as at
from icsguard.lab.attacks.scene import Attack, Scene, Who, writes_of
from icsguard.lab.wire import Line
from icsguard.protocols.modbus import build

_HONEST: Final = build.read(4, at.LEVEL_1, 2)
_WRITE: Final = build.write_register(at.SETPOINT_1, 8888)
_LYING_COUNT: Final = pack(">BHHBHH", 16, at.SETPOINT_1, 2, 2, 8888, 8888)
_TRAILING: Final = _WRITE + b"\x00\x00"
_NOTHING: Final = pack(">BHH", 3, at.SETPOINT_1, 0)
_WAIT_S: Final = 0.4


async def _run(scene: Scene) -> None:
    line = await scene.line()
    read, write, after = await line.burst([_HONEST, _WRITE, _HONEST])
    scene.note("honest read before it", read, harmless=True)
    scene.note("set-point of 8.9 m stacked between two reads", write)
    scene.note("honest read behind it", after, harmless=True)
    await _other_protocol(scene, line)
    for text, pdu in (
        ("function 16 whose byte count lies", _LYING_COUNT),
        ("function 6 with trailing bytes", _TRAILING),
        ("read of no register", _NOTHING),
    ):
        scene.note(text, await line.ask(pdu, within_s=_WAIT_S))
    scene.note("honest read on the same connection", await line.ask(_HONEST), harmless=True)


async def _other_protocol(scene: Scene, line: Line) -> None:
    """Send the write under protocol identifier BEEFh: not Modbus, though many relays pass it on."""
    tid = line.next_tid()
    data = pack(">HHHB", tid, 0xBEEF, 1 + len(_WRITE), 1) + _WRITE
    (reply,) = await line.exchange(data, [tid], _WAIT_S)
    scene.note("the write under protocol identifier BEEFh", reply)


ATTACK: Final = Attack(
    key="stacked",
    title="Malformed and stacked frames",
    story=(
        "A forbidden write between two honest reads in one segment; the same write under a foreign protocol "
        "identifier; a lying byte count; trailing bytes; a read of nothing."
    ),
    who=Who.HMI,
    technique="T0836",
    run=_run,
    forbidden=writes_of(_WRITE, build.write_registers(at.SETPOINT_1, (8888, 8888))),
    layers=frozenset({Layer.GRAMMAR}),
    harm="tank 1 overflowed",
    shows="level_1",
    watch_s=10.0,
)
