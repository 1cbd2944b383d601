"""A request's life: its turn, its question, its ticket, its answer or what is told instead."""

import pytest

from icsguard.config.settings import IsolationSettings
from icsguard.core.decision import Decision, FailurePolicy, Layer, Mode
from icsguard.core.finding import Finding
from icsguard.core.isolation import Isolation, Scope
from icsguard.core.transaction import Opinion, Outcome
from icsguard.protocols.opcua.builtin import NO_EXTENSION, DataValue, QualifiedName, Variant
from icsguard.protocols.opcua.messages_attribute import ReadRequest, ReadValueId, WriteRequest, WriteValue
from icsguard.protocols.opcua.messages_session import CloseSessionRequest
from icsguard.protocols.opcua.messages_subscription import (
    CreateMonitoredItemsRequest,
    CreateSubscriptionRequest,
    MonitoredItemCreate,
    MonitoringParameters,
    PublishRequest,
)
from icsguard.protocols.opcua.messages_view import RegisterNodesRequest
from icsguard.protocols.opcua.nodes import NodeId
from icsguard.protocols.opcua.sequence import LEGACY_WRAP

GOOD, DENIED, RANGE, BUSY, TIMEOUT, BROKEN = 0, 0x801F0000, 0x803C0000, 0x80EE0000, 0x800A0000, 0x80050000
BOTH = ("Basic256Sha256", 3)
DOUBLE = 11
WAYS = ["terminate", "passthrough"]


@pytest.fixture(params=WAYS)
def begun(request, world):
    def begin(*given, **options):
        scene = world(*given, way=request.param, **options)
        return scene, scene.connect().start()

    return begin


def node(name):
    return NodeId(2, "s", name)


def write(peer, **values):
    """Send a write, return its RequestId."""
    items = tuple(WriteValue(node(n), 13, None, DataValue(Variant(DOUBLE, v))) for n, v in values.items())
    return peer.post(peer.raw(WriteRequest(items)))


def written(scene):
    return [entry[1][7:] for entry in scene.log if entry[0] == "write"]


def opinion(peer, decision=Decision.ALLOW, *findings):
    question = peer.asked.pop(0)
    peer.carry_out(peer.talk.opinion(Opinion(question.number, decision, findings, "m1"), peer.world.now))
    peer.pump()
    return question


def outcomes(scene):
    return [Outcome(row[9]) for row in scene.guard.run.mirror]


# The shadow.


def test_a_write_waits_for_its_opinion_and_reads_overtake_it(begun):
    scene, peer = begun()
    scene.guard.shadow_up = True
    first = write(peer, Allowed=2.0)
    second = write(peer, P1=3.0)
    assert peer.read("P7").body.results
    assert [] == written(scene)
    assert 1 == len(peer.asked)
    opinion(peer)
    assert (GOOD,) == peer.got(first).body.results
    opinion(peer)
    assert (GOOD,) == peer.got(second).body.results
    assert ["Allowed", "P1"] == written(scene)


def test_a_question_holds_only_what_would_reach_the_device(begun):
    scene, peer = begun()
    scene.guard.shadow_up = True
    write(peer, Allowed=2.0, Denied=3.0)
    raw = opinion(peer).request
    assert b"Allowed" in raw
    assert b"Denied" not in raw
    assert peer.token.name.encode() not in raw


def test_the_shadow_may_refuse_and_the_client_is_told_the_value_is_out_of_range(begun):
    scene, peer = begun()
    scene.guard.shadow_up = True
    id_ = write(peer, Allowed=2.0)
    finding = Finding(
        detector="twin",
        layer=Layer.CONSEQUENCE,
        code="twin-envelope",
        text="the level leaves its envelope",
        at=scene.now,
        conduit="ua1",
        decision=Decision.REFUSE,
    )
    opinion(peer, Decision.REFUSE, finding)
    assert RANGE == peer.got(id_).fault
    assert [] == written(scene)
    assert "twin-envelope" == scene.records[-1].reasons[-1].code


def test_without_an_opinion_in_time_the_failure_policy_decides(begun):
    scene, peer = begun(failure=FailurePolicy.REFUSE)
    scene.guard.shadow_up = True
    id_ = write(peer, Allowed=2.0)
    peer.tick(0.1)
    assert BUSY == peer.got(id_).fault
    assert "failover" == scene.records[-1].kind.value
    assert [] == written(scene)


def test_a_shadow_that_goes_away_frees_what_waits(begun):
    scene, peer = begun()
    scene.guard.shadow_up = True
    id_ = write(peer, Allowed=2.0)
    peer.carry_out(peer.talk.opinion_missing("gone", scene.now))
    peer.pump()
    assert (GOOD,) == peer.got(id_).body.results


