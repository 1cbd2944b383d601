"""The demo's play in four acts: learn, observe, enforce, and what is left to check when the attackers are gone."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

from icsguard import __version__
from icsguard.control.replies import Done, Records
from icsguard.control.requests import GetRecords, Isolate, Release, SetMode
from icsguard.core.clock import SECOND
from icsguard.core.decision import Layer, Mode
from icsguard.core.record import Record
from icsguard.lab.attacks.book import ATTACKS
from icsguard.lab.guarding import CONDUIT, GuardError
from icsguard.lab.lanes import Lane, bare_trial, guarded_trial
from icsguard.lab.learning import icsguard, learn
from icsguard.lab.operations import NORMAL_S, ROUND_S, maintenance_round, normal_operation
from icsguard.lab.outcome import Outcome, Phase
from icsguard.lab.plant_process import PlantProcess
from icsguard.lab.stage import Counts, Stage
from icsguard.lab.telling import Teller
from icsguard.lab.trial import Check, Curve, Trial
from icsguard.lab.water import SPEED_UP
from icsguard.lab.wire import Fate, Line
from icsguard.protocols.modbus import build
from icsguard.runtime.clock import Clock
from icsguard.runtime.tasks import spawn

MAX_RECORDS: Final = 1000  # of one client; the flood is folded into few
SETTLE_S: Final = 2.0
OVERVIEW_EVERY: Final = 5  # sights: two points a second
_WHY: Final = "demo"
STRANGER: Final = 99
"""Last byte of the loopback address that the operator isolates."""


@dataclass(frozen=True, slots=True)
class Lengths:
    """How long the quiet acts last, in seconds."""

    learn_s: float
    observe_s: float


async def play(seed: int, lengths: Lengths, teller: Teller, *, keep: bool = False) -> Outcome:
    """Play everything and return what was found. Raises GuardError, RuntimeError, OSError."""
    async with Stage(seed, keep=keep) as stage:
        teller.say(
            "plant",
            f"two tanks at 127.0.0.1:{stage.guarded.plant.port}, {SPEED_UP:g} times faster than life; "
            f"a second one without icsguard at 127.0.0.1:{stage.bare.plant.port}",
        )
        teller.say("icsguard", f"listens at 127.0.0.1:{stage.guarding.port}: gateway, shadow and recorder are up")
        bare = spawn(_bare_lane(stage), "bare-lane")
        outcome = await _Acts(stage, lengths, teller).play(bare)
        stage.keep = keep or not outcome.held
        if stage.keep:
            teller.say("kept", f"{stage.folder} (configuration, log, records, journal, models)")
        return outcome


async def _bare_lane(stage: Stage) -> None:
    """Attack the unguarded plant, one attack after the other, as soon as there is a session to overhear."""
    stage.bare.scada.follow(maintenance_round, ROUND_S)
    await asyncio.sleep(SETTLE_S)
    stage.bare.recorded = stage.bare.scada.last_round
    stage.bare.scada.follow(None, 0.0)
    for number, attack in enumerate(ATTACKS):
        await bare_trial(stage.bare, attack, number)


class _Acts:
    """The acts in their order, on one stage."""

    def __init__(self, stage: Stage, lengths: Lengths, teller: Teller) -> None:
        self._stage = stage
        self._lengths = lengths
        self._teller = teller
        self._phases: list[Phase] = []
        self._explanation: tuple[str, ...] = ()

    async def play(self, bare: asyncio.Task[object]) -> Outcome:
        await self._learn()
        would_be = await self._observe()
        await self._enforce()
        cut_off = await self._isolate()
        await self._wait_for(bare)
        return await self._outcome(would_be, cut_off)

    async def _learn(self) -> None:
        stage = self._stage
        before, began = stage.normal, self._now()
        stage.guarded.scada.follow(maintenance_round, ROUND_S)
        stage.guarded.scada.hang_up_each_round = True
        await self._teller.wait("learning: operators at work", self._lengths.learn_s)
        stage.guarded.recorded = stage.guarded.scada.last_round
        stage.guarded.scada.hang_up_each_round = False
        stage.guarded.scada.follow(normal_operation, NORMAL_S)
        with self._teller.steps("learning: policy and twin") as steps:
            learned = await learn(stage.guarding, steps.move)
        self._end("learn", before, began, learned)

    async def _observe(self) -> int:
        """Let the learned policy watch the operators; return how many of their requests it would have stopped."""
        guarding = self._stage.guarding
        before, began = self._stage.normal, self._now()
        await guarding.ask(SetMode(conduit=CONDUIT, mode=Mode.OBSERVE, reason=_WHY))
        at_start = (await guarding.status()).conduits[0].would_be
        await self._teller.wait("observing: nothing is stopped", self._lengths.observe_s)
        would_be = (await guarding.status()).conduits[0].would_be - at_start
        self._end("observe", before, began, f"{would_be} of its requests would have been stopped")
        return would_be

    async def _enforce(self) -> None:
        stage = self._stage
        before, began = stage.normal, self._now()
        await stage.guarding.ask(SetMode(conduit=CONDUIT, mode=Mode.ENFORCE, reason=_WHY))
        await asyncio.sleep(SETTLE_S)
        for number, attack in enumerate(ATTACKS):
            trial = await guarded_trial(stage.guarded, attack, number, self._records, self._moment)
            self._teller.tell(number + 1, len(ATTACKS), trial)
            if trial.caught.layer == Layer.CONSEQUENCE:
                self._explanation = await self._explain(trial)
        await asyncio.sleep(SETTLE_S)
        stopped = sum(1 for trial in stage.guarded.trials if trial.held)
        self._end("enforce", before, began, f"{stopped} of {len(ATTACKS)} attacks ended as they should")

    async def _isolate(self) -> Check:
        """Isolate a stranger as an operator does, see whether he is cut off, and let him go."""
        guarding = self._stage.guarding
        stranger, probe = f"127.0.0.{STRANGER}", build.read(4, 0, 1)
        line = await Line.open(guarding.port, stranger)
        before = await line.ask(probe)
        done = await guarding.ask(Isolate(client=stranger, seconds=60, reason=_WHY))
        cut = (await line.ask(probe, within_s=1.0)).fate
        line.close()
        await guarding.ask(Release(client=stranger, reason=_WHY))
        again = await Line.open(guarding.port, stranger)
        after = await again.ask(probe)
        again.close()
        if isinstance(done, Done):
            self._teller.say("operator", f"{done.text}; released: {cut} while it lasted, {after.fate} after")
        held = (before.fate, cut, after.fate) == (Fate.REFUSED, Fate.CLOSED, Fate.REFUSED)
        return Check("an operator's isolation cuts a client off at once, and its release ends that", held)

    async def _wait_for(self, bare: asyncio.Task[object]) -> None:
        if not bare.done():
            with self._teller.steps("the same attacks without icsguard") as steps:
                while not bare.done():
                    steps.move(len(self._stage.bare.trials) / len(ATTACKS), "the same attacks without icsguard")
                    await asyncio.wait([bare], timeout=0.5)
        await bare

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
        said = await icsguard(self._stage.guarding, "explain", trial.caught.record)
        return tuple(said.decode(errors="replace").splitlines())

    async def _outcome(self, would_be: int, *more: Check) -> Outcome:
        stage = self._stage
        status = await stage.guarding.status()
        counts = stage.normal
        clock = Clock()
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
            checks=(*checks(counts, would_be, stage.guarded.plant, [part.state for part in status.parts]), *more),
            policy=stage.guarding.policy.read_text(encoding="utf-8"),
        )

    def _end(self, name: str, before: Counts, began: float, text: str) -> None:
        now, seconds = self._stage.normal, self._now() - began
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
        hurt = list(self._stage.guarded.scada.log.hurt) + list(self._stage.station.log.hurt)
        for line in hurt[: phase.hurt]:
            self._teller.say("", f"hurt: {line}", "bold red")

    def _now(self) -> float:
        return asyncio.get_running_loop().time()


def checks(counts: Counts, would_be: int, plant: PlantProcess, parts: list[str]) -> tuple[Check, ...]:
    """Return what must hold beyond the single attacks."""
    harms = {harm for seen in plant.sights for harm in seen.sight.harms}
    return (
        Check(f"{counts.hurt} of {counts.requests} normal requests were hurt", counts.hurt == 0),
        Check(f"in observe mode the learned policy would have stopped {would_be} normal requests", would_be == 0),
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
