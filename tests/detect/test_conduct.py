from itertools import pairwise

import pytest

from icsguard.core.clock import MS, SECOND
from icsguard.core.decision import Decision
from icsguard.core.isolation import Scope
from icsguard.core.transaction import Outcome, Transaction
from icsguard.detect.conduct import MAX_CLIENTS, QUIET_NS, SCAN_LEAST, ConductWatch
from icsguard.protocols.modbus import build


def _done(pdu, at, outcome=Outcome.ANSWERED, client="10.0.0.9"):
    decision = Decision.REFUSE if outcome is Outcome.REFUSED else Decision.ALLOW
    return Transaction(1, "c", 4, client, at, at, build.adu(1, 1, pdu), b"", decision, outcome)


def _refused(watch, at):
    return watch.take(_done(build.write_register(1, 1), at, Outcome.REFUSED), at)


def test_refusals_within_a_minute_reach_the_threshold():
    watch = ConductWatch(3)
    assert [0, 0, 1] == [len(_refused(watch, at * SECOND)) for at in (1, 2, 3)]


def test_refusals_over_hours_do_not():
    watch = ConductWatch(3)
    assert not any(_refused(watch, at * 3600 * SECOND) for at in range(1, 20))


def test_who_goes_on_loses_reads_too():
    watch, found = ConductWatch(3), []
    for at in range(1, 60):
        found += _refused(watch, at * SECOND)
    assert Scope.WRITES is found[0].scope
    assert {Scope.FULL} == {one.scope for one in found[1:]}
    assert len(found) < 10


def test_a_search_through_addresses_is_a_scan():
    watch, found = ConductWatch(1000), []
    for first in range(SCAN_LEAST):
        at = SECOND + first * 20 * MS
        found += watch.take(_done(build.read(3, first * 10, 1), at, Outcome.EXCEPTION), at)
    assert ["scan"] == [one.code for one in found]


def test_the_same_failing_poll_is_no_scan():
    watch = ConductWatch(1000)
    for at in range(1, 500):
        assert not watch.take(_done(build.read(3, 7, 1), at * 20 * MS, Outcome.EXCEPTION), at * 20 * MS)


@pytest.mark.parametrize(("every_ms", "peak", "floods"), [(1, 0.0, True), (20, 0.0, False), (1, 400.0, False)])
def test_a_flood_is_far_beyond_what_was_learnt(every_ms, peak, floods):
    watch, found = ConductWatch(3, peak), []
    for number in range(1500):
        at = SECOND + number * every_ms * MS
        found += watch.take(_done(build.read(3, 7, 1), at), at)
    assert floods == ("flood" in {one.code for one in found})


def test_the_same_conduct_is_told_with_pauses():
    watch, told = ConductWatch(3), []
    for at in range(1, 120):
        told += [at for _ in _refused(watch, at * SECOND)]
    assert min(b - a for a, b in pairwise(told[1:])) * SECOND >= QUIET_NS


def test_clients_are_bounded():
    watch = ConductWatch(3)
    for number in range(2 * MAX_CLIENTS):
        watch.take(_done(build.read(3, 7, 1), SECOND, client=f"10.1.{number >> 8}.{number & 255}"), SECOND)
    assert len(watch._clients) <= MAX_CLIENTS
