"""What is remembered of sessions, from requests and answers as they come off the wire."""

import pytest

from icsguard.protocols.opcua import sessions as module
from icsguard.protocols.opcua.builtin import DataValue, QualifiedName, Variant
from icsguard.protocols.opcua.headers import Nothing, RequestHeader, ResponseHeader
from icsguard.protocols.opcua.messages_attribute import ReadRequest, ReadResponse, ReadValueId
from icsguard.protocols.opcua.messages_session import (
    CancelRequest,
    CancelResponse,
    CloseSessionRequest,
    CreateSessionRequest,
    CreateSessionResponse,
)
from icsguard.protocols.opcua.messages_subscription import (
    CreateMonitoredItemsRequest,
    CreateMonitoredItemsResponse,
    CreateSubscriptionRequest,
    CreateSubscriptionResponse,
    DeleteMonitoredItemsRequest,
    DeleteSubscriptionsRequest,
    ModifyMonitoredItemsRequest,
    ModifyMonitoredItemsResponse,
    MonitoredItemCreated,
    TransferRequest,
    TransferResponse,
    TransferResult,
)
from icsguard.protocols.opcua.messages_view import (
    BrowseDescription,
    BrowseNextRequest,
    BrowseRequest,
    BrowseResponse,
    BrowseResult,
    RegisterNodesRequest,
    RegisterNodesResponse,
    StatusResponse,
    UnregisterNodesRequest,
    ViewDescription,
)
from icsguard.protocols.opcua.nodes import OPC_NAMESPACE, NodeId
from icsguard.protocols.opcua.services import build_request, build_response, parse_request, parse_response
from icsguard.protocols.opcua.sessions import MAX_ALIASES, NAMESPACE_ARRAY, Sessions

TOKEN, OTHER = NodeId(0, "b", b"token"), NodeId(0, "b", b"other")
DENIED, ALIAS = NodeId(2, "s", "Denied"), NodeId(9999, "i", 1)
URIS = (OPC_NAMESPACE, "urn:server", "urn:plant")


def told(sessions, asked, answer, *, token=TOKEN, result=0):
    """Send one request and its answer over the codec, and let the table learn from them."""
    request = parse_request(build_request(RequestHeader(token), asked))
    response = parse_response(build_response(request.number, ResponseHeader(result=result), answer))
    assert (None, None) == (request.defect, response.defect)
    sessions.answered(request, response)


@pytest.fixture
def create(sample):
    def create(sessions, token):
        asked = sample(CreateSessionRequest, 1)
        told(sessions, asked, sample(CreateSessionResponse, 1)._replace(token=token), token=NodeId())

    return create


@pytest.fixture
def sessions(create):
    made = Sessions()
    create(made, TOKEN)
    return made


def test_a_session_lives_from_its_creation_to_its_close(sessions):
    assert (TOKEN, 1) == (sessions.of(TOKEN).token, len(sessions))
    told(sessions, CloseSessionRequest(subscriptions=True), Nothing())
    assert (None, 0) == (sessions.of(TOKEN), len(sessions))


def test_sessions_are_bounded(sessions, create, monkeypatch):
    monkeypatch.setattr(module, "MAX_SESSIONS", 1)
    create(sessions, OTHER)
    assert sessions.of(OTHER) is None


def test_a_fault_or_a_defect_teaches_nothing(sessions):
    told(sessions, CloseSessionRequest(subscriptions=True), None, result=0x80010000)
    broken = parse_request(b"\1\0")
    sessions.answered(broken, parse_response(build_response(473, ResponseHeader(), Nothing())))
    assert 1 == len(sessions)


def test_an_alias_stands_for_its_node_until_it_is_given_back(sessions):
    told(sessions, RegisterNodesRequest((DENIED, NodeId(2, "i", 5))), RegisterNodesResponse((ALIAS, NodeId(2, "i", 5))))
    session = sessions.of(TOKEN)
    assert (DENIED, NodeId(2, "i", 5)) == (session.resolved(ALIAS), session.resolved(NodeId(2, "i", 5)))
    assert 1 == len(session.aliases)
    again = NodeId(9999, "i", 2)
    told(sessions, RegisterNodesRequest((ALIAS,)), RegisterNodesResponse((again,)))
    assert DENIED == session.resolved(again)
    told(sessions, UnregisterNodesRequest((ALIAS, again)), Nothing())
    assert ALIAS == session.resolved(ALIAS)


