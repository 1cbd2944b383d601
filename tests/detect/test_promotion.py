"""Each rule of a promotion breaks by itself, and all of them together let a good challenger pass."""

from dataclasses import replace

import pytest

from icsguard.detect.promotion import LEAST_ATTACKS, LOOSEST, Candidate, LiveRun, Trial, judge, sharpness

TRIAL = Trial(
    attacks=40,
    found=30,
    kinds={"bias": (15, 20), "ramp": (15, 20)},
    clean_hours=24.0,
    false_alarms=1,
    writes=90,
    holds=2,
)
LIVE = LiveRun(hours=30.0, champion_alarms=1, challenger_alarms=1, champion_holds=0, challenger_holds=0)


@pytest.fixture
def champion(fitted):
    return Candidate(fitted.model, TRIAL)


def broken(ruling):
    return [rule.text for rule in ruling.rules if not rule.held]


def test_an_equal_challenger_may_be_promoted(champion):
    assert judge(champion, champion, LIVE).may_promote


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({"found": 29, "kinds": {"bias": (14, 20), "ramp": (15, 20)}}, "golden attacks are found no worse"),
        ({"kinds": {"bias": (18, 20), "ramp": (12, 20)}}, "no kind of golden attack is found clearly worse"),
        ({"false_alarms": 2}, "clean traffic alarms no more"),
        ({"holds": 3}, "operators' writes are held no more"),
        ({"attacks": LEAST_ATTACKS - 1}, "enough golden attacks were carried out"),
    ],
)
def test_a_worse_trial_stops_it(champion, change, expected):
    assert [expected] == broken(judge(champion, replace(champion, trial=replace(TRIAL, **change)), LIVE))


def test_a_model_of_another_point_list_is_no_challenger(champion):
    other = replace(champion, model=replace(champion.model, points_digest="0" * 64))
    assert ["the point list is the same, or was reviewed"] == broken(judge(champion, other, LIVE))


def test_where_a_review_changed_the_points_there_is_no_live_run_and_what_is_gone_counts_no_more(champion):
    gone = next(column for column in champion.model.columns if column.trusted_steps)
    columns = tuple(
        replace(column, name="new", trusted_steps=0) if column.name == gone.name else column
        for column in champion.model.columns
    )
    other = replace(champion, model=replace(champion.model, points_digest="0" * 64, columns=columns))
    assert judge(champion, other, None, has_new_points=True).may_promote
    assert "no forecast is trusted less than half as far" in broken(judge(champion, other, LIVE))


@pytest.mark.parametrize(("factor", "held"), [(LOOSEST * 0.99, True), (LOOSEST * 1.01, False)])
def test_thresholds_are_loosened_up_to_a_factor_only(champion, factor, held):
    residuals = replace(champion.model.residuals, threshold=champion.model.residuals.threshold * factor)
    other = replace(champion, model=replace(champion.model, residuals=residuals))
    assert ([] if held else ["no threshold is loosened much"]) == broken(judge(champion, other, LIVE))


def test_a_challenger_without_thresholds_is_none(champion):
    other = replace(champion.model, residuals=replace(champion.model.residuals, threshold=0.0))
    assert {} == sharpness(other)
    assert "no threshold is loosened much" in broken(judge(champion, replace(champion, model=other), LIVE))


def test_a_lost_forecast_stops_it(champion):
    columns = tuple(replace(one, trusted_steps=0) for one in champion.model.columns)
    assert any(one.trusted_steps for one in champion.model.columns)
    other = replace(champion, model=replace(champion.model, columns=columns))
    assert ["no forecast is trusted less than half as far"] == broken(judge(champion, other, LIVE))


def test_it_must_have_stood_beside_the_champion_unless_that_is_waived(champion):
    assert ["it ran beside the champion"] == broken(judge(champion, champion, None))
    assert ["it ran beside the champion"] == broken(judge(champion, champion, replace(LIVE, hours=2.0)))
    assert judge(champion, champion, None, hours=0).may_promote


def test_live_traffic_counts_too(champion):
    worse = replace(LIVE, challenger_alarms=2, challenger_holds=1)
    expected = ["it alarmed no more on live traffic", "it held no more on live traffic"]
    assert expected == broken(judge(champion, champion, worse))


def test_the_sharpness_is_the_smallest_deviation_that_alarms(fitted):
    found = sharpness(fitted.model)
    moving = {one.name for one in fitted.model.columns if one.kind == "moving"}
    assert moving == set(found)
    assert all(value > 0 for value in found.values())
