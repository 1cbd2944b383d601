"""Shared links: identifiers of our own, fair turns, one fate for each request, and units that cost nobody else."""

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from icsguard.conversation.exchange import MAX_ATTEMPTS
from icsguard.conversation.lane import MAX_SILENT_RUN
from icsguard.conversation.pool import LINGER_NS, MAX_POOL_WAITING, TURNAROUND_NS
from icsguard.conversation.states import LinkState
from icsguard.core.clock import MS, SECOND
from icsguard.core.decision import Mode
from icsguard.core.transaction import Outcome


def adu(tid, pdu, unit=17):
    return tid.to_bytes(2) + b"\0\0" + (1 + len(pdu)).to_bytes(2) + bytes((unit,)) + pdu


def read(first, count=1):
    return bytes((3,)) + first.to_bytes(2) + count.to_bytes(2)


def write(first, value):
    return bytes((6,)) + first.to_bytes(2) + value.to_bytes(2)


@pytest.fixture
def pool(make_pool):
    """One shared link, up, one request at a time, and two clients."""
    scene = make_pool()
    scene.one, scene.two = scene.connect("10.0.0.21"), scene.connect("10.0.0.22")
    scene.ask(scene.one, adu(9, read(0)))
    scene.up()
    scene.answer()
    scene.got[scene.one.flow].clear()
    scene.sent.clear()
    return scene


def refused(raw, code):
    return raw[:4] + b"\0\3" + raw[6:7] + bytes((raw[7] | 0x80, code))


def test_two_clients_with_the_same_identifier_each_get_their_own_answer(make_pool):
    scene = make_pool(device_in_flight=4)
    one, two = scene.connect("10.0.0.21"), scene.connect("10.0.0.22")
    scene.ask(one, adu(5, read(10)))
    scene.ask(two, adu(5, read(20)))
    scene.up()
    assert 2 == len({raw[:2] for _, raw in scene.sent}), "the device sees two identifiers"
    scene.answer(1, value=20)
    scene.answer(0, value=10)
    assert [adu(5, b"\x03\x02\x00\x0a")] == scene.got[one.flow]
    assert [adu(5, b"\x03\x02\x00\x14")] == scene.got[two.flow]


def test_one_request_at_a_time_and_turns_in_a_ring(pool):
    for at in range(3):
        pool.ask(pool.one, adu(at, read(at)))
    pool.ask(pool.two, adu(7, read(100)))
    for _ in range(4):
        assert 1 == pool.pool.lanes[0].load
        pool.answer()
    asked = [int.from_bytes(raw[8:10]) for _, raw in pool.sent]
    assert [0, 1, 100, 2] == asked, "the second client waits for one turn, not for three"


def test_many_connections_of_one_address_get_no_more_turns_than_one(pool):
    greedy = [pool.connect("10.0.0.21") for _ in range(10)]
    pool.ask(pool.one, adu(1, read(0)))
    for session in greedy:
        pool.ask(session, adu(1, read(1)))
        pool.ask(session, adu(2, read(1)))
    for tid in range(5):
        pool.ask(pool.two, adu(tid, read(100)))
    for _ in range(10):
        pool.answer()
    asked = [raw[9] for _, raw in pool.sent[1:11]]
    assert 5 == asked.count(100)


def test_a_known_read_takes_the_fast_path_and_comes_back_under_the_clients_identifier(pool):
    pool.ask(pool.one, adu(0x1234, read(0)))
    assert 1 == len(pool.pool.lanes[0].hot)
    pool.answer()
    assert [adu(0x1234, b"\x03\x02\x00\x07")] == pool.got[pool.one.flow]
    assert 1 == pool.guard.counters.hot


def test_a_late_answer_is_discarded_and_the_link_stays(pool):
    pool.ask(pool.one, adu(1, read(3)))
    late = pool.sent[-1]
    pool.pass_time(SECOND)
    assert [refused(adu(1, read(3)), 0x0B)] == pool.got[pool.one.flow]
    pool.ask(pool.two, adu(1, read(3)), fast=False)
    assert LinkState.UP is pool.pool.lanes[0].state
    pool.device(adu(int.from_bytes(late[1][:2]), b"\x03\x02\xde\xad"))
    assert [] == pool.got[pool.two.flow]
    assert "response-late" in {record.facts.get("code") for record in pool.guard.run.recent}


