"""The Modbus demo's stage: two plants, icsguard before one of them, operators at both and an engineering station."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Final

from icsguard.lab.attacks.scene import HMI, STATION
from icsguard.lab.desk import Log
from icsguard.lab.guarding import Guarding
from icsguard.lab.lanes import Lane
from icsguard.lab.operations import STATION_POLL
from icsguard.lab.plant_process import PlantProcess
from icsguard.lab.scada import Scada
from icsguard.lab.scaffold import Scaffold
from icsguard.runtime.tasks import spawn

STATION_EVERY_S: Final = 0.5
"""How often the engineering station looks."""


class Stage(Scaffold[Scada]):
    """`async with Stage(seed) as stage`: then everything runs. Raises GuardError or RuntimeError where it does not."""

    station: Scada

    @property
    def logs(self) -> Sequence[Log]:
        """What operators and engineers behind the gateway experienced."""
        return self.guarded.scada.log, self.station.log

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
