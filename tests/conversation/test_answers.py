"""What comes back on shared links: delivered to its asker, or on record and delivered to nobody."""

import pytest

from icsguard.conversation.states import LinkState
from icsguard.core.clock import SECOND
from icsguard.core.decision import Mode
from icsguard.core.transaction import Outcome


def adu(tid, pdu, unit=17, protocol=0):
    return b"".join(n.to_bytes(2) for n in (tid, protocol, 1 + len(pdu))) + bytes((unit,)) + pdu


READ = bytes((3, 0, 3, 0, 1))
GOOD = b"\x03\x02\x00\x07"
LONG = b"\x03\x04\x00\x07\x00\x08"


def asked(scene, *pdus):
    """Connect a client for each request, send them and bring the link up."""
    sessions = [scene.connect(f"10.0.0.{21 + n}") for n in range(len(pdus))]
    for tid, (session, pdu) in enumerate(zip(sessions, pdus, strict=True)):
        scene.ask(session, adu(tid, pdu))
    scene.up()
    return sessions


def codes(scene):
    return [record.facts.get("code") for record in scene.guard.run.recent if "code" in record.facts]


def test_a_frame_of_another_protocol_is_on_record_and_ends_the_links_trust(make_pool):
    scene = make_pool()
    (session,) = asked(scene, READ)
    scene.device(adu(0, GOOD, protocol=7))
    assert ["mbap-protocol-id"] == codes(scene)
    assert LinkState.DRAINING is scene.pool.lanes[0].state
    scene.device(adu(0, GOOD))
    assert [adu(0, GOOD)] == scene.got[session.flow], "what is in flight still gets its answer"
    assert (0, "CloseLink") == scene.links[-1]


@pytest.mark.parametrize("mode", [Mode.OBSERVE, Mode.ENFORCE])
def test_a_misshapen_answer_passes_where_nothing_is_enforced_to_each_who_rode(make_pool, mode):
    scene = make_pool(mode=mode, coalesce=True)
    sessions = asked(scene, READ, READ)
    assert 1 == len(scene.sent)
    scene.device(adu(0, LONG))
    expected = LONG if mode is Mode.OBSERVE else b"\x83\x0b"
    for tid, session in enumerate(sessions):
        assert [adu(tid, expected)] == scene.got[session.flow]
    would = [record.would_be for record in scene.guard.run.recent if record.would_be]
    assert (["refuse", "refuse"] if mode is Mode.OBSERVE else []) == would


def test_bytes_that_nobody_asked_for_are_nobodys(make_pool):
    scene = make_pool()
    asked(scene, READ)
    scene.answer()
    scene.device(b"HTTP/1.1 400 Bad Request")
    assert ["mbap-length"] == codes(scene)
    assert {""} == {record.client for record in scene.guard.run.recent if "code" in record.facts}
    assert LinkState.DOWN is scene.pool.lanes[0].state


def test_a_command_without_an_answer_ends_in_silence_and_blames_nobody(make_pool):
    scene = make_pool()
    (session,) = asked(scene, bytes((8, 0, 4, 0, 0)))
    scene.pass_time(SECOND)
    assert {1: Outcome.NO_ANSWER_DUE} == scene.outcomes()
    assert [] == scene.got[session.flow]
    assert (LinkState.UP, {}) == (scene.pool.lanes[0].state, scene.pool.units.suspects)


def test_what_comes_from_a_link_that_is_closed_is_nobodys(make_pool):
    scene = make_pool()
    (session,) = asked(scene, READ)
    scene.lose()
    before = len(scene.got[session.flow])
    scene.device(adu(0, GOOD))
    assert before == len(scene.got[session.flow])


def test_a_call_that_was_given_up_is_not_answered_twice(make_pool):
    scene = make_pool()
    (session,) = asked(scene, READ)
    scene.up()
    scene.fail()
    scene.answer()
    scene.lose()
    scene.lose()
    assert [adu(0, GOOD)] == scene.got[session.flow]


def test_half_an_answer_does_not_spoil_the_next_one(make_pool):
    """The device sends all but the last byte and falls silent: the link is not used for anybody else."""
    scene = make_pool()
    (session,) = asked(scene, READ)
    scene.device(adu(0, GOOD)[:-1])
    scene.pass_time(SECOND)
    assert [adu(0, b"\x83\x0b")] == scene.got[session.flow]
    assert (0, "CloseLink") == scene.links[-1]


def test_half_an_answer_is_not_glued_to_the_next_one(make_pool):
    scene = make_pool()
    one, two = asked(scene, READ, READ)
    scene.device(adu(0, GOOD)[:-1])
    scene.pass_time(SECOND)
    assert [adu(0, b"\x83\x0b")] == scene.got[one.flow]
    assert [(0, "CloseLink"), (0, "OpenLink")] == scene.links[-2:]
    scene.up()
    scene.answer()
    assert [adu(1, GOOD)] == scene.got[two.flow]
