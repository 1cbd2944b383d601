"""What the acts of every demo have in common: they are timed and told, attacks are carried out, the outcome is drawn.

`play` (Modbus) and `ua_play` say which acts there are.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any, Final, Generic, NamedTuple, TypeVar

from icsguard import __version__
from icsguard.control.replies import Records
from icsguard.control.requests import GetRecords
from icsguard.core.clock import SECOND
from icsguard.core.record import Record
from icsguard.lab.attacks.scene import Attack
from icsguard.lab.guarding import GuardError
from icsguard.lab.lanes import Lane, guarded_trial
from icsguard.lab.learning import icsguard
from icsguard.lab.outcome import Outcome, Phase
from icsguard.lab.plant_process import PlantProcess
from icsguard.lab.scaffold import Counts, Scaffold
from icsguard.lab.telling import Teller
from icsguard.lab.trial import Check, Curve, Trial
from icsguard.lab.water import SPEED_UP
from icsguard.runtime.clock import Clock

MAX_RECORDS: Final = 1000  # of one client; the flood is folded into few
SETTLE_S: Final = 2.0
OVERVIEW_EVERY: Final = 5  # sights: two points a second


class Mark(NamedTuple):
    """How things stood when an act began."""

    at_s: float
    counts: Counts


Ground = TypeVar("Ground", bound=Scaffold[Any])


class Acts(Generic[Ground]):
    """The acts of one demo, on one stage."""

    def __init__(self, stage: Ground, teller: Teller) -> None:
        self._stage = stage
        self._teller = teller
        self._phases: list[Phase] = []
        self._explanation: tuple[str, ...] = ()

    async def _attack(self, attacks: Sequence[Attack]) -> str:
        """Carry out the attacks on the guarded plant, one after the other; return how they ended."""
        stage = self._stage
        for number, attack in enumerate(attacks):
            trial = await guarded_trial(stage.guarded, attack, number, self._records, self._moment)
            self._teller.tell(number + 1, len(attacks), trial)
            if self._is_explained(trial):
                self._explanation = await self._explain(trial)
        await asyncio.sleep(SETTLE_S)
        stopped = sum(1 for trial in stage.guarded.trials if trial.held)
        return f"{stopped} of {len(attacks)} attacks ended as they should"

    def _is_explained(self, trial: Trial) -> bool:
        """Say whether `icsguard explain` is asked about this attack's refusal."""
        raise NotImplementedError

    async def _records(self, address: str, since: int) -> list[Record]:
        """Return what the gateway recorded about a client since then."""
        reply = await self._stage.guarding.ask(GetRecords(last=MAX_RECORDS, client=address))
        if not isinstance(reply, Records):
            raise GuardError(f"asked for records, got {type(reply).__name__}")
        return [record for record in reply.records if record.at >= since]

    async def _moment(self) -> int:
        """Return what the gateway's clock shows."""
        return (await self._stage.guarding.status()).now

    async def _explain(self, trial: Trial) -> tuple[str, ...]:
        """Return what the operator's own command says about a record."""
        if not trial.caught.record:
            return ()
        said = await icsguard(self._stage.guarding, "explain", trial.caught.record)
        return tuple(said.decode(errors="replace").splitlines())

    async def _outcome(self, *more: Check) -> Outcome:
        """Return what was found; `more` must hold too."""
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
            checks=(*checks(stage.normal, stage.guarded.plant, [part.state for part in status.parts]), *more),
            policy=stage.guarding.policy.read_text(encoding="utf-8"),
        )

    def _mark(self) -> Mark:
        return Mark(self._now(), self._stage.normal)

    def _end(self, name: str, began: Mark, text: str) -> None:
        """Keep and tell what an act has brought."""
        now, before, seconds = self._stage.normal, began.counts, self._now() - began.at_s
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
        hurt = [line for log in self._stage.logs for line in log.hurt]
        for line in hurt[-phase.hurt :] if phase.hurt else ():
            self._teller.say("", f"hurt: {line}", "bold red")

    def _now(self) -> float:
        return asyncio.get_running_loop().time()


def checks(counts: Counts, plant: PlantProcess, parts: list[str]) -> tuple[Check, ...]:
    """Return what must hold in every demo beyond the single attacks."""
    harms = {harm for seen in plant.sights for harm in seen.sight.harms}
    return (
        Check(f"{counts.hurt} of {counts.requests} normal requests were hurt", counts.hurt == 0),
        Check("the guarded plant is unharmed from the first second to the last", not harms),
        Check("gateway, shadow and recorder are still up", parts == ["up", "up"]),
    )


def overview(lane: Lane[Any]) -> tuple[Curve, ...]:
    """Return the levels of both tanks over the whole demo, thinned."""
    seen = list(lane.plant.sights)[::OVERVIEW_EVERY]
    times = tuple(round(at_s - lane.epoch_s, 1) for at_s, _sight in seen)
    return (
        Curve("tank 1", times, tuple(round(sight.level_1, 3) for _at_s, sight in seen)),
        Curve("tank 2", times, tuple(round(sight.level_2, 3) for _at_s, sight in seen)),
    )
