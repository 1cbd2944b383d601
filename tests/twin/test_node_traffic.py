"""Rows of OPC UA become rows of the imagined map, and the twin's own reader gets the values back."""

import random
import struct

import pytest

from icsguard.config.node_places import placed
from icsguard.core.decision import Decision, Layer
from icsguard.core.finding import Finding
from icsguard.core.live import PointState
from icsguard.core.meaning import Table
from icsguard.core.method import Effect, Method, Methods
from icsguard.core.point import NO_REGISTER, DataType, Point
from icsguard.core.transaction import Opinion, Outcome, Question, Transaction
from icsguard.protocols.opcua.builtin import DataValue, DiagnosticInfo, ExtensionObject, QualifiedName, Variant
from icsguard.protocols.opcua.headers import RequestHeader, ResponseHeader
from icsguard.protocols.opcua.messages_attribute import (
    CallMethod,
    CallRequest,
    CallResponse,
    CallResult,
    ReadRequest,
    ReadResponse,
    ReadValueId,
    WriteRequest,
    WriteValue,
)
from icsguard.protocols.opcua.messages_subscription import (
    CreateMonitoredItemsRequest,
    CreateMonitoredItemsResponse,
    CreateSubscriptionRequest,
    CreateSubscriptionResponse,
    DataChange,
    DeleteMonitoredItemsRequest,
    DeleteSubscriptionsRequest,
    MonitoredItemCreate,
    MonitoredItemCreated,
    MonitoredValue,
    MonitoringParameters,
    NotificationMessage,
    PublishRequest,
    PublishResponse,
    RepublishRequest,
    RepublishResponse,
    StatusChange,
)
from icsguard.protocols.opcua.messages_view import RegisterNodesRequest, RegisterNodesResponse, StatusResponse
from icsguard.protocols.opcua.nodes import NodeId
from icsguard.protocols.opcua.services import build_request, build_response, parse_request, wrapped
from icsguard.protocols.opcua.times import ticks_of
from icsguard.twin.image import Image
from icsguard.twin.node_traffic import NOWHERE, REFRESH_NS, Followed, NodeTraffic, NodeTraffics, worst
from icsguard.twin.traffic import event

URIS = ("http://opcfoundation.org/UA/", "urn:server", "urn:plant")
MASK = NodeId(0, "i", 1)
DOUBLE, STRING = 11, 12
GOOD, BAD, UNCERTAIN = 0, 0x80000000, 0x40000000


def node(name):
    return NodeId(2, "s", name)


def points(count=3):
    alone = [Point(f"p{n}", 0, Table.HOLDING, NO_REGISTER, node=f"nsu=urn:plant;s=P{n}") for n in range(count)]
    tank = Point("tank", 9, Table.INPUT, 4, DataType.U16, scale=0.1, node="nsu=urn:plant;s=Tank")
    coil = Point("pump", 9, Table.COIL, 2, DataType.BOOL, node="nsu=urn:plant;s=Pump")
    return placed([*alone, tank, coil])


class Line:
    """A conduit, followed from the start: the gateway has read the namespaces."""

    def __init__(self):
        self.points = points()
        self.traffic = NodeTraffic(self.points)
        self.image = Image(self.points)
        self.number = 0
        self.take(ReadRequest(0, 0, (value_id(NodeId(0, "i", 2255)),)), ReadResponse((text(URIS),), None))

    def row(self, asked, answer, *, outcome=Outcome.ANSWERED, fault=0):
        self.number += 1
        request = build_request(RequestHeader(MASK), asked)
        number = parse_request(request).number
        response = b"" if answer is None and not fault else build_response(number, ResponseHeader(result=fault), answer)
        return Transaction(self.number, "mixer", 3, "10.0.0.21", 1, 2, request, response, 0, int(outcome))

    def take(self, asked, answer, **more):
        """Return the rows that come of a request, after the image has taken them."""
        made = self.traffic.rows(self.row(asked, answer, **more))
        for one in made:
            found = event(one)
            for change in found.writes:
                self.image.written(found.request.unit, change, 2)
            for change in found.unknown:
                self.image.unknown(found.request.unit, change)
            for seen in found.reads:
                self.image.read(found.request.unit, seen.table, seen.first, seen.values, asked=1, now=2)
        return made

    def values(self):
        return {p.name: cell.value for p, cell in zip(self.points, self.image.cells, strict=True)}


@pytest.fixture
def line():
    return Line()


def value_id(one, attribute=13):
    return ReadValueId(one, attribute, None, QualifiedName())


