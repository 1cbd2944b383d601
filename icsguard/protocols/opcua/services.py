"""The table of services: number, clause, intent and the structures of request and response (P4 §5).

`parse_request` and `parse_response` read one whole message body, `build_request` and `build_response` are their strict
inverse. A service that stands here without structures is known by name: its header is read, its body stays bytes. What
is not here at all is refused.
"""

from __future__ import annotations

from struct import Struct
from types import MappingProxyType
from typing import Final, NamedTuple

from icsguard.core.defect import Defect
from icsguard.core.meaning import Intent
from icsguard.protocols.opcua import messages_attribute as attribute
from icsguard.protocols.opcua import messages_session as session
from icsguard.protocols.opcua import messages_subscription as subscription
from icsguard.protocols.opcua import messages_view as view
from icsguard.protocols.opcua.builtin import ExtensionObject
from icsguard.protocols.opcua.codec import Malformed, Reader, Shape, decoded, shape_of
from icsguard.protocols.opcua.defects import defect
from icsguard.protocols.opcua.headers import (
    REQUEST_HEADER,
    RESPONSE_HEADER,
    Nothing,
    RequestHeader,
    ResponseHeader,
)
from icsguard.protocols.opcua.nodes import NODE_ID, NUMERIC, NodeId

SERVICE_FAULT: Final = 397
MAX_TYPE_ID: Final = 0xFFFF
_FOUR_BYTE: Final = Struct("<BBH")


class ServiceLaw(NamedTuple):
    """One service."""

    number: int
    """Type id (DefaultBinary) of its request."""
    answer: int
    """Type id of its response."""
    name: str
    clause: str
    intent: Intent
    request: type[tuple[object, ...]] | None
    """Structure of the parameters; None where the service is known by name only."""
    response: type[tuple[object, ...]] | None
    sessionless: bool = False
    """It needs no session."""


def _law(  # noqa: PLR0913 - one row of the table
    number: int,
    name: str,
    section: str,
    intent: Intent,
    request: type[tuple[object, ...]] | None,
    response: type[tuple[object, ...]] | None,
    *,
    answer: int = 3,
    sessionless: bool = False,
) -> ServiceLaw:
    return ServiceLaw(number, number + answer, name, f"P4 §5.{section}", intent, request, response, sessionless)


_S, _V, _A, _U = session, view, attribute, subscription
_READ, _WRITE, _EXECUTE, _SUBSCRIBE = Intent.READ, Intent.WRITE, Intent.EXECUTE, Intent.SUBSCRIBE
_BROWSE, _SESSION, _ADMIN = Intent.BROWSE, Intent.SESSION, Intent.ADMINISTER
_STATUS = view.StatusResponse

