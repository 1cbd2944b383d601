import asyncio
from types import SimpleNamespace

import pytest

from icsguard.lab.desk import Log
from icsguard.lab.scaffold import Counts, Scaffold


class Worker:
    """Works until cancelled; has a log like everybody."""

    def __init__(self):
        self.log = Log(requests=10, writes=2, hurt_count=1)
        self.cancelled = False

    async def run(self):
        try:
            await asyncio.sleep(60)
        except asyncio.CancelledError:
            self.cancelled = True
            raise


class Ending:
    """Something that can be stopped."""

    def __init__(self):
        self.stopped = False

    async def stop(self):
        self.stopped = True


class House(Scaffold[Worker]):
    """Stands, or falls down while it is raised."""

    def __init__(self, *, falls=False, keep=False):
        super().__init__(3, keep=keep)
        self.falls = falls
        self.worker, self.plant, self.guard = Worker(), Ending(), Ending()

    async def _raise(self):
        self._plants = [self.plant]
        self.guarding = self.guard
        self.guarded = SimpleNamespace(scada=self.worker)
        self._people.append(asyncio.get_running_loop().create_task(self.worker.run()))
        await asyncio.sleep(0)
        if self.falls:
            raise RuntimeError("it fell")


async def test_afterwards_everything_is_ended_and_the_folder_is_gone():
    async with House() as house:
        assert house.folder.is_dir()
        assert Counts(10, 2, 1) == house.normal
    assert (True, True, True) == (house.worker.cancelled, house.plant.stopped, house.guard.stopped)
    assert not house.folder.exists()


async def test_what_falls_while_it_is_raised_is_cleared_away_too():
    house = House(falls=True)
    with pytest.raises(RuntimeError, match="it fell"):
        async with house:
            pass
    assert (True, True) == (house.plant.stopped, house.guard.stopped)
    assert not house.folder.exists()


async def test_a_folder_that_is_to_be_kept_is_kept():
    async with House(keep=True) as house:
        pass
    assert house.folder.is_dir()
    house.folder.rmdir()
