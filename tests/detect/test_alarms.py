import random

from icsguard.core.clock import SECOND
from icsguard.detect.alarms import MAX_SOURCES, REMIND_NS, Alarm
from icsguard.detect.calibration import calibrate
from icsguard.twin.site_model import Calibration, Unrest

KNOWN = Calibration((1.0,), threshold=2.0)


def test_a_score_above_the_threshold_is_told_once_and_then_reminded():
    alarm = Alarm(KNOWN)
    assert not alarm.score(2.0, SECOND)
    assert alarm.score(2.1, SECOND)
    assert not alarm.score(9.0, 2 * SECOND)
    assert alarm.score(9.0, SECOND + REMIND_NS)
    assert alarm.last_at == SECOND + REMIND_NS


def test_each_source_is_told_of():
    alarm = Alarm(KNOWN)
    assert alarm.score(3.0, SECOND, "a")
    assert alarm.score(3.0, SECOND, "b")


def test_without_a_calibration_nothing_is_told():
    assert not Alarm(Calibration()).score(1e9, SECOND)


def test_sources_are_bounded():
    alarm = Alarm(KNOWN)
    for source in range(3 * MAX_SOURCES):
        alarm.score(3.0, SECOND, str(source))
    assert len(alarm._told) <= MAX_SOURCES + 1


def test_drift_is_judged_by_whole_blocks():
    blocks = [float(i) for i in range(10_080)]
    random.Random(6).shuffle(blocks)
    alarm = Alarm(calibrate(blocks))
    told = [at for at in range(0, 3600, 10) if alarm.drift(10_075.0, at * SECOND)]
    assert told
    assert all(at % 60 == 0 for at in told)


def test_a_block_hands_on_the_mean_unrest_of_its_rows():
    alarm = Alarm(Calibration((1.0,), 60 * SECOND, 9.0, 1, 1.0), Unrest((1.0,), 9.9))
    for at, unrest in ((0, 1.0), (20, 2.0), (40, 6.0), (60, 100.0)):
        alarm.drift(1.0, at * SECOND, unrest)
    assert [3.0] == list(alarm.guarantee._unrest)