def test_too_many_waiting_writes_are_answered_busy(begun):
    scene, peer = begun()
    scene.guard.shadow_up = True
    ids = [write(peer, P1=float(n)) for n in range(66)]
    assert BUSY == peer.got(ids[-1]).fault
    assert None is peer.got(ids[-3])


def test_a_write_that_waited_is_judged_by_the_policy_of_its_moment(begun, ua):
    scene, peer = begun()
    scene.guard.shadow_up = True
    id_ = write(peer, Allowed=2.0)
    from icsguard.policy.nodes.judge import NodeJudge

    scene.guard.reload_nodes(NodeJudge(ua.a_policy(rules=())))
    opinion(peer)
    assert peer.got(id_).fault
    assert [] == written(scene)


# Tickets.


def test_a_hold_is_busy_with_a_ticket_good_for_one_pass_of_the_same_parameters(begun):
    scene, peer = begun()
    assert BUSY == peer.got(write(peer, Held=2.0)).fault
    assert BUSY == peer.got(write(peer, Held=2.0)).fault
    (ticket,) = scene.guard.tickets.live(scene.now)
    assert 2 == ticket.asked
    scene.guard.tickets.approve(ticket.id, "ops", scene.now)
    assert BUSY == peer.got(write(peer, Held=3.0)).fault
    assert (GOOD,) == peer.got(write(peer, Held=2.0)).body.results
    assert BUSY == peer.got(write(peer, Held=2.0)).fault
    assert ["Held"] == written(scene)


def test_a_ticket_does_not_free_what_is_refused_beside_it(begun):
    scene, peer = begun()
    assert BUSY == peer.got(write(peer, Held=2.0, Denied=1.0)).fault
    (ticket,) = scene.guard.tickets.live(scene.now)
    scene.guard.tickets.approve(ticket.id, "ops", scene.now)
    assert (GOOD, DENIED) == peer.got(write(peer, Held=2.0, Denied=1.0)).body.results
    assert ["Held"] == written(scene)


def test_another_client_cannot_use_the_ticket(begun):
    scene, peer = begun()
    write(peer, Held=2.0)
    (ticket,) = scene.guard.tickets.live(scene.now)
    scene.guard.tickets.approve(ticket.id, "ops", scene.now)
    other = scene.connect("10.0.0.22").start()
    assert BUSY == other.got(write(other, Held=2.0)).fault


# Mixed requests.


def test_a_mixed_request_may_be_refused_as_a_whole(begun):
    scene, peer = begun(on_mixed="refuse_all")
    assert DENIED == peer.got(write(peer, Allowed=2.0, Denied=1.0)).fault
    assert (DENIED, RANGE) == peer.got(write(peer, Denied=1.0, Ranged=500.0)).body.results
    assert [] == written(scene)


@pytest.mark.parametrize("mask", range(16))
@pytest.mark.parametrize("diagnostics", [False, True])
def test_every_subset_of_four_items(begun, mask, diagnostics):
    scene, peer = begun()
    names = [("Denied" if mask >> place & 1 else "P", place) for place in range(4)]
    due = tuple(DENIED if name == "Denied" else GOOD for name, _ in names)
    if diagnostics:
        from icsguard.protocols.opcua.builtin import DiagnosticInfo

        scene.device.diagnostics = (DiagnosticInfo(additional="x"),) * due.count(GOOD)
    items = tuple(
        WriteValue(node(name if name == "Denied" else f"P{place}"), 13, None, DataValue(Variant(DOUBLE, 4.0)))
        for name, place in names
    )
    assert due == peer.ask(WriteRequest(items), diagnostics=3).body.results
    assert due.count(GOOD) == len(written(scene))


def test_a_request_and_its_answer_of_many_chunks_are_split_and_spliced(begun):
    scene, peer = begun()
    scene.device.values |= {node(f"P{n}" + "x" * 90): 0.0 for n in range(900)}
    values = {f"P{n}" + "x" * 90: 1.0 for n in range(900)}
    names = [*list(values)[:450], "Denied", *list(values)[450:]]
    items = tuple(WriteValue(node(n), 13, None, DataValue(Variant(DOUBLE, 4.0))) for n in names)
    results = peer.ask(WriteRequest(items)).body.results
    assert [DENIED] == [status for status in results if status]
    assert DENIED == results[450]
    assert 900 == len(written(scene))