def double(number, status=None):
    return DataValue(Variant(DOUBLE, number), status)


def text(values):
    return DataValue(Variant(STRING, tuple(values), is_array=True))


def reads(*names):
    return ReadRequest(0, 0, tuple(value_id(node(name)) for name in names))


def writes(**values):
    items = (WriteValue(node(name), 13, None, double(value)) for name, value in values.items())
    return WriteRequest(tuple(items))


def test_what_was_read_stands_in_the_image(line):
    made = line.take(reads("P0", "P2", "P1"), ReadResponse((double(1.5), double(2.5), double(-3.0)), None))
    assert 1 == len(made)
    assert {"p0": 1.5, "p1": -3.0, "p2": 2.5} == {k: v for k, v in line.values().items() if v is not None}


def test_points_in_registers_keep_their_scale_and_their_table(line):
    switch = DataValue(Variant(type=1, value=True))
    made = line.take(reads("Tank", "Pump", "P0"), ReadResponse((double(12.3), switch, double(1.0)), None))
    assert 3 == len(made)
    assert (12.3, 1.0) == (pytest.approx(line.values()["tank"]), line.values()["pump"])


@pytest.mark.parametrize(
    ("value", "seen"),
    [
        (double(5.0, GOOD), 5.0),
        (double(5.0, UNCERTAIN), 5.0),
        (double(5.0, BAD), None),
        (DataValue(Variant(STRING, "5")), None),
        (double(float("nan")), None),
        (DataValue(None, BAD), None),
    ],
)
def test_only_a_good_number_is_an_observation(line, value, seen):
    line.take(reads("P0"), ReadResponse((value,), None))
    assert seen == line.values()["p0"]


def test_a_written_value_counts_by_its_own_result(line):
    line.take(writes(P0=1.0, P1=2.0), StatusResponse((GOOD, BAD), None))
    assert (1.0, None) == (line.image.cells[0].pending, line.image.cells[1].pending)


def test_a_write_of_unknown_outcome_makes_its_points_unknown(line):
    line.take(reads("P0", "P1"), ReadResponse((double(1.0), double(1.0)), None))
    line.take(writes(P0=2.0), None, outcome=Outcome.UNKNOWN)
    assert [False, True] == [cell.settled for cell in line.image.cells[:2]]


def subscribed(line, *names):
    """Let a client watch nodes in subscription 7, by handles from 50 on."""
    line.take(
        CreateSubscriptionRequest(100.0, 100, 10, 0, enabled=True, priority=0),
        CreateSubscriptionResponse(7, 100.0, 100, 10),
    )
    wishes = tuple(
        MonitoredItemCreate(
            value_id(node(name)), 2, MonitoringParameters(50 + at, 0.0, ExtensionObject(), 1, discard_oldest=True)
        )
        for at, name in enumerate(names)
    )
    made = tuple(MonitoredItemCreated(GOOD, at, 0.0, 1, ExtensionObject()) for at in range(len(names)))
    line.take(CreateMonitoredItemsRequest(7, 0, wishes), CreateMonitoredItemsResponse(made, None))


def published(subscription=7, **values):
    """Return a Publish answer; values by handle, `h50=9.0`."""
    change = wrapped(DataChange(tuple(MonitoredValue(int(h[1:]), double(v)) for h, v in values.items()), None))
    message = NotificationMessage(1, 0, (change,) if values else None)
    return PublishResponse(subscription, None, more=False, message=message, results=None, diagnostics=None)


def test_published_values_are_followed_from_the_subscription_on(line):
    subscribed(line, "P1")
    line.take(PublishRequest(None), published(h50=9.0))
    assert (9.0, 0) == (line.values()["p1"], line.traffic.unmapped)
    line.take(PublishRequest(None), published(8, h50=9.0))
    assert 1 == line.traffic.unmapped


def test_what_a_subscription_leaves_out_has_not_changed(line):
    subscribed(line, "P0", "P1")
    line.take(PublishRequest(None), published(h50=1.0, h51=2.0))

    def rows(now, **values):
        row = line.row(PublishRequest(None), published(**values))._replace(response_at=now)
        return [one.request[6:12].hex() for one in line.traffic.rows(row)]

    both, one, nothing = rows(2 * REFRESH_NS, h50=3.0), rows(2 * REFRESH_NS + 1, h50=4.0), rows(2 * REFRESH_NS + 2)
    assert ["010300000008"] == both
    assert ["010300000004"] == one
    assert ["ff"] == [found[:2] for found in nothing]
    assert ["010300000008"] == rows(3 * REFRESH_NS)  # a keep-alive
    line.take(DeleteMonitoredItemsRequest(7, (0,)), StatusResponse((GOOD,), None))
    assert ["ff"] == [found[:2] for found in rows(5 * REFRESH_NS)]
    line.take(PublishRequest(None), published(h50=1.0))
    line.take(DeleteSubscriptionsRequest((7,)), StatusResponse((GOOD,), None))
    assert ["ff"] == [found[:2] for found in rows(7 * REFRESH_NS)]


