"""What must be remembered of one device's sessions: aliases, namespaces, subscriptions (P4 §5.6, §5.8.5).

A session outlives its channel, so it is keyed by its AuthenticationToken on one device, never by a connection. An alias
from RegisterNodes names a node by another id: a rule that does not resolve it can be walked around.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import zip_longest
from typing import Final

from icsguard.protocols.opcua.builtin import Variant
from icsguard.protocols.opcua.codec import Array
from icsguard.protocols.opcua.meaning import NO_ALIASES, Names
from icsguard.protocols.opcua.messages_attribute import ReadRequest, ReadResponse, ReadValueId
from icsguard.protocols.opcua.messages_session import CloseSessionRequest, CreateSessionResponse
from icsguard.protocols.opcua.messages_subscription import (
    CreateMonitoredItemsRequest,
    CreateMonitoredItemsResponse,
    CreateSubscriptionResponse,
    DeleteMonitoredItemsRequest,
    DeleteSubscriptionsRequest,
    ModifyMonitoredItemsRequest,
    ModifyMonitoredItemsResponse,
    TransferRequest,
    TransferResponse,
)
from icsguard.protocols.opcua.messages_view import (
    BrowseNextRequest,
    BrowseRequest,
    BrowseResponse,
    RegisterNodesRequest,
    RegisterNodesResponse,
    StatusResponse,
    UnregisterNodesRequest,
)
from icsguard.protocols.opcua.nodes import NUMERIC, OPC_NAMESPACE, NodeId
from icsguard.protocols.opcua.services import Request, Response
from icsguard.protocols.opcua.subscriptions import Subscriptions

MAX_SESSIONS: Final = (
    256  # of one device; servers take some ten to hundred. A further one is unknown: its writes match no rule
)
MAX_ALIASES: Final = 4_096  # of one session; a RegisterNodes beyond it must be refused (`has_room`)
MAX_CONTINUATIONS: Final = 256  # unfinished browses of one session that are followed; the oldest is forgotten
MAX_NAMESPACES: Final = 1_024  # entries of a namespace array that are believed; a longer array counts as unknown
NAMESPACE_ARRAY: Final = NodeId(0, NUMERIC, 2255)
_VALUE: Final = 13
_STRING: Final = 12


class Session:
    """One session."""

    __slots__ = ("aliases", "continuations", "paged", "token")

    def __init__(self, token: NodeId) -> None:
        self.token = token
        self.aliases: dict[NodeId, NodeId] = {}
        """What the server gave out, to what was registered."""
        self.continuations: dict[bytes, NodeId | None] = {}
        """Continuation points of unfinished browses and what each looks at, oldest first."""
        self.paged: tuple[NodeId | None, ...] = ()
        """What the last answer to a BrowseNext spoke of, one node a result; None where its beginning was not seen."""

    def resolved(self, node: NodeId) -> NodeId:
        """Return the node that an id stands for."""
        return self.aliases.get(node, node)

    def browsed(self, asked: BrowseRequest, answer: BrowseResponse) -> None:
        """Follow which browses are unfinished after a first page."""
        self._unfinished([self.resolved(item.node) for item in asked.items or ()], answer)

    def browsed_on(self, asked: BrowseNextRequest, answer: BrowseResponse) -> None:
        """Follow which browses are unfinished after a further page, or given up."""
        self.paged = tuple(self.continuations.pop(point or b"", None) for point in asked.continuations or ())
        self._unfinished(self.paged, answer)

    def _unfinished(self, starts: Sequence[NodeId | None], answer: BrowseResponse) -> None:
        results = answer.results or ()
        for start, result in zip_longest(starts[: len(results)], results):
            if result.continuation:
                self.continuations[result.continuation] = start
        while len(self.continuations) > MAX_CONTINUATIONS:
            del self.continuations[next(iter(self.continuations))]

    def has_room(self, count: int) -> bool:
        """Say whether so many nodes may still be registered."""
        return len(self.aliases) + count <= MAX_ALIASES

    def registered(self, nodes: Array[NodeId], aliases: Array[NodeId]) -> None:
        """Take in what a RegisterNodes gave out. An alias of an alias is resolved at once."""
        for node, alias in zip(nodes or (), aliases or (), strict=False):
            original = self.resolved(node)
            if alias != original and self.has_room(1):
                self.aliases[alias] = original

    def unregistered(self, aliases: Array[NodeId]) -> None:
        """Forget aliases."""
        for alias in aliases or ():
            self.aliases.pop(alias, None)


class Sessions:
    """All sessions of one device, and the namespace array of its present run."""

    __slots__ = ("_known", "generation", "namespaces", "subscriptions")

    def __init__(self) -> None:
        self._known: dict[NodeId, Session] = {}
        self.namespaces: tuple[str, ...] = ()
        """By index; empty while unknown, and then only namespace 0 has names."""
        self.generation = 0
        """Rises with each change of what ids stand for."""
        self.subscriptions = Subscriptions()

    def __len__(self) -> int:
        return len(self._known)

    def of(self, token: NodeId) -> Session | None:
        """Return the session of a token; None where it is not known."""
        return self._known.get(token)

    def names(self, token: NodeId) -> Names:
        """Return how the ids of a session's requests are resolved."""
        session = self._known.get(token)
        return Names(self.namespaces, session.aliases if session is not None else NO_ALIASES)

    def paged(self, token: NodeId) -> tuple[NodeId | None, ...]:
        """Return the nodes of which a session's last BrowseNext was answered, one a result."""
        session = self._known.get(token)
        return () if session is None else session.paged

    def continuations_of(self, token: NodeId) -> int:
        """Return how many browses of a session are unfinished."""
        session = self._known.get(token)
        return 0 if session is None else len(session.continuations)

    def items_of(self, request: Request) -> int:
        """Return how many items the subscription of a CreateMonitoredItems has already."""
        asked = request.body
        return self.subscriptions.size(asked.subscription) if isinstance(asked, CreateMonitoredItemsRequest) else 0

    def forgotten(self, token: NodeId) -> None:
        """Forget a session and what it had: nobody has used it for too long."""
        self._closed(token, subscriptions=True)

    def met(self, token: NodeId) -> None:
        """Take in a session whose creation was not seen; one too many stays unknown."""
        if token not in self._known and len(self._known) < MAX_SESSIONS:
            self._known[token] = Session(token)

    def restarted(self) -> None:
        """Forget everything: the device was restarted or lost."""
        self.generation += 1
        self._known.clear()
        self.namespaces = ()
        self.subscriptions = Subscriptions()

    def answered(self, request: Request, response: Response) -> None:
        """Learn from a request and its good answer."""
        asked, answer = request.body, response.body
        if response.fault or response.defect is not None or request.defect is not None:
            return
        token = request.header.token
        match asked, answer:
            case _, CreateSessionResponse():
                if len(self._known) < MAX_SESSIONS:
                    self._known[answer.token] = Session(answer.token)
            case CloseSessionRequest(), _:
                self._closed(token, subscriptions=asked.subscriptions)
            case ReadRequest(), ReadResponse():
                self._namespaces(asked, answer)
            case _:
                self._of_session(self._known.get(token), asked, answer)
                self._subscriptions(token, asked, answer)

    def _of_session(self, session: Session | None, asked: object, answer: object) -> None:
        """Learn what is the session's own: aliases, unfinished browses."""
        match asked, answer:
            case _ if session is None:
                return
            case RegisterNodesRequest(), RegisterNodesResponse():
                session.registered(asked.nodes, answer.nodes)
                self.generation += 1
            case UnregisterNodesRequest(), _:
                session.unregistered(asked.nodes)
                self.generation += 1
            case BrowseRequest(), BrowseResponse():
                session.browsed(asked, answer)
            case BrowseNextRequest(), BrowseResponse():
                session.browsed_on(asked, answer)
            case _:
                return

    def _closed(self, token: NodeId, *, subscriptions: bool) -> None:
        self._known.pop(token, None)
        if subscriptions:
            self.subscriptions.session_closed(token)

    def _namespaces(self, asked: ReadRequest, answer: ReadResponse) -> None:
        for item, result in zip(asked.items or (), answer.results or (), strict=False):
            whole = item.node == NAMESPACE_ARRAY and item.attribute == _VALUE and not item.index_range
            if whole and not (result.status or 0) >> 31 and result.value is not None:
                names = _names(result.value)
                self.generation += names != self.namespaces
                self.namespaces = names

    def _subscriptions(self, token: NodeId, asked: object, answer: object) -> None:
        table = self.subscriptions
        match asked, answer:
            case _, CreateSubscriptionResponse():
                table.created(answer.subscription, token)
            case CreateMonitoredItemsRequest(), CreateMonitoredItemsResponse():
                table.items_created(asked, answer, self._resolved(token, asked))
            case ModifyMonitoredItemsRequest(), ModifyMonitoredItemsResponse():
                table.items_modified(asked, answer)
            case DeleteMonitoredItemsRequest(), StatusResponse():
                table.items_deleted(asked.subscription, asked.items or (), answer.results or ())
            case _:
                self._ended_or_moved(token, asked, answer)

    def _ended_or_moved(self, token: NodeId, asked: object, answer: object) -> None:
        table = self.subscriptions
        if isinstance(asked, DeleteSubscriptionsRequest) and isinstance(answer, StatusResponse):
            for number, status in zip(asked.subscriptions or (), answer.results or (), strict=False):
                if not status >> 31:
                    table.deleted(number)
        elif isinstance(asked, TransferRequest) and isinstance(answer, TransferResponse):
            for number, result in zip(asked.subscriptions or (), answer.results or (), strict=False):
                if not result.status >> 31:
                    table.transferred(number, token)

    def _resolved(self, token: NodeId, asked: CreateMonitoredItemsRequest) -> list[ReadValueId]:
        session = self._known.get(token)
        items = [wish.item for wish in asked.items or ()]
        return items if session is None else [item._replace(node=session.resolved(item.node)) for item in items]


def _names(value: Variant) -> tuple[str, ...]:
    """Return a namespace array, empty where the value is none: then nothing but namespace 0 has a name."""
    names = value.value
    if value.type != _STRING or not isinstance(names, tuple) or not 0 < len(names) <= MAX_NAMESPACES:
        return ()
    texts = tuple(name if isinstance(name, str) else "" for name in names)
    return texts if texts[0] == OPC_NAMESPACE and len(set(texts)) == len(texts) else ()
