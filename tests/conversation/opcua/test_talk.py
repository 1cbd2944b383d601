"""A connection as shell and operators see it."""

import pytest

from icsguard.conversation.api import CloseClient, ToClient
from icsguard.conversation.opcua.talk import MAX_JOBS
from icsguard.core.defect import Defect


@pytest.fixture(params=["terminate", "passthrough"])
def session(request, world):
    scene = world(way=request.param)
    return scene, scene.connect().start()


def test_operators_see_who_does_what(session):
    scene, peer = session
    before = peer.talk.requests
    peer.read("P1")
    peer.write(Allowed=1.0)
    peer.write(Denied=1.0)
    talk = peer.talk
    assert (before + 3, 2, 1, 0) == (talk.requests, talk.writes, talk.refused, talk.in_flight)
    assert ("10.0.0.21", True, True) == (talk.client.address, talk.device_is_up, talk.inspected)
    assert talk is scene.guard.sessions[talk.flow]


def test_a_stop_is_told_to_the_client_and_no_grave_event(session):
    scene, peer = session
    peer.carry_out(peer.talk.drain(scene.now))
    peer.pump()
    assert 0x800E0000 == peer.error.code
    assert peer.closed
    assert peer.talk.is_over


def test_a_half_closed_connection_is_closed(session):
    scene, peer = session
    peer.carry_out(peer.talk.client_eof(scene.now))
    peer.pump()
    assert peer.closed


def test_what_a_peer_is_told_is_an_event_and_nothing_more(session):
    scene, peer = session
    peer.talk.cut(Defect("some-code", "secret details", fatal=True, reply=0x80130000), scene.now)
    peer.carry_out(peer.talk.done(scene.now))
    assert f"icsguard {scene.records[-1].id}" == peer.error.reason
    assert "secret details" in scene.records[-1].text
    peer.talk.cut(Defect("again", "again", fatal=True), scene.now)
    assert [] == [c for c in peer.talk.done(scene.now) if isinstance(c, ToClient | CloseClient)]


def test_jobs_of_one_connection_are_bounded(session):
    scene, peer = session
    found = []
    for number in range(MAX_JOBS + 1):
        peer.talk.start(None, lambda result, now, number=number: found.append((number, result)), scene.now)
    assert [(MAX_JOBS, None)] == found


def test_opinions_are_of_use_only_while_somebody_waits(session):
    scene, peer = session
    scene.guard.shadow_up = True
    peer.write(Allowed=1.0)
    (question,) = peer.asked
    assert peer.talk.asks(question.number)
    peer.carry_out(peer.talk.client_lost(scene.now))
    assert not peer.talk.asks(question.number)
