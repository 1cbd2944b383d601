"""Reads that go unjudged: only the same, only while nothing has changed."""

import pytest

from icsguard.core.decision import Mode
from icsguard.policy.nodes.judge import NodeJudge
from icsguard.protocols.opcua.builtin import QualifiedName
from icsguard.protocols.opcua.messages_attribute import ReadRequest, ReadValueId
from icsguard.protocols.opcua.messages_view import RegisterNodesRequest
from icsguard.protocols.opcua.nodes import NodeId

BOTH = ("Basic256Sha256", 3)


@pytest.fixture(params=["terminate", "terminate secured", "passthrough"])
def session(request, world):
    if request.param == "terminate secured":
        scene = world(BOTH, BOTH)
        return scene, scene.connect().start(*BOTH)
    scene = world(way=request.param)
    return scene, scene.connect().start()


def reading(*names):
    items = tuple(ReadValueId(NodeId(2, "s", name), 13, None, QualifiedName(0, None)) for name in names)
    return ReadRequest(0.0, 3, items)


def hot(scene):
    return scene.guard.counters.hot


def test_the_same_read_is_judged_once_and_answered_alike(session):
    scene, peer = session
    first = peer.read("P1", "P2").body
    assert 0 == hot(scene)
    for turn in range(3):
        assert first == peer.read("P1", "P2").body
        assert turn + 1 == hot(scene)
    assert first != peer.read("P1", "P3").body
    assert 3 == hot(scene)


def test_the_mirror_has_every_read_with_a_mask_in_place_of_its_token(session):
    scene, peer = session
    for _ in range(2):
        peer.read("P1")
    first, second = scene.guard.run.mirror[-2:]
    token = peer.token.identifier
    assert token not in first[6] + second[6]
    assert first[6][4:6] == second[6][4:6] == b"\0" + bytes([scene.guard.ledger.of(peer.token).number])
    assert len(first[6]) == len(second[6])
    assert b"P1" in second[6]


@pytest.mark.parametrize("change", ["policy", "mode", "alias", "names", "session"])
def test_whatever_a_verdict_depends_on_ends_it(session, ua, change):
    scene, peer = session
    for _ in range(2):
        peer.read("P1")
    assert 1 == hot(scene)
    match change:
        case "policy":
            scene.guard.reload_nodes(NodeJudge(ua.a_policy(rules=())))
        case "mode":
            scene.guard.set_mode(Mode.OBSERVE)
        case "alias":
            peer.ask(RegisterNodesRequest((NodeId(2, "s", "P9"),)))
        case "names":
            scene.guard.known.restarted()
        case "session":
            scene.guard.ledger.of(peer.token).flow = 99
    answer = peer.read("P1")
    assert 1 == hot(scene)
    assert bool(answer.fault) == (change in {"policy", "session"})


def test_a_read_with_diagnostics_or_another_header_is_judged(session):
    scene, peer = session
    for _ in range(2):
        peer.read("P1")
    peer.ask(reading("P1"), diagnostics=1)
    peer.ask(reading("P1"), audit="me")
    assert 1 == hot(scene)
    peer.ask(reading("P1"), timeout_ms=500)
    assert 2 == hot(scene)


def test_a_fault_or_another_answer_is_looked_at(session):
    scene, peer = session
    for _ in range(2):
        peer.read("P1")
    scene.device.sessions[peer.token]["end"] = None
    assert 0x80250000 == peer.read("P1").fault
    assert 1 == hot(scene)


def test_what_the_device_owes_is_told_in_time(session):
    scene, peer = session
    for _ in range(2):
        peer.read("P1")
    scene.device.silent.add("Read")
    id_ = peer.post(peer.raw(reading("P1")))
    assert peer.talk.next_timer() <= scene.now + 10**9
    assert 1 == peer.talk.in_flight
    peer.tick(1.1)
    assert 0x800A0000 == peer.got(id_).fault
    assert 0 == peer.talk.in_flight


def test_a_lost_link_ends_them_and_a_client_that_left_leaves_none(session):
    scene, peer = session
    for _ in range(2):
        peer.read("P1")
    scene.device.silent.add("Read")
    id_ = peer.post(peer.raw(reading("P1")))
    peer.carry_out(peer.talk.link_lost("reset", scene.now))
    peer.pump()
    assert 0x80050000 == peer.got(id_).fault
    assert peer.closed
    assert peer.talk.is_over


def test_values_of_declared_points_still_reach_policy(session):
    scene, peer = session
    for _ in range(2):
        peer.read("Ranged")
    scene.device.values[NodeId(2, "s", "Ranged")] = 55.0
    peer.read("Ranged")
    assert 2 == hot(scene)
    assert [55.0] == scene.guard.node_memory.present("ranged", 10**12, scene.now)


def test_a_repeated_request_id_is_refused(session):
    scene, peer = session
    for _ in range(2):
        peer.read("P1")
    scene.device.silent.add("Read")
    peer.post(peer.raw(reading("P1")))
    peer.requests -= 1
    answer = peer.got(peer.post(peer.raw(reading("P1"))))
    assert 0x80820000 == answer.fault


def test_what_is_not_always_allowed_is_judged_each_time(session, ua):
    from icsguard.policy.nodes.rules import NodeRule
    from icsguard.policy.terms import Rate

    scene, peer = session
    rules = (NodeRule("paced", clients=("hmi",), services=(631,), rate=Rate(3, 10**12)),)
    scene.guard.reload_nodes(NodeJudge(ua.a_policy(rules=rules)))
    faults = [peer.read("P1").fault for _ in range(5)]
    assert 0 == hot(scene)
    assert any(faults[3:])
    assert not any(faults[:3])
