"""The stage of `icsguard demo --opcua`: two plants behind OPC UA, icsguard before one of them, and the operators.

As `stage`: whatever is started and made here is ended and removed here.
"""

from __future__ import annotations

import asyncio
import shutil
import tempfile
from pathlib import Path
from types import TracebackType
from typing import Final, Self

from icsguard.lab.attacks.scene import HMI
from icsguard.lab.guarding import free_port
from icsguard.lab.lanes import Lane
from icsguard.lab.plant_process import PlantProcess
from icsguard.lab.stage import Counts
from icsguard.lab.ua_guarding import UaGuarding
from icsguard.lab.ua_keys import make_keys
from icsguard.lab.ua_scada import UaScada
from icsguard.runtime.tasks import spawn

SIDES: Final = ("server", "gateway", "hmi", "rogue")
"""Who has a certificate."""


class UaStage:
    """`async with UaStage(seed) as stage`: then everything runs. Raises GuardError or RuntimeError."""

    guarding: UaGuarding
    guarded: Lane[UaScada]
    bare: Lane[UaScada]

    def __init__(self, seed: int, *, keep: bool = False) -> None:
        self.seed = seed
        self.folder = Path(tempfile.mkdtemp(prefix="icsguard-demo-"))
        self.keys = self.folder / "keys"
        self.epoch_s = 0.0
        self.keep = keep
        """Leave the folder with configuration, log and records behind."""
        self._plants: list[PlantProcess] = []
        self._people: list[asyncio.Task[object]] = []

    async def __aenter__(self) -> Self:
        self.epoch_s = asyncio.get_running_loop().time()
        try:
            await self._raise()
        except BaseException:
            await self._clear()
            raise
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._clear()

    @property
    def normal(self) -> Counts:
        """What the operators behind the gateway experienced so far."""
        log = self.guarded.scada.log
        return Counts(log.requests, log.writes, log.hurt_count)

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

    async def _clear(self) -> None:
        for task in self._people:
            task.cancel()
        await asyncio.gather(*self._people, return_exceptions=True)
        if hasattr(self, "guarding"):
            await self.guarding.stop()
        await asyncio.gather(*(plant.stop() for plant in self._plants))
        if not self.keep:
            shutil.rmtree(self.folder, ignore_errors=True)