def test_without_trust_in_identifiers_a_timeout_opens_the_link_anew(make_pool):
    scene = make_pool(quirks=("tid_not_echoed",), device_in_flight=8)
    one = scene.connect()
    scene.ask(one, adu(5, read(0)))
    scene.ask(one, adu(6, read(1)))
    scene.up()
    assert 1 == len(scene.sent), "one in flight, whatever the settings say"
    scene.device(adu(1, b"\x03\x02\x00\x07"))
    assert adu(5, b"\x03\x02\x00\x07") == scene.got[one.flow][0]
    scene.pass_time(SECOND)
    assert (0, "CloseLink") in scene.links
    scene.ask(one, adu(7, read(2)))
    assert (0, "OpenLink") == scene.links[-1]


def test_a_command_without_an_answer_does_not_stop_a_link_without_identifiers(make_pool):
    scene = make_pool(quirks=("tid_not_echoed",))
    one = scene.connect()
    scene.ask(one, adu(1, bytes((8, 0, 4, 0, 0))))
    scene.ask(one, adu(2, read(0)))
    scene.up()
    scene.pass_time(SECOND)
    assert 2 == len(scene.sent)
    scene.answer()
    assert adu(2, b"\x03\x02\x00\x07") == scene.got[one.flow][-1]


def test_a_write_is_sent_once_and_a_read_twice_over_broken_links(pool):
    pool.ask(pool.one, adu(1, write(110, 5)))
    pool.lose()
    assert [refused(adu(1, write(110, 5)), 0x0B)] == pool.got[pool.one.flow]
    pool.ask(pool.two, adu(2, read(9)))
    for _ in range(4):
        pool.up()
        pool.lose()
    assert [6] + MAX_ATTEMPTS * [3] == [raw[7] for _, raw in pool.sent]
    assert {Outcome.UNKNOWN, Outcome.TIMED_OUT} <= set(pool.outcomes().values())


def test_a_hot_read_whose_link_breaks_is_tried_once_more(pool):
    pool.ask(pool.one, adu(1, read(0)))
    assert pool.pool.lanes[0].hot
    pool.lose()
    pool.up()
    pool.answer()
    assert [adu(1, b"\x03\x02\x00\x07")] == pool.got[pool.one.flow]


def test_an_unreachable_device_is_told_to_all_who_wait(make_pool):
    scene = make_pool()
    one, two = scene.connect("10.0.0.21"), scene.connect("10.0.0.22")
    scene.ask(one, adu(1, read(0)))
    scene.ask(two, adu(2, read(0)))
    assert [(0, "OpenLink")] == scene.links, "one call for both"
    scene.fail()
    assert [refused(adu(1, read(0)), 0x0A)] == scene.got[one.flow]
    assert [refused(adu(2, read(0)), 0x0A)] == scene.got[two.flow]
    scene.ask(one, adu(3, read(0)))
    assert refused(adu(3, read(0)), 0x0A) == scene.got[one.flow][-1]
    assert 1 == len(scene.links), "not called again at once"


def test_a_second_link_opens_only_when_the_first_is_full_and_may_fail_without_harm(make_pool):
    scene = make_pool(links=2)
    one, two, three = (scene.connect(f"10.0.0.2{n}") for n in (1, 2, 3))
    scene.ask(one, adu(1, read(0)))
    scene.up()
    assert [(0, "OpenLink")] == scene.links
    scene.ask(two, adu(1, read(1)))
    assert (1, "OpenLink") == scene.links[-1]
    scene.fail(1)
    assert not scene.guard.pacing.is_failing
    scene.answer()
    assert read(1) == scene.sent[-1][1][7:]
    scene.pass_time(100 * MS)
    scene.ask(three, adu(1, read(2)))
    assert (1, "OpenLink") == scene.links[-1]


def test_all_that_a_client_has_in_flight_is_on_one_link_so_its_writes_keep_their_order(make_pool):
    scene = make_pool(links=2, device_in_flight=2)
    one, two = scene.connect("10.0.0.21"), scene.connect("10.0.0.22")
    for session in (one, two):
        for tid in range(4):
            scene.ask(session, adu(tid, read(tid)))
    scene.up(0)
    scene.up(1)
    scene.ask(one, adu(8, write(110, 1)))
    scene.ask(one, adu(9, write(112, 2)))
    for place in range(10):
        scene.answer(place)
    lanes = {}
    for lane, raw in scene.sent:
        lanes.setdefault((lane, raw[7]), []).append(raw)
    order = [raw[9] for _, raw in scene.sent if raw[7] == 6]
    assert [110, 112] == order
    assert 2 == len({lane for lane, _ in scene.sent})


