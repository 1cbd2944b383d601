"""Published classes of faults in OPC UA servers: the device behind never sees what sets them off."""

import pytest

from icsguard.core.transaction import Outcome
from icsguard.protocols.opcua.asymmetric import OpenHead
from icsguard.protocols.opcua.builtin import QualifiedName
from icsguard.protocols.opcua.codec import encoded, shape_of
from icsguard.protocols.opcua.messages_attribute import CallMethod, CallRequest, ReadRequest, ReadValueId, WriteRequest
from icsguard.protocols.opcua.messages_session import CloseSessionRequest
from icsguard.protocols.opcua.messages_subscription import CreateSubscriptionRequest
from icsguard.protocols.opcua.messages_view import BrowsePath, RelativePathElement, TranslateRequest
from icsguard.protocols.opcua.nodes import NodeId
from icsguard.protocols.opcua.uacp import chunk_of

NONE, BOTH = ("None", 1), ("Basic256Sha256", 3)
GOOD, DENIED = 0, 0x801F0000
BASE = "http://opcfoundation.org/UA/SecurityPolicy#"


@pytest.fixture(params=["terminate", "passthrough"])
def begin(request, world):
    def begin(**options):
        scene = world(way=request.param, **options)
        return scene, scene.connect().start()

    return begin


def node(name):
    return NodeId(2, "s", name)


def reading(name="P1"):
    return ReadRequest(0.0, 3, (ReadValueId(node(name), 13, None, QualifiedName(0, None)),))


def test_a_browse_path_of_too_many_elements(begin):
    scene, peer = begin()
    step = RelativePathElement(NodeId(0, "i", 33), inverse=False, subtypes=True, name=QualifiedName(0, "x"))
    assert peer.ask(TranslateRequest((BrowsePath(NodeId(0, "i", 85), (step,) * 33),))).fault
    assert [Outcome.REFUSED] == [row[9] for row in scene.guard.run.mirror[-1:]]


@pytest.mark.parametrize("way", ["terminate", "passthrough"])
@pytest.mark.parametrize("kind", ["loop", "long", "cut", "foreign"])
def test_a_chain_of_certificates_that_has_no_end(world, ids, way, kind):
    scene = world(BOTH, BOTH, way=way, on_deny="cut")
    leaf = ids["client"].certificate
    chain = {
        "loop": leaf + leaf,
        "long": b"".join(ids[name].certificate for name in ids) + b"\x30\x03abc" * 5,
        "cut": leaf[:-1],
        "foreign": b"\x30\x84\xff\xff\xff\xff",
    }[kind]
    head = encoded(shape_of(OpenHead), OpenHead(BASE + "Basic256Sha256", chain, bytes(20)))
    peer = scene.connect().hello()
    peer.send(chunk_of(b"OPN", b"F", bytes(4) + head + bytes(256)))
    assert peer.error is not None
    assert peer.closed


@pytest.mark.parametrize("way", ["terminate", "passthrough"])
@pytest.mark.parametrize("name", ["Basic128Rsa15", "Basic256", "Aes128_Sha256_nothing", ""])
def test_deprecated_and_unknown_policies(world, ids, way, name):
    scene = world(BOTH, BOTH, way=way, on_deny="cut")
    head = encoded(shape_of(OpenHead), OpenHead(BASE + name, ids["client"].certificate, bytes(20)))
    peer = scene.connect().hello()
    peer.send(chunk_of(b"OPN", b"F", bytes(4) + head + bytes(256)))
    assert 0x80550000 == peer.error.code
    assert not scene.device.sessions


def test_endless_subscriptions(begin, ua):
    scene, peer = begin(policy=ua.a_policy(limits=ua.UaLimits(subscriptions=2, lifetime_s=50)))
    wish = CreateSubscriptionRequest(100.0, 100, 10, 0, enabled=True, priority=0)
    assert peer.ask(wish._replace(lifetime=1000)).fault
    assert peer.ask(wish._replace(publishing_ms=1000.0)).fault
    assert peer.ask(wish._replace(publishing_ms=float("nan"), lifetime=2**32 - 1)).fault
    assert [GOOD, GOOD, 0x80770000] == [peer.ask(wish).fault for _ in range(3)]
    assert 2 == len(peer.end.subscriptions)
    scene.guard.folder.flush()
    assert 4 == sum(record.repeated for record in scene.records if record.kind.value == "verdict")


