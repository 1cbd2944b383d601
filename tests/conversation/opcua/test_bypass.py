"""Ways around a rule that names a node: every one of them is closed, whichever way the conduit takes."""

import pytest

from icsguard.protocols.opcua.builtin import NO_EXTENSION, DataValue, ExtensionObject, QualifiedName, Variant
from icsguard.protocols.opcua.codec import encoded, shape_of
from icsguard.protocols.opcua.handshake import Error
from icsguard.protocols.opcua.messages_attribute import (
    CallMethod,
    CallRequest,
    HistoryUpdateRequest,
    ReadRequest,
    ReadValueId,
    WriteRequest,
    WriteValue,
)
from icsguard.protocols.opcua.messages_session import CancelRequest
from icsguard.protocols.opcua.messages_subscription import SetTriggeringRequest, TransferRequest
from icsguard.protocols.opcua.messages_view import (
    AddNodesRequest,
    DeleteNodesRequest,
    RegisterNodesRequest,
    UnregisterNodesRequest,
)
from icsguard.protocols.opcua.nodes import NodeId

GOOD, DENIED, RANGE, NOT_SUPPORTED = 0, 0x801F0000, 0x803C0000, 0x80730000
BOTH = ("Basic256Sha256", 3)
DOUBLE = 11


@pytest.fixture(params=["terminate", "terminate secured", "passthrough"])
def session(request, world):
    """Return one active session and its scene, each way in turn."""
    if request.param == "terminate secured":
        scene = world(BOTH, BOTH)
        return scene, scene.connect().start(*BOTH)
    scene = world(way=request.param)
    return scene, scene.connect().start()


def node(name):
    return NodeId(2, "s", name)


def value(number=9.0, **more):
    return DataValue(Variant(DOUBLE, number), **more)


def writes(scene):
    return [entry for entry in scene.log if entry[0] == "write"]


def write_one(peer, target, attribute=13, index_range=None, data=None):
    answer = peer.ask(WriteRequest((WriteValue(target, attribute, index_range, data or value()),)))
    return answer.fault or answer.body.results[0]


def test_an_alias_is_judged_as_what_it_stands_for(session):
    scene, peer = session
    denied, allowed = peer.ask(RegisterNodesRequest((node("Denied"), node("Allowed")))).body.nodes
    assert (9, 9) == (denied.namespace, allowed.namespace)
    assert DENIED == write_one(peer, denied)
    assert GOOD == write_one(peer, allowed)
    (again,) = peer.ask(RegisterNodesRequest((denied,))).body.nodes
    assert DENIED == write_one(peer, again)
    peer.ask(UnregisterNodesRequest((allowed,)))
    assert DENIED == write_one(peer, allowed)
    assert 1 == len(writes(scene))


def test_an_alias_of_another_session_is_nothing(session):
    scene, peer = session
    (allowed,) = peer.ask(RegisterNodesRequest((node("Allowed"),))).body.nodes
    other = scene.connect().start(*(BOTH if peer.law.secures else ("None", 1)))
    assert DENIED == write_one(other, allowed)
    assert not writes(scene)


def test_numbers_of_namespaces_are_names_of_this_run_only(session):
    scene, peer = session
    assert DENIED == write_one(peer, NodeId(1, "s", "Allowed"))
    assert DENIED == write_one(peer, NodeId(7, "s", "Allowed"))
    assert DENIED == write_one(peer, NodeId(2, "s", "allowed"))
    assert DENIED == write_one(peer, NodeId(2, "b", b"Allowed"))
    assert not writes(scene)


def test_a_device_whose_namespaces_moved_is_judged_by_their_names(world):
    scene = world()
    scene.device.namespaces = ("http://opcfoundation.org/UA/", "urn:device", "urn:other", "urn:plant")
    peer = scene.connect().start()
    assert DENIED == write_one(peer, NodeId(2, "s", "Allowed"))
    assert GOOD == write_one(peer, NodeId(3, "s", "Allowed"))


def test_a_namespace_array_that_is_none_closes_all_writes(world):
    scene = world()
    scene.device.namespaces = ("urn:lies", "urn:lies")
    peer = scene.connect().start()
    assert DENIED == write_one(peer, node("Allowed"))


@pytest.mark.parametrize("encoding", [b"\x03\x02\x00\x06\x00\x00\x00Denied"])
def test_every_encoding_of_an_id_is_the_same_node(session, encoding):
    _scene, peer = session
    item = encoding + (13).to_bytes(4, "little") + b"\xff" * 4 + b"\x01\x0b" + bytes(8)
    body = peer.raw(WriteRequest(None))[:-4] + (1).to_bytes(4, "little") + item
    answer = peer.got(peer.post(body))
    assert (DENIED,) == answer.body.results


