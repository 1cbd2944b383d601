"""What answers tell policy: values of declared points, and what hangs below what."""

from dataclasses import replace

import pytest

from icsguard.core.method import Effect
from icsguard.policy.nodes.judge import NodeJudge
from icsguard.policy.nodes.rules import NodeRule
from icsguard.protocols.opcua.builtin import LocalizedText, QualifiedName
from icsguard.protocols.opcua.messages_attribute import CallResponse, CallResult
from icsguard.protocols.opcua.messages_view import (
    BrowseDescription,
    BrowseNextRequest,
    BrowseRequest,
    BrowseResponse,
    BrowseResult,
    ReferenceDescription,
    ViewDescription,
)
from icsguard.protocols.opcua.nodes import ExpandedNodeId, NodeId


@pytest.fixture(params=["terminate", "passthrough"])
def session(request, world):
    scene = world(way=request.param)
    return scene, scene.connect().start()


def present(scene):
    return scene.guard.node_memory.present("ranged", 10**12, scene.now)


def test_values_read_and_written_are_known(session):
    scene, peer = session
    assert [] == present(scene)
    peer.read("Ranged")
    assert [1.0] == present(scene)
    peer.write(Ranged=50.0)
    assert [50.0] == present(scene)


def test_a_bad_value_is_none_and_a_refused_write_leaves_what_was(session):
    scene, peer = session
    node = NodeId(2, "s", "Ranged")
    peer.read("Ranged")
    scene.device.statuses[node] = 0x80740000
    assert (0x80740000,) == peer.write(Ranged=50.0).body.results
    assert [1.0] == present(scene)
    del scene.device.values[node]
    peer.read("Ranged")
    assert [] == present(scene)


def test_an_unknown_outcome_makes_a_value_unknown(session):
    scene, peer = session
    peer.read("Ranged")
    scene.device.silent.add("Write")
    peer.write(Ranged=50.0)
    peer.tick(2)
    assert [] == present(scene)


@pytest.fixture
def pumping(session, ua):
    """A session whose method Safe is declared to set the point `ranged` to 50."""
    scene, peer = session
    rule = NodeRule("call", clients=("hmi",), services=(712,), methods=("nsu=urn:plant;s=Safe",))
    look = NodeRule("look", clients=("hmi",), services=(631,))
    rules = (replace(rule, sets=(Effect("ranged", value=50.0),)), look)
    scene.guard.reload_nodes(NodeJudge(ua.a_policy(rules=rules)))
    peer.read("Ranged")
    return scene, peer


def test_what_a_call_sets_is_on_its_way_until_it_is_read(pumping):
    scene, peer = pumping
    assert (0,) == tuple(one.status for one in peer.call("Safe").body.results)
    assert [1.0, 50.0] == present(scene)


def test_a_call_that_the_device_refuses_sets_nothing(pumping):
    scene, peer = pumping
    peer.end.on_callrequest = lambda request, asked: CallResponse((CallResult(0x80740000, None, None, None),), None)
    peer.call("Safe")
    assert [1.0] == present(scene)


def test_a_call_of_unknown_outcome_makes_what_it_sets_unknown(pumping):
    scene, peer = pumping
    scene.device.silent.add("Call")
    peer.call("Safe")
    peer.tick(2)
    assert [] == present(scene)


@pytest.mark.parametrize("pages", [1, 2])
def test_a_subtree_opens_to_a_client_that_browses_it(session, ua, pages):
    scene, peer = session
    rules = (
        NodeRule("look", clients=("hmi",), services=(631, 527, 533)),
        NodeRule("tree", clients=("hmi",), services=(673,), subtrees=("nsu=urn:plant;s=Plant",)),
    )
    scene.guard.reload_nodes(NodeJudge(ua.a_policy(rules=rules)))
    assert (0x801F0000,) == peer.write(Allowed=2.0).body.results
    plant, name = NodeId(2, "s", "Plant"), QualifiedName(2, "Allowed")
    found = ReferenceDescription(
        reference=NodeId(0, "i", 47),
        forward=True,
        node=ExpandedNodeId(NodeId(2, "s", "Allowed")),
        name=name,
        display=LocalizedText(),
        node_class=2,
        type=ExpandedNodeId(),
    )
    wish = BrowseDescription(plant, 0, NodeId(0, "i", 33), subtypes=True, classes=0, mask=63)
    peer.end.on_browserequest = lambda request, asked: BrowseResponse((BrowseResult(0, *first),), None)
    peer.end.on_browsenextrequest = lambda request, asked: BrowseResponse((BrowseResult(0, None, (found,)),), None)
    first = (b"more", None) if pages > 1 else (None, (found,))
    assert peer.ask(BrowseRequest(ViewDescription(NodeId(), 0, 0), 0, (wish,))).body.results
    if pages > 1:
        assert (0x801F0000,) == peer.write(Allowed=2.0).body.results
        assert peer.ask(BrowseNextRequest(release=False, continuations=(b"more",))).body.results
    assert (0,) == peer.write(Allowed=2.0).body.results
