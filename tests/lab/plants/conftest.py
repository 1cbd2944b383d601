import pytest

from icsguard.lab.plants.catalog import PLANTS
from icsguard.lab.plants.shift import Shift
from icsguard.lab.plants.site import PlantSite


class Worked:
    """A plant after some hours of normal operation, with the range of every value."""

    def __init__(self, name, polls=1500):
        self.plant = PLANTS[name]
        self.site, self.shift = PlantSite(self.plant, 1), Shift(self.plant, 2)
        self.low, self.high, self.writes = {}, {}, []
        for _ in range(polls):
            self.site.poll()
            for write in self.shift.due():
                self.site.write(*write)
                self.writes.append(write)
            for key, value in self.site.shown.items():
                self.low[key] = min(self.low.get(key, value), value)
                self.high[key] = max(self.high.get(key, value), value)


_WORKED = {}


@pytest.fixture
def worked():
    def of(name):
        if name not in _WORKED:
            _WORKED[name] = Worked(name)
        return _WORKED[name]

    return of


@pytest.fixture
def later():
    """The plant after so many polls under commands that differ from those of the start."""

    def of(name, polls, **commands):
        site = PlantSite(PLANTS[name], 5)
        for key, value in commands.items():
            site.write(key, value)
        for _ in range(polls):
            site.advance()
        return site.state

    return of
