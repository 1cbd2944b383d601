"""What the sessions of one OPC UA conduit share."""

import pytest

from icsguard.conversation.opcua.guard import MAX_SOURCES, UaGuard
from icsguard.core.clock import MINUTE
from icsguard.core.decision import Mode
from icsguard.policy.nodes.judge import NodeJudge


def test_opens_are_counted_by_address_within_a_minute(world, ua):
    guard = world(policy=ua.a_policy(limits=ua.UaLimits(opens_per_minute=2))).guard
    assert [True, True, False] == [guard.may_open("a", now) for now in (0, 1, 2)]
    assert guard.may_open("b", 2)
    assert guard.may_open("a", MINUTE)


def test_the_number_of_addresses_is_bounded(world):
    guard = world().guard
    for number in range(MAX_SOURCES + 10):
        guard.may_open(str(number), 0)
    assert MAX_SOURCES == len(guard._opens)


def test_learning_judges_nothing_without_rules(world, ua):
    assert not world(mode=Mode.LEARN, policy=ua.a_policy(rules=())).guard.judges
    assert world(mode=Mode.LEARN).guard.judges
    assert world(mode=Mode.OBSERVE, policy=ua.a_policy(rules=())).guard.judges


def test_a_new_policy_holds_from_the_next_request_on(world, ua):
    scene = world()
    peer = scene.connect().start()
    assert peer.read("P1").body
    scene.guard.reload_nodes(NodeJudge(ua.a_policy(rules=())))
    assert peer.read("P1").fault
    scene.guard.reload(scene.guard.conduit, scene.guard.judge)
    assert "terminate" == scene.guard.options.way


def test_sessions_that_nobody_uses_are_forgotten_with_all_they_had(world):
    scene = world()
    peer = scene.connect().start()
    peer.carry_out(peer.talk.client_lost(scene.now))
    scene.guard.timer(scene.now + 3700 * 10**9)
    assert 0 == len(scene.guard.ledger)
    assert 0 == len(scene.guard.known)


def test_sessions_that_a_new_policy_would_not_admit_must_be_activated_anew(world, ua):
    scene = world()
    peer = scene.connect().start()
    scene.guard.reload_nodes(NodeJudge(ua.a_policy(anonymous=False)))
    assert 0x80250000 == peer.read("P1").fault
    assert peer.activate().fault
    scene.guard.reload_nodes(NodeJudge(ua.a_policy()))
    assert 0 == peer.activate().fault
    assert peer.read("P1").body


def test_a_conduit_without_opcua_settings_is_a_mistake(world):
    from dataclasses import replace

    guard = world().guard
    with pytest.raises(ValueError, match="no OPC UA settings"):
        UaGuard(replace(guard.conduit, opcua=None), guard.judge, guard.run, guard.nodes, guard.legs, guard.trust)


def test_the_devices_url_is_made_of_its_address_where_none_is_set(world):
    guard = world().guard
    assert "opc.tcp://d:1" == guard.device_url
    from dataclasses import replace

    guard.reload(replace(guard.conduit, opcua=replace(guard.options, device_url="")), guard.judge)
    assert "opc.tcp://10.1.0.5:4840" == guard.device_url


def test_nobody_is_left_when_all_have_left(world):
    scene = world()
    peers = [scene.connect().start() for _ in range(3)]
    assert 3 == len(scene.guard.sessions)
    for peer in peers:
        peer.carry_out(peer.talk.client_lost(scene.now))
    assert not scene.guard.sessions
    assert not scene.guard.wakeups
    assert {} == scene.guard.half_open