def test_an_alias_that_is_another_nodes_name_stands_for_what_was_registered(sessions):
    allowed = NodeId(2, "s", "Allowed")
    told(sessions, RegisterNodesRequest((DENIED,)), RegisterNodesResponse((allowed,)))
    assert DENIED == sessions.of(TOKEN).resolved(allowed)


def test_aliases_of_an_unknown_session_are_nobodys(sessions):
    told(sessions, RegisterNodesRequest((DENIED,)), RegisterNodesResponse((ALIAS,)), token=OTHER)
    told(sessions, UnregisterNodesRequest((ALIAS,)), Nothing(), token=OTHER)
    assert (ALIAS, None) == (sessions.of(TOKEN).resolved(ALIAS), sessions.of(OTHER))


def test_other_services_teach_nothing(sessions):
    told(sessions, CancelRequest(1), CancelResponse(0))
    assert (1, (), 0) == (len(sessions), sessions.namespaces, len(sessions.subscriptions))


def test_aliases_are_bounded(sessions):
    session = sessions.of(TOKEN)
    assert [True, False] == [session.has_room(count) for count in (MAX_ALIASES, MAX_ALIASES + 1)]
    session.registered((DENIED,) * (MAX_ALIASES + 9), tuple(NodeId(7, "i", n) for n in range(MAX_ALIASES + 9)))
    assert (MAX_ALIASES, False) == (len(session.aliases), session.has_room(1))


def read_array(sessions, value, *, item=NAMESPACE_ARRAY, attribute=13, index_range=None, status=None):
    asked = ReadRequest(0.0, 0, (ReadValueId(item, attribute, index_range, QualifiedName()),))
    told(sessions, asked, ReadResponse((DataValue(value, status),), None))
    return sessions.namespaces


def strings(*texts):
    return Variant(12, texts, is_array=True)


def test_the_namespace_array_is_learned_from_a_read(sessions):
    assert URIS == read_array(sessions, strings(*URIS))


@pytest.mark.parametrize(
    ("value", "options"),
    [
        (strings(*URIS), {"item": NodeId(0, "i", 2254)}),
        (strings(*URIS), {"attribute": 4}),
        (strings(*URIS), {"index_range": "0:1"}),
        (strings(*URIS), {"status": 0x80000000}),
        (None, {}),
        (strings("urn:server", OPC_NAMESPACE), {}),
        (strings(OPC_NAMESPACE, "urn:a", "urn:a"), {}),
        (strings(), {}),
        (Variant(12, OPC_NAMESPACE), {}),
        (Variant(6, (1,), is_array=True), {}),
    ],
)
def test_what_is_no_whole_good_namespace_array_names_nothing(sessions, value, options):
    assert () == read_array(sessions, value, **options)


def test_a_text_that_is_missing_is_an_empty_name(sessions):
    assert (OPC_NAMESPACE, "", "urn:a") == read_array(sessions, strings(OPC_NAMESPACE, None, "urn:a"))


def test_a_restart_forgets_everything(sessions):
    read_array(sessions, strings(*URIS))
    sessions.restarted()
    assert (0, (), 0) == (len(sessions), sessions.namespaces, len(sessions.subscriptions))


def subscribe(sessions, number=7, token=TOKEN):
    told(
        sessions,
        CreateSubscriptionRequest(1.0, 1, 1, 1, enabled=True, priority=0),
        CreateSubscriptionResponse(number, 1.0, 1, 1),
        token=token,
    )


def test_items_are_created_on_resolved_aliases_and_follow_the_services(sessions, sample):
    told(sessions, RegisterNodesRequest((DENIED,)), RegisterNodesResponse((ALIAS,)))
    subscribe(sessions)
    wish = next(w for seed in range(9) for w in sample(CreateMonitoredItemsRequest, seed).items or ())
    wish = wish._replace(item=wish.item._replace(node=ALIAS), parameters=wish.parameters._replace(handle=3))
    made = MonitoredItemCreated(0, 55, 0.0, 1, wish.parameters.filter)
    told(sessions, CreateMonitoredItemsRequest(7, 0, (wish,)), CreateMonitoredItemsResponse((made,), None))
    known = sessions.subscriptions._known[7]
    assert DENIED == known.by_handle[3].node
    told(sessions, ModifyMonitoredItemsRequest(7, 0, None), ModifyMonitoredItemsResponse(None, None))
    told(sessions, DeleteMonitoredItemsRequest(7, (55,)), StatusResponse((0,), None))
    assert {} == known.by_handle


