"""The play of `icsguard demo --opcua`: operators at work over SignAndEncrypt, and eight attacks on both plants."""

from __future__ import annotations

from typing import Final

from icsguard.lab.acts import Acts
from icsguard.lab.lanes import bare_trial
from icsguard.lab.outcome import Outcome
from icsguard.lab.telling import Teller
from icsguard.lab.trial import Check, Trial
from icsguard.lab.ua_attacks import attacks
from icsguard.lab.ua_scada import UaScada
from icsguard.lab.ua_stage import UaStage
from icsguard.lab.water import SPEED_UP
from icsguard.runtime.tasks import spawn

EXPLAINED: Final = "hidden-in-a-batch"
"""The attack whose refusal `icsguard explain` is asked about."""


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


class _Acts(Acts[UaStage]):
    """The acts in their order, on one stage."""

    def __init__(self, stage: UaStage, teller: Teller) -> None:
        super().__init__(stage, teller)
        self._attacks = attacks(stage.keys)

    async def play(self, quiet_s: float) -> Outcome:
        began = self._mark()
        await self._teller.wait("operators at work", quiet_s)
        self._end("operate", began, f"{self._scada.published} values came by subscription")
        bare = spawn(self._bare(), "bare-lane")
        began = self._mark()
        self._end("attacks", began, await self._attack(self._attacks))
        await bare
        published = self._scada.published
        return await self._outcome(Check(f"{published} values came by subscription", published > 0))

    @property
    def _scada(self) -> UaScada:
        return self._stage.guarded.scada

    async def _bare(self) -> None:
        """Attack the unguarded plant; its operators go home, for the plant does not survive."""
        self._stage.bare.scada.at_home = True
        for number, attack in enumerate(self._attacks):
            await bare_trial(self._stage.bare, attack, number)

    def _is_explained(self, trial: Trial) -> bool:
        return trial.key == EXPLAINED
