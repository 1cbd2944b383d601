"""The way to the device: made when needed, renewed in time, ended with a goodbye."""

import pytest

from icsguard.conversation.opcua.device_leg import MAX_QUEUED, OWN_REQUESTS, Phase
from icsguard.protocols.opcua.handshake import error
from icsguard.protocols.opcua.messages_session import GetEndpointsRequest

BOTH = ("Basic256Sha256", 3)
LOST = 0x80050000


def test_no_connection_is_made_before_something_is_asked(world):
    scene = world()
    peer = scene.connect().hello().open()
    assert [] == peer.ends
    assert Phase.IDLE is peer.talk.far.phase
    peer.ask(GetEndpointsRequest("opc.tcp://gw", None, None))
    assert 1 == len(peer.ends)
    assert peer.talk.device_is_up


@pytest.mark.parametrize("server", [("None", 1), BOTH])
def test_a_token_is_renewed_at_three_quarters_and_requests_go_on(world, server):
    scene = world(server=server, token_lifetime_s=60, idle_timeout_s=0)
    peer = scene.connect().start()
    assert 1 == peer.end.tokens
    for turn in range(200):
        peer.tick(1)
        if turn % 40 == 20:
            peer.renew(60_000)
        assert peer.read("P1").body.results[0].value.value == 1.0
    assert 4 <= peer.end.tokens <= 5
    assert None is peer.error


@pytest.mark.parametrize("server", [("None", 1), BOTH])
def test_the_timer_comes_when_the_renewal_is_due(world, server):
    scene = world(server=server, token_lifetime_s=60, idle_timeout_s=0)
    peer = scene.connect().start()
    scene.now = peer.talk.next_timer()
    assert 44 * 10**9 <= scene.now - peer.talk.since <= 46 * 10**9
    peer.tick()
    assert 2 == peer.end.tokens


def test_requests_in_flight_survive_a_renewal_whose_answer_is_late(world):
    scene = world(("None", 1), BOTH, token_lifetime_s=60, idle_timeout_s=0)
    peer = scene.connect().start()
    scene.holds_jobs = True
    peer.tick(46)
    assert 1 == len(peer.jobs)
    ids = [peer.post(peer.raw(_reading())) for _ in range(5)]
    assert [None] * 5 == [peer.got(id_) for id_ in ids]
    peer.finish_jobs()
    assert 1 == len(peer.jobs)
    assert not peer.talk.wants_device
    peer.finish_jobs()
    assert peer.talk.wants_device
    assert all(peer.got(id_).body for id_ in ids)
    ids = [peer.post(peer.raw(_reading())) for _ in range(3)]
    peer.finish_jobs()
    assert 0 == sum(peer.got(id_) is None for id_ in ids)
    assert 2 == peer.end.tokens


def _reading():
    from icsguard.protocols.opcua.builtin import QualifiedName
    from icsguard.protocols.opcua.messages_attribute import ReadRequest, ReadValueId
    from icsguard.protocols.opcua.nodes import NodeId

    return ReadRequest(0.0, 3, (ReadValueId(NodeId(2, "s", "P3"), 13, None, QualifiedName(0, None)),))


def test_a_device_that_says_nothing_is_given_up(world):
    scene = world()
    peer = scene.connect().hello().open()
    peer.from_device = lambda sent: None
    assert None is peer.create()
    peer.tick(6.9)
    assert not peer.closed
    peer.tick(0.2)
    assert LOST == peer.error.code


@pytest.mark.parametrize(
    "answer",
    [error(0x807D0000, "busy"), b"ACKF\x1c\0\0\0" + bytes(20), b"HTTP/1.1 400", b"MSGF\x18\0\0\0" + bytes(16)],
)
def test_what_is_no_answer_of_a_device_ends_the_connection_with_its_reason_on_record(world, answer):
    scene = world()
    peer = scene.connect().hello().open()
    peer.from_device = lambda sent: peer.carry_out(peer.talk.link_bytes(answer, scene.now))
    assert None is peer.create()
    assert LOST == peer.error.code
    assert peer.closed
    assert ["device"] == [record.kind.value for record in scene.records]


def test_what_waits_for_the_device_is_bounded(world):
    scene = world()
    peer = scene.connect().hello().open()
    peer.from_device = lambda sent: None
    far = peer.talk.far
    for number in range(MAX_QUEUED):
        assert None is far.request(number, b"x", scene.now)
    assert "channel-backlog" == far.request(99, b"x", scene.now).code


def test_our_own_request_ids_stay_in_their_range(world):
    scene = world()
    far = scene.connect().talk.far
    assert OWN_REQUESTS + 1 == far.next_own()
    far._own = 2 * OWN_REQUESTS - 1
    assert OWN_REQUESTS == far.next_own()


def test_a_client_that_leaves_early_closes_the_way_it_had_begun(world):
    scene = world()
    scene.down = ""
    peer = scene.connect().hello().open()
    peer.from_device = lambda sent: None
    peer.create()
    peer.carry_out(peer.talk.client_lost(scene.now))
    assert peer.talk.is_over
    assert None is peer.end


def test_the_device_is_told_goodbye(world):
    scene = world()
    peer = scene.connect().start()
    end = peer.end
    peer.carry_out(peer.talk.client_lost(scene.now))
    peer.pump()
    assert end.closed


@pytest.mark.parametrize("security", [("None", 1), BOTH])
def test_an_hour_of_published_values_has_no_gap_over_short_lived_tokens(world, security):
    from icsguard.protocols.opcua.messages_subscription import CreateSubscriptionRequest, PublishRequest

    scene = world(security, security, token_lifetime_s=30, idle_timeout_s=0)
    peer = scene.connect().start(*security)
    peer.ask(CreateSubscriptionRequest(1000.0, 100, 10, 0, enabled=True, priority=0))
    waiting = [peer.post(peer.raw(PublishRequest(None))) for _ in range(2)]
    for turn in range(360):
        if turn % 4 == 0:
            peer.renew(3_600_000)
        peer.tick(10)
        peer.publish(float(turn))
        assert peer.got(waiting.pop(0)).body.subscription
        waiting.append(peer.post(peer.raw(PublishRequest(None))))
    assert 70 <= peer.end.tokens <= 181
    assert None is peer.error
    assert 60_000_000_000 == peer.channel.tokens.held[-1].expires - (scene.now - 40 * 10**9)
