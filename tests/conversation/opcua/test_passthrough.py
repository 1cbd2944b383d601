"""A channel of two others: edited under None, cut under Sign, watched from outside under SignAndEncrypt."""

import pytest

from icsguard.core.decision import Mode
from icsguard.protocols.opcua.builtin import DataValue, QualifiedName
from icsguard.protocols.opcua.messages_attribute import ReadRequest, ReadResponse, ReadValueId
from icsguard.protocols.opcua.nodes import NodeId

NAMES = NodeId(0, "i", 2255)
GOOD, DENIED, RANGE = 0, 0x801F0000, 0x803C0000
NONE, SIGN, BOTH = ("None", 1), ("Basic256Sha256", 2), ("Basic256Sha256", 3)


@pytest.mark.parametrize("chop", [0, 5])
def test_denied_nodes_are_refused_alone_under_none_and_numbers_stay_right(world, chop):
    scene = world(NONE, NONE, way="passthrough", chop=chop)
    peer = scene.connect().start()
    assert [1.0, 5.0] == [value.value.value for value in peer.read("Allowed", "P5").body.results]
    assert (GOOD, DENIED, RANGE) == peer.write(Allowed=3.5, Denied=2.0, Ranged=500.0).body.results
    assert (DENIED,) == peer.write(Denied=2.0).body.results
    assert (GOOD,) == peer.write(P1=2.0).body.results
    assert 1.0 == peer.read("Denied").body.results[0].value.value
    assert [("write", "ns=2;s=Allowed", 3.5), ("write", "ns=2;s=P1", 2.0)] == [e for e in scene.log if e[0] == "write"]
    peer.renew()
    assert (GOOD, DENIED) == peer.write(P1=2.0, Denied=1.0).body.results


def test_in_observe_no_byte_changes_under_none(world):
    scene = world(NONE, NONE, way="passthrough", mode=Mode.OBSERVE)
    peer = scene.connect().start()
    assert (GOOD, GOOD) == peer.write(Allowed=3.5, Denied=2.0).body.results
    assert "verdict" in {record.kind.value for record in scene.records}


def test_a_signed_denied_write_cuts_and_allowed_traffic_passes(world):
    scene = world(SIGN, SIGN, way="passthrough", on_deny="cut")
    peer = scene.connect().start(*SIGN)
    peer.read(NAMES)  # what nobody asks for cannot be known, and writes to nodes without a name fail closed
    assert (GOOD,) == peer.write(Allowed=3.5).body.results
    assert "Basic256Sha256 SIGN" == peer.talk.security
    assert None is peer.write(Allowed=3.5, Denied=2.0)
    assert DENIED == peer.error.code
    assert peer.closed
    assert not any("Denied" in str(entry) for entry in scene.log)


def test_an_encrypted_channel_is_not_inspected_and_says_so(world):
    scene = world(BOTH, BOTH, way="passthrough", on_deny="cut")
    peer = scene.connect().start(*BOTH)
    assert (GOOD,) == peer.write(Denied=3.5).body.results
    assert "Basic256Sha256 SIGN_AND_ENCRYPT, contents not inspected" == peer.talk.security
    assert not peer.talk.inspected


def test_a_secured_channel_without_cut_is_refused_while_enforcing(world):
    scene = world(BOTH, BOTH, way="passthrough")
    peer = scene.connect().hello()
    peer.open(*BOTH)
    assert 0x80550000 == peer.error.code


@pytest.mark.parametrize("barred", ["urn:client", "urn:device"])
def test_a_peer_that_is_not_trusted_is_cut_even_where_nothing_can_be_read(world, ua, barred):
    scene = world(BOTH, BOTH, way="passthrough", on_deny="cut", trust=ua.OpenTrust(barred))
    peer = scene.connect().hello().open(*BOTH)
    assert 0x80130000 == peer.error.code
    assert not scene.device.sessions
    assert any(barred in record.text for record in scene.records)


def test_without_a_trust_list_a_channel_that_passes_is_not_judged_by_one(world, ua):
    trust = ua.OpenTrust("urn:client")
    trust.is_empty = True
    scene = world(BOTH, BOTH, way="passthrough", on_deny="cut", trust=trust)
    assert scene.connect().start(*BOTH).read("P1").body


def test_a_security_that_is_not_permitted_does_not_pass(world):
    scene = world(SIGN, SIGN, way="passthrough", on_deny="cut")
    other = scene.connect().hello().open("Aes128_Sha256_RsaOaep", 2)
    assert 0x80550000 == other.error.code
    encrypted = scene.connect().hello().open(*BOTH)
    assert None is encrypted.create()
    assert 0x80540000 == encrypted.error.code
    clear = scene.connect().hello().open()
    assert 0x80550000 == clear.create().fault
    assert not scene.device.sessions


@pytest.mark.parametrize("security", [NONE, SIGN])
def test_observing_a_late_answer_passes_and_nothing_is_put_in(world, security):
    scene = world(security, security, way="passthrough", on_deny="cut", mode=Mode.OBSERVE, device_timeout_ms=100)
    peer = scene.connect().start(*security)
    peer.end.on_readrequest = lambda request, asked: None
    item = ReadValueId(NodeId(2, "s", "P1"), 13, None, QualifiedName(0, None))
    id_ = peer.post(peer.raw(ReadRequest(0.0, 3, (item,))))
    peer.tick(1)
    assert None is peer.got(id_)
    number, request = peer.end.pending.pop()
    peer.end.answer(number, request, ReadResponse((DataValue(),), None))
    sent, peer.end.sent = peer.end.sent, []
    peer.from_device(sent)
    peer.pump()
    assert 1 == len(peer.got(id_).body.results)
    assert not peer.closed
    assert "timed_out" in {record.outcome for record in scene.records}


def test_a_mode_that_changes_within_an_answer_loses_nothing(world):
    scene = world(NONE, NONE, way="passthrough", chop=1000)
    peer = scene.connect().start()
    names = [f"P{n % 100}" for n in range(7000)]
    original, seen = peer.talk.link_bytes, []

    def switching(data, now):
        seen.append(data)
        if len(seen) == 68:
            scene.guard.set_mode(Mode.OBSERVE)
        return original(data, now)

    peer.talk.link_bytes = switching
    assert 7000 == len(peer.read(*names).body.results)
    assert Mode.OBSERVE is scene.guard.mode
    assert (GOOD,) == peer.write(Denied=1.0).body.results


def test_a_client_that_offers_larger_buffers_than_can_be_judged_gets_ours(world):
    scene = world(NONE, NONE, way="passthrough")
    peer = scene.connect().hello(size=1_000_000).open()
    assert peer.create().body is not None
    assert 65_536 == peer.end.channel._out.chunk


def test_a_device_that_cannot_be_reached_or_breaks_the_law_is_told_of(world):
    scene = world(NONE, NONE, way="passthrough")
    scene.down = "refused"
    peer = scene.connect().hello()
    assert 0x80050000 == peer.error.code
    scene.down = ""
    for answer in (b"HTTP/1.1 400 Bad", b"ERRF\x10\0\0\0\0\0\x7d\x80\xff\xff\xff\xff", b"MSGF\x18\0\0\0" + bytes(16)):
        peer = scene.connect()
        peer.from_device = lambda sent, peer=peer, answer=answer: peer.carry_out(
            peer.talk.link_bytes(answer, scene.now)
        )
        peer.hello()
        assert peer.error is not None
