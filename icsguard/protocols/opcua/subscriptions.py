"""Which variable a notification speaks of: monitored items by subscription and ClientHandle (P4 §5.12, §5.13).

A notification carries only the client's own handle, unique in one subscription. The table follows creation, change,
deletion and transfer; what it has not seen begin is unmapped, and says so.
"""

from __future__ import annotations

from typing import Final, NamedTuple

from icsguard.core.defect import Defect
from icsguard.protocols.opcua.builtin import DataValue
from icsguard.protocols.opcua.messages_attribute import ReadValueId
from icsguard.protocols.opcua.messages_subscription import (
    CreateMonitoredItemsRequest,
    CreateMonitoredItemsResponse,
    DataChange,
    ModifyMonitoredItemsRequest,
    ModifyMonitoredItemsResponse,
    NotificationMessage,
    StatusChange,
)
from icsguard.protocols.opcua.nodes import NodeId
from icsguard.protocols.opcua.services import structure

MAX_SUBSCRIPTIONS: Final = 1_024  # of one device; servers take some hundred. Beyond it a new one stays unmapped
MAX_ITEMS: Final = 16_384  # in one subscription; beyond it a new one stays unmapped


class Monitored(NamedTuple):
    """One monitored item."""

    node: NodeId
    """As the server knows it: an alias is resolved when the item is created, and not again."""
    attribute: int
    index_range: str


class Notified(NamedTuple):
    """One published value."""

    item: Monitored
    value: DataValue


class Subscription:
    """One subscription's items."""

    __slots__ = ("by_handle", "handles", "owner")

    def __init__(self, owner: NodeId) -> None:
        self.owner = owner
        """AuthenticationToken of the session that has it."""
        self.by_handle: dict[int, Monitored] = {}
        self.handles: dict[int, int] = {}
        """MonitoredItemId to ClientHandle."""


class Subscriptions:
    """All subscriptions of one device."""

    __slots__ = ("_known",)

    def __init__(self) -> None:
        self._known: dict[int, Subscription] = {}

    def __len__(self) -> int:
        return len(self._known)

    def owned(self, owner: NodeId) -> int:
        """Return how many subscriptions a session has."""
        return sum(known.owner == owner for known in self._known.values())

    def size(self, number: int) -> int:
        """Return how many monitored items a subscription has."""
        known = self._known.get(number)
        return 0 if known is None else len(known.handles)

    def created(self, number: int, owner: NodeId) -> bool:
        """Take a new subscription in; False where there is no room."""
        if len(self._known) >= MAX_SUBSCRIPTIONS and number not in self._known:
            return False
        self._known[number] = Subscription(owner)
        return True

    def deleted(self, number: int) -> None:
        """Forget a subscription."""
        self._known.pop(number, None)

    def transferred(self, number: int, owner: NodeId) -> None:
        """Give a subscription to another session; its items stay."""
        known = self._known.get(number)
        if known is not None:
            known.owner = owner

    def session_closed(self, owner: NodeId) -> None:
        """Forget what a session leaves behind with its consent."""
        for number in [number for number, known in self._known.items() if known.owner == owner]:
            del self._known[number]

    def items_created(
        self, asked: CreateMonitoredItemsRequest, answer: CreateMonitoredItemsResponse, items: list[ReadValueId]
    ) -> bool:
        """Take new items in; `items` are those of the request with aliases resolved. False where one had no room."""
        known = self._known.get(asked.subscription)
        if known is None:
            return False
        room = True
        for wish, made, item in zip(asked.items or (), answer.results or (), items, strict=False):
            if made.status >> 31:
                continue
            if len(known.handles) >= MAX_ITEMS:
                room = False
                continue
            handle = wish.parameters.handle
            known.handles[made.item] = handle
            known.by_handle[handle] = Monitored(item.node, item.attribute, item.index_range or "")
        return room

    def items_modified(self, asked: ModifyMonitoredItemsRequest, answer: ModifyMonitoredItemsResponse) -> None:
        """Follow changed ClientHandles: all old ones go before the new ones come, since two items may swap theirs."""
        known = self._known.get(asked.subscription)
        if known is None:
            return
        moved: list[tuple[int, int, Monitored]] = []
        for wish, made in zip(asked.items or (), answer.results or (), strict=False):
            old = known.handles.get(wish.item)
            if made.status >> 31 or old is None or old not in known.by_handle:
                continue
            moved.append((wish.item, wish.parameters.handle, known.by_handle.pop(old)))
        for item, handle, monitored in moved:
            known.handles[item] = handle
            known.by_handle[handle] = monitored

    def items_deleted(self, number: int, items: tuple[int, ...], results: tuple[int, ...]) -> None:
        """Forget the items whose deletion was Good."""
        known = self._known.get(number)
        if known is None:
            return
        for item, status in zip(items, results, strict=False):
            handle = None if status >> 31 else known.handles.pop(item, None)
            if handle is not None:
                known.by_handle.pop(handle, None)

    def knows(self, number: int) -> bool:
        """Say whether a subscription was seen to begin and not to end."""
        return number in self._known

    def notified(self, number: int, message: NotificationMessage) -> tuple[list[Notified], int, Defect | None]:
        """Return the published values, how many are unmapped, and what is wrong with the notifications.

        A subscription whose end is published (P4 §5.13.1.2: nobody fetched its notifications in time) is forgotten.
        """
        known = self._known.get(number)
        found: list[Notified] = []
        unmapped = 0
        for extension in message.data or ():
            change = structure(extension)
            if isinstance(change, Defect):
                return found, unmapped, change
            if isinstance(change, StatusChange) and change.status >> 31:
                self.deleted(number)
            if not isinstance(change, DataChange):
                continue
            for handle, value in change.values or ():
                item = known.by_handle.get(handle) if known else None
                if item is None:
                    unmapped += 1
                else:
                    found.append(Notified(item, value))
        return found, unmapped, None
