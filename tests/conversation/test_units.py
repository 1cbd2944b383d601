import pytest

from icsguard.conversation.units import MAX_PAUSE_TIMEOUTS, Standing, Units

T = 1000


@pytest.fixture
def units():
    return Units(T)


def test_a_unit_that_nobody_missed_is_clear(units):
    units.sent(5)
    assert Standing.CLEAR is units.standing(5, 0)
    assert not units.suspects


def test_after_one_time_out_there_is_one_probe(units):
    units.timed_out(5, 0, others_out=0, now=T)
    assert Standing.PROBE is units.standing(5, T)
    units.sent(5)
    assert Standing.WAIT is units.standing(5, T)
    assert Standing.CLEAR is units.standing(6, T)


def test_a_unit_that_is_the_only_one_is_asked_again_and_again(units):
    for now in range(T, 9 * T, T):
        units.sent(5)
        units.timed_out(5, now - 1, others_out=0, now=now)
        assert Standing.PROBE is units.standing(5, now + 1)


def test_who_waits_when_a_probe_fails_is_told_at_once(units):
    for now in (T, 2 * T):
        units.sent(5)
        units.timed_out(5, now - 1, others_out=0, now=now)
    assert Standing.SILENT is units.standing(5, 2 * T)


def test_a_probe_without_an_answer_brings_a_pause_that_grows_to_its_bound(units):
    now, pauses = T, []
    units.sent(6)
    units.timed_out(5, 0, others_out=0, now=now)
    for _ in range(6):
        units.sent(5)
        sent, now = now, now + T
        units.timed_out(5, sent, others_out=0, now=now)
        begin = now
        assert [5] == units.silent(now)
        while units.standing(5, now) is Standing.SILENT:
            now += T
        pauses.append((now - begin) // T)
    assert [1, 2, 4, MAX_PAUSE_TIMEOUTS, MAX_PAUSE_TIMEOUTS, MAX_PAUSE_TIMEOUTS] == pauses


def test_several_time_outs_of_the_same_moment_count_as_one(units):
    for left in (3, 2, 1, 0):
        units.timed_out(5, 0, others_out=left, now=T)
    assert Standing.PROBE is units.standing(5, T)


def test_an_answer_clears_at_once(units):
    units.timed_out(5, 0, others_out=0, now=T)
    assert units.answered(5)
    assert not units.answered(5)
    assert Standing.CLEAR is units.standing(5, T)


def test_a_probe_whose_link_broke_may_be_repeated(units):
    units.timed_out(5, 0, others_out=0, now=T)
    units.sent(5)
    units.ended(5, others_out=0)
    units.ended(6, others_out=0)
    assert Standing.PROBE is units.standing(5, T)