def test_an_alias_is_the_node_that_it_stands_for(line):
    alias = NodeId(9999, "i", 1)
    line.take(RegisterNodesRequest((node("P2"),)), RegisterNodesResponse((alias,)))
    line.take(ReadRequest(0, 0, (value_id(alias),)), ReadResponse((double(4.0),), None))
    assert 4.0 == line.values()["p2"]


def test_what_touches_no_point_stays_one_row_that_touches_nothing(line):
    rows = [
        line.take(reads("Other"), ReadResponse((double(1.0),), None)),
        line.take(reads("P0"), None, outcome=Outcome.REFUSED),
        line.take(reads("P0"), None, fault=BAD, outcome=Outcome.EXCEPTION),
        line.take(CallRequest((CallMethod(node("O"), node("M"), None),)), None, outcome=Outcome.REFUSED),
        line.traffic.rows(line.row(reads("P0"), None)._replace(request=b"")),
        line.traffic.rows(line.row(reads("P0"), None)._replace(request=b"\xff" * 40)),
    ]
    assert [1] * len(rows) == [len(made) for made in rows]
    assert {NOWHERE} == {made[0].request[6] for made in rows}
    assert [Outcome.REFUSED, Outcome.EXCEPTION] == [made[0].outcome for made in rows[1:3]]
    assert {None} == set(line.values().values())
    assert all(point.unit_id != NOWHERE for point in line.points)


def test_different_requests_that_fail_stay_different(line):
    made = {line.take(reads(f"X{n}"), None, outcome=Outcome.REFUSED)[0].request for n in range(20)}
    assert 20 == len(made)


def test_a_long_read_becomes_few_rows():
    many = placed(Point(f"p{n}", 0, Table.HOLDING, NO_REGISTER, node=f"nsu=urn:plant;s=P{n}") for n in range(100))
    line = Line()
    line.traffic.adopt(many)
    answer = ReadResponse(tuple(double(float(n)) for n in range(100)), None)
    made = line.traffic.rows(line.row(reads(*(f"P{n}" for n in range(100))), answer))
    assert 4 == len(made)
    values = [value for row in made for value in struct.unpack(f">{(len(row.response) - 9) // 8}d", row.response[9:])]
    assert list(map(float, range(100))) == values


def question(asked):
    return Question(5, "mixer", 3, "10.0.0.21", 1, build_request(RequestHeader(MASK), asked))


def test_a_write_is_asked_about_in_the_places_of_its_points(line):
    made = line.traffic.questions(question(writes(P0=1.0, P1=2.0, Other=3.0, Pump=1.0, Tank=1.0)))
    assert [(1, 16), (9, 15)] == [(one.request[6], one.request[7]) for one in made]
    assert {5} == {one.number for one in made}


def test_methods_and_other_nodes_are_no_question_to_the_twin(line):
    assert [] == line.traffic.questions(question(CallRequest((CallMethod(node("O"), node("M"), None),))))
    assert [] == line.traffic.questions(question(writes(Other=1.0)))


@pytest.fixture
def pumping(line):
    """A line whose server has a method that sets P0 and switches the pump on."""
    start = Method("nsu=urn:plant;s=Start", (), (Effect("p0", 0), Effect("pump", value=1.0), Effect("tank", value=1.0)))
    line.traffic.adopt(line.points, Methods([start]))
    return line


def calls(*values, method="Start"):
    return CallRequest(tuple(CallMethod(node("O"), node(method), (Variant(DOUBLE, value),)) for value in values))


def results(*statuses):
    return CallResponse(tuple(CallResult(status, None, None, None) for status in statuses), None)


def test_a_call_is_asked_about_as_the_writes_that_it_is_declared_to_be(pumping):
    made = pumping.traffic.questions(question(calls(30.0)))
    assert [(1, 16), (9, 15)] == [(one.request[6], one.request[7]) for one in made]
    assert 30.0 == struct.unpack(">d", made[0].request[13:21])[0]
    assert [] == pumping.traffic.questions(question(calls(30.0, method="Stop")))


