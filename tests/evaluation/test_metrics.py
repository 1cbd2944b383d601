import numpy as np
import pytest

from icsguard.evaluation import metrics
from icsguard.evaluation.metrics import Tally


def flags(text):
    return np.array([one == "x" for one in text])


def test_runs_are_half_open():
    assert [(1, 3), (5, 6)] == metrics.runs(flags(".xx..x"))
    assert [] == metrics.runs(flags("..."))


def test_seven_of_seven_proves_little():
    low, high = metrics.interval(7, 7)
    assert 0.59 == pytest.approx(low, abs=0.005)
    assert 1.0 == high


def test_the_interval_of_nothing_is_everything():
    assert (0.0, 1.0) == metrics.interval(0, 0)


def test_an_event_is_found_by_the_first_alarm_inside_it():
    assert [1, None] == metrics.first_alarms(flags("...x...."), flags("..xx..xx"))


def test_an_alarm_before_an_event_does_not_find_it():
    assert [None] == metrics.first_alarms(flags(".x......"), flags("..xx...."))


def test_false_alarms_are_counted_as_runs_and_recovery_may_be_spared():
    alarm, label = flags("x..xxx.x.x"), flags("....xx....")
    assert 3 == metrics.false_alarms(alarm, label)
    assert 2 == metrics.false_alarms(alarm, label, recovery=2)


def test_a_perfect_alarm_scores_one_and_silence_a_quarter():
    label = flags("..xxxx....")
    assert 1.0 == metrics.batadal(label, label)
    assert 0.25 == metrics.batadal(~(label | ~label), label)


def test_the_area_of_a_constant_score_is_a_half():
    label = flags("..xx.")
    assert 0.5 == metrics.auc(np.zeros(5), label)
    assert 1.0 == metrics.auc(label.astype(float), label)
    assert 0.0 == metrics.auc(-label.astype(float), label)


def test_the_area_without_an_attack_is_not_a_number():
    assert np.isnan(metrics.auc(np.zeros(3), flags("...")))


def test_the_volume_rewards_a_near_miss_and_not_a_far_one():
    label = flags("." * 40 + "x" * 10 + "." * 50)
    near, far = np.zeros(100), np.zeros(100)
    near[36:46], far[5:15] = 1.0, 1.0
    right = metrics.vus_pr(label.astype(float), label, 8)
    assert right > metrics.vus_pr(near, label, 8) > metrics.vus_pr(far, label, 8)


def test_a_tally_keeps_delays_of_what_was_found():
    tally = Tally()
    for delay in (2.0, None, 4.0):
        tally.add(delay)
    cells = tally.cells()
    assert (3, 2, 3.0) == (cells["attacks"], cells["found"], cells["median delay, polls"])
    assert 2 / 3 == tally.recall
    assert Tally().recall is None


def test_medians_of_nothing_are_nothing():
    assert metrics.median([]) is None
    assert metrics.late([]) is None


def test_a_counted_rate_has_the_interval_of_poisson():
    low, high = metrics.rate_interval(3)
    assert (0.619, 8.767) == (pytest.approx(low, abs=0.01), pytest.approx(high, abs=0.01))
    assert 0.0 == metrics.rate_interval(0)[0]