def test_a_dead_unit_is_probed_and_then_left_alone(make_pool):
    scene = make_pool(mode=Mode.OBSERVE, device_in_flight=4)
    one = scene.connect()
    scene.ask(one, adu(1, read(0), unit=1))
    scene.up()
    scene.answer()
    for tid in range(2, 5):
        scene.ask(one, adu(tid, read(0), unit=5))
    assert 4 == len(scene.sent)
    scene.pass_time(SECOND)
    for tid in range(5, 8):
        scene.ask(one, adu(tid, read(0), unit=5))
    assert 5 == len(scene.sent), "one probe"
    scene.ask(one, adu(8, read(0), unit=1))
    assert 6 == len(scene.sent), "others go on"
    scene.answer()
    scene.pass_time(SECOND)
    scene.ask(one, adu(9, read(0), unit=5))
    assert refused(adu(9, read(0), unit=5), 0x0B) == scene.got[one.flow][-1], "left alone: told at once"
    sent = len(scene.sent)
    scene.pass_time(SECOND + MS)
    scene.ask(one, adu(10, read(0), unit=5))
    assert sent + 1 == len(scene.sent)
    scene.answer()
    scene.ask(one, adu(11, read(0), unit=5))
    scene.ask(one, adu(12, read(1), unit=5))
    assert sent + 3 == len(scene.sent), "it answered: all is well again"


def test_a_link_on_which_nothing_is_answered_is_opened_anew(make_pool):
    scene = make_pool(mode=Mode.OBSERVE)
    one = scene.connect()
    for unit in range(1, MAX_SILENT_RUN + 1):
        scene.ask(one, adu(unit, read(0), unit=unit))
        scene.up()
        assert (0, "CloseLink") not in scene.links
        scene.pass_time(SECOND)
    assert (0, "CloseLink") in scene.links


@pytest.mark.parametrize(
    ("answer", "closes"),
    [
        (lambda raw: raw[:6] + b"\x12\x03\x02\0\7", True),
        (lambda raw: b"\xff\xff" + raw[2:4] + b"\0\5\x11\x03\x02\0\7", True),
        (lambda raw: raw[:4] + b"\0\7\x11\x03\x04\0\7\0\7", True),
        (lambda raw: b"HTTP/1.1 400" + raw[:0], True),
    ],
    ids=["another unit", "unsolicited", "wrong length", "not Modbus"],
)
def test_what_does_not_fit_is_not_delivered_and_the_link_is_opened_anew(pool, answer, closes):
    raw = adu(1, read(3))
    pool.ask(pool.one, raw)
    asked = pool.sent[-1][1]
    pool.device(answer(asked)[:4] + (5).to_bytes(2) + answer(asked)[6:] if answer(asked)[:1] != b"H" else answer(asked))
    pool.pass_time(SECOND + MS)
    assert [refused(raw, 0x0B)] == pool.got[pool.one.flow]
    assert closes == ((0, "CloseLink") in pool.links)


def test_a_duplicate_is_known_and_harmless(pool):
    pool.ask(pool.one, adu(1, read(3)))
    asked = pool.sent[-1][1]
    pool.answer()
    pool.device(asked[:4] + b"\0\5\x11\x03\x02\0\7")
    assert 1 == len(pool.got[pool.one.flow])
    assert LinkState.UP is pool.pool.lanes[0].state
    assert "response-duplicate" in {record.facts.get("code") for record in pool.guard.run.recent}


def test_a_client_that_leaves_frees_its_place_and_its_write_is_followed_to_the_end(pool):
    pool.ask(pool.one, adu(1, write(110, 5)))
    pool.ask(pool.one, adu(2, read(0)))
    pool.ask(pool.two, adu(3, read(1)))
    pool.leave(pool.one)
    assert not pool.one.is_over
    pool.answer()
    assert pool.one.is_over
    assert pool.one.flow not in pool.guard.sessions
    assert read(1) == pool.sent[-1][1][7:]
    assert 2 == list(pool.outcomes().values()).count(Outcome.ABANDONED)


def test_records_name_the_client_that_asked(pool):
    pool.ask(pool.two, adu(3, write(110, 1)))
    pool.lose()
    assert ["10.0.0.22"] == [record.client for record in pool.guard.run.recent if record.outcome == "unknown"]


def test_a_refused_request_never_reaches_the_shared_link(pool):
    pool.ask(pool.one, adu(1, write(100, 5000)))
    assert [refused(adu(1, write(100, 5000)), 3)] == pool.got[pool.one.flow]
    assert [] == pool.sent


