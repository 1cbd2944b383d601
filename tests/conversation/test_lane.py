from types import SimpleNamespace

import pytest

from icsguard.conversation.flight import Flight
from icsguard.conversation.lane import MAX_SILENT_RUN, Lane, Rider
from icsguard.conversation.states import LinkState, Stage
from icsguard.core.clock import MS, SECOND
from icsguard.protocols.modbus.mbap import frame
from icsguard.protocols.modbus.meaning import meaning
from icsguard.protocols.modbus.pdu import parse_request

READ = bytes((3, 0, 0, 0, 1))


def rider(number, pdu=READ, unit=17):
    raw = b"\0\5\0\0" + (1 + len(pdu)).to_bytes(2) + bytes((unit,)) + pdu
    request = parse_request(unit, pdu)
    flight = Flight(number, raw, request, meaning(request), now=0, expires=10)
    flight.move(Stage.READY)
    return Rider(flight, SimpleNamespace(), 0)


@pytest.fixture
def lane(new_guard):
    return up(new_guard(device_in_flight=3))


def up(guard):
    made = Lane(0, guard.conduit)
    made.move(LinkState.OPENING)
    made.move(LinkState.UP)
    return made


def test_identifiers_are_counted_up_and_the_rest_is_the_clients(lane):
    sent = [lane.hand_over(rider(n), 0) for n in range(3)]
    assert [0, 1, 2] == [int.from_bytes(raw[:2]) for raw in sent]
    assert {rider(0).flight.raw[2:]} == {raw[2:] for raw in sent}


def test_an_identifier_in_flight_or_owed_is_passed_over(lane):
    for number in range(3):
        lane.hand_over(rider(number), 0)
    lane.correlator.match(frame(b"\0\0\0\0\0\5\x11\x03\x02\0\7"))
    lane.correlator.expire(SECOND)
    lane._next_tid = 0
    assert [0, 3] == [lane.next_tid(17, 3) for _ in range(2)]


def test_a_full_a_resting_or_a_stalled_lane_takes_nothing(lane, new_guard):
    assert lane.takes(0)
    lane.is_stalled = True
    assert not lane.takes(0)
    gap = up(new_guard(min_gap_ms=40))
    gap.hand_over(rider(1), 100)
    gap.correlator.drain()
    assert not gap.takes(100 + 40 * MS - 1)
    assert gap.takes(100 + 40 * MS)
    gap.hand_over(rider(2), 100 + 40 * MS)
    assert not gap.takes(SECOND), "one at a time"


def test_a_fresh_connection_owes_and_remembers_nothing(lane):
    lane.hand_over(rider(1), 0)
    lane.wire.feed(b"\0\0\0")
    lane.correlator.drain()
    lane.move(LinkState.DOWN)
    lane.move(LinkState.OPENING)
    lane.move(LinkState.UP)
    assert (0, 0, True) == (lane.wire.pending, lane.load, lane.is_clean)


def test_silences_of_the_same_moment_count_as_one(lane):
    assert [False] * 5 == [lane.fell_silent(0, SECOND) for _ in range(5)]
    later = [lane.fell_silent(n * SECOND, (n + 1) * SECOND) for n in range(1, MAX_SILENT_RUN)]
    assert later[-1]
    lane.heard(0)
    assert 0 == lane.silent_run


def test_the_oldest_request_is_due_first(lane):
    assert 0 == lane.next_deadline()
    lane.hand_over(rider(1), 50)
    lane.hand_over(rider(2), 20)
    assert 20 + SECOND == lane.next_deadline()
    assert 2 == lane.out_to(17)
    assert 0 == lane.out_to(3)
