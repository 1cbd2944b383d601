"""What every demo stands on: a folder, two plants, icsguard before one of them, people at work; all is cleared away.

Every process and folder that is made here is ended and removed here, whatever happens in between. `stage` (Modbus) and
`ua_stage` say which plants and which people.
"""

from __future__ import annotations

import asyncio
import shutil
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Generic, Self

from icsguard.lab.desk import Log
from icsguard.lab.guarding import Guarding
from icsguard.lab.lanes import Lane, People
from icsguard.lab.plant_process import PlantProcess


@dataclass(frozen=True, slots=True)
class Counts:
    """What normal clients experienced so far."""

    requests: int
    writes: int
    hurt: int


class Scaffold(Generic[People]):
    """`async with` it: then everything runs. Raises GuardError or RuntimeError where it does not."""

    guarding: Guarding
    guarded: Lane[People]
    bare: Lane[People]

    def __init__(self, seed: int, *, keep: bool = False) -> None:
        self.seed = seed
        self.folder = Path(tempfile.mkdtemp(prefix="icsguard-demo-"))
        self.epoch_s = 0.0
        self.keep = keep
        """Leave the folder with all that icsguard wrote into it behind."""
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

    async def _raise(self) -> None:
        """Start everything."""
        raise NotImplementedError

    @property
    def logs(self) -> Sequence[Log]:
        """What each of the people behind the gateway experienced."""
        return (self.guarded.scada.log,)

    @property
    def normal(self) -> Counts:
        """What all of them experienced so far."""
        logs = self.logs
        return Counts(
            sum(log.requests for log in logs), sum(log.writes for log in logs), sum(log.hurt_count for log in logs)
        )

    async def _clear(self) -> None:
        for task in self._people:
            task.cancel()
        await asyncio.gather(*self._people, return_exceptions=True)
        if hasattr(self, "guarding"):
            await self.guarding.stop()
        await asyncio.gather(*(plant.stop() for plant in self._plants))
        if not self.keep:
            shutil.rmtree(self.folder, ignore_errors=True)
