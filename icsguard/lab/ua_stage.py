"""The stage of `icsguard demo --opcua`: two plants behind OPC UA, icsguard before one of them, and the operators."""

from __future__ import annotations

import asyncio
from typing import Final

from icsguard.lab.attacks.scene import HMI
from icsguard.lab.guarding import free_port
from icsguard.lab.lanes import Lane
from icsguard.lab.plant_process import PlantProcess
from icsguard.lab.scaffold import Scaffold
from icsguard.lab.ua_guarding import UaGuarding
from icsguard.lab.ua_keys import make_keys
from icsguard.lab.ua_scada import UaScada
from icsguard.runtime.tasks import spawn

SIDES: Final = ("server", "gateway", "hmi", "rogue")
"""Who has a certificate."""


class UaStage(Scaffold[UaScada]):
    """`async with UaStage(seed) as stage`: then everything runs. Raises GuardError or RuntimeError."""

    def __init__(self, seed: int, *, keep: bool = False) -> None:
        super().__init__(seed, keep=keep)
        self.keys = self.folder / "keys"

    async def _raise(self) -> None:
        for name in SIDES:
            await asyncio.to_thread(make_keys, self.keys, name)
        self._plants = list(await asyncio.gather(self._plant(), self._plant()))
        behind, bare = self._plants
        self.guarding = UaGuarding(self.folder, behind.port, self.keys)
        await self.guarding.start()
        self.guarded = self._lane(behind, self.guarding.port)
        self.bare = self._lane(bare, bare.port)
        for lane in (self.guarded, self.bare):
            self._people.append(spawn(lane.scada.run(), f"client-{lane.port}"))

    async def _plant(self) -> PlantProcess:
        module = "icsguard.lab.ua_plant"
        return await PlantProcess.start(self.seed, module, "--keys", str(self.keys), port=free_port())

    def _lane(self, plant: PlantProcess, port: int) -> Lane[UaScada]:
        return Lane(plant, port, UaScada(port, HMI, self.keys, seed=self.seed), self.epoch_s, repairs=())
