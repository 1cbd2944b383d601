"""What a request wants, in words that policy and twin share; and what an answered one says about the plant.

Ids are resolved before they are named: aliases of the session first, then the namespace's URI. What cannot be resolved
keeps a name that no rule can have, so that it is refused by default.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from types import MappingProxyType
from typing import Final, NamedTuple

from icsguard.core.meaning import (
    CHANGES_THE_PLANT,
    VALUE_ATTRIBUTE,
    Intent,
    Meaning,
    NodeAccess,
    NodeChange,
    NodeValue,
)
from icsguard.protocols.opcua.builtin import TYPE_NAMES, DataValue, ExtensionObject, Variant
from icsguard.protocols.opcua.codec import Malformed, Reader
from icsguard.protocols.opcua.messages_attribute import (
    CallRequest,
    HistoryReadRequest,
    HistoryUpdateRequest,
    ReadRequest,
    ReadResponse,
    ReadValueId,
    WriteRequest,
)
from icsguard.protocols.opcua.messages_subscription import CreateMonitoredItemsRequest
from icsguard.protocols.opcua.messages_view import (
    AddNodesRequest,
    AddReferencesRequest,
    BrowseRequest,
    DeleteNodesRequest,
    DeleteReferencesRequest,
    RegisterNodesRequest,
    StatusResponse,
    TranslateRequest,
    UnregisterNodesRequest,
)
from icsguard.protocols.opcua.nodes import NODE_ID, ExpandedNodeId, NodeId, expanded_name, full_name
from icsguard.protocols.opcua.services import SERVICES, Request, Response
from icsguard.protocols.opcua.status import GOOD
from icsguard.protocols.opcua.subscriptions import Notified

NO_ALIASES: Final[Mapping[NodeId, NodeId]] = MappingProxyType({})
UNREADABLE: Final = "?"
"""Stands for a node in bytes that cannot be read: no rule can name it."""


class Names(NamedTuple):
    """How the ids of one session are resolved."""

    namespaces: Sequence[str] = ()
    """The device's namespace array; empty while unknown."""
    aliases: Mapping[NodeId, NodeId] = NO_ALIASES

    def of(self, node: NodeId) -> str:
        """Return the full name of a node."""
        return full_name(self.aliases.get(node, node), self.namespaces)

    def expanded(self, node: ExpandedNodeId) -> str:
        """Return the full name of a node that may be elsewhere."""
        local = node.uri is None and not node.server
        return self.of(node.node) if local else expanded_name(node, self.namespaces)


NO_NAMES: Final = Names()


class Observed(NamedTuple):
    """A value that a variable has, or has just been told to have."""

    node: str
    """Full name."""
    attribute: int
    index_range: str
    value: DataValue
    cause: str
    """`read`, `write` (acknowledged) or `publish`."""


def meaning(request: Request, names: Names = NO_NAMES) -> Meaning:
    """Return the request as policy and twin see it. A defective one is of unknown intent and touches nothing."""
    law = SERVICES.get(request.number)
    if law is None or request.defect is not None:
        return Meaning(Intent.UNKNOWN, request.number, -1, 0, (), ())
    nodes = tuple(_accesses(request.body, names))
    return Meaning(law.intent, request.number, -1, 0, (), (), b"", nodes, tuple(_changes(request.body)))


def changes_plant(m: Meaning) -> bool:
    """Say whether the request may change something, and so reaches a device at most once."""
    return m.intent in CHANGES_THE_PLANT


def _accesses(body: object, names: Names) -> Iterable[NodeAccess]:
    """Return one access for each item of a request that names nodes."""
    match body:
        case ReadRequest(items=items):
            return [_variable(Intent.READ, item, names) for item in items or ()]
        case CreateMonitoredItemsRequest(items=watched):
            return [_variable(Intent.SUBSCRIBE, wish.item, names) for wish in watched or ()]
        case WriteRequest(items=values):
            return [
                NodeAccess(Intent.WRITE, names.of(item.node), item.attribute, item.index_range or "")
                for item in values or ()
            ]
        case CallRequest(items=calls):
            return [
                NodeAccess(Intent.EXECUTE, names.of(call.method), 0, "", names.of(call.parent)) for call in calls or ()
            ]
        case HistoryReadRequest(items=histories):
            return [
                NodeAccess(Intent.READ, names.of(item.node), VALUE_ATTRIBUTE, item.index_range or "")
                for item in histories or ()
            ]
        case HistoryUpdateRequest(items=updates):
            return [NodeAccess(Intent.WRITE, _updated(update, names)) for update in updates or ()]
        case _:
            return _structure(body, names)


