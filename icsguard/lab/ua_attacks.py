"""What an attacker does to the water cell over OPC UA, and what is expected of each with and without the gateway.

As `icsguard.lab.attacks`, in one file: each is a few requests. Who has taken over the operators' station has its
certificate too; a rogue has one of his own, or none.
"""

from __future__ import annotations

import math
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from icsguard.core.decision import Layer
from icsguard.lab.attacks.scene import Attack, Forbidden, Scene, Who
from icsguard.lab.plc import Write
from icsguard.lab.ua_cell import BYPASS, STOP_CONTROL, Value
from icsguard.lab.ua_client import SECURE, UaLine, told

_OVERFLOW_M: Final = 9.0
_TECHNIQUE_ROGUE: Final = "T0848"
_BYPASSED: Final = "the dry-run interlock is bypassed"
_OVERFLOWED: Final = "tank 1 overflowed"
Act = Callable[[UaLine], Awaitable[list[str]]]


@dataclass(frozen=True, slots=True)
class _Way:
    """How an attacker gets in."""

    keys: Path
    name: str = "hmi"
    """Whose certificate he has."""
    security: str = SECURE


def attacks(keys: Path) -> tuple[Attack, ...]:
    """Return all attacks in the order of the demo; `keys` has the certificates of `hmi` and `rogue`."""
    hmi = _Way(keys)
    return (*_from_outside(keys), *_by_writing(hmi), *_by_other_ways(hmi))


def _from_outside(keys: Path) -> tuple[Attack, ...]:
    """Return what a client tries whom nobody knows."""
    rogue, bare = _Way(keys, "rogue"), _Way(keys, "rogue", "")
    return (
        _attack(
            "rogue-certificate",
            "Rogue client with its own certificate",
            "A laptop on the plant network makes itself a certificate and asks for 9 m in a tank of 4 m.",
            _TECHNIQUE_ROGUE,
            rogue,
            (("set-point of tank 1 to 9 m", _writes({"setpoint_1": _OVERFLOW_M})),),
            harm=_OVERFLOWED,
            layers=frozenset({Layer.POLICY, Layer.GRAMMAR}),
        ),
        _attack(
            "no-security",
            "Rogue client without any security",
            "The same laptop does not bother with certificates: servers often have an endpoint without security.",
            _TECHNIQUE_ROGUE,
            bare,
            (("set-point of tank 1 to 9 m", _writes({"setpoint_1": _OVERFLOW_M})),),
            harm=_OVERFLOWED,
            layers=frozenset({Layer.POLICY, Layer.GRAMMAR}),
        ),
    )


def _by_writing(hmi: _Way) -> tuple[Attack, ...]:
    """Return what the taken-over station tries with plain writes."""
    return (
        _attack(
            "forbidden-node",
            "Known client, forbidden node",
            "The operators' own station, taken over, bypasses the interlock that keeps pump 2 from running dry.",
            "T0836",
            hmi,
            (("bypass the interlock", _writes({BYPASS: True})),),
            harm=_BYPASSED,
        ),
        _attack(
            "hidden-in-a-batch",
            "Forbidden node hidden among permitted ones",
            "One Write of five nodes, four of which operators write every day; the third is the interlock's bypass.",
            "T0836",
            hmi,
            (("five nodes at once", _writes(_BATCH)),),
            harm=_BYPASSED,
            forbidden=_only(BYPASS),
        ),
        _attack(
            "out-of-range",
            "Known client, set-point out of range",
            "The taken-over station asks for 9 m in a tank of 4 m, then for infinity.",
            "T0836",
            hmi,
            (
                ("set-point of tank 1 to 9 m", _writes({"setpoint_1": _OVERFLOW_M})),
                ("set-point of tank 1 to infinity", _writes({"setpoint_1": math.inf})),
            ),
            harm=_OVERFLOWED,
        ),
    )