def test_identical_reads_ride_together_where_that_is_wanted(make_pool):
    scene = make_pool(coalesce=True)
    sessions = [scene.connect(f"10.0.0.2{n}") for n in (1, 2)] + [scene.connect("10.0.0.21")]
    for tid, session in enumerate(sessions):
        scene.ask(session, adu(tid, read(40, 4)))
    scene.up()
    assert 1 == len(scene.sent)
    scene.answer(value=3)
    for tid, session in enumerate(sessions):
        assert [adu(tid, b"\x03\x08" + 4 * b"\0\3")] == scene.got[session.flow]
    assert 3 == len(scene.outcomes())


def test_a_read_after_a_write_never_rides_with_one_from_before(make_pool):
    scene = make_pool(coalesce=True, device_in_flight=4)
    one, two = scene.connect("10.0.0.21"), scene.connect("10.0.0.22")
    scene.ask(one, adu(1, read(110)))
    scene.up()
    scene.ask(two, adu(1, write(110, 5)))
    scene.answer(1)
    scene.ask(two, adu(2, read(110)))
    assert [3, 6, 3] == [raw[7] for _, raw in scene.sent]


@pytest.mark.parametrize("pdu", [bytes((23, 0, 0, 0, 1, 0, 110, 0, 1, 2, 0, 5)), bytes((8, 0, 0, 0, 0))])
def test_what_is_no_plain_read_never_rides_along(make_pool, pdu):
    scene = make_pool(coalesce=True, mode=Mode.OBSERVE, device_in_flight=4)
    one, two = scene.connect("10.0.0.21"), scene.connect("10.0.0.22")
    scene.ask(one, adu(1, pdu))
    scene.up()
    scene.ask(two, adu(1, pdu))
    assert 2 == len(scene.sent)


def test_a_fresh_link_is_given_its_time_and_requests_their_gap(make_pool):
    scene = make_pool(connect_delay_ms=300, min_gap_ms=40)
    one = scene.connect()
    scene.ask(one, adu(1, read(0)))
    scene.ask(one, adu(2, read(1)))
    scene.up()
    scene.pass_time(299 * MS)
    assert [] == scene.sent
    scene.pass_time(MS)
    assert 1 == len(scene.sent)
    scene.answer()
    scene.pass_time(39 * MS)
    assert 1 == len(scene.sent)
    scene.pass_time(MS)
    assert 2 == len(scene.sent)