def test_the_twin_is_asked_the_same_of_a_call_as_of_the_write(pumping):
    same = pumping.traffic.questions(question(writes(P0=30.0, Pump=1.0)))
    assert same == pumping.traffic.questions(question(calls(30.0)))


def test_a_call_without_a_number_is_no_question(pumping):
    start = CallMethod(node("O"), node("Start"), (Variant(STRING, "30"),))
    assert [9] == [one.request[6] for one in pumping.traffic.questions(question(CallRequest((start,))))]


def test_what_good_calls_set_stands_in_the_image(pumping):
    pumping.take(calls(30.0), results(GOOD))
    assert (30.0, 1.0, None) == tuple(pumping.values()[name] for name in ("p0", "pump", "tank"))
    pumping.take(calls(40.0, 50.0), results(GOOD, BAD))
    assert 40.0 == pumping.values()["p0"]
    pumping.take(calls(60.0), None, fault=BAD, outcome=Outcome.EXCEPTION)
    assert 40.0 == pumping.values()["p0"]


def test_a_call_whose_outcome_nobody_knows_makes_its_points_unknown(pumping):
    pumping.take(calls(30.0), results(GOOD))
    assert pumping.image.cells[0].settled
    pumping.take(calls(40.0), None, outcome=Outcome.UNKNOWN)
    assert not pumping.image.cells[0].settled


def test_opinions_on_parts_add_up():
    asked = question(writes(P0=1.0))
    finding = Finding("what-if", Layer.CONSEQUENCE, "c", "t", 1, "mixer", Decision.REFUSE)
    good, bad = Opinion(5, Decision.ALLOW, (), "m"), Opinion(5, Decision.REFUSE, (finding,), "m")
    assert good == worst(asked, [good])
    assert Opinion(5, Decision.REFUSE, (finding,), "m") == worst(asked, [good, bad])
    assert Opinion(5, Decision.ALLOW, (), "") == worst(asked, [])


def test_conduits_that_speak_modbus_pass_as_they_are(line):
    every = NodeTraffics()
    row = line.row(reads("P0"), ReadResponse((double(1.0),), None))
    assert [row] == list(every.rows([row]))
    every.adopt({"mixer": Followed(line.points, Methods())})
    other = row._replace(conduit="plc")
    made = every.rows([other, row])
    assert (other, NOWHERE) == (made[0], made[1].request[6])  # names are not known yet
    asked = question(writes(P0=1.0))
    assert [asked._replace(conduit="plc")] == every.questions(asked._replace(conduit="plc"))
    every.adopt({})
    assert [row] == list(every.rows([row]))


def test_what_is_published_again_counts_only_where_it_is_younger_than_what_is_known(line):
    subscribed(line, "P0")
    start = 1_794_800_000 * 10**9

    def take(kind, seconds, number):
        value = DataValue(Variant(DOUBLE, number), None, ticks_of(start + seconds * 10**9))
        message = NotificationMessage(1, 0, (wrapped(DataChange((MonitoredValue(50, value),), None)),))
        asked, answer = PublishRequest(None), published()._replace(message=message)
        if kind == "again":
            asked, answer = RepublishRequest(7, 1), RepublishResponse(message)
        for one in line.traffic.rows(line.row(asked, answer)._replace(response_at=start + 3 * 10**9)):
            for seen in event(one).reads:
                line.image.read(one.request[6], seen.table, seen.first, seen.values, asked=1, now=2)
        return line.values()["p0"]

    assert 2.0 == take("new", 2, 2.0)
    assert 2.0 == take("again", 1, 1.0)
    assert 3.0 == take("again", 3, 3.0)


def test_a_subscription_that_ended_says_nothing_by_its_silence(line):
    subscribed(line, "P0")
    line.take(PublishRequest(None), published(h50=1.0))
    ended = NotificationMessage(2, 0, (wrapped(StatusChange(0x800A0000, DiagnosticInfo())),))
    line.take(PublishRequest(None), published()._replace(message=ended))
    (row,) = line.traffic.rows(line.row(PublishRequest(None), published())._replace(response_at=9 * REFRESH_NS))
    assert NOWHERE == row.request[6]


