"""The demo's stage: two plants, icsguard before one of them, and the people at work; all of it is cleared away after.

Every process and folder that is made here is ended and removed here, whatever happens in between.
"""

from __future__ import annotations

import asyncio
import shutil
import tempfile
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Final, Self

from icsguard.lab.attacks.scene import HMI, STATION
from icsguard.lab.guarding import Guarding
from icsguard.lab.lanes import Lane
from icsguard.lab.operations import STATION_POLL
from icsguard.lab.plant_process import PlantProcess
from icsguard.lab.scada import Scada
from icsguard.runtime.tasks import spawn

STATION_EVERY_S: Final = 0.5
"""How often the engineering station looks."""


@dataclass(frozen=True, slots=True)
class Counts:
    """What normal clients experienced so far."""

    requests: int
    writes: int
    hurt: int


class Stage:
    """`async with Stage(seed) as stage`: then everything runs. Raises GuardError or RuntimeError where it does not."""

    guarding: Guarding
    guarded: Lane[Scada]
    bare: Lane[Scada]
    station: Scada

    def __init__(self, seed: int, *, keep: bool = False) -> None:
        self.seed = seed
        self.folder = Path(tempfile.mkdtemp(prefix="icsguard-demo-"))
        self.epoch_s = 0.0
        self.keep = keep
        """Leave the folder with configuration, log, records, journal and models behind."""
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
        """What the operators and engineers behind the gateway experienced so far."""
        logs = (self.guarded.scada.log, self.station.log)
        return Counts(
            sum(log.requests for log in logs), sum(log.writes for log in logs), sum(log.hurt_count for log in logs)
        )

    async def _raise(self) -> None:
        guarded_plant, bare_plant = await asyncio.gather(PlantProcess.start(self.seed), PlantProcess.start(self.seed))
        self._plants = [guarded_plant, bare_plant]
        self.guarding = Guarding(self.folder, guarded_plant.port)
        await self.guarding.start()
        self.guarded = self._lane(guarded_plant, self.guarding.port)
        self.bare = self._lane(bare_plant, bare_plant.port)
        self.station = Scada(self.guarding.port, STATION, seed=self.seed, poll=STATION_POLL, every_s=STATION_EVERY_S)
        for who in (self.guarded.scada, self.bare.scada, self.station):
            self._people.append(spawn(who.run(), f"client-{who.source}"))

    def _lane(self, plant: PlantProcess, port: int) -> Lane[Scada]:
        return Lane(plant, port, Scada(port, HMI, seed=self.seed), self.epoch_s)

    async def _clear(self) -> None:
        for task in self._people:
            task.cancel()
        await asyncio.gather(*self._people, return_exceptions=True)
        if hasattr(self, "guarding"):
            await self.guarding.stop()
        await asyncio.gather(*(plant.stop() for plant in self._plants))
        if not self.keep:
            shutil.rmtree(self.folder, ignore_errors=True)
