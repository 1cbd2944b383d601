"""What others see of a connection that passes through."""

from icsguard.conversation.opcua.passing import MAX_HELD
from icsguard.conversation.states import ClientState

NONE, SIGN, BOTH = ("None", 1), ("Basic256Sha256", 2), ("Basic256Sha256", 3)


def test_the_view_tells_security_and_whether_contents_are_inspected(world):
    for security, text in ((NONE, "None NONE"), (SIGN, "Basic256Sha256 SIGN")):
        peer = world(security, security, way="passthrough", on_deny="cut").connect().start(*security)
        assert (True, text) == (peer.talk.inspected, peer.talk.security)
        assert peer.talk.identity.mode == security[1]
        assert peer.talk.device_is_up


def test_before_its_first_message_a_secured_channel_could_be_either(world):
    scene = world(SIGN, SIGN, way="passthrough", on_deny="cut")
    peer = scene.connect().hello().open(*SIGN)
    assert "Basic256Sha256 unknown, contents not inspected" == peer.talk.security


def test_a_client_is_not_read_while_a_signed_write_waits(world):
    from icsguard.protocols.opcua.nodes import NodeId

    scene = world(SIGN, SIGN, way="passthrough", on_deny="cut")
    peer = scene.connect().start(*SIGN)
    peer.read(NodeId(0, "i", 2255))
    scene.guard.shadow_up = True
    assert None is peer.write(Allowed=2.0)
    assert not peer.talk.wants_client
    assert None is peer.read("P1")
    from icsguard.core.decision import Decision
    from icsguard.core.transaction import Opinion

    question = peer.asked.pop()
    peer.carry_out(peer.talk.opinion(Opinion(question.number, Decision.ALLOW, (), "m"), scene.now))
    peer.pump()
    assert peer.talk.wants_client
    assert 2 == len(peer.answers)


def test_a_link_that_does_not_come_holds_little(world):
    scene = world(way="passthrough")
    peer = scene.connect()
    peer.carry_out = lambda commands: None
    peer.hello()
    for _ in range(30):
        peer.talk.client_bytes(b"MSGF\x00\x00\x01\x00" + bytes(65_528), scene.now)
        if peer.talk.state is not ClientState.OPEN:
            break
    assert peer.talk._held <= 5 * MAX_HELD
    assert peer.talk.state is not ClientState.OPEN
