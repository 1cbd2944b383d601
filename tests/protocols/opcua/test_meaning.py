"""Meanings: nodes by their full names, values with their types; observations only where an answer proves them."""

import pytest

from icsguard.core.meaning import Intent, NodeAccess, NodeChange
from icsguard.protocols.opcua.builtin import (
    NO_DIAGNOSTICS,
    NO_EXTENSION,
    DataValue,
    ExtensionObject,
    QualifiedName,
    Variant,
)
from icsguard.protocols.opcua.headers import RequestHeader, ResponseHeader
from icsguard.protocols.opcua.meaning import (
    UNREADABLE,
    Names,
    Observed,
    changes_plant,
    meaning,
    number_of,
    observations,
    published,
)
from icsguard.protocols.opcua.messages_attribute import (
    CallMethod,
    CallRequest,
    HistoryReadRequest,
    HistoryReadValueId,
    HistoryUpdateRequest,
    ReadRequest,
    ReadResponse,
    ReadValueId,
    WriteRequest,
    WriteValue,
)
from icsguard.protocols.opcua.messages_session import CancelRequest
from icsguard.protocols.opcua.messages_subscription import (
    CreateMonitoredItemsRequest,
    MonitoredItemCreate,
    MonitoringParameters,
)
from icsguard.protocols.opcua.messages_view import (
    AddNodesItem,
    AddNodesRequest,
    AddReferencesItem,
    AddReferencesRequest,
    BrowseDescription,
    BrowsePath,
    BrowseRequest,
    DeleteNodesItem,
    DeleteNodesRequest,
    DeleteReferencesItem,
    DeleteReferencesRequest,
    RegisterNodesRequest,
    StatusResponse,
    TranslateRequest,
    UnregisterNodesRequest,
    ViewDescription,
)
from icsguard.protocols.opcua.nodes import NULL_NODE, OPC_NAMESPACE, ExpandedNodeId, NodeId
from icsguard.protocols.opcua.services import SERVICES, build_request, build_response, parse_request, parse_response
from icsguard.protocols.opcua.subscriptions import Monitored, Notified

PUMP, ALIAS = NodeId(1, "s", "Pump"), NodeId(9999, "i", 1)
FULL = "nsu=urn:plant;s=Pump"
NAMES = Names((OPC_NAMESPACE, "urn:plant"), {ALIAS: PUMP})
READ_PUMP = ReadValueId(PUMP, 13, None, QualifiedName())


def request(body):
    return parse_request(build_request(RequestHeader(), body))


def of(body, names=NAMES):
    return meaning(request(body), names)


def write(*values, node=PUMP, attribute=13, index_range=None):
    return WriteRequest(tuple(WriteValue(node, attribute, index_range, value) for value in values))


def test_a_write_says_node_attribute_range_and_value():
    found = of(write(DataValue(Variant(11, 50.5)), attribute=13, index_range="0:1"))
    assert (Intent.WRITE, 673) == (found.intent, found.function)
    assert (NodeAccess(Intent.WRITE, FULL, 13, "0:1"),) == found.nodes
    assert (NodeChange(0, "Double", (50.5,)),) == found.node_changes


@pytest.mark.parametrize(
    ("value", "due"),
    [
        (DataValue(Variant(1, value=True)), ("Boolean", (True,), False)),
        (DataValue(Variant(12, "on")), ("String", ("on",), False)),
        (DataValue(Variant(15, b"\1")), ("ByteString", (None,), False)),
        (DataValue(Variant(16, b"<a/>")), ("XmlElement", (None,), False)),
        (DataValue(Variant(6, (1, 2), is_array=True)), ("Int32[]", (1, 2), False)),
        (DataValue(Variant(6, (1, 2), is_array=True, dimensions=(2, 1))), ("Int32[2,1]", (1, 2), False)),
        (DataValue(Variant(6, None, is_array=True)), ("Int32[]", (), False)),
        (DataValue(Variant(22, ExtensionObject())), ("ExtensionObject", (None,), False)),
        (DataValue(None), ("", (), False)),
        (DataValue(Variant()), ("", (), False)),
        (DataValue(Variant(6, 1), 0), ("Int32", (1,), False)),
        (DataValue(Variant(6, 1), 0x40000000), ("Int32", (1,), True)),
        (DataValue(Variant(6, 1), source_time=5), ("Int32", (1,), True)),
    ],
)
def test_a_written_value_has_its_type_its_elements_and_says_whether_it_is_stamped(value, due):
    (change,) = of(write(value)).node_changes
    assert due == (change.type, change.values, change.stamped)