@pytest.mark.parametrize(
    ("attribute", "index_range", "data", "due"),
    [
        (4, None, value(), DENIED),
        (17, None, value(), DENIED),
        (13, "0:1", value(), NOT_SUPPORTED),
        (13, None, value(status=0x40000000), NOT_SUPPORTED),
        (13, None, value(source_time=5), NOT_SUPPORTED),
        (13, None, DataValue(Variant(22, ExtensionObject(NodeId(2, "i", 9), 1, b"\1"))), 0x80740000),
    ],
)
def test_other_parts_of_an_allowed_node_are_not_allowed(session, attribute, index_range, data, due):
    scene, peer = session
    found = write_one(peer, node("Allowed"), attribute, index_range, data)
    assert due == found, hex(found)
    assert not writes(scene)


@pytest.mark.parametrize("number", [float("nan"), float("inf"), 100.5, -0.5, 1e308])
def test_a_value_beyond_its_limits_does_not_arrive(session, number):
    scene, peer = session
    assert RANGE == write_one(peer, node("Ranged"), data=value(number))
    assert GOOD == write_one(peer, node("Ranged"), data=value(100.0))
    assert 1 == len(writes(scene))


def test_a_boolean_is_no_number_and_an_array_no_scalar(session):
    scene, peer = session
    assert GOOD != write_one(peer, node("Ranged"), data=DataValue(Variant(1, value=True)))
    assert GOOD != write_one(peer, node("Ranged"), data=DataValue(Variant(DOUBLE, (1.0, 500.0), is_array=True)))
    assert GOOD != write_one(peer, node("Ranged"), data=DataValue(None))
    assert not writes(scene)


def test_a_method_that_is_not_allowed_is_refused_alone(session):
    scene, peer = session
    answer = peer.call("Safe", "Danger", "Safe")
    assert [GOOD, DENIED, GOOD] == [result.status for result in answer.body.results]
    assert [("call", "ns=2;s=Safe")] * 2 == [entry for entry in scene.log if entry[0] == "call"]


@pytest.mark.parametrize(
    "parameters",
    [
        HistoryUpdateRequest((NO_EXTENSION,)),
        AddNodesRequest(None),
        DeleteNodesRequest(None),
        SetTriggeringRequest(1, 1, None, None),
        TransferRequest((1,), initial=False),
        CancelRequest(1),
    ],
)
def test_services_that_nobody_allowed_are_refused(session, parameters):
    scene, peer = session
    before = list(scene.log)
    assert peer.ask(parameters).fault in {DENIED, 0x800B0000}
    assert before == scene.log


@pytest.mark.parametrize("number", [9999, 634, 397, 15903, 615])
def test_unknown_services_and_answers_as_requests_are_refused(session, number):
    _scene, peer = session
    body = peer.raw(ReadRequest(0.0, 3, None))
    answer = peer.got(peer.post(body[:2] + number.to_bytes(2, "little") + body[4:]))
    assert answer.fault


def test_a_type_id_that_is_split_over_chunks_is_still_read(world):
    scene = world(way="passthrough")
    peer = scene.connect().start()
    body = peer.raw(WriteRequest((WriteValue(node("Denied"), 13, None, value()),)))
    peer.requests += 1
    channel = peer.channel
    head = channel.id.to_bytes(4, "little") + channel.tokens.held[-1].id.to_bytes(4, "little")

    def chunk(kind, piece):
        inner = head + channel._outgoing.take().to_bytes(4, "little") + peer.requests.to_bytes(4, "little") + piece
        return b"MSG" + kind + (len(inner) + 8).to_bytes(4, "little") + inner

    peer.send(chunk(b"C", body[:3]) + chunk(b"C", body[3:40]) + chunk(b"F", body[40:]))
    assert (DENIED,) == peer.got(peer.requests).body.results
    peer.requests += 1
    peer.send(chunk(b"C", body[:3]) + chunk(b"A", encoded(shape_of(Error), Error(0x80010000, None))))
    assert [1.0] == [one.value.value for one in peer.read("Denied").body.results]
    peer.requests += 2
    first = chunk(b"C", body[:3])
    peer.requests += 1
    peer.send(first + chunk(b"F", body))
    assert 0x80070000 == peer.error.code
    assert not writes(scene)


def test_a_session_of_another_connection_is_of_no_use(session):
    scene, peer = session
    other = scene.connect().start(*(BOTH if peer.law.secures else ("None", 1)))
    other.token = peer.token
    assert 0x80250000 == other.write(Allowed=2.0).fault
    assert not writes(scene)


def test_a_write_of_one_variable_twice_is_judged_twice(session):
    scene, peer = session
    items = tuple(WriteValue(node("Ranged"), 13, None, value(number)) for number in (5.0, 500.0, 6.0))
    assert (GOOD, RANGE, GOOD) == peer.ask(WriteRequest(items)).body.results
    assert [5.0, 6.0] == [entry[2] for entry in writes(scene)]


def test_a_call_on_another_object_or_of_a_null_method_is_refused(session):
    _scene, peer = session
    answer = peer.ask(CallRequest((CallMethod(NodeId(), NodeId(), None),)))
    assert [DENIED] == [result.status for result in answer.body.results]


def test_reads_of_a_thousand_nodes_pass(session):
    _scene, peer = session
    items = tuple(ReadValueId(node(f"P{n % 100}"), 13, None, QualifiedName(0, None)) for n in range(1000))
    assert 1000 == len(peer.ask(ReadRequest(0.0, 3, items)).body.results)