@pytest.mark.parametrize("method", [3875, 12912])
def test_condition_refresh_in_a_flood(begin, method):
    scene, peer = begin()
    scene.guard.quarantine.grave.threshold = 10**6
    wish = CallRequest((CallMethod(NodeId(0, "i", 2782), NodeId(0, "i", method), None),))
    assert {DENIED} == {peer.ask(wish).body.results[0].status for _ in range(50)}
    assert not [entry for entry in scene.log if entry[0] == "call"]


def test_a_method_whose_session_is_closed_before_it_ends(begin):
    scene, peer = begin()
    scene.device.silent.add("Call")
    call = peer.post(peer.raw(CallRequest((CallMethod(node("Plant"), node("Safe"), None),))))
    end = peer.post(peer.raw(CloseSessionRequest(subscriptions=True)))
    assert None is peer.got(end)
    assert scene.device.sessions
    peer.tick(1.1)
    assert peer.got(call) is not None
    assert GOOD == peer.got(end).fault
    assert not scene.device.sessions


def test_a_method_that_ends_lets_its_session_be_closed(begin):
    scene, peer = begin()
    peer.end.on_callrequest = lambda request, asked: None
    call = peer.post(peer.raw(CallRequest((CallMethod(node("Plant"), node("Safe"), None),))))
    end = peer.post(peer.raw(CloseSessionRequest(subscriptions=True)))
    assert None is peer.got(end)
    from icsguard.protocols.opcua.messages_attribute import CallResponse, CallResult

    id_, request = peer.end.pending.pop()
    peer.end.answer(id_, request, CallResponse((CallResult(0, None, None, None),), None))
    sent, peer.end.sent = peer.end.sent, []
    peer.from_device(sent)
    peer.pump()
    assert GOOD == peer.got(call).body.results[0].status
    assert GOOD == peer.got(end).fault
    assert scene.guard.ledger.of(peer.token) is None


def test_more_requests_than_workers(begin, ua):
    scene, peer = begin(policy=ua.a_policy(limits=ua.UaLimits(in_flight=4)))
    scene.device.silent.add("Read")
    answers = [peer.ask(reading(f"P{number}")) for number in range(8)]
    assert 4 == sum(answer is None for answer in answers)
    assert all(answer.fault for answer in answers[4:])
    assert 4 == sum(entry[0] == "Read" for entry in scene.log)


@pytest.mark.parametrize("text", [b"\xff\xfe\xfd", b"\xc0\x80\x80", b"\xed\xa0\x80", b"\xf5\x80\x80"])
def test_texts_that_are_no_text(begin, text):
    scene, peer = begin()
    item = b"\x03\x02\x00\x03\0\0\0" + text + (13).to_bytes(4, "little") + b"\xff" * 4 + b"\x01\x0b" + bytes(8)
    answer = peer.got(peer.post(peer.raw(WriteRequest(None))[:-4] + (1).to_bytes(4, "little") + item))
    assert 0x80070000 == answer.fault
    assert not [entry for entry in scene.log if entry[0] == "write"]


def test_what_servers_tell_of_their_insides(begin):
    _scene, peer = begin()
    seen = []
    original = type(peer.end).on_readrequest

    def spy(request, asked):
        seen.append(request.header.diagnostics)
        return original(peer.end, request, asked)

    peer.end.on_readrequest = spy
    for _ in range(3):
        assert peer.ask(reading(), diagnostics=0x3FF).body.results
    assert [0, 0, 0] == seen
    assert peer.read("P1").body.results


def test_a_device_that_sends_what_nobody_asked_for(begin):
    scene, peer = begin()
    from icsguard.protocols.opcua.headers import ResponseHeader
    from icsguard.protocols.opcua.messages_attribute import ReadResponse
    from icsguard.protocols.opcua.services import build_response

    body = build_response(631, ResponseHeader(9, 1), ReadResponse(None, None))
    sent = peer.end.channel.send(b"MSG", 4711, body, scene.now)
    before = dict(peer.answers)
    peer.from_device([sent])
    assert before == peer.answers
    assert "response-unsolicited" in {record.facts.get("code") for record in scene.records}
    assert peer.read("P1").body.results


def test_a_device_that_answers_with_another_service(begin):
    _scene, peer = begin()
    from icsguard.protocols.opcua.messages_view import StatusResponse

    peer.end.on_readrequest = lambda request, asked: None
    id_ = peer.post(peer.raw(reading()))
    number, request = peer.end.pending.pop()
    peer.end.answer(number, request._replace(number=673), StatusResponse((0,), None))
    sent, peer.end.sent = peer.end.sent, []
    peer.from_device(sent)
    peer.pump()
    assert 0x80090000 == peer.got(id_).fault
