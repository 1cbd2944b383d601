"""What would come of it: nothing, a command or a remedy, from the live state of a plant that is driven to harm."""

from dataclasses import replace

import pytest

from icsguard.core.clock import SECOND
from icsguard.core.isolation import Scope
from icsguard.core.sandbox import MAX_OPTIONS, Option, OptionCourse, Play, Sandbox
from icsguard.detect.conduct import Conduct
from icsguard.detect.options import ConduitOptions, ShadowOptions
from icsguard.detect.sandbox import TREND, name_of
from icsguard.detect.shadow import Shadow
from icsguard.lab import registers as at
from icsguard.lab.operations import percent, switch
from icsguard.twin.persistence import PersistenceTwin

ATTACKER = "127.0.9.9"


@pytest.fixture
def options(points):
    """Twelve seconds ahead, as in the demo."""
    return ShadowOptions((ConduitOptions("cell", points),), horizon_s=12.0)


@pytest.fixture
def site(site):
    """Let all forecasts be trusted that far, and be narrow: the gate is judged in test_judging."""
    columns = tuple(
        replace(one, trusted_steps=60, band=tuple(min(width, 0.02) for width in one.band)) if one.band else one
        for one in site.model.columns
    )
    return replace(site, model=replace(site.model, columns=columns))


@pytest.fixture
def calm(watched):
    watched.run(10)
    return watched


@pytest.fixture
def driven(watched):
    """Somebody took a loop into manual and turns its drive up, step by step."""
    watched.run(10)
    watched.see([watched.cell.ask(switch(at.AUTO_1, on=False), client=ATTACKER)])
    for speed in (46.0, 50.0, 54.0, 58.0, 62.0):
        watched.see([watched.cell.ask(percent(at.MANUAL_SPEED_1, speed), client=ATTACKER)])
        watched.run(0.5)
    return watched


def tried(scene, *options):
    return scene.shadow.try_out("cell", options, scene.cell.now)


def by_name(result):
    return {one.name.split()[0]: one for one in result.options}


def test_nothing_alone_is_safe_in_normal_operation(calm):
    result = tried(calm)
    assert ["do nothing"] == [one.name for one in result.options]
    assert "safe" == result.options[0].verdict
    assert {"level_1", "level_2"} <= {one.point for one in result.options[0].courses}
    assert 0 < len(result.options[0].courses[0].values) <= 60


def test_a_harmful_command_is_seen_with_limit_and_time(calm):
    worst = tried(calm, Option(Play.WRITE, values=(("pump_2", 0.0),))).options[1]
    assert ("leaves the safe range", True) == (worst.verdict, worst.is_worse)
    first = worst.violations[0]
    assert first.point in {"level_1", "level_2"}
    assert 0 < first.seconds <= 12
    assert first.surely
    assert first.trusted
    assert first.band > 0


def test_doing_nothing_goes_on_as_lately_and_a_remedy_ends_that(driven):
    names = ("do", "isolate", "block", "hold", "restore", "fail-safe")
    result = by_name(
        tried(
            driven,
            Option(Play.ISOLATE, client=ATTACKER),
            Option(Play.BLOCK, points=("manual_speed_1",)),
            Option(Play.HOLD_LAST),
            Option(Play.RESTORE),
            Option(Play.FAIL_SAFE, values=(("auto_1", 1.0),)),
        )
    )
    assert set(names) == set(result)
    level = {name: _level(result[name]) for name in names}
    assert level["isolate"] == level["block"] == level["hold"]
    assert level["do"] != level["isolate"]
    assert len({tuple(one) for one in level.values()}) >= 3


def _level(option):
    return next(one.values for one in option.courses if one.point == "level_1")


def test_isolating_somebody_else_changes_nothing(driven):
    result = tried(driven, Option(Play.ISOLATE, client="127.0.1.1"))
    assert _level(result.options[0]) == _level(result.options[1])


