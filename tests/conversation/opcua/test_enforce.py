"""From policy's verdicts to a decision: whole or in part, whatever the mode."""

import pytest

from icsguard.conversation.opcua.enforce import MAX_REASONS
from icsguard.core.decision import Mode
from icsguard.policy.nodes.rules import NodeRule
from icsguard.protocols.opcua.builtin import NO_EXTENSION, QualifiedName
from icsguard.protocols.opcua.messages_attribute import CallMethod, CallRequest, ReadValueId
from icsguard.protocols.opcua.messages_subscription import MonitoredItemCreate, MonitoringParameters
from icsguard.protocols.opcua.messages_view import RegisterNodesRequest
from icsguard.protocols.opcua.nodes import NodeId

DENIED, BUSY = 0x801F0000, 0x80EE0000


@pytest.fixture(params=["terminate", "passthrough"])
def session(request, world):
    def begin(**options):
        scene = world(way=request.param, **options)
        return scene, scene.connect().start()

    return begin


def test_an_empty_request_asks_for_nothing_and_passes(session):
    _scene, peer = session()
    answer = peer.write()
    assert not answer.fault
    assert () == (answer.body.results or ())


def test_fifty_denied_nodes_have_one_record_with_few_reasons(session):
    scene, peer = session()
    peer.ask(CallRequest(tuple(CallMethod(NodeId(2, "s", f"m{n}"), NodeId(2, "s", "x"), None) for n in range(200))))
    (record,) = scene.records
    assert len(record.reasons) <= MAX_REASONS


def test_a_service_whose_items_cannot_stand_alone_is_refused_whole(session, ua):
    rules = (NodeRule("some", clients=("hmi",), services=(560,), nodes=("nsu=urn:plant;s=Allowed",)),)
    scene, peer = session(policy=ua.a_policy(rules=rules))
    wish = RegisterNodesRequest((NodeId(2, "s", "Allowed"), NodeId(2, "s", "Denied")))
    assert DENIED == peer.ask(wish).fault
    assert 0 == peer.ask(RegisterNodesRequest((NodeId(2, "s", "Allowed"),))).fault
    assert 1 == scene.device.registered


def test_a_full_shelf_of_tickets_is_busy_without_one(session):
    scene, peer = session()
    scene.guard.quarantine.grave.threshold = 1000
    for number in range(66):
        assert BUSY == peer.write(Held=float(number)).fault
    assert 64 == len(scene.guard.tickets)


def test_observing_a_held_write_passes(session):
    scene, peer = session(mode=Mode.OBSERVE)
    peer.read(NodeId(0, "i", 2255))
    assert (0,) == peer.write(Held=1.0).body.results
    assert "hold" == scene.records[-1].would_be


def test_safety_points_are_beyond_isolation_and_opinion(session, ua):
    from icsguard.core.isolation import Isolation, Scope
    from icsguard.core.meaning import Table
    from icsguard.core.point import NO_REGISTER, Point, PointKind

    trip = Point(
        name="trip",
        unit_id=1,
        table=Table.HOLDING,
        address=NO_REGISTER,
        node="nsu=urn:plant;s=P9",
        kind=PointKind.SAFETY,
    )
    scene, peer = session(policy=ua.a_policy(points=(trip,)))
    cut = Isolation("10.0.0.21", "ua1", Scope.WRITES, "test", "ops", scene.now, 0)
    scene.guard.quarantine.isolate(cut, scene.now)
    scene.guard.shadow_up = True
    assert (0,) == peer.write(P9=1.0).body.results
    assert BUSY == peer.write(P8=1.0).fault


def subscribing(scene, peer, ua, *names):
    """Return the answer to a subscription of 1 ms and the items of its nodes, sampled as fast as can be."""
    made = peer.ask(ua.CreateSubscriptionRequest(1.0, 100, 10, 0, enabled=True, priority=0))
    if made.fault:
        return made, None
    fast = MonitoringParameters(7, 0.0, NO_EXTENSION, 500, discard_oldest=True)
    items = (
        MonitoredItemCreate(ReadValueId(NodeId(2, "s", name), 13, None, QualifiedName(0, None)), 2, fast)
        for name in names
    )
    asked = []
    told = peer.end.on_createmonitoreditemsrequest
    peer.end.on_createmonitoreditemsrequest = lambda request, body: (asked.extend(body.items), told(request, body))[1]
    answer = peer.ask(ua.CreateMonitoredItemsRequest(made.body.subscription, 3, tuple(items)))
    return made, (answer, [(one.item.node.identifier, one.parameters) for one in asked])


LIMITS = {"publishing_ms": 50.0, "sampling_ms": 20.0, "queue": 100}


def test_wishes_beyond_the_limits_reach_the_device_within_them(world, ua):
    scene = world(policy=ua.a_policy(limits=ua.UaLimits(**LIMITS)))
    peer = scene.connect().start()
    made, (answer, asked) = subscribing(scene, peer, ua, "P1", "P2")
    assert (0, 50.0) == (made.fault, made.body.publishing_ms)  # the server's own revised value
    assert [0, 0] == [one.status for one in answer.body.results]
    assert [("P1", 20.0, 100), ("P2", 20.0, 100)] == [(name, one.sampling_ms, one.queue) for name, one in asked]


def test_wishes_are_brought_within_limits_beside_items_that_are_refused(world, ua):
    watch = NodeRule("watch", clients=("hmi",), services=(751,), nodes=("nsu=urn:plant;s=P2",))
    make = NodeRule("make", clients=("hmi",), services=(787,))
    scene = world(policy=ua.a_policy(limits=ua.UaLimits(**LIMITS), rules=(watch, make)))
    peer = scene.connect().start()
    _, (answer, asked) = subscribing(scene, peer, ua, "P1", "P2")
    assert [DENIED, 0] == [one.status for one in answer.body.results]
    assert [("P2", 20.0, 100)] == [(name, one.sampling_ms, one.queue) for name, one in asked]


def test_only_observing_wishes_pass_as_they_are(world, ua):
    scene = world(policy=ua.a_policy(limits=ua.UaLimits(**LIMITS)), mode=Mode.OBSERVE)
    peer = scene.connect().start()
    made, (_, asked) = subscribing(scene, peer, ua, "P1")
    assert (1.0, 0.0) == (made.body.publishing_ms, asked[0][1].sampling_ms)


def test_where_chunks_pass_on_as_they_came_such_wishes_are_refused(world, ua):
    scene = world(way="passthrough", policy=ua.a_policy(limits=ua.UaLimits(**LIMITS)))
    made, _ = subscribing(scene, scene.connect().start(), ua, "P1")
    assert 0x803C0000 == made.fault
