"""Two lanes, the same attacks: one plant bare on the network, one behind the gateway.

The bare plant is repaired before each attack, as it rarely survives one. The guarded plant is never repaired: it must
come out of all of them unharmed, with its operators at work all the time.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, Generic, Protocol, TypeVar

from icsguard.core.record import Record
from icsguard.lab import registers as at
from icsguard.lab.attacks.scene import HMI, STATION, Attack, Scene, Who
from icsguard.lab.desk import Log
from icsguard.lab.operations import STEADY_1, Move, percent, switch
from icsguard.lab.plant_process import PlantProcess
from icsguard.lab.trial import (
    Caught,
    Check,
    Curve,
    Trial,
    counted,
    guarded_checks,
    median,
    tries_of,
    unguarded_checks,
    verdict_ms,
)
from icsguard.lab.wire import Fate, Reply

ATTACK_S: Final = 30.0
"""An attack that hangs longer is over."""
LEAD_S: Final = 1.0
"""How much of the time before an attack is plotted."""
FIRST_ROGUE: Final = 66
SETTLE_S: Final = 0.3
AFTERMATH_S: Final = 1.0
"""How long a plot goes on after the harm."""
PACE_S: Final = 0.7
"""Operators do not touch the same switch twice within this time; the point list says half a second."""
_STOPPED: Final = ("hold", "refuse", "isolate")
"""Decisions that stop a request, the mildest first."""
REPAIRS: Final = (
    Move(0.0, "pump 2 on", switch(at.PUMP_2, on=True)),
    Move(0.0, "loop 1 in automatic", switch(at.AUTO_1, on=True)),
    Move(0.0, "speed of pump 1", percent(at.MANUAL_SPEED_1, STEADY_1)),
)
"""What operators do after somebody was at their station: everything back to normal."""


class Operators(Protocol):
    """Who works at a plant, whatever protocol they speak."""

    log: Log

    async def run(self) -> None:
        """Work until cancelled."""
        ...

    async def carry_out(self, moves: Sequence[Any]) -> None:
        """Do these things now, and wait until they are done."""
        ...


People = TypeVar("People", bound=Operators)
Records = Callable[[str, int], Awaitable[list[Record]]]
"""Returns the gateway's records about a client since a moment of its clock."""


@dataclass(slots=True)
class Lane(Generic[People]):
    """One plant with its operators."""

    plant: PlantProcess
    port: int
    """Where clients connect to: the PLC itself, or the gateway."""
    scada: People
    epoch_s: float
    """Loop time at which the demo began."""
    recorded: tuple[Move, ...] = ()
    """A maintenance round as an eavesdropper has it."""
    trials: list[Trial] = field(default_factory=list)
    repairs: Sequence[Any] = REPAIRS
    """What its operators do after somebody was at their station."""


@dataclass(frozen=True, slots=True)
class _Before:
    """How things stood when an attack began."""

    at_s: float
    written: int
    functions: dict[int, int]
    hurt: int
    harms: frozenset[str]
    """What was broken already: damage is done once."""


def address_of(attack: Attack, number: int) -> str:
    """Return the loopback address that an attack comes from."""
    known = {Who.HMI: HMI, Who.STATION: STATION}
    return known.get(attack.who, f"127.0.0.{FIRST_ROGUE + number}")


async def bare_trial(lane: Lane[Any], attack: Attack, number: int) -> Trial:
    """Carry out an attack on the bare plant and watch until it is harmed."""
    await lane.plant.renew()
    before = _before(lane)
    scene = await _attempt(lane, attack, address_of(attack, number))
    if attack.harm and not any(attack.harm in harm for harm in _harms(lane, before)):
        await lane.plant.until(lambda sight: any(attack.harm in harm for harm in sight.harms), attack.watch_s)
    await asyncio.sleep(AFTERMATH_S if attack.shows else SETTLE_S)
    harms = _harms(lane, before)
    checks = unguarded_checks(attack, counted(scene), harms)
    trial = _trial(lane, attack, scene, before, caught=Caught(), harms=harms, checks=checks)
    lane.trials.append(trial)
    return trial


async def guarded_trial(
    lane: Lane[Any], attack: Attack, number: int, records: Records, clock: Callable[[], Awaitable[int]]
) -> Trial:
    """Carry out an attack through the gateway, ask the gateway what it saw, and have the operators clean up."""
    address, since, before = address_of(attack, number), await clock(), _before(lane)
    scene = await _attempt(lane, attack, address)
    await asyncio.sleep(attack.watch_guarded_s)
    caught = _caught(attack, await records(address, since))
    harms, hurt = _harms(lane, before), lane.scada.log.hurt_count - before.hurt
    arrived = _arrived(lane, before, attack)
    checks = guarded_checks(attack, counted(scene), arrived, harms, caught, hurt)
    trial = _trial(lane, attack, scene, before, caught=caught, harms=harms, checks=checks)
    lane.trials.append(trial)
    if attack.who is Who.HMI:
        await lane.scada.carry_out(lane.repairs)
        await asyncio.sleep(PACE_S)
    return trial


