"""The demo's play in four acts: learn, observe, enforce, and what is left to check when the attackers are gone."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import Final

from icsguard.control.replies import Done
from icsguard.control.requests import Isolate, Release, SetMode
from icsguard.core.decision import Layer, Mode
from icsguard.lab.acts import SETTLE_S, Acts
from icsguard.lab.attacks.book import ATTACKS
from icsguard.lab.guarding import CONDUIT
from icsguard.lab.lanes import bare_trial
from icsguard.lab.learning import learn
from icsguard.lab.operations import NORMAL_S, ROUND_S, maintenance_round, normal_operation
from icsguard.lab.outcome import Outcome
from icsguard.lab.stage import Stage
from icsguard.lab.telling import Teller
from icsguard.lab.trial import Check, Trial
from icsguard.lab.water import SPEED_UP
from icsguard.lab.wire import Fate, Line
from icsguard.protocols.modbus import build
from icsguard.runtime.tasks import spawn

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


class _Acts(Acts[Stage]):
    """The acts in their order, on one stage."""

    def __init__(self, stage: Stage, lengths: Lengths, teller: Teller) -> None:
        super().__init__(stage, teller)
        self._lengths = lengths

    async def play(self, bare: asyncio.Task[object]) -> Outcome:
        await self._learn()
        would_be = await self._observe()
        await self._enforce()
        cut_off = await self._isolate()
        await self._wait_for(bare)
        text = f"in observe mode the learned policy would have stopped {would_be} normal requests"
        return await self._outcome(Check(text, would_be == 0), cut_off)

    async def _learn(self) -> None:
        stage, began = self._stage, self._mark()
        stage.guarded.scada.follow(maintenance_round, ROUND_S)
        stage.guarded.scada.hang_up_each_round = True
        await self._teller.wait("learning: operators at work", self._lengths.learn_s)
        stage.guarded.recorded = stage.guarded.scada.last_round
        stage.guarded.scada.hang_up_each_round = False
        stage.guarded.scada.follow(normal_operation, NORMAL_S)
        with self._teller.steps("learning: policy and twin") as steps:
            learned = await learn(stage.guarding, steps.move)
        self._end("learn", began, learned)

    async def _observe(self) -> int:
        """Let the learned policy watch the operators; return how many of their requests it would have stopped."""
        guarding, began = self._stage.guarding, self._mark()
        await guarding.ask(SetMode(conduit=CONDUIT, mode=Mode.OBSERVE, reason=_WHY))
        at_start = (await guarding.status()).conduits[0].would_be
        await self._teller.wait("observing: nothing is stopped", self._lengths.observe_s)
        would_be = (await guarding.status()).conduits[0].would_be - at_start
        self._end("observe", began, f"{would_be} of its requests would have been stopped")
        return would_be

    async def _enforce(self) -> None:
        stage, began = self._stage, self._mark()
        await stage.guarding.ask(SetMode(conduit=CONDUIT, mode=Mode.ENFORCE, reason=_WHY))
        await asyncio.sleep(SETTLE_S)
        self._end("enforce", began, await self._attack(ATTACKS))

    def _is_explained(self, trial: Trial) -> bool:
        return trial.caught.layer == Layer.CONSEQUENCE

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