def test_items_of_an_unknown_session_keep_the_ids_as_sent(sessions, sample):
    subscribe(sessions, 8, OTHER)
    wish = next(w for seed in range(9) for w in sample(CreateMonitoredItemsRequest, seed).items or ())
    made = MonitoredItemCreated(0, 55, 0.0, 1, wish.parameters.filter)
    told(sessions, CreateMonitoredItemsRequest(8, 0, (wish,)), CreateMonitoredItemsResponse((made,), None), token=OTHER)
    assert wish.item.node == sessions.subscriptions._known[8].by_handle[wish.parameters.handle].node


def test_subscriptions_end_move_and_outlive_their_session(sessions, create):
    create(sessions, OTHER)
    for number in (7, 8, 9):
        subscribe(sessions, number)
    told(sessions, DeleteSubscriptionsRequest((7, 8)), StatusResponse((0, 0x80280000), None))
    moved = (TransferResult(0, None), TransferResult(0x80280000, None))
    told(sessions, TransferRequest((8, 9), initial=False), TransferResponse(moved, None), token=OTHER)
    assert (1, 1) == (sessions.subscriptions.owned(TOKEN), sessions.subscriptions.owned(OTHER))
    told(sessions, CloseSessionRequest(subscriptions=False), Nothing())
    assert 2 == len(sessions.subscriptions)
    told(sessions, CloseSessionRequest(subscriptions=True), Nothing())
    assert 1 == len(sessions.subscriptions)


def test_unfinished_browses_are_followed_and_bounded(sessions):
    def browsed(*points):
        results = tuple(BrowseResult(0, point, None) for point in points)
        return BrowseResponse(results, None)

    told(sessions, BrowseRequest(ViewDescription(NodeId(), 0, 0), 1, None), browsed(b"a", None, b"b"))
    assert 2 == sessions.continuations_of(TOKEN)
    told(sessions, BrowseNextRequest(continuations=(b"a",), release=False), browsed(b"c"))
    assert 2 == sessions.continuations_of(TOKEN)
    told(sessions, BrowseNextRequest(continuations=(b"b", b"c"), release=True), browsed())
    assert 0 == sessions.continuations_of(TOKEN)
    for number in range(module.MAX_CONTINUATIONS + 5):
        told(sessions, BrowseRequest(ViewDescription(NodeId(), 0, 0), 1, None), browsed(b"%d" % number))
    assert module.MAX_CONTINUATIONS == sessions.continuations_of(TOKEN)
    assert 0 == sessions.continuations_of(OTHER)


def test_a_further_page_is_of_the_node_whose_browse_was_unfinished(sessions):
    def page(*points):
        return BrowseResponse(tuple(BrowseResult(0, point, None) for point in points), None)

    nodes = [NodeId(2, "s", name) for name in ("a", "b")]
    wishes = tuple(BrowseDescription(node, 0, NodeId(), subtypes=True, classes=0, mask=63) for node in nodes)
    told(sessions, BrowseRequest(ViewDescription(NodeId(), 0, 0), 1, wishes), page(b"1", b"2"))
    told(sessions, BrowseNextRequest(continuations=(b"2", b"9"), release=False), page(b"2", None))
    assert (nodes[1], None) == sessions.paged(TOKEN)
    told(sessions, BrowseNextRequest(continuations=(b"2", b"1"), release=False), page(None, None))
    assert (nodes[1], nodes[0]) == sessions.paged(TOKEN)
    assert (0, ()) == (sessions.continuations_of(TOKEN), sessions.paged(OTHER))


def test_a_session_that_nobody_used_is_forgotten_with_its_subscriptions(sessions):
    subscribe(sessions)
    sessions.forgotten(TOKEN)
    assert None is sessions.of(TOKEN)
    assert 0 == sessions.subscriptions.owned(TOKEN)