def test_diagnostics_are_not_asked_for_in_a_terminated_channel(world):
    scene = world()
    peer = scene.connect().start()
    seen = []
    original = type(peer.end).on_readrequest

    def spy(end, request, asked):
        seen.append(request.header.diagnostics)
        return original(end, request, asked)

    peer.end.on_readrequest = spy.__get__(peer.end)
    peer.ask(ReadRequest(0.0, 3, ()), diagnostics=0x3FF)
    assert [0] == seen


# Outcomes.


@pytest.mark.parametrize(("service", "outcome"), [("Read", Outcome.TIMED_OUT), ("Write", Outcome.UNKNOWN)])
def test_what_the_device_does_not_answer_is_told_in_time(begun, service, outcome):
    scene, peer = begun(device_timeout_ms=500)
    scene.device.silent.add(service)
    id_ = write(peer, Allowed=2.0, Denied=3.0) if service == "Write" else peer.post(peer.raw(_reading("P1")))
    peer.tick(0.6)
    answer = peer.got(id_)
    assert (TIMEOUT, DENIED) == answer.body.results if service == "Write" else TIMEOUT == answer.fault
    assert outcome is outcomes(scene)[-1]


def _reading(*names):
    return ReadRequest(0.0, 3, tuple(ReadValueId(node(n), 13, None, QualifiedName(0, None)) for n in names))


def test_a_client_that_says_it_waits_longer_is_waited_for(begun):
    scene, peer = begun(device_timeout_ms=500)
    scene.device.silent.add("Read")
    id_ = peer.post(peer.raw(_reading("P1"), timeout_ms=5000))
    peer.tick(1)
    assert None is peer.got(id_)
    peer.tick(5)
    assert TIMEOUT == peer.got(id_).fault


def test_a_broken_link_ends_the_connection_and_a_write_has_an_unknown_outcome(begun):
    scene, peer = begun()
    scene.device.silent.add("Write")
    id_ = write(peer, Allowed=2.0)
    peer.carry_out(peer.talk.link_lost("reset by peer", scene.now))
    peer.pump()
    assert (BROKEN,) == peer.got(id_).body.results
    assert BROKEN == peer.error.code
    assert peer.closed
    assert Outcome.UNKNOWN in outcomes(scene)
    assert peer.talk.is_over
    assert 1 == scene.guard.counters.writes_unknown


def test_a_client_that_leaves_while_a_write_is_under_way_leaves_its_outcome_to_the_device(begun):
    scene, peer = begun()
    scene.device.silent.add("Write")
    write(peer, Allowed=2.0)
    end = peer.end
    peer.carry_out(peer.talk.client_lost(scene.now))
    peer.pump()
    assert not peer.talk.is_over
    peer.tick(2)
    assert peer.talk.is_over
    assert Outcome.UNKNOWN is outcomes(scene)[-1]
    assert not scene.guard.sessions
    assert None is peer.end
    assert end is not None


def test_an_isolated_client_reads_but_does_not_write(begun):
    scene, peer = begun()
    scene.guard.quarantine.isolate(Isolation("10.0.0.21", "ua1", Scope.WRITES, "test", "ops", scene.now, 0), scene.now)
    assert BUSY == peer.got(write(peer, Allowed=2.0)).fault
    assert peer.read("P1").body.results
    scene.guard.quarantine.isolate(Isolation("10.0.0.21", "ua1", Scope.FULL, "test", "ops", scene.now, 0), scene.now)
    peer.tick()
    assert peer.closed
    assert 0x807D0000 == peer.error.code


def test_repeated_refusals_isolate(begun):
    scene, peer = begun(isolation=IsolationSettings(auto=True, threshold=3))
    scene.connect("10.0.0.22").start()
    for _ in range(3):
        write(peer, Denied=1.0)
    assert "isolation" in {record.kind.value for record in scene.records}
    assert BUSY == peer.got(write(peer, Allowed=1.0)).fault


@pytest.mark.parametrize("mode", [Mode.LEARN, Mode.OBSERVE])
def test_without_acting_everything_passes_and_observing_says_what_would_have_been(begun, mode):
    scene, peer = begun(mode=mode)
    assert (GOOD, GOOD) == peer.got(write(peer, Denied=1.0, Ranged=500.0)).body.results
    assert ["Denied", "Ranged"] == written(scene)
    assert "refuse" == scene.records[-1].would_be
    assert 1 == scene.guard.counters.would_be


# Subscriptions.


def subscribed(peer, *names):
    answer = peer.ask(CreateSubscriptionRequest(100.0, 100, 10, 0, enabled=True, priority=0))
    number = answer.body.subscription
    items = tuple(
        MonitoredItemCreate(
            ReadValueId(node(n), 13, None, QualifiedName(0, None)),
            2,
            MonitoringParameters(place + 1, 1.0, NO_EXTENSION, 1, discard_oldest=True),
        )
        for place, n in enumerate(names)
    )
    return number, peer.ask(CreateMonitoredItemsRequest(number, 3, items))