_LAWS: Final = (
    _law(422, "FindServers", "4.2", _BROWSE, _S.FindServersRequest, _S.FindServersResponse, sessionless=True),
    _law(
        12208,
        "FindServersOnNetwork",
        "4.3",
        _BROWSE,
        _S.FindServersOnNetworkRequest,
        _S.FindServersOnNetworkResponse,
        answer=1,
        sessionless=True,
    ),
    _law(428, "GetEndpoints", "4.4", _BROWSE, _S.GetEndpointsRequest, _S.GetEndpointsResponse, sessionless=True),
    _law(437, "RegisterServer", "4.5", _ADMIN, None, Nothing, sessionless=True),
    _law(12211, "RegisterServer2", "4.6", _ADMIN, None, None, answer=1, sessionless=True),
    _law(446, "OpenSecureChannel", "5.2", _SESSION, _S.OpenRequest, _S.OpenResponse, sessionless=True),
    _law(452, "CloseSecureChannel", "5.3", _SESSION, Nothing, Nothing, sessionless=True),
    _law(461, "CreateSession", "6.2", _SESSION, _S.CreateSessionRequest, _S.CreateSessionResponse, sessionless=True),
    _law(467, "ActivateSession", "6.3", _SESSION, _S.ActivateSessionRequest, _S.ActivateSessionResponse),
    _law(473, "CloseSession", "6.4", _SESSION, _S.CloseSessionRequest, Nothing),
    _law(479, "Cancel", "6.5", _SESSION, _S.CancelRequest, _S.CancelResponse),
    _law(488, "AddNodes", "7.2", _ADMIN, _V.AddNodesRequest, _V.AddNodesResponse),
    _law(494, "AddReferences", "7.3", _ADMIN, _V.AddReferencesRequest, _STATUS),
    _law(500, "DeleteNodes", "7.4", _ADMIN, _V.DeleteNodesRequest, _STATUS),
    _law(506, "DeleteReferences", "7.5", _ADMIN, _V.DeleteReferencesRequest, _STATUS),
    _law(527, "Browse", "8.2", _BROWSE, _V.BrowseRequest, _V.BrowseResponse),
    _law(533, "BrowseNext", "8.3", _BROWSE, _V.BrowseNextRequest, _V.BrowseResponse),
    _law(554, "TranslateBrowsePaths", "8.4", _BROWSE, _V.TranslateRequest, _V.TranslateResponse),
    _law(560, "RegisterNodes", "8.5", _BROWSE, _V.RegisterNodesRequest, _V.RegisterNodesResponse),
    _law(566, "UnregisterNodes", "8.6", _BROWSE, _V.UnregisterNodesRequest, Nothing),
    _law(615, "QueryFirst", "9.3", _BROWSE, None, None),
    _law(621, "QueryNext", "9.4", _BROWSE, None, None),
    _law(631, "Read", "10.2", _READ, _A.ReadRequest, _A.ReadResponse),
    _law(664, "HistoryRead", "10.3", _READ, _A.HistoryReadRequest, _A.HistoryReadResponse),
    _law(673, "Write", "10.4", _WRITE, _A.WriteRequest, _STATUS),
    _law(700, "HistoryUpdate", "10.5", _WRITE, _A.HistoryUpdateRequest, _A.HistoryUpdateResponse),
    _law(712, "Call", "11.2", _EXECUTE, _A.CallRequest, _A.CallResponse),
    _law(
        751,
        "CreateMonitoredItems",
        "12.2",
        _SUBSCRIBE,
        _U.CreateMonitoredItemsRequest,
        _U.CreateMonitoredItemsResponse,
    ),
    _law(
        763,
        "ModifyMonitoredItems",
        "12.3",
        _SUBSCRIBE,
        _U.ModifyMonitoredItemsRequest,
        _U.ModifyMonitoredItemsResponse,
    ),
    _law(769, "SetMonitoringMode", "12.4", _SUBSCRIBE, _U.SetMonitoringModeRequest, _STATUS),
    _law(775, "SetTriggering", "12.5", _SUBSCRIBE, _U.SetTriggeringRequest, _U.SetTriggeringResponse),
    _law(781, "DeleteMonitoredItems", "12.6", _SUBSCRIBE, _U.DeleteMonitoredItemsRequest, _STATUS),
    _law(787, "CreateSubscription", "13.2", _SUBSCRIBE, _U.CreateSubscriptionRequest, _U.CreateSubscriptionResponse),
    _law(793, "ModifySubscription", "13.3", _SUBSCRIBE, _U.ModifySubscriptionRequest, _U.ModifySubscriptionResponse),
    _law(799, "SetPublishingMode", "13.4", _SUBSCRIBE, _U.SetPublishingModeRequest, _STATUS),
    _law(826, "Publish", "13.5", _SUBSCRIBE, _U.PublishRequest, _U.PublishResponse),
    _law(832, "Republish", "13.6", _SUBSCRIBE, _U.RepublishRequest, _U.RepublishResponse),
    _law(841, "TransferSubscriptions", "13.7", _SUBSCRIBE, _U.TransferRequest, _U.TransferResponse),
    _law(847, "DeleteSubscriptions", "13.8", _SUBSCRIBE, _U.DeleteSubscriptionsRequest, _STATUS),
    _law(15903, "SessionlessInvoke", "3.2", Intent.UNKNOWN, None, None, answer=5098, sessionless=True),
)

