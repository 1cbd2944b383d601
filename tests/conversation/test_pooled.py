"""One client on shared links: its requests wait, ride and come back as if the link were its own."""

from icsguard.conversation.states import ClientState
from icsguard.core.clock import MS, SECOND
from icsguard.core.decision import Mode
from icsguard.core.transaction import Outcome


def adu(tid, pdu, unit=17):
    return tid.to_bytes(2) + b"\0\0" + (1 + len(pdu)).to_bytes(2) + bytes((unit,)) + pdu


READ = bytes((3, 0, 0, 0, 1))
GOOD = b"\x03\x02\x00\x07"


def opened(scene, address="10.0.0.21"):
    """A client whose read of register 0 is known."""
    session = scene.connect(address)
    scene.ask(session, adu(1, READ))
    scene.up()
    scene.answer()
    return session


def test_hot_and_cold_give_the_client_the_same_bytes(make_pool):
    scene = make_pool()
    session = opened(scene)
    scene.ask(session, adu(2, READ), fast=True)
    scene.answer()
    scene.ask(session, adu(2, READ), fast=False)
    scene.answer()
    assert scene.got[session.flow][1] == scene.got[session.flow][2] == adu(2, GOOD)
    assert 1 == scene.guard.counters.hot


def test_the_mirror_shows_the_clients_own_bytes(make_pool):
    scene = make_pool()
    session = opened(scene)
    scene.ask(session, adu(0xABCD, READ))
    scene.answer()
    row = scene.guard.run.mirror[-1]
    assert (adu(0xABCD, READ), adu(0xABCD, GOOD), "10.0.0.21") == (row[6], row[7], row[3])


def test_a_client_may_have_so_many_in_flight_and_no_more(make_pool):
    scene = make_pool(device_in_flight=8, max_in_flight=2)
    session = opened(scene)
    for tid in range(5):
        scene.ask(session, adu(tid, READ))
    assert 2 == session.exchange.in_flight == scene.pool.lanes[0].load


def test_reads_that_ride_along_count_as_in_flight(make_pool):
    scene = make_pool(coalesce=True, device_in_flight=8, max_in_flight=2)
    session = opened(scene)
    for tid in range(5):
        scene.ask(session, adu(tid, READ), fast=False)
    assert 2 == session.exchange.in_flight
    assert 1 == scene.pool.lanes[0].load


def test_a_request_that_waits_while_no_link_stands_is_told_in_time(make_pool):
    scene = make_pool()
    session = scene.connect()
    scene.ask(session, adu(1, READ))
    scene.pass_time(2 * SECOND)
    assert [adu(1, b"\x83\x0a")] == scene.got[session.flow]
    assert {1: Outcome.UNREACHABLE} == scene.outcomes()


def test_a_function_whose_answer_has_no_known_end_is_refused_on_rtu_even_while_observing(make_pool):
    scene = make_pool(framing="rtu", mode=Mode.OBSERVE)
    session = scene.connect()
    scene.ask(session, adu(1, bytes((0x5A, 1, 2))))
    assert [adu(1, b"\xda\x01")] == scene.got[session.flow]
    assert [] == scene.sent + scene.links


def test_isolation_of_writes_holds_on_shared_links(make_pool):
    scene = make_pool(mode=Mode.OBSERVE)
    session = opened(scene)
    scene.guard.set_mode(Mode.ENFORCE)
    scene.ask(session, adu(2, bytes((6, 0, 100, 0xFF, 0xFF))))
    assert adu(2, b"\x86\x03") == scene.got[session.flow][-1]


def test_a_session_that_drains_answers_what_is_under_way(make_pool):
    scene = make_pool()
    session = opened(scene)
    scene.ask(session, adu(2, READ))
    scene.settle(session, session.drain(scene.now))
    assert ClientState.CLOSING is session.state
    scene.answer()
    assert adu(2, GOOD) == scene.got[session.flow][1]
    assert "finished" == scene.got[session.flow][2].reason


def test_who_waits_for_a_unit_that_does_not_answer_is_told_so_and_not_that_it_is_busy(make_pool):
    scene = make_pool()
    session = opened(scene)
    for tid in range(2, 5):
        scene.ask(session, adu(tid, READ))
    scene.pass_time(2 * SECOND)
    assert [adu(tid, b"\x83\x0b") for tid in range(2, 5)] == sorted(scene.got[session.flow][1:])
    assert 2 == list(scene.outcomes().values()).count(Outcome.TIMED_OUT)


def test_who_is_held_back_for_a_silent_unit_is_told_when_its_own_time_is_over(make_pool):
    scene = make_pool()
    session = opened(scene)
    scene.ask(session, adu(2, READ))
    scene.pass_time(SECOND)
    scene.ask(session, adu(3, READ))
    scene.pass_time(SECOND // 2)
    scene.ask(session, adu(4, READ))
    scene.pass_time(SECOND // 2)
    assert [adu(tid, b"\x83\x0b") for tid in (2, 3, 4)] == scene.got[session.flow][1:]
    scene.pass_time(MS)
    scene.ask(session, adu(5, READ))
    assert READ == scene.sent[-1][1][7:], "the next one asks again"
    scene.answer()
    assert adu(5, b"\x03\x02\x00\x07") == scene.got[session.flow][-1]


def test_writes_that_wait_for_each_other_and_a_silent_unit_are_told_together(make_pool):
    scene = make_pool(mode=Mode.OBSERVE)
    session = opened(scene)
    scene.ask(session, adu(2, READ, unit=5))
    for tid in range(3, 9):
        scene.ask(session, adu(tid, bytes((6, 0, tid, 0, 1)), unit=5))
    scene.pass_time(SECOND)
    scene.pass_time(SECOND)
    assert 0 == session.next_timer() or session.next_timer() > scene.now
    assert 7 == len(scene.got[session.flow][1:])


def test_a_read_on_its_second_try_was_seen_also_where_its_unit_fell_silent(make_pool):
    scene = make_pool(device_in_flight=4)
    session = opened(scene)
    scene.ask(session, adu(2, READ), fast=False)
    scene.lose()
    scene.guard.pool.units.timed_out(17, scene.now, others_out=1, now=scene.now)
    scene.up()
    scene.pass_time(SECOND)
    assert adu(2, b"\x83\x0b") == scene.got[session.flow][-1]
    assert Outcome.TIMED_OUT is list(scene.outcomes().values())[-1]
