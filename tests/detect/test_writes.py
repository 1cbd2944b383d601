import pytest

from icsguard.core.clock import SECOND
from icsguard.core.decision import Decision
from icsguard.core.meaning import Table
from icsguard.core.point import DataType, Limits, Point
from icsguard.detect.writes import WriteWatch

POINTS = (
    Point("speed", 1, Table.HOLDING, 0),
    Point("pump", 1, Table.COIL, 0, DataType.BOOL),
    Point("limited", 1, Table.HOLDING, 1, limits=Limits(minimum=0.0, maximum=1000.0)),
)
SPEED, PUMP, LIMITED = range(3)
HMI = "10.0.0.5"


@pytest.fixture
def watch(fitted):
    from dataclasses import replace

    from icsguard.twin.site_model import Writing

    def made(point, low, high, step, gap_s, travel):
        return Writing(point, 10, low, high, step, int(gap_s * SECOND), travel, 5, (HMI,))

    writings = (
        made("speed", 40, 60, 10, 2.0, 40),
        made("pump", 0, 1, 1, 2.0, 4),
        made("limited", 40, 60, 10, 2.0, 40),
    )
    return WriteWatch(POINTS, replace(fitted.model, writings=writings, travel_ns=60 * SECOND))


def _codes(found):
    return [(one.code, one.decision) for one in found]


def test_a_write_like_those_learnt_is_not_odd(watch):
    assert watch.judge(SPEED, 50.0, 45.0, HMI, SECOND) == []


def test_a_value_a_little_beyond_what_was_learnt_alerts(watch):
    assert [("beyond-learnt-range", Decision.ALERT)] == _codes(watch.judge(SPEED, 65.0, 60.0, HMI, SECOND))


def test_a_value_far_beyond_is_held(watch):
    assert ("beyond-learnt-range", Decision.HOLD) in _codes(watch.judge(SPEED, 200.0, 60.0, HMI, SECOND))


@pytest.mark.parametrize(
    ("reach", "loop", "decision"),
    [(60, "", Decision.ALERT), (40, "", Decision.HOLD), (40, "L1", Decision.HOLD), (40, "L2", Decision.ALERT)],
)
def test_what_no_forecast_can_tell_of_is_held_far_beyond_the_range_learnt(fitted, reach, loop, decision):
    """The level in loop 1 has a safe range; its forecasts are trusted for 60 steps, or for less than the horizon."""
    from dataclasses import replace

    from icsguard.twin.site_model import Writing

    points = (replace(POINTS[LIMITED], loop=loop), Point("level_1", 1, Table.INPUT, 0, safe_max=3.0, loop="L1"))
    columns = tuple(replace(one, trusted_steps=reach) for one in fitted.model.columns)
    writings = (Writing("limited", 10, 40, 60, 10, 2 * SECOND, 40, 5, (HMI,)),)
    watch = WriteWatch(points, replace(fitted.model, columns=columns, writings=writings))
    assert ("beyond-learnt-range", decision) in _codes(watch.judge(0, 200.0, 60.0, HMI, SECOND))
    rarely = WriteWatch(points, replace(fitted.model, columns=columns, writings=(replace(writings[0], count=9),)))
    assert ("beyond-learnt-range", Decision.ALERT) in _codes(rarely.judge(0, 200.0, 60.0, HMI, SECOND))


def test_an_engineers_range_outranks_a_learnt_one(watch):
    assert ("beyond-learnt-range", Decision.ALERT) in _codes(watch.judge(LIMITED, 200.0, 60.0, HMI, SECOND))


def test_a_slow_ramp_of_legal_steps_overdraws_its_budget(watch):
    value, now, held = 40.0, 10 * SECOND, None
    for step in range(100):
        found = _codes(watch.judge(SPEED, value + 1, value, HMI, now))
        if ("travel-budget", Decision.HOLD) in found:
            held = step
            break
        watch.delivered(SPEED, value + 1, value, HMI, now)
        value, now = 40 + (value + 1 - 40) % 20, now + SECOND // 2
    assert held is not None


def test_the_budget_is_renewed_with_time(watch):
    for step in range(14):
        watch.delivered(SPEED, 40.0 + 5 * (step % 2), 45.0 - 5 * (step % 2), HMI, 2 * step * SECOND)
    assert ("travel-budget", Decision.HOLD) in _codes(watch.judge(SPEED, 45.0, 40.0, HMI, 29 * SECOND))
    assert watch.judge(SPEED, 45.0, 40.0, HMI, 200 * SECOND) == []


def test_toggling_is_held_and_then_refused(watch):
    seen, state = [], 0.0
    for step in range(10):
        now = 10 * SECOND + step * SECOND // 4
        found = watch.judge(PUMP, 1.0 - state, state, HMI, now)
        seen.append(max((one.decision for one in found), default=Decision.ALLOW))
        watch.delivered(PUMP, 1.0 - state, state, HMI, now)
        state = 1.0 - state
    assert [Decision.ALLOW] * 3 == seen[:3]
    assert seen[3] is Decision.HOLD
    assert seen[-1] is Decision.REFUSE


def test_writing_what_is_there_already_is_no_toggling(watch):
    for step in range(20):
        assert watch.judge(PUMP, 1.0, 1.0, HMI, step * SECOND // 10) == []
        watch.delivered(PUMP, 1.0, 1.0, HMI, step * SECOND // 10)


def test_the_first_write_of_a_client_alerts_once(watch):
    assert [("first-write", Decision.ALERT)] == _codes(watch.judge(SPEED, 50.0, 45.0, "10.0.0.9", SECOND))
    watch.delivered(SPEED, 50.0, 45.0, "10.0.0.9", SECOND)
    assert watch.judge(SPEED, 45.0, 50.0, "10.0.0.9", 9 * SECOND) == []


def test_judging_changes_nothing(watch):
    first = watch.judge(SPEED, 200.0, 60.0, HMI, SECOND)
    assert first == watch.judge(SPEED, 200.0, 60.0, HMI, SECOND)


def test_without_a_model_only_a_racing_rhythm_is_odd():
    watch, state = WriteWatch(POINTS, None), 0.0
    assert watch.judge(SPEED, 60_000.0, 0.0, HMI, SECOND) == []
    for step in range(4):
        watch.delivered(PUMP, 1.0 - state, state, HMI, SECOND + step * SECOND // 10)
        state = 1.0 - state
    assert [("toggling", Decision.HOLD)] == _codes(watch.judge(PUMP, 1 - state, state, HMI, SECOND + 4 * SECOND // 10))