SERVICES: Final = MappingProxyType({law.number: law for law in _LAWS})
"""Type id of the request to law."""
BY_NAME: Final = MappingProxyType({law.name: law for law in _LAWS})
ANSWERS: Final = MappingProxyType({law.answer: law for law in _LAWS})
"""Type id of the response to law; ServiceFault is of every service."""
STRUCTURES: Final = MappingProxyType(
    {
        321: session.AnonymousToken,
        324: session.UserNameToken,
        327: session.CertificateToken,
        940: session.IssuedToken,
        811: subscription.DataChange,
        916: subscription.Events,
        820: subscription.StatusChange,
    }
)
"""Type ids of the structures in ExtensionObjects that icsguard looks into (namespace 0, DefaultBinary)."""


class Request(NamedTuple):
    """One parsed request."""

    number: int
    """Type id of its service; 0 where none could be read."""
    header: RequestHeader
    body: tuple[object, ...] | None
    """The service's structure; None for a defective request and for services known by name only."""
    defect: Defect | None
    raw: bytes
    """The message body as received, from the type id on."""

    @property
    def name(self) -> str:
        """The service's name, or its number."""
        law = SERVICES.get(self.number)
        return law.name if law else f"service {self.number}"


class Response(NamedTuple):
    """One parsed response."""

    number: int
    """Type id of the *request* that it answers by its type; 397 for a ServiceFault, 0 where none could be read."""
    header: ResponseHeader
    body: tuple[object, ...] | None
    """The service's structure; None for a fault, a defective response, and services known by name only."""
    defect: Defect | None
    raw: bytes

    @property
    def fault(self) -> int:
        """The ServiceResult where it is bad; 0 elsewhere."""
        return self.header.result if self.header.result >> 31 else 0


NO_REQUEST_HEADER: Final = RequestHeader()
NO_RESPONSE_HEADER: Final = ResponseHeader()


def peek(body: bytes) -> int:
    """Return the type id that a message body begins with, 0 where it has none of namespace 0 in a usual encoding."""
    if len(body) >= 4 and body[:2] == b"\x01\0":  # noqa: PLR2004 - FourByte encoding, which all stacks send
        return body[2] | body[3] << 8
    try:
        return _type_id(Reader(body))
    except Malformed:
        return 0


def _type_id(reader: Reader) -> int:
    node = NODE_ID.read(reader)
    if node.namespace or node.kind != NUMERIC or not isinstance(node.identifier, int) or node.identifier > MAX_TYPE_ID:
        raise Malformed("service-type", f"the message is of type {str(node)[:80]!r}")
    return node.identifier


def parse_request(body: bytes) -> Request:
    """Return the request in a whole message body. Never raises: what is wrong stands in its `defect`."""
    reader = Reader(body)
    number, header = 0, NO_REQUEST_HEADER
    try:
        number = _type_id(reader)
        law = SERVICES.get(number)
        if law is None:
            return Request(number, header, None, _unknown(number, ANSWERS), body)
        header = REQUEST_HEADER.read(reader)
        return Request(number, header, _parameters(reader, law.request), None, body)
    except Malformed as breach:
        return Request(number, header, None, breach.defect, body)


def parse_response(body: bytes) -> Response:
    """Return the response in a whole message body. Never raises: what is wrong stands in its `defect`."""
    reader = Reader(body)
    head = _answer_head(reader, body)
    if head.defect is not None:
        return head
    try:
        if head.number == SERVICE_FAULT:
            reader.finish()
            return head
        return head._replace(body=_parameters(reader, SERVICES[head.number].response))
    except Malformed as breach:
        return head._replace(defect=breach.defect)