def test_room_of_subscriptions_that_are_gone_is_used_again(line, monkeypatch):
    monkeypatch.setattr("icsguard.twin.node_traffic.MAX_HELD", 1)
    subscribed(line, "P0")
    line.take(PublishRequest(None), published(h50=1.0))
    line.traffic._sessions.subscriptions.deleted(7)
    line.traffic._sessions.subscriptions.created(9, MASK)
    line.take(PublishRequest(None), published(9))
    assert [9] == list(line.traffic._held)


def test_of_too_many_subscriptions_only_changes_are_followed(line, monkeypatch):
    monkeypatch.setattr("icsguard.twin.node_traffic.MAX_HELD", 0)
    subscribed(line, "P0")
    line.take(PublishRequest(None), published(h50=1.0))
    assert 1.0 == line.values()["p0"]
    (row,) = line.traffic.rows(line.row(PublishRequest(None), published())._replace(response_at=9 * REFRESH_NS))
    assert NOWHERE == row.request[6]


def test_another_list_of_points_keeps_the_sessions(line):
    every = NodeTraffics()
    every.adopt({"mixer": Followed(line.points, Methods())})
    uris = line.row(ReadRequest(0, 0, (value_id(NodeId(0, "i", 2255)),)), ReadResponse((text(URIS),), None))
    every.rows([uris])
    every.adopt({"mixer": Followed(line.points[:1], Methods())})
    rows = every.rows([line.row(reads("P0", "P1"), ReadResponse((double(1.0), double(1.0)), None))])
    assert ["010300000004"] == [one.request[6:12].hex() for one in rows]


def test_no_bytes_of_a_stranger_raise_or_touch_a_point_twice(line):
    rng = random.Random(7)
    subscribed(line, "P0")
    good = [
        line.row(reads("P0", "Pump"), ReadResponse((double(1.0), double(2.0)), None)),
        line.row(writes(P0=1.0, P1=2.0), StatusResponse((GOOD, GOOD), None)),
        line.row(PublishRequest(None), published(h50=1.0)),
        line.row(writes(P0=1.0), None, outcome=Outcome.UNKNOWN),
    ]
    for _ in range(1_000):
        row = rng.choice(good)
        parts = [bytearray(row.request), bytearray(row.response)]
        for raw in parts:
            for _ in range(rng.randint(0, 3)):
                if raw:
                    raw[rng.randrange(len(raw))] = rng.randrange(256)
        made = line.traffic.rows(row._replace(request=bytes(parts[0]), response=bytes(parts[1])))
        assert made
        assert all(event(one).request.defect is None for one in made)
        line.traffic.questions(Question(1, "mixer", 1, "10.0.0.21", 1, bytes(parts[0])))


def test_status_and_time_of_every_word_are_kept_whatever_its_quality(line):
    now = 1_794_800_000 * 1_000_000_000
    values = (DataValue(Variant(DOUBLE, 1.0), BAD | 0x50000, ticks_of(now - 2_000_000_000)), double(2.0, UNCERTAIN))
    row = line.row(reads("P0", "P1"), ReadResponse(values, None))._replace(response_at=now)
    line.traffic.rows(row)
    assert (BAD | 0x50000, now - 2_000_000_000) == line.traffic.sightings.of("p0")
    assert (UNCERTAIN, now) == line.traffic.sightings.of("p1")
    assert line.traffic.sightings.of("p2") is None


def test_a_server_in_another_hour_is_told_by_its_conduit(line):
    every = NodeTraffics()
    every.adopt({"mixer": Followed(line.points, Methods())})
    row = line.row(reads("P0"), ReadResponse((double(1.0),), None))
    answer = build_response(631, ResponseHeader(timestamp=ticks_of(7_200 * 10**9)), ReadResponse((double(1.0),), None))
    every.rows([row._replace(response=answer, response_at=3_600 * 10**9)])
    ((name, skew, permitted),) = every.skews()
    assert ("mixer", 3_600 * 10**9, "server", 5 * 10**9) == (name, skew.offset_ns, skew.whose, permitted)
    assert [] == every.skews()


def test_points_of_followed_conduits_show_what_their_server_says(line):
    every = NodeTraffics()
    every.adopt({"mixer": Followed(line.points, Methods())})
    names = line.row(ReadRequest(0, 0, (value_id(NodeId(0, "i", 2255)),)), ReadResponse((text(URIS),), None))
    every.rows([names, line.row(reads("P0"), ReadResponse((double(1.0, BAD),), None))])
    states = [PointState(conduit, "p0", "", 1.0, 0, "good") for conduit in ("mixer", "plc")]
    assert ["bad: 0x80000000", "good"] == [one.quality for one in every.qualified(states, 5)]