def test_what_is_published_arrives_and_is_mirrored_and_known(begun):
    scene, peer = begun()
    subscribed(peer, "Ranged", "P1")
    id_ = peer.post(peer.raw(PublishRequest(None)))
    assert None is peer.got(id_)
    peer.tick(120)
    peer.publish(42.0)
    assert 5 == peer.got(id_).body.subscription
    assert 826 == scene.guard.run.mirror[-1][6][2] | scene.guard.run.mirror[-1][6][3] << 8
    assert [42.0] == scene.guard.node_memory.present("ranged", 10**12, scene.now)


def test_a_publish_that_is_never_answered_leaves_nothing_behind(begun):
    scene, peer = begun()
    subscribed(peer, "P1")
    for _ in range(3):
        peer.post(peer.raw(PublishRequest(None)))
    assert 0 == peer.ask(CloseSessionRequest(subscriptions=True)).fault
    assert [Outcome.ABANDONED] * 3 == outcomes(scene)[-4:-1] or [Outcome.ABANDONED] * 3 == outcomes(scene)[-3:]
    assert not scene.records
    assert 0 == peer.talk.in_flight


def test_pending_publishes_are_bounded(begun, ua):
    _scene, peer = begun(policy=ua.a_policy(limits=ua.UaLimits(publishes=2)))
    subscribed(peer, "P1")
    ids = [peer.post(peer.raw(PublishRequest(None))) for _ in range(3)]
    assert 0x80780000 == peer.got(ids[-1]).fault
    assert None is peer.got(ids[0])


def test_registered_nodes_are_bounded(begun, ua):
    _scene, peer = begun(policy=ua.a_policy(limits=ua.UaLimits(registered=2)))
    assert peer.ask(RegisterNodesRequest((node("P1"), node("P2")))).body.nodes
    assert peer.ask(RegisterNodesRequest((node("P3"),))).fault


# Sequence numbers.


@pytest.mark.parametrize("denials", [1, 2, 100])
@pytest.mark.parametrize("wraps", [False, True])
def test_numbers_stay_right_over_denials_long_requests_pending_publishes_and_renewals(begun, denials, wraps):
    scene, peer = begun()
    scene.guard.quarantine.grave.threshold = 10_000
    subscribed(peer, "P1")
    publishes = [peer.post(peer.raw(PublishRequest(None))) for _ in range(3)]
    if wraps:
        for channel in (peer.channel, peer.end.channel):
            move(scene, peer, channel)
    long = _reading(*[f"P{n % 100}" for n in range(2800)])
    for turn in range(denials):
        assert (DENIED,) == peer.got(write(peer, Denied=1.0)).body.results
        if turn % 20 == 0:
            assert 2800 == len(peer.ask(long).body.results)
            peer.publish(float(turn))
            assert peer.got(publishes.pop(0)).body
            publishes.append(peer.post(peer.raw(PublishRequest(None))))
        if turn % 25 == 0:
            peer.renew()
    assert (GOOD, DENIED) == peer.got(write(peer, P1=1.0, Denied=2.0)).body.results
    assert None is peer.error


def move(scene, peer, channel):
    """Bring all four ends of the numbers shortly before the wrap."""
    near = LEGACY_WRAP - 3
    if scene.guard.options.way == "passthrough":
        talk = peer.talk
        channel._outgoing.last = near
        other = peer.end.channel if channel is peer.channel else peer.channel
        other._incoming.last = near
        side = talk._far if channel is peer.channel else talk._near
        side._relay._out.last = near
    else:
        talk = peer.talk
        channel._outgoing.last = near
        ours = talk.near.channel if channel is peer.channel else talk.far.channel
        ours._incoming.last = near
        ours._outgoing.last = near
        channel._incoming.last = near


def test_until_the_first_edit_a_channel_that_passes_keeps_every_byte(world):
    scene = world(way="passthrough", mode=Mode.OBSERVE)
    peer = scene.connect()
    sent, arrived = [], []
    original = peer.talk.to_device
    peer.talk._far._write = lambda data: (arrived.append(data), original(data))
    post = peer.send
    peer.send = lambda data: (sent.append(data), post(data))
    peer.start()
    write(peer, Denied=1.0)
    peer.renew()
    peer.ask(_reading(*[f"P{n % 100}" for n in range(2800)]))
    assert b"".join(sent[1:]) == b"".join(arrived)