def parameters(request: Request) -> bytes:
    """Return the bytes behind the header: what a repeated request has in common. All of them for a defective one."""
    reader = Reader(request.raw)
    try:
        NODE_ID.read(reader)
        REQUEST_HEADER.read(reader)
    except Malformed:
        return request.raw
    return request.raw[reader.at :]


def answer_head(body: bytes) -> Response:
    """Return a response with its header only: enough to pair it and to see a fault."""
    return _answer_head(Reader(body), body)


def _answer_head(reader: Reader, body: bytes) -> Response:
    number, header = 0, NO_RESPONSE_HEADER
    try:
        number = _type_id(reader)
        law = ANSWERS.get(number)
        if law is None and number != SERVICE_FAULT:
            return Response(number, header, None, _unknown(number, SERVICES), body)
        header = RESPONSE_HEADER.read(reader)
    except Malformed as breach:
        return Response(number, header, None, breach.defect, body)
    return Response(SERVICE_FAULT if law is None else law.number, header, None, None, body)


def _parameters(reader: Reader, kind: type[tuple[object, ...]] | None) -> tuple[object, ...] | None:
    if kind is None:
        return None
    found: tuple[object, ...] = shape_of(kind).read(reader)
    reader.finish()
    return found


def _unknown(number: int, others: MappingProxyType[int, ServiceLaw]) -> Defect:
    if number in others or number == SERVICE_FAULT:
        return defect("service-direction", f"type id {number} belongs to the other side")
    return defect("service-unknown", f"type id {number}")


def build_request(header: RequestHeader, parameters: tuple[object, ...]) -> bytes:
    """Return the message body of a request; raise ValueError where no service has such parameters."""
    law = _OWNERS_OF_REQUESTS.get(type(parameters))
    if law is None:
        raise ValueError(f"{type(parameters).__name__} belongs to no single service")
    return message(law.number, REQUEST_HEADER, header, parameters)


def build_response(number: int, header: ResponseHeader, parameters: tuple[object, ...] | None) -> bytes:
    """Return the message body of the response to service `number`, a ServiceFault without parameters."""
    if parameters is None:
        return message(SERVICE_FAULT, RESPONSE_HEADER, header, Nothing())
    law = SERVICES.get(number)
    if law is None or law.response is not type(parameters):
        raise ValueError(f"{type(parameters).__name__} does not answer service {number}")
    return message(law.answer, RESPONSE_HEADER, header, parameters)


def message(number: int, shape: Shape[object], header: object, parameters: tuple[object, ...]) -> bytes:
    """Return the bytes of type id, header and parameters."""
    out = bytearray(_FOUR_BYTE.pack(1, 0, number))
    shape.write(out, header)
    shape_of(type(parameters)).write(out, parameters)
    return bytes(out)


_OWNERS_OF_REQUESTS: Final = {
    law.request: law for law in _LAWS if law.request is not None and law.request is not Nothing
}


def structure(extension: ExtensionObject) -> tuple[object, ...] | Defect | None:
    """Return the structure in an ExtensionObject, a defect where it is broken, None where its type is opaque."""
    node, encoding, body = extension
    if encoding != 1 or body is None or node.namespace or not isinstance(node.identifier, int):
        return None
    kind = STRUCTURES.get(node.identifier)
    return None if kind is None else decoded(_shape(kind), body)


def _shape(kind: type[tuple[object, ...]]) -> Shape[tuple[object, ...]]:
    return shape_of(kind)


def wrapped(value: tuple[object, ...]) -> ExtensionObject:
    """Return the ExtensionObject of a structure of `STRUCTURES`; raise ValueError for any other."""
    for number, kind in STRUCTURES.items():
        if isinstance(value, kind):
            out = bytearray()
            shape_of(kind).write(out, value)
            return ExtensionObject(NodeId(0, NUMERIC, number), 1, bytes(out))
    raise ValueError(f"{type(value).__name__} is no structure of an ExtensionObject")
