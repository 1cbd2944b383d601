from collections import deque
from types import SimpleNamespace

import pytest

from icsguard.control.replies import Done, Records
from icsguard.lab.acts import MAX_RECORDS, Acts, checks, overview
from icsguard.lab.desk import Log
from icsguard.lab.guarding import GuardError
from icsguard.lab.plant_process import Seen
from icsguard.lab.scaffold import Counts
from icsguard.lab.telling import Teller


def plant(*harms):
    sights = [SimpleNamespace(harms=harms, level_1=2.0 + n / 100, level_2=1.0, wall_s=1.0) for n in range(20)]
    return SimpleNamespace(sights=deque(Seen(100.0 + n, sight) for n, sight in enumerate(sights)))


def failures(told):
    return [check.text for check in told if not check.held]


def test_a_quiet_demo_passes_its_checks():
    assert failures(checks(Counts(100, 10, 0), plant(), ["up", "up"])) == []


def test_hurt_requests_harm_and_fallen_processes_are_told():
    told = checks(Counts(100, 10, 2), plant("tank 1 overflowed"), ["up", "down"])
    assert failures(told) == [
        "2 of 100 normal requests were hurt",
        "the guarded plant is unharmed from the first second to the last",
        "gateway, shadow and recorder are still up",
    ]


def test_the_overview_counts_from_the_beginning_of_the_demo():
    first, second = overview(SimpleNamespace(plant=plant(), epoch_s=100.0))
    assert first.times == (0.0, 5.0, 10.0, 15.0)
    assert first.values == (2.0, 2.05, 2.1, 2.15)
    assert set(second.values) == {1.0}


class Guarding:
    """Answers whatever it is asked with what it was given."""

    def __init__(self, reply):
        self.reply, self.asked = reply, []

    async def ask(self, request):
        self.asked.append(request)
        return self.reply


def acts(console, reply=None, log=None):
    log = log or Log()
    stage = SimpleNamespace(guarding=Guarding(reply), logs=(log,))
    return SimpleNamespace(acts=Acts(stage, Teller(console)), stage=stage, log=log)


async def test_the_records_of_an_attack_are_those_of_its_client_since_it_began(console):
    records = tuple(SimpleNamespace(at=at) for at in (5, 10, 15))
    scene = acts(console, Records(now=20, wall_shift=0, records=records))
    assert [10, 15] == [record.at for record in await scene.acts._records("127.0.0.66", 10)]
    assert [(MAX_RECORDS, "127.0.0.66")] == [(one.last, one.client) for one in scene.stage.guarding.asked]


async def test_a_gateway_that_does_not_give_its_records_ends_the_demo(console):
    with pytest.raises(GuardError, match="asked for records"):
        await acts(console, Done(text="no")).acts._records("127.0.0.66", 0)


async def test_what_left_no_record_needs_no_explanation(console):
    assert () == await acts(console).acts._explain(SimpleNamespace(caught=SimpleNamespace(record="")))


async def test_an_act_is_told_with_what_it_hurt(console):
    scene = acts(console)
    scene.stage.normal = Counts(10, 2, 0)
    began = scene.acts._mark()
    scene.log.hurt.append("dose: silent")
    scene.stage.normal = Counts(15, 3, 1)
    scene.acts._end("enforce", began, "12 of 12 attacks ended as they should")
    (phase,) = scene.acts._phases
    assert ("enforce", 5, 1, 1) == (phase.name, phase.requests, phase.writes, phase.hurt)
    said = console.file.getvalue()
    assert "5 normal requests, 1 hurt; 12 of 12 attacks" in said
    assert "hurt: dose: silent" in said