async def _attempt(lane: Lane[Any], attack: Attack, address: str) -> Scene:
    scene = Scene(lane.port, address, recorded=lane.recorded)
    try:
        async with asyncio.timeout(ATTACK_S):
            await attack.run(scene)
    except TimeoutError:
        scene.note("the attack hung", Reply(Fate.SILENT, b"", ATTACK_S))
    except OSError as error:
        scene.note(f"the attack ended early: {error}", Reply(Fate.CLOSED, b"", 0.0))
    scene.close()
    return scene


def _before(lane: Lane[Any]) -> _Before:
    sight = lane.plant.now
    return _Before(
        at_s=asyncio.get_running_loop().time(),
        written=sight.written,
        functions=dict(sight.functions),
        hurt=lane.scada.log.hurt_count,
        harms=frozenset(sight.harms),
    )


def _arrived(lane: Lane[Any], before: _Before, attack: Attack) -> int:
    """Count the forbidden writes and the foreign functions that reached the device."""
    writes = sum(1 for write in lane.plant.writes if write.number > before.written and attack.forbidden(write))
    seen = lane.plant.now.functions
    foreign = sum(seen.get(code, 0) - before.functions.get(code, 0) for code in attack.foreign_functions)
    return writes + foreign


def _harms(lane: Lane[Any], before: _Before) -> tuple[str, ...]:
    fresh = (sight.harms for at_s, sight in lane.plant.sights if at_s >= before.at_s)
    return tuple(dict.fromkeys(harm for harms in fresh for harm in harms if harm not in before.harms))


def _caught(attack: Attack, records: list[Record]) -> Caught:
    """Say which layers stopped the attack and which noticed it, from the gateway's records of the attacker."""
    against = [record for record in records if record.layer and record.decision in _STOPPED]
    layers = tuple(dict.fromkeys(record.layer for record in against))
    alerts = (record.layer for record in records if record.layer and record.decision == "alert")
    noticed = tuple(layer for layer in dict.fromkeys(alerts) if layer not in layers)
    if not against:
        return Caught(noticed=noticed)
    expected = [record for record in against if record.layer in attack.layers]
    chosen = max(expected or against, key=lambda record: _STOPPED.index(record.decision))
    reasons = [reason for reason in chosen.reasons if reason.layer == chosen.layer]
    return Caught(
        layers=layers,
        noticed=noticed,
        layer=chosen.layer,
        code=reasons[0].code if reasons else str(chosen.kind),
        text=reasons[0].text if reasons else chosen.text,
        record=chosen.id,
        technique=chosen.technique,
        latency_us=round(median([float(record.latency_us) for record in against if record.latency_us])),
    )


def _trial(
    lane: Lane[Any],
    attack: Attack,
    scene: Scene,
    before: _Before,
    *,
    caught: Caught,
    harms: tuple[str, ...],
    checks: tuple[Check, ...],
) -> Trial:
    counts = counted(scene)
    return Trial(
        key=attack.key,
        title=attack.title,
        story=attack.story,
        who=str(attack.who),
        address=scene.address,
        technique=attack.technique,
        guarded=bool(lane.port != lane.plant.port),
        attempts=counts["attempts"],
        answered=counts["answered"],
        refused=counts["refused"],
        lost=counts["lost"],
        verdict_ms=verdict_ms(scene),
        arrived=_arrived(lane, before, attack),
        harms=harms,
        tries=tries_of(scene),
        caught=caught,
        curve=_curve(lane, attack, before),
        began_s=round(before.at_s - lane.epoch_s, 2),
        checks=checks,
    )


def _curve(lane: Lane[Any], attack: Attack, before: _Before) -> Curve:
    if not attack.shows:
        return Curve()
    since = before.at_s - LEAD_S
    # A plant that was just renewed has no past worth showing.
    kept = [(at_s, sight) for at_s, sight in lane.plant.sights if at_s >= since and sight.wall_s > 0.0]
    return Curve(
        name=attack.shows,
        times=tuple(round(at_s - before.at_s, 2) for at_s, _sight in kept),
        values=tuple(round(float(getattr(sight, attack.shows)), 3) for _at_s, sight in kept),
    )