def test_an_alias_is_the_node_that_was_registered():
    assert FULL == of(write(DataValue(), node=ALIAS)).nodes[0].node


def test_without_a_namespace_array_a_node_keeps_its_index():
    assert "ns=1;s=Pump" == of(write(DataValue()), Names()).nodes[0].node


def test_a_call_says_method_object_and_arguments():
    call = CallMethod(NodeId(1, "s", "Tank"), NodeId(1, "s", "Drain"), (Variant(11, 1.0), Variant(12, "x")))
    found = of(CallRequest((call,)))
    assert (NodeAccess(Intent.EXECUTE, "nsu=urn:plant;s=Drain", 0, "", "nsu=urn:plant;s=Tank"),) == found.nodes
    assert (
        NodeChange(0, "Double", (1.0,), argument=0),
        NodeChange(0, "String", ("x",), argument=1),
    ) == found.node_changes


EXPANDED = ExpandedNodeId(PUMP)
VIEW = ViewDescription(NULL_NODE, 0, 0)
DETAILS = ExtensionObject(NodeId(0, "i", 680), 1, b"\3\1\0\4\0\0\0Pump" + b"rest")


@pytest.mark.parametrize(
    ("body", "due"),
    [
        (ReadRequest(0.0, 0, (READ_PUMP,)), NodeAccess(Intent.READ, FULL)),
        (
            HistoryReadRequest(
                NO_EXTENSION, 0, release=False, items=(HistoryReadValueId(PUMP, "1", QualifiedName(), None),)
            ),
            NodeAccess(Intent.READ, FULL, 13, "1"),
        ),
        (HistoryUpdateRequest((DETAILS,)), NodeAccess(Intent.WRITE, FULL)),
        (HistoryUpdateRequest((DETAILS._replace(body=b"\3"),)), NodeAccess(Intent.WRITE, UNREADABLE)),
        (HistoryUpdateRequest((NO_EXTENSION,)), NodeAccess(Intent.WRITE, UNREADABLE)),
        (
            CreateMonitoredItemsRequest(
                1,
                0,
                (
                    MonitoredItemCreate(
                        READ_PUMP, 2, MonitoringParameters(1, 0.0, NO_EXTENSION, 1, discard_oldest=True)
                    ),
                ),
            ),
            NodeAccess(Intent.SUBSCRIBE, FULL),
        ),
        (
            BrowseRequest(VIEW, 0, (BrowseDescription(PUMP, 0, NULL_NODE, subtypes=True, classes=0, mask=0),)),
            NodeAccess(Intent.BROWSE, FULL, 0),
        ),
        (TranslateRequest((BrowsePath(PUMP, None),)), NodeAccess(Intent.BROWSE, FULL, 0)),
        (RegisterNodesRequest((PUMP,)), NodeAccess(Intent.BROWSE, FULL, 0)),
        (UnregisterNodesRequest((ALIAS,)), NodeAccess(Intent.BROWSE, FULL, 0)),
        (
            AddNodesRequest((AddNodesItem(EXPANDED, NULL_NODE, EXPANDED, QualifiedName(), 1, NO_EXTENSION, EXPANDED),)),
            NodeAccess(Intent.ADMINISTER, FULL, 0),
        ),
        (DeleteNodesRequest((DeleteNodesItem(PUMP, references=True),)), NodeAccess(Intent.ADMINISTER, FULL, 0)),
        (
            AddReferencesRequest((AddReferencesItem(PUMP, NULL_NODE, True, None, EXPANDED, 1),)),  # noqa: FBT003
            NodeAccess(Intent.ADMINISTER, FULL, 0),
        ),
        (
            DeleteReferencesRequest((DeleteReferencesItem(PUMP, NULL_NODE, True, EXPANDED, True),)),  # noqa: FBT003
            NodeAccess(Intent.ADMINISTER, FULL, 0),
        ),
    ],
)
def test_every_service_on_nodes_says_which(body, due):
    assert (due,) == of(body).nodes