def test_a_trend_needs_several_changes_in_one_direction(calm):
    for speed in (60.0, 50.0)[: TREND - 1]:
        calm.see([calm.cell.ask(percent(at.MANUAL_SPEED_1, speed), client=ATTACKER)])
    result = tried(calm, Option(Play.HOLD_LAST))
    assert _level(result.options[0]) == _level(result.options[1])


def test_restoring_goes_back_to_the_value_before_the_first_change(driven):
    watch = driven.shadow._watches["cell"].sandbox
    before = dict(watch._restored(Option(Play.RESTORE, client=ATTACKER), driven.cell.now))
    place = watch._places["auto_1"]
    assert 1.0 == before[place]
    assert {} == dict(watch._restored(Option(Play.RESTORE, client="127.0.7.7"), driven.cell.now))
    assert {place} == set(dict(watch._restored(Option(Play.RESTORE, points=("auto_1",)), driven.cell.now)))


def test_what_the_twin_does_not_know_is_said(calm):
    assert "does not know nonsense" in tried(calm, Option(Play.WRITE, values=(("nonsense", 1.0),))).note
    assert "no conduit" in calm.shadow.try_out("other", (), calm.cell.now).note
    stale = calm.shadow.try_out("cell", (), calm.cell.now + 900 * SECOND)
    assert ((), True) == (stale.options, "no sync" in stale.note)


def test_without_a_model_nothing_can_be_tried(unlearnt):
    unlearnt.run(2)
    result = tried(unlearnt, Option(Play.HOLD_LAST))
    assert ((), True) == (result.options, "nothing learnt" in result.note)


def test_only_so_many_alternatives_are_tried(calm):
    assert MAX_OPTIONS + 1 == len(tried(calm, *[Option(Play.HOLD_LAST)] * 20).options)


def test_alternatives_have_names_in_words():
    assert "isolate 10.0.0.66" == name_of(Option(Play.ISOLATE, client="10.0.0.66"))
    assert "write speed = 80, valve = 1" == name_of(Option(Play.WRITE, values=(("speed", 80.0), ("valve", 1.0))))


def test_an_engineers_twin_is_asked_instead_and_nobody_measured_it(options, site, fitted, watched):
    names = tuple(column.name for column in fitted.model.columns)
    scene = type(watched)(Shadow(options, {"cell": replace(site, engineering=PersistenceTwin(names))}, None))
    scene.run(10)
    result = tried(scene, Option(Play.WRITE, values=(("pump_2", 0.0),)))
    assert ["not known"] * 2 == [one.verdict for one in result.options]
    assert 1 == len(set(_level(result.options[1])))


def test_a_client_that_drives_the_plant_is_not_isolated_by_itself_where_that_does_harm(driven, monkeypatch):
    watch = driven.shadow._watches["cell"]
    for worse, expected in ((True, 0), (False, 1)):
        course = OptionCourse("isolate", "leaves the safe range", (), (), is_worse=worse)
        monkeypatch.setattr(watch, "try_out", lambda *_, course=course: Sandbox("cell", 1.0, (course,)))
        watch._isolate(Conduct("scan", ATTACKER, 1, 20.0, 16.0, "it searches", Scope.FULL, 1), 1, driven.cell.now)
        findings, isolations = driven.shadow.tick(driven.cell.now)
        assert expected == len(isolations)
        assert worse is any("not isolated, as the twin sees harm" in one.text for one in findings)


def test_a_client_that_moves_nothing_is_isolated_without_a_question(driven, monkeypatch):
    watch = driven.shadow._watches["cell"]
    monkeypatch.setattr(watch, "try_out", lambda *_: pytest.fail("nobody had to ask"))
    assert not watch.sandbox.drives("127.0.1.1", driven.cell.now)
    watch._isolate(Conduct("scan", "127.0.1.1", 1, 20.0, 16.0, "it searches", Scope.FULL, 1), 1, driven.cell.now)
    assert 1 == len(driven.shadow.tick(driven.cell.now)[1])
