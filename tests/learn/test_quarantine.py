"""Traffic waits a week before it may teach a model in use, and alarming hours wait for a human."""

from icsguard.core.clock import DAY, HOUR
from icsguard.lab.offline import OfflineCell
from icsguard.learn.quarantine import released

(ONE,) = OfflineCell(1).run(0.01, None)[:1]
NOW = 1_000 * DAY


def at(*moments):
    return [ONE._replace(request_at=moment) for moment in moments]


def test_only_hours_that_ended_a_week_ago_teach():
    old, edge, young = NOW - 8 * DAY, NOW - 7 * DAY - 1, NOW - 7 * DAY + 1
    done = released(at(old, edge, young), (), NOW)
    assert [old, edge] == [one.request_at for one in done.transactions]
    assert (1, 0) == (done.young, done.alarmed)


def test_an_open_alarm_holds_its_hour_and_those_beside_it():
    alarm = NOW - 20 * DAY + HOUR // 2
    moments = [alarm + hours * HOUR for hours in (-2, -1, 0, 1, 2)]
    done = released(at(*moments), [(alarm, "r1")], NOW)
    assert [moments[0], moments[4]] == [one.request_at for one in done.transactions]
    assert 3 == done.alarmed


def test_a_closed_alarm_holds_nothing():
    alarm = NOW - 20 * DAY
    assert 0 == released(at(alarm), [(alarm, "r1")], NOW, closed=["r1"]).alarmed


def test_without_a_wait_all_that_does_not_alarm_teaches():
    done = released(at(NOW - HOUR), (), NOW, wait_ns=0)
    assert 1 == len(done.transactions)
