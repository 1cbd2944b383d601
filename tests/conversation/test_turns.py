"""Whose turn it is: what a session does with requests that the device does not have yet."""

import pytest

from icsguard.conversation.turns import MAX_WAITING
from icsguard.core.clock import MS, SECOND
from icsguard.core.transaction import Outcome


def adu(tid, pdu, unit=17):
    return tid.to_bytes(2) + b"\0\0" + (1 + len(pdu)).to_bytes(2) + bytes((unit,)) + pdu


READ = bytes((3, 0, 0, 0, 1))
WRITE = bytes((6, 0, 100, 0, 5))


def test_waiting_requests_are_bounded_and_each_is_answered(scene):
    for tid in range(MAX_WAITING + 30):
        scene.bytes_from_client(adu(tid, READ))
    assert MAX_WAITING == len(scene.session._turns.waiting)
    assert 30 == list(scene.outcomes().values()).count(Outcome.REFUSED)


def test_a_request_is_judged_when_its_turn_comes(scene):
    scene.play(f"client {adu(1, WRITE).hex()}")
    said = scene.play(f"client {adu(2, WRITE).hex()}")
    assert [] == said, "the second is not even asked about before the first has gone"
    assert ["! ask 2"] == [line for line in scene.play("judged 1 refuse unsafe") if "ask" in line]


@pytest.mark.parametrize("late_ms", [20, 25, 500])
def test_an_opinion_after_the_deadline_changes_nothing(scene, late_ms):
    scene.play(f"client {adu(1, WRITE).hex()}")
    scene.pass_time(late_ms * MS)
    assert {} == scene.session._turns.asked
    scene.play("judged 1 refuse unsafe")
    assert {} == scene.outcomes(), "it was not refused by it"


def test_what_waits_too_long_for_a_link_is_told_that_there_is_none(scene):
    scene.play(f"client {adu(1, READ).hex()}")
    scene.pass_time(2 * SECOND)
    assert {1: Outcome.UNREACHABLE} == scene.outcomes()


def test_abandoned_requests_leave_nothing_behind(scene):
    for tid in range(10):
        scene.bytes_from_client(adu(tid, READ if tid % 2 else WRITE))
    scene.play("client lost")
    assert {Outcome.ABANDONED} == set(scene.outcomes().values())
    assert ([], 0) == (scene.session._turns.waiting, scene.session.next_timer() if scene.session._turns.asked else 0)


def test_refusals_and_writes_are_counted_for_the_session(scene):
    scene.play(f"client {adu(1, bytes((6, 0, 100, 255, 255))).hex()}")
    scene.play(f"client {adu(2, READ).hex()}")
    assert (1, 1, 2) == (scene.session.refused, scene.session.writes, scene.session.requests)