def _by_other_ways(hmi: _Way) -> tuple[Attack, ...]:
    """Return what it tries past rules that know names and writes of values only."""
    return (
        _attack(
            "alias",
            "Alias of a forbidden node",
            "RegisterNodes gives the bypass another name; a rule that goes by names alone would not know it again.",
            "T0849",
            hmi,
            (("write to the registered alias", _by_alias),),
            harm=_BYPASSED,
        ),
        _attack(
            "dangerous-method",
            "Dangerous method",
            "A method for fitters stops the control program; nothing but a rule keeps an operator from calling it.",
            "T0858",
            hmi,
            (("call StopControl", lambda line: line.call(STOP_CONTROL)),),
            harm="the control program is stopped",
        ),
        _attack(
            "false-value",
            "False measured value",
            "A level that no sensor measured, with the time of another year, written over the measured one.",
            "T0856",
            hmi,
            (("level of tank 1 is 2 m, says the attacker", _forges({"level_1": 2.0})),),
            harm="",
        ),
    )


_BATCH: Final[dict[str, Value]] = {
    "setpoint_1": 2.0,
    "setpoint_2": 2.0,
    BYPASS: True,
    "dose": 0.8,
    "valve_command": 100.0,
}


def _attack(  # noqa: PLR0913 - one row of the table
    key: str,
    title: str,
    story: str,
    technique: str,
    way: _Way,
    steps: tuple[tuple[str, Act], ...],
    *,
    harm: str,
    forbidden: Forbidden | None = None,
    layers: frozenset[Layer] = frozenset({Layer.POLICY}),
) -> Attack:
    async def run(scene: Scene) -> None:
        await _carried_out(scene, way, steps)

    return Attack(
        key=key,
        title=title,
        story=story,
        who=Who.HMI if way.name == "hmi" else Who.ROGUE,
        technique=technique,
        run=run,
        forbidden=forbidden or _everything_of(key),
        layers=layers,
        harm=harm,
        shows="level_1" if harm == _OVERFLOWED else "",
        watch_s=10.0 if harm else 1.0,
    )


async def _carried_out(scene: Scene, way: _Way, steps: tuple[tuple[str, Act], ...]) -> None:
    """Open a session and take the steps; where none is given, every step has failed."""
    line: list[UaLine] = []

    async def opened() -> list[str]:
        line.append(await UaLine.open(scene.port, scene.address, way.keys, way.name, security=way.security))
        return ["Good"]

    reply, _ = await told(opened)
    if not line:
        scene.note("a session", reply)
        return
    for text, act in steps:
        reply, statuses = await told(lambda act=act: act(line[0]))  # type: ignore[misc]  # bound at once
        bad = [status for status in statuses if status != "Good"]
        scene.note(f"{text}: {', '.join(bad) or reply.fate}", reply)
    await line[0].close()


def _writes(values: dict[str, Value]) -> Act:
    return lambda line: line.write(values)


def _forges(values: dict[str, Value]) -> Act:
    return lambda line: line.write(values, forged=True)


async def _by_alias(line: UaLine) -> list[str]:
    alias = (await line.client.register_nodes([line.node(BYPASS)]))[0]
    return await line.write_to(alias.nodeid, True)  # noqa: FBT003 - the value


_MARKS: Final[dict[str, frozenset[str]]] = {
    "rogue-certificate": frozenset({"setpoint_1"}),
    "no-security": frozenset({"setpoint_1"}),
    "forbidden-node": frozenset({BYPASS}),
    "out-of-range": frozenset({"setpoint_1"}),
    "alias": frozenset({BYPASS}),
    "dangerous-method": frozenset({STOP_CONTROL}),
    "false-value": frozenset({"level_1"}),
}
_LARGEST: Final = 4000  # thousandths: no operator asks for more than 4 m


def _everything_of(key: str) -> Forbidden:
    marked = _MARKS.get(key, frozenset())

    def forbidden(write: Write) -> bool:
        if write.table == "setpoint_1":
            return "setpoint_1" in marked and not 0 <= write.values[0] <= _LARGEST
        return write.table in marked

    return forbidden


def _only(name: str) -> Forbidden:
    return lambda write: write.table == name
