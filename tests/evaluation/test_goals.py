from dataclasses import replace

import pytest

from icsguard.evaluation import goals
from icsguard.evaluation.captures import Judged
from icsguard.evaluation.clean import Clean
from icsguard.evaluation.conduct import Conduct
from icsguard.evaluation.cost import Cost
from icsguard.evaluation.louder import Louder
from icsguard.evaluation.metrics import Tally
from icsguard.evaluation.tables import Table
from icsguard.evaluation.tampering import PROMISED


def verdicts(*plants):
    return {goal.text.split(" (")[0]: goal.reached for goal in goals.judge(plants, (), {})}


def test_a_good_plant_reaches_everything(good_plant):
    assert {True} == set(verdicts(good_plant).values())
    assert 8 == len(verdicts(good_plant))


def test_only_frozen_plants_count_where_there_are_any(good_plant):
    tuned = replace(good_plant, name="water", frozen=False, lies={kind: Tally(100, 0) for kind in PROMISED})
    assert verdicts(good_plant, tuned)["false telemetry found within 60 samples"]


def test_one_false_refusal_fails_the_deterministic_goal(good_plant):
    bad = replace(good_plant, conduct=Conduct({"scan": Tally(20, 20)}, clean_requests=100, clean_refused=1))
    assert verdicts(bad)["deterministic violations"] is False


def test_the_weakest_class_counts_and_not_the_mean(good_plant):
    bad = replace(good_plant, lies={**good_plant.lies, "ramp": Tally(100, 50)})
    found = verdicts(bad)
    assert found["false telemetry found within 60 samples"]
    assert found["weakest class of false telemetry"] is False


def test_a_rate_without_a_guarantee_is_not_judged(good_plant):
    assert (
        verdicts(replace(good_plant, clean=Clean(10.0, promised=5.0)))["realised / expected rate of false alarms"]
        is None
    )


@pytest.mark.parametrize(
    ("alarms", "suspended", "reached"), [(0, 0, False), (0, 5, False), (30, 0, False), (30, 5, True), (5, 0, True)]
)
def test_another_rate_than_expected_must_be_told(good_plant, alarms, suspended, reached):
    clean = Clean(10.0, promised=1.0, expected=0.5, has_guarantee=True, hours=240, suspended=suspended)
    clean.findings["implausible"] = alarms
    assert reached is verdicts(replace(good_plant, clean=clean))["realised / expected rate of false alarms"]


def test_alarms_that_need_no_statistics_count_against_precision_too(good_plant):
    clean = Clean(10.0, promised=1.0, expected=0.7, has_guarantee=True)
    clean.findings.update({"implausible": 8, "frozen": 30, "first-write": 99})
    assert "(ten attacks a day; 3.80 false alarms a day)" in next(
        goal.measured
        for goal in goals.judge((replace(good_plant, clean=clean),), (), {})
        if goal.text.startswith("event F1")
    )


@pytest.mark.parametrize(
    ("score", "events", "reached"), [(0.95, "7/7", True), (0.93, "7/7", False), (0.95, "6/7", False)]
)
def test_batadal_needs_score_and_all_events(score, events, reached):
    row = {"score": "icsguard", "S": score, "a day": 0.05, "events": events}
    (goal,) = goals.judge((), (Table("batadal", "", (row,)),), {})
    assert reached is goal.reached


def test_one_request_of_the_scan_that_reaches_a_device_fails():
    (goal,) = goals.judge((), (), {"lemay": [Judged("c", benign=10, attacks=10, reached=1)]})
    assert goal.reached is False


@pytest.mark.parametrize(("minutes", "reached"), [((12.0, 59.0), True), ((12.0, 61.0), False)])
def test_residuals_that_grow_must_be_told_within_the_hour(good_plant, minutes, reached):
    clean = replace(good_plant.clean, louder=(Louder(1.3, minutes), Louder(2.0, (5.0,))))
    goal = goals.judge((replace(good_plant, clean=clean),), (), {})[-1]
    assert reached is goal.reached
    assert goal.measured.endswith("residuals x 2: 1 of 1")


def test_plants_that_were_seen_before_stand_beside_the_frozen_ones(good_plant):
    seen = replace(good_plant, name="water", frozen=False, lies={kind: Tally(100, 50) for kind in PROMISED})
    goal = next(one for one in goals.judge((good_plant, seen), (), {}) if one.text.startswith("false telemetry"))
    assert (True, False) == (goal.reached, goal.seen_reached)
    assert goal.seen.startswith("250 of 500")
    assert goal.aimed
    assert "" == goals.judge((seen,), (), {})[0].seen


def test_classes_with_fewer_tries_than_promised_are_named(good_plant):
    goal = next(one for one in goals.judge((good_plant,), (), {}) if one.text.startswith("harmful"))
    assert goal.measured.endswith("fewer than 300: set-points and drives, switches, ramps, toggling")


def test_the_worst_frozen_plant_says_what_poison_cost():
    rows = tuple(
        {"plant": plant, "taught with": way, "recall": recall}
        for plant, after in (("boiler", 0.93), ("water", 0.8))
        for way, recall in (("clean data", 0.94), ("attacked data, trimmed", after))
    )
    (goal,) = goals.judge((), (Table("poison", "", rows),), {})
    assert goal.reached is False
    assert "boiler 1.0, water 14.0" == goal.measured


def test_a_rate_of_a_recorded_set_is_judged_only_with_a_guarantee():
    row = {"score": "icsguard", "part": "p", "realised / nominal": 2.5, "guarantee": "no"}
    (goal,) = goals.judge((), (Table("wdt", "", (row,)),), {})
    assert goal.reached
    assert "no guarantee" in goal.measured
    (goal,) = goals.judge((), (Table("wdt", "", ({**row, "guarantee": "yes"},)),), {})
    assert goal.reached is False


def test_a_shadow_that_costs_too_much_fails(good_plant):
    assert verdicts(replace(good_plant, cost=Cost(1, 61.0, 1, 0.0)))["CPU of the shadow"] is False
    assert verdicts(replace(good_plant, cost=Cost(1, 0.0, 1, 301.0)))["CPU of the shadow"] is False
