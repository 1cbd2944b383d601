from dataclasses import replace

import pytest

from icsguard.evaluation import goals
from icsguard.evaluation.captures import Judged
from icsguard.evaluation.clean import Clean
from icsguard.evaluation.commands import CommandTrial
from icsguard.evaluation.conduct import Conduct
from icsguard.evaluation.cost import Cost
from icsguard.evaluation.metrics import Tally
from icsguard.evaluation.plant_result import PlantResult
from icsguard.evaluation.tables import Table
from icsguard.evaluation.tampering import PROMISED


@pytest.fixture
def good():
    clean = Clean(10.0, promised=1.0, expected=0.7, has_guarantee=True)
    clean.findings["implausible"] = 8
    return PlantResult(
        name="boiler",
        frozen=True,
        clean=clean,
        lies={kind: Tally(100, 99) for kind in PROMISED},
        lie_rows=(),
        areas=(),
        first_seen_by={},
        commands=CommandTrial(jumps=Tally(100, 95)),
        conduct=Conduct({"scan": Tally(20, 20)}, clean_requests=100),
        data_digest="abc",
        trusted_polls=60,
    )


def verdicts(*plants):
    return {goal.text.split(" (")[0]: goal.reached for goal in goals.judge(plants, (), {})}


def test_a_good_plant_reaches_everything(good):
    assert {True} == set(verdicts(good).values())
    assert 8 == len(verdicts(good))


def test_only_frozen_plants_count_where_there_are_any(good):
    tuned = replace(good, name="water", frozen=False, lies={kind: Tally(100, 0) for kind in PROMISED})
    assert verdicts(good, tuned)["false telemetry found within 60 samples"]


def test_one_false_refusal_fails_the_deterministic_goal(good):
    bad = replace(good, conduct=Conduct({"scan": Tally(20, 20)}, clean_requests=100, clean_refused=1))
    assert verdicts(bad)["deterministic violations"] is False


def test_the_weakest_class_counts_and_not_the_mean(good):
    bad = replace(good, lies={**good.lies, "ramp": Tally(100, 50)})
    found = verdicts(bad)
    assert found["false telemetry found within 60 samples"]
    assert found["weakest class of false telemetry"] is False


def test_a_rate_without_a_guarantee_is_not_judged(good):
    assert verdicts(replace(good, clean=Clean(10.0, promised=5.0)))["realised / expected rate of false alarms"] is None


@pytest.mark.parametrize(
    ("alarms", "suspended", "reached"), [(0, 0, False), (0, 5, False), (30, 0, False), (30, 5, True), (5, 0, True)]
)
def test_another_rate_than_expected_must_be_told(good, alarms, suspended, reached):
    clean = Clean(10.0, promised=1.0, expected=0.5, has_guarantee=True, hours=240, suspended=suspended)
    clean.findings["implausible"] = alarms
    assert reached is verdicts(replace(good, clean=clean))["realised / expected rate of false alarms"]


def test_alarms_that_need_no_statistics_count_against_precision_too(good):
    clean = Clean(10.0, promised=1.0, expected=0.7, has_guarantee=True)
    clean.findings.update({"implausible": 8, "frozen": 30, "first-write": 99})
    assert "(ten attacks a day; 3.80 false alarms a day)" in next(
        goal.measured for goal in goals.judge((replace(good, clean=clean),), (), {}) if goal.text.startswith("event F1")
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


def test_a_shadow_that_costs_too_much_fails(good):
    assert verdicts(replace(good, cost=Cost(1, 61.0, 1, 0.0)))["CPU of the shadow"] is False
    assert verdicts(replace(good, cost=Cost(1, 0.0, 1, 301.0)))["CPU of the shadow"] is False
