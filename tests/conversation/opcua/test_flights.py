"""What a connection has under way, on both paths."""

import pytest

from icsguard.conversation.opcua.flights import MAX_PATIENCE_MS, Flights
from icsguard.core.decision import Decision


def test_a_hint_beyond_all_patience_is_cut(world):
    scene = world()
    peer = scene.connect().start()
    for _ in range(2):
        peer.read("P1")
    scene.device.silent.add("Read")
    from icsguard.protocols.opcua.builtin import QualifiedName
    from icsguard.protocols.opcua.messages_attribute import ReadRequest, ReadValueId
    from icsguard.protocols.opcua.nodes import NodeId

    wish = ReadRequest(0.0, 3, (ReadValueId(NodeId(2, "s", "P1"), 13, None, QualifiedName(0, None)),))
    peer.post(peer.raw(wish, timeout_ms=10**9))
    (flight,) = peer.talk.traffic.hot.flying.values()
    assert MAX_PATIENCE_MS * 10**6 == flight.due - scene.now
    assert peer.talk.next_timer() <= flight.due


def test_reads_in_flight_are_bounded_on_the_hot_path_too(world, ua):
    scene = world(policy=ua.a_policy(limits=ua.UaLimits(in_flight=3)))
    peer = scene.connect().start()
    for _ in range(2):
        peer.read("P1")
    scene.device.silent.add("Read")
    answers = [peer.read("P1") for _ in range(5)]
    assert 2 == sum(answer is not None for answer in answers)
    assert 3 == peer.talk.in_flight


def test_only_a_kind_that_answers_can_refuse(world):
    scene = world()
    peer = scene.connect().start()
    bare = Flights(scene.guard, peer.talk.client, 1, peer.talk)
    assert 0 == bare.in_flight
    with pytest.raises(NotImplementedError):
        bare.refuse(None, scene.now)
    assert Decision.ALLOW == 0