def test_a_node_of_another_server_or_by_uri_keeps_that_in_its_name():
    for parent, due in [
        (ExpandedNodeId(PUMP, "urn:other"), "nsu=urn:other;s=Pump"),
        (ExpandedNodeId(PUMP, None, 3), "svr=3;" + FULL),
    ]:
        item = AddNodesItem(parent, NULL_NODE, EXPANDED, QualifiedName(), 1, NO_EXTENSION, EXPANDED)
        assert due == of(AddNodesRequest((item,))).nodes[0].node


def test_a_service_without_nodes_touches_none():
    assert ((), ()) == of(CancelRequest(1))[7:]


def test_a_defective_or_unknown_request_is_of_unknown_intent_and_changes_the_plant():
    raw = build_request(RequestHeader(), write(DataValue(Variant(11, 1.0))))
    for body in (raw[:-1], b"\1\0\xff\xff"):
        found = meaning(parse_request(body))
        assert (Intent.UNKNOWN, (), ()) == (found.intent, found.nodes, found.node_changes)
        assert changes_plant(found)


def test_writes_calls_and_administration_reach_a_device_at_most_once():
    once = {
        law.name for law in SERVICES.values() if changes_plant(meaning(parse_request(b""))._replace(intent=law.intent))
    }
    assert {"Write", "HistoryUpdate", "Call", "AddNodes", "DeleteNodes", "SessionlessInvoke"} <= once
    assert not {"Read", "Browse", "Publish", "CreateSession"} & once


def answer(number, body, result=0):
    return parse_response(build_response(number, ResponseHeader(result=result), body))


def test_a_read_proves_every_value_with_its_quality():
    values = (DataValue(Variant(11, 1.0)), DataValue(None, 0x80000000))
    asked = request(ReadRequest(0.0, 0, (READ_PUMP, READ_PUMP._replace(node=ALIAS))))
    found = observations(asked, answer(631, ReadResponse(values, None)), NAMES)
    assert [Observed(FULL, 13, "", value, "read") for value in values] == found


def test_a_write_proves_only_what_was_good_by_itself():
    one, two = DataValue(Variant(11, 1.0)), DataValue(Variant(11, 2.0))
    found = observations(request(write(one, two)), answer(673, StatusResponse((0x803C0000, 0), None)), NAMES)
    assert [Observed(FULL, 13, "", two, "write")] == found


def test_a_fault_a_defect_and_other_services_prove_nothing():
    asked = request(write(DataValue()))
    assert [] == observations(asked, answer(673, None, 0x80010000))
    assert [] == observations(asked, parse_response(b"\1\0"))
    assert [] == observations(parse_request(b""), answer(673, StatusResponse((0,), None)))
    assert [] == observations(request(CancelRequest(1)), answer(673, StatusResponse((0,), None)))


def test_a_published_value_is_an_observation():
    value = DataValue(Variant(11, 1.0))
    assert [Observed(FULL, 13, "1", value, "publish")] == published([Notified(Monitored(PUMP, 13, "1"), value)], NAMES)


@pytest.mark.parametrize(
    ("value", "due"),
    [
        (DataValue(Variant(11, 1.5)), 1.5),
        (DataValue(Variant(1, value=True)), 1),
        (DataValue(Variant(12, "1")), None),
        (DataValue(Variant(6, (1,), is_array=True)), None),
        (DataValue(), None),
        (DataValue(Variant(25, NO_DIAGNOSTICS)), None),
    ],
)
def test_the_number_of_a_value(value, due):
    found = number_of(value)
    assert (due, type(due)) == (found, type(found))