def test_a_device_that_throws_out_its_oldest_is_called_again_after_longer_and_longer(make_pool):
    scene = make_pool(quirks=("closes_oldest",))
    one = scene.connect()
    scene.ask(one, adu(0, read(0)))
    waits = []
    for tid in range(1, 4):
        scene.up()
        scene.answer()
        scene.lose()
        scene.ask(one, adu(tid, read(0)), fast=False)
        calls, begin = len(scene.links), scene.now
        while len(scene.links) == calls:
            scene.pass_time(MS)
            assert scene.now < begin + SECOND
        waits.append((scene.now - begin) // MS)
    assert [50, 100, 200] == waits


def test_without_that_quirk_a_lost_link_is_called_again_at_once(pool):
    pool.lose()
    pool.ask(pool.one, adu(1, read(0)))
    assert (0, "OpenLink") == pool.links[-1]


def test_a_link_is_given_back_when_nobody_was_there_for_a_while(pool):
    pool.leave(pool.one)
    pool.leave(pool.two)
    pool.pass_time(LINGER_NS - MS)
    assert (0, "CloseLink") not in pool.links
    pool.pass_time(2 * MS)
    assert (0, "CloseLink") == pool.links[-1]
    assert 0 == pool.pool.next_timer(pool.now)


def test_requests_of_all_clients_together_are_bounded(make_pool):
    scene = make_pool()
    sessions = [scene.connect(f"10.0.1.{n}") for n in range(MAX_POOL_WAITING // 64 + 2)]
    scene.guard.set_mode(Mode.OBSERVE)
    for session in sessions:
        for tid in range(64):
            scene.ask(session, adu(tid, read(0)))
    assert MAX_POOL_WAITING == scene.pool.waiting
    assert {refused(adu(5, read(0)), 6)[7:]} == {raw[7:] for raw in scene.got[sessions[-1].flow]}
    assert 64 == len(scene.got[sessions[-1].flow])


def test_after_a_broadcast_the_line_has_its_turnaround(make_pool):
    scene = make_pool(downstream="serial")
    one = scene.connect()
    scene.ask(one, adu(1, write(5, 1), unit=0))
    scene.ask(one, adu(2, read(0)))
    scene.up()
    assert 1 == len(scene.sent)
    assert [] == scene.got[one.flow]
    scene.pass_time(TURNAROUND_NS)
    assert 2 == len(scene.sent)


def test_a_device_that_moved_is_called_at_its_new_place_when_the_old_one_has_answered(pool):
    pool.ask(pool.one, adu(1, read(3)))
    pool.pool.renew(pool.now)
    pool.settle()
    assert LinkState.DRAINING is pool.pool.lanes[0].state
    pool.answer()
    assert [adu(1, b"\x03\x02\x00\x07")] == pool.got[pool.one.flow]
    assert (0, "CloseLink") == pool.links[-1]


def test_a_device_that_does_not_read_gets_nothing_more_until_it_does(make_pool):
    scene = make_pool(device_in_flight=4)
    one = scene.connect()
    scene.ask(one, adu(1, read(0)))
    scene.up()
    scene.pool.lane_stalled(0, scene.now, stalled=True)
    scene.ask(one, adu(2, read(1)))
    assert 1 == len(scene.sent)
    scene.pool.lane_stalled(0, scene.now, stalled=False)
    scene.settle()
    assert 2 == len(scene.sent)


STEPS = st.lists(
    st.tuples(
        st.sampled_from(["read", "read", "read", "write", "answer", "answer", "late", "lose", "up", "fail", "time"]),
        st.integers(0, 2),
        st.integers(0, 5),
    ),
    max_size=60,
)


@given(
    steps=STEPS,
    links=st.integers(1, 2),
    depth=st.integers(1, 3),
    fast=st.booleans(),
    coalesce=st.booleans(),
    quirks=st.sampled_from([(), ("tid_not_echoed",), ("closes_oldest",)]),
)
@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_whatever_happens_each_request_has_one_fate_and_each_answer_its_asker(
    make_pool, steps, links, depth, fast, coalesce, quirks
):
    scene = make_pool(links=links, device_in_flight=depth, coalesce=coalesce, quirks=quirks, mode=Mode.OBSERVE)
    sessions = [scene.connect(f"10.0.0.{21 + n}") for n in range(3)]
    asked = {session.flow: {} for session in sessions}
    tid = 0
    for what, who, much in steps:
        session = sessions[who]
        if what in {"read", "write"}:
            tid += 1
            address = 10 * who + much
            pdu = read(address) if what == "read" else write(address, tid)
            asked[session.flow][tid] = (address, pdu)
            scene.ask(session, adu(tid, pdu), fast=fast)
        elif what in {"answer", "late"} and scene.sent:
            _reply(scene, -1 if what == "answer" else -2 - much)
        elif what in {"lose", "up", "fail"}:
            getattr(scene, what)(much % links)
        elif what == "time":
            scene.pass_time(much * 250 * MS)
    scene.pass_time(20 * SECOND)
    for session in sessions:
        answers = {int.from_bytes(raw[:2]): raw for raw in scene.got[session.flow]}
        assert len(answers) == len(scene.got[session.flow]) == len(asked[session.flow])
        for number, raw in answers.items():
            address, pdu = asked[session.flow][number]
            if not raw[7] & 0x80:
                good = b"\x03\x02" + address.to_bytes(2) if pdu[0] == 3 else pdu
                assert good == raw[7:], "crossed"
    writes = [raw[7:] for _, raw in scene.sent if raw[7] == 6]
    assert len(writes) == len(set(writes)), "a write was sent twice"
    assert tid == len(scene.outcomes())
    assert not any(lane.load or lane.riders for lane in scene.pool.lanes)
    assert (0, 0) == (len(scene.pool.ring), scene.pool.waiting)


def _reply(scene, place):
    """Answer the request at `place`, if it is there: its words are its own address."""
    if -place > len(scene.sent):
        return
    lane, raw = scene.sent[place]
    value = int.from_bytes(raw[8:10])
    if not scene.pool.lanes[lane].trusts_tids and scene.sent[place] is not _newest(scene, lane):
        return  # without identifiers a second answer cannot be told from the first: that device must not repeat itself
    if scene.pool.lanes[lane].state in {LinkState.UP, LinkState.DRAINING}:
        pdu = b"\x03\x02" + value.to_bytes(2) if raw[7] == 3 else raw[7:12]
        scene.device(raw[:4] + (1 + len(pdu)).to_bytes(2) + raw[6:7] + pdu, lane)


def _newest(scene, lane):
    """Return what is in flight on a link that carries one request at a time; None where nothing is."""
    if not scene.pool.lanes[lane].load:
        return None
    return next(one for one in reversed(scene.sent) if one[0] == lane)
