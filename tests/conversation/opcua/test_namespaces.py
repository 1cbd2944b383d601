"""The gateway's own question."""

from icsguard.conversation.opcua.namespaces import names_request
from icsguard.protocols.opcua.nodes import NodeId
from icsguard.protocols.opcua.services import parse_request
from icsguard.protocols.opcua.times import ns_of


def test_it_reads_the_namespace_array_within_the_session():
    found = parse_request(names_request(NodeId(0, "b", b"t"), 1_700_000_000 * 10**9))
    assert (631, NodeId(0, "b", b"t")) == (found.number, found.header.token)
    assert 1_700_000_000 * 10**9 == ns_of(found.header.timestamp)
    (item,) = found.body.items
    assert (NodeId(0, "i", 2255), 13) == (item.node, item.attribute)


def test_a_device_that_does_not_answer_it_is_told_of_in_time(world):
    scene = world()
    scene.device.silent.add("Read")
    peer = scene.connect().hello().open()
    peer.create()
    assert None is peer.activate()
    peer.tick(1.1)
    assert 0x800A0000 == peer.got(peer.requests).fault


def test_a_channel_that_passes_goes_on_without_names(world):
    scene = world(way="passthrough")
    scene.device.silent.add("Read")
    peer = scene.connect().hello().open()
    peer.create()
    assert 0 == peer.activate().fault
    assert None is peer.write(Allowed=1.0)
    peer.tick(1.1)
    assert (0x801F0000,) == peer.got(peer.requests).body.results
    assert () == scene.guard.known.namespaces