def _structure(body: object, names: Names) -> Iterable[NodeAccess]:
    """Return the accesses of services on nodes themselves."""
    match body:
        case BrowseRequest(items=starts):
            return [NodeAccess(Intent.BROWSE, names.of(item.node), 0) for item in starts or ()]
        case TranslateRequest(items=paths):
            return [NodeAccess(Intent.BROWSE, names.of(path.start), 0) for path in paths or ()]
        case RegisterNodesRequest(nodes=nodes) | UnregisterNodesRequest(nodes=nodes):
            return [NodeAccess(Intent.BROWSE, names.of(node), 0) for node in nodes or ()]
        case AddNodesRequest(items=added):
            return [NodeAccess(Intent.ADMINISTER, names.expanded(item.parent), 0) for item in added or ()]
        case DeleteNodesRequest(items=deleted):
            return [NodeAccess(Intent.ADMINISTER, names.of(item.node), 0) for item in deleted or ()]
        case AddReferencesRequest(items=linked):
            return [NodeAccess(Intent.ADMINISTER, names.of(item.source), 0) for item in linked or ()]
        case DeleteReferencesRequest(items=unlinked):
            return [NodeAccess(Intent.ADMINISTER, names.of(item.source), 0) for item in unlinked or ()]
        case _:
            return ()


def _variable(intent: Intent, item: ReadValueId, names: Names) -> NodeAccess:
    return NodeAccess(intent, names.of(item.node), item.attribute, item.index_range or "")


def _updated(update: ExtensionObject, names: Names) -> str:
    """Return the node of a history update: every kind of details begins with it (P4 §5.10.5, Part 11 §6.8)."""
    if update.encoding != 1 or update.body is None:
        return UNREADABLE
    try:
        return names.of(NODE_ID.read(Reader(update.body)))
    except Malformed:
        return UNREADABLE


def _changes(body: object) -> Iterable[NodeChange]:
    """Return the values that a Write or Call carries."""
    if isinstance(body, WriteRequest):
        for place, item in enumerate(body.items or ()):
            value = item.value
            yield NodeChange(place, *_typed(value.value), _is_stamped(value))
    elif isinstance(body, CallRequest):
        for place, call in enumerate(body.items or ()):
            for number, argument in enumerate(call.arguments or ()):
                yield NodeChange(place, *_typed(argument), argument=number)


def _is_stamped(value: DataValue) -> bool:
    """Say whether a client sends status or time with a value. Good says nothing: some stacks always write it out."""
    return bool(value.status) or any(part is not None for part in value[2:])


def _typed(value: Variant | None) -> tuple[str, tuple[NodeValue, ...]]:
    """Return the type and the elements of a value; a matrix keeps its dimensions in the type, `Double[2,3]`."""
    if value is None or not value.type:
        return "", ()
    name = TYPE_NAMES[value.type]
    if not value.is_array:
        return name, (_simple(value.value),)
    sizes = ",".join(str(size) for size in value.dimensions or ())
    return f"{name}[{sizes}]", tuple(_simple(element) for element in _elements(value))


def _elements(value: Variant) -> Iterable[object]:
    return value.value if isinstance(value.value, tuple) else ()


def _simple(value: object) -> NodeValue:
    return value if isinstance(value, bool | int | float | str) else None


def number_of(value: DataValue) -> float | int | None:
    """Return the single number that a value holds, None where it holds none; a Boolean is 0 or 1."""
    inner = value.value.value if value.value is not None and not value.value.is_array else None
    if isinstance(inner, bool):
        return int(inner)
    return inner if isinstance(inner, int | float) else None


def observations(request: Request, response: Response, names: Names = NO_NAMES) -> list[Observed]:
    """Return what an answer proves: values read, whatever their quality, and written ones with a Good of their own."""
    if response.fault or response.defect is not None or request.defect is not None:
        return []
    match request.body, response.body:
        case ReadRequest(items=asked), ReadResponse(results=values):
            return [
                Observed(names.of(item.node), item.attribute, item.index_range or "", value, "read")
                for item, value in zip(asked or (), values or (), strict=False)
            ]
        case WriteRequest(items=written), StatusResponse(results=statuses):
            return [
                Observed(names.of(item.node), item.attribute, item.index_range or "", item.value, "write")
                for item, status in zip(written or (), statuses or (), strict=False)
                if status == GOOD
            ]
        case _:
            return []


def published(values: Iterable[Notified], names: Names = NO_NAMES) -> list[Observed]:
    """Return published values as observations. Aliases were resolved when the items were created."""
    return [
        Observed(full_name(item.node, names.namespaces), item.attribute, item.index_range, value, "publish")
        for item, value in values
    ]
