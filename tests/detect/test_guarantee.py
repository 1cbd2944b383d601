import random

import pytest

from icsguard.core.clock import DAY, HOUR, MINUTE
from icsguard.detect.calibration import calibrate
from icsguard.detect.guarantee import APART, QUIET_NS, SUSPENDED, Guarantee, promise, window_blocks
from icsguard.twin.site_model import Calibration, Unrest

START = 1_763_640_000_000_000_000  # 2025-11-20 12:00 UTC


@pytest.fixture(scope="module")
def calibration():
    noise = random.Random(1)
    return calibrate([noise.random() for _ in range(10_080)])


class Watched:
    """A guarantee fed with blocks of a minute."""

    def __init__(self, calibration):
        self.guarantee, self.now = Guarantee(calibration), START
        self._threshold = calibration.threshold

    def blocks(self, scores):
        for score in scores:
            self.now += MINUTE
            if score > self._threshold:
                self.guarantee.alarm(self.now)
            self.guarantee.block(score, self.now)


@pytest.fixture
def watched(calibration):
    return Watched(calibration)


def test_a_week_of_blocks_like_those_of_learning_suspends_nothing(watched):
    noise = random.Random(2)
    for _ in range(7):
        watched.blocks(noise.random() for _ in range(1440))
        assert 0 == watched.guarantee.suspended_since
    assert watched.guarantee.stake < SUSPENDED


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize(("low", "hours"), [(0.99, 1.0), (0.9, 2.5)])
def test_blocks_of_ten_minutes_tell_it_too(seed, low, hours):
    noise = random.Random(seed)
    watched = Guarantee(calibrate([noise.random() for _ in range(1_008)], block_ns=10 * MINUTE))
    assert watched.is_given
    now = START
    for _ in range(1_000):
        now += 10 * MINUTE
        watched.block(noise.random() * 0.99, now)
    assert 0 == watched.suspended_since
    changed = now
    for _ in range(20):
        now += 10 * MINUTE
        watched.block(low + (0.995 - low) * noise.random(), now)
    assert changed < watched.suspended_since <= changed + hours * HOUR


@pytest.mark.parametrize("seed", range(5))
def test_a_plant_that_became_noisier_is_told_within_two_hours(watched, seed):
    noise = random.Random(seed)
    watched.blocks(noise.random() for _ in range(300))
    changed = watched.now
    watched.blocks(0.9 + 0.0999 * noise.random() for _ in range(120))
    assert changed < watched.guarantee.suspended_since <= changed + 2 * HOUR


def test_two_separate_alarms_within_an_hour_are_no_accident(watched):
    noise = random.Random(3)
    watched.blocks(noise.random() for _ in range(100))
    watched.blocks([2.0])
    assert 0 == watched.guarantee.suspended_since
    watched.blocks([0.5] * 30)
    watched.blocks([2.0])
    assert watched.now == watched.guarantee.suspended_since


def test_one_alarm_that_goes_on_is_one(watched):
    watched.blocks([2.0] * 30)
    assert 1 == watched.guarantee.alarms
    assert 0 == watched.guarantee.suspended_since
    watched.now += APART
    watched.blocks([2.0])
    assert 2 == watched.guarantee.alarms


def test_a_plant_that_alarms_without_end_is_told_within_the_hour(watched):
    watched.blocks([2.0] * 50)
    assert 0 == watched.guarantee.suspended_since
    watched.blocks([2.0] * 10)
    assert 0 < watched.guarantee.suspended_since - START <= HOUR


def test_the_guarantee_returns_after_quiet_hours(watched):
    noise = random.Random(4)
    watched.blocks([2.0, *[0.5] * 30, 2.0])
    began = watched.guarantee.suspended_since
    watched.blocks(noise.random() for _ in range(QUIET_NS // MINUTE))
    assert began == watched.guarantee.suspended_since  # the hour with two alarms ends later than the first of them
    watched.blocks(noise.random() for _ in range(60))
    assert 0 == watched.guarantee.suspended_since


def test_blocks_that_were_alarmed_are_no_evidence_of_drift(watched):
    watched.blocks([2.0] * 200)
    assert 4 == watched.guarantee.alarms  # one that goes on, counted again every fifty minutes
    assert 1.0 == pytest.approx(watched.guarantee.stake)


def test_without_a_guarantee_nothing_is_suspended():
    few = Watched(calibrate([1.0, 2.0]))
    few.blocks([99.0, *[1.0] * 20, 99.0])
    assert 0 == few.guarantee.suspended_since
    assert "too few clean blocks" in promise(few.guarantee)


def test_rates_are_told_once_an_hour_was_watched(watched):
    watched.blocks([0.5] * 59)
    assert watched.guarantee.rates().actual is None
    watched.blocks([2.0])
    assert 24.0 == watched.guarantee.rates().actual
    assert (1.0, pytest.approx(3 / 10_081 * 1440)) == watched.guarantee.rates()[:2]
    assert 24.0 == watched.guarantee.facts()["alarms_actual"]


def test_the_promise_in_words_says_since_when_it_is_suspended(watched):
    assert "budget 1, expected 0.43, actual not yet known" in promise(watched.guarantee)
    watched.blocks([2.0, *[0.5] * 30, 2.0, *[0.5] * 60])
    assert promise(watched.guarantee).startswith("guarantee suspended since 2025-11-20 12:32 UTC; false alarms/day")


def test_a_larger_budget_bears_more_alarms(calibration):
    generous = Guarantee(Calibration(calibration.blocks, MINUTE, calibration.threshold, 3, per_day=240.0))
    for number in range(9):
        generous.alarm(START + number * APART)
    generous.block(0.5, START + 9 * APART)
    assert 0 == generous.suspended_since
    assert generous.watched_ns < DAY


def _restless(calibration, level, blocks, score=0.5):
    one, now = Guarantee(calibration, Unrest((1.0,), 1.2)), START
    for _ in range(blocks):
        now += MINUTE
        one.block(score, now, level)
    return one


def test_an_hour_of_more_unrest_than_any_clean_hour_suspends(calibration):
    assert 0 == _restless(calibration, 1.3, 55).suspended_since
    assert 0 < _restless(calibration, 1.3, 60).suspended_since - START <= HOUR
    assert _restless(calibration, 2.5, 30).suspended_since


def test_unrest_that_clean_hours_knew_suspends_nothing(calibration):
    assert 0 == _restless(calibration, 1.19, 300).suspended_since


def test_blocks_that_were_alarmed_are_no_unrest(calibration):
    one = Guarantee(calibration, Unrest((1.0,), 1.2))
    one.block(99.0, START, 100.0)
    assert not one._is_restless()


def test_a_model_without_a_clean_day_knows_no_unrest(calibration):
    one = Guarantee(calibration)
    for number in range(100):
        one.block(0.5, START + number * MINUTE, 50.0)
    assert 0 == one.suspended_since


def test_unrest_is_averaged_over_an_hour_of_blocks():
    assert 60 == window_blocks(MINUTE)
    assert 1 == window_blocks(2 * HOUR)
    assert 1 <= window_blocks(0)
