import random

import pytest

from icsguard.core.clock import DAY, SECOND
from icsguard.detect.calibration import FEW, MANY, Drift, calibrate, p_value, peaks, rank
from icsguard.twin.site_model import Calibration

MINUTES_A_DAY = 1440


@pytest.mark.parametrize(("blocks", "k"), [(10_080, 3), (43_200, 21), (1_440, 0), (10, 0)])
def test_ranks_are_those_of_the_beta_law(blocks, k):
    """One false alarm a day with 95 % confidence needs a week of clean minutes; a day cannot give it."""
    assert k == rank(blocks, 1 / MINUTES_A_DAY)


def test_a_week_of_blocks_gives_a_guaranteed_threshold():
    made = calibrate([float(i * 5003 % 10_080) for i in range(10_080)])
    assert (3, 10_077.0, 1.0) == (made.rank, made.threshold, made.per_day)


def test_high_blocks_of_one_episode_count_once():
    """Operators see one alarm, not ten: the other nine must not make the threshold stricter than was promised."""
    quiet = [float(i * 5003 % 10_080) for i in range(10_080)]
    quiet[4_000:4_010] = [20_000.0 + i for i in range(10)]
    made = calibrate(quiet)
    assert (3, 10_078.0) == (made.rank, made.threshold)


def test_peaks_are_apart_and_fall():
    assert [9.0, 7.0] == peaks([1.0, 9.0, 8.0, 2.0, 3.0, 7.0], 2, 3)
    assert [9.0, 8.0] == peaks([1.0, 9.0, 8.0, 2.0, 3.0, 7.0], 2, 1)


def test_blocks_that_lead_from_one_peak_to_the_next_make_them_one():
    assert [9.0, 1.0] == peaks([9.0, 8.4, 8.8, 8.5, 8.6, 0.3, 0.2, 0.1, 1.0], 2, 3)


def test_a_week_in_which_all_is_one_episode_gives_no_guarantee():
    assert 0 == calibrate([1.0] * 10, per_day=1_440.0).rank


def test_few_blocks_give_a_margin_and_an_honest_bound():
    made = calibrate([1.0, 2.0, 3.0])
    assert (0, 6.0) == (made.rank, made.threshold)
    assert made.per_day == pytest.approx((1 - 0.05 ** (1 / 3)) * MINUTES_A_DAY)


def test_more_blocks_need_less_margin():
    assert calibrate([1.0] * FEW).threshold < calibrate([1.0] * (FEW - 1)).threshold
    assert 1.2 == calibrate([1.0] * (MANY - 1)).threshold
    day = calibrate([1.0] * MANY)
    assert (1.0, 0) == (day.threshold, day.rank)
    assert 2.9 < day.per_day < 3.0


def test_no_blocks_give_no_threshold():
    made = calibrate([])
    assert made.threshold == 0.0
    assert made.per_day == DAY / (60 * SECOND)


def test_the_bound_holds_for_random_blocks():
    noise = random.Random(4)
    made = calibrate([noise.random() for _ in range(10_080)])
    alarms = sum(noise.random() > made.threshold for _ in range(30 * MINUTES_A_DAY))
    assert alarms / 30 <= 1.0


def test_a_p_value_counts_the_clean_blocks_at_least_as_high():
    made = Calibration(tuple(float(i) for i in range(1, 10)))
    assert p_value(made, 100.0) == pytest.approx(0.1)
    assert p_value(made, 0.0) == pytest.approx(1.0)
    assert p_value(made, 5.0) == pytest.approx(0.6)


def _shuffled(count):
    blocks = [float(i) for i in range(count)]
    random.Random(6).shuffle(blocks)
    return blocks


def test_slightly_high_blocks_in_a_row_become_a_drift():
    drift = Drift(calibrate(_shuffled(10_080)))
    assert drift.is_armed
    blocks = 0
    while not drift.block(10_070.0):
        blocks += 1
        assert blocks < 20
    assert drift.level == 0.0


def test_ordinary_blocks_are_no_drift():
    noise = random.Random(5)
    drift = Drift(calibrate(_shuffled(10_080)))
    alarms = sum(drift.block(float(noise.randrange(10_080))) for _ in range(10 * MINUTES_A_DAY))
    assert alarms <= 10


def test_a_plant_whose_clean_blocks_come_in_episodes_has_no_slow_path():
    """Twenty high blocks after each other, again and again, are this plant's way: theory would call each a drift."""
    quiet = _shuffled(10_080)
    for first in range(0, 10_000, 1_000):
        quiet[first : first + 20] = [20_000.0] * 20
    assert not Drift(calibrate(quiet)).is_armed


def test_what_clean_blocks_reached_in_their_order_is_no_drift():
    quiet = _shuffled(10_080)
    quiet[500:503] = [20_000.0] * 3
    drift = Drift(calibrate(quiet))
    assert drift.is_armed
    assert not any(drift.block(score) for score in quiet)


def test_a_small_calibration_does_not_arm_the_slow_path():
    drift = Drift(calibrate([1.0] * 100))
    assert not drift.is_armed
    assert not any(drift.block(1e9) for _ in range(1000))
