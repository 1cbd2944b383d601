"""The play of `icsguard demo --opcua`: operators at work over SignAndEncrypt, and eight attacks on both plants."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

from icsguard import __version__
from icsguard.control.replies import Records
from icsguard.control.requests import GetRecords
from icsguard.core.clock import SECOND
from icsguard.core.record import Record
from icsguard.lab.guarding import GuardError
from icsguard.lab.lanes import bare_trial, guarded_trial
from icsguard.lab.learning import icsguard
from icsguard.lab.outcome import Outcome, Phase
from icsguard.lab.play import MAX_RECORDS, SETTLE_S, overview
from icsguard.lab.telling import Teller
from icsguard.lab.trial import Check, Trial
from icsguard.lab.ua_attacks import attacks
from icsguard.lab.ua_scada import UaScada
from icsguard.lab.ua_stage import UaStage
from icsguard.lab.water import SPEED_UP
from icsguard.runtime.clock import Clock
from icsguard.runtime.tasks import spawn

EXPLAINED: Final = "hidden-in-a-batch"
"""The attack whose refusal `icsguard explain` is asked about."""


@dataclass(frozen=True, slots=True)
class _Before:
    """How things stood when a part began."""

    at_s: float
    requests: int
    writes: int
    hurt: int


async def play(seed: int, quiet_s: float, teller: Teller, *, keep: bool = False) -> Outcome:
    """Play everything and return what was found. Raises GuardError, RuntimeError, OSError."""
    async with UaStage(seed, keep=keep) as stage:
        teller.say(
            "plant",
            f"two tanks behind OPC UA at 127.0.0.1:{stage.guarded.plant.port}, {SPEED_UP:g} times faster than life; "
            f"a second one without icsguard at 127.0.0.1:{stage.bare.plant.port}",
        )
        teller.say("icsguard", f"ends channels at 127.0.0.1:{stage.guarding.port}, Basic256Sha256 SignAndEncrypt")
        outcome = await _Acts(stage, teller).play(quiet_s)
        stage.keep = keep or not outcome.held
        if stage.keep:
            teller.say("kept", f"{stage.folder} (configuration, certificates, log, records)")
        return outcome


class _Acts:
    """The acts in their order, on one stage."""

    def __init__(self, stage: UaStage, teller: Teller) -> None:
        self._stage = stage
        self._teller = teller
        self._phases: list[Phase] = []
        self._explanation: tuple[str, ...] = ()
        self._attacks = attacks(stage.keys)

    async def play(self, quiet_s: float) -> Outcome:
        before = self._before()
        await self._teller.wait("operators at work", quiet_s)
        self._end("operate", before, f"{self._scada.published} values came by subscription")
        bare = spawn(self._bare(), "bare-lane")
        await self._enforce()
        await bare
        return await self._outcome()

    @property
    def _scada(self) -> UaScada:
        return self._stage.guarded.scada

    async def _bare(self) -> None:
        """Attack the unguarded plant; its operators go home, for the plant does not survive."""
        self._stage.bare.scada.at_home = True
        for number, attack in enumerate(self._attacks):
            await bare_trial(self._stage.bare, attack, number)

    async def _enforce(self) -> None:
        stage, before = self._stage, self._before()
        for number, attack in enumerate(self._attacks):
            trial = await guarded_trial(stage.guarded, attack, number, self._records, self._moment)
            self._teller.tell(number + 1, len(self._attacks), trial)
            if attack.key == EXPLAINED:
                self._explanation = await self._explain(trial)
        await asyncio.sleep(SETTLE_S)
        stopped = sum(1 for trial in stage.guarded.trials if trial.held)
        self._end("attacks", before, f"{stopped} of {len(self._attacks)} attacks ended as they should")

    async def _records(self, address: str, since: int) -> list[Record]:
        reply = await self._stage.guarding.ask(GetRecords(last=MAX_RECORDS, client=address))
        if not isinstance(reply, Records):
            raise GuardError(f"asked for records, got {type(reply).__name__}")
        return [record for record in reply.records if record.at >= since]

    async def _moment(self) -> int:
        return (await self._stage.guarding.status()).now

    async def _explain(self, trial: Trial) -> tuple[str, ...]:
        if not trial.caught.record:
            return ()
        said = await icsguard(self._stage.guarding, "explain", trial.caught.record)
        return tuple(said.decode(errors="replace").splitlines())

    async def _outcome(self) -> Outcome:
        stage, clock = self._stage, Clock()
        status = await stage.guarding.status()
        return Outcome(
            version=__version__,
            seed=stage.seed,
            made=datetime.fromtimestamp((clock.now() + clock.wall_shift()) // SECOND, tz=UTC).isoformat(),
            speed_up=SPEED_UP,
            seconds=round(self._now() - stage.epoch_s, 1),
            phases=tuple(self._phases),
            guarded=tuple(stage.guarded.trials),
            bare=tuple(stage.bare.trials),
            overview=overview(stage.guarded),
            bare_overview=overview(stage.bare),
            explanation=self._explanation,
            checks=self._checks([part.state for part in status.parts]),
            policy=stage.guarding.policy.read_text(encoding="utf-8"),
        )

    def _checks(self, parts: list[str]) -> tuple[Check, ...]:
        counts, plant = self._stage.normal, self._stage.guarded.plant
        harms = {harm for seen in plant.sights for harm in seen.sight.harms}
        return (
            Check(f"{counts.hurt} of {counts.requests} normal requests were hurt", counts.hurt == 0),
            Check(f"{self._scada.published} values came by subscription", self._scada.published > 0),
            Check("the guarded plant is unharmed from the first second to the last", not harms),
            Check("gateway, shadow and recorder are still up", parts == ["up", "up"]),
        )

    def _before(self) -> _Before:
        counts = self._stage.normal
        return _Before(self._now(), counts.requests, counts.writes, counts.hurt)

    def _end(self, name: str, before: _Before, text: str) -> None:
        now, seconds = self._stage.normal, self._now() - before.at_s
        phase = Phase(
            name=name,
            seconds=round(seconds, 1),
            requests=now.requests - before.requests,
            writes=now.writes - before.writes,
            hurt=now.hurt - before.hurt,
            text=text,
        )
        self._phases.append(phase)
        told = f"{seconds:.0f} s, {phase.requests} normal requests, {phase.hurt} hurt; {text}"
        self._teller.say(name, told, "bold red" if phase.hurt else "")
        for line in list(self._scada.log.hurt)[-phase.hurt :] if phase.hurt else ():
            self._teller.say("", f"hurt: {line}", "bold red")

    def _now(self) -> float:
        return asyncio.get_running_loop().time()
