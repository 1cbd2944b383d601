from collections import deque
from types import SimpleNamespace

import pytest

from icsguard.lab.plant_process import Seen
from icsguard.lab.play import Lengths, checks, overview, play
from icsguard.lab.stage import Counts
from icsguard.lab.telling import Teller


def plant(*harms):
    sights = [SimpleNamespace(harms=harms, level_1=2.0 + n / 100, level_2=1.0, wall_s=1.0) for n in range(20)]
    return SimpleNamespace(sights=deque(Seen(100.0 + n, sight) for n, sight in enumerate(sights)))


def failures(told):
    return [check.text for check in told if not check.held]


def test_a_quiet_demo_passes_its_checks():
    assert failures(checks(Counts(100, 10, 0), 0, plant(), ["up", "up"])) == []


def test_hurt_requests_harm_and_fallen_processes_are_told():
    told = checks(Counts(100, 10, 2), 3, plant("tank 1 overflowed"), ["up", "down"])
    assert failures(told) == [
        "2 of 100 normal requests were hurt",
        "in observe mode the learned policy would have stopped 3 normal requests",
        "the guarded plant is unharmed from the first second to the last",
        "gateway, shadow and recorder are still up",
    ]


def test_the_overview_counts_from_the_beginning_of_the_demo():
    first, second = overview(SimpleNamespace(plant=plant(), epoch_s=100.0))
    assert first.times == (0.0, 5.0, 10.0, 15.0)
    assert first.values == (2.0, 2.05, 2.1, 2.15)
    assert set(second.values) == {1.0}


@pytest.mark.slow
@pytest.mark.timeout(280)
async def test_the_whole_demo_ends_as_it_should(console):
    outcome = await play(11, Lengths(learn_s=60.0, observe_s=5.0), Teller(console))
    assert outcome.broken == ()
    assert len(outcome.guarded) == len(outcome.bare) >= 12
    assert outcome.explanation
    assert outcome.hurt == 0
