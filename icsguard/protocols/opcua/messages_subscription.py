"""Parameters of the services on monitored items and subscriptions, and what they notify (P4 §5.12, §5.13, §7)."""

from __future__ import annotations

from typing import NamedTuple

from icsguard.protocols.opcua.builtin import Argument, Diagnostic, Extension, Value
from icsguard.protocols.opcua.codec import F64, I32, U8, U32, Array, Bool, Status, Ticks
from icsguard.protocols.opcua.messages_attribute import ReadValueId


class MonitoringParameters(NamedTuple):
    """P4 §7."""

    handle: U32
    """ClientHandle: chosen by the client, unique in one subscription only."""
    sampling_ms: F64
    """0 fastest, -1 the publishing interval."""
    filter: Extension
    queue: U32
    discard_oldest: Bool


class MonitoredItemCreate(NamedTuple):
    """P4 §5.12.2."""

    item: ReadValueId
    mode: I32
    """0 disabled, 1 sampling, 2 reporting."""
    parameters: MonitoringParameters


class CreateMonitoredItemsRequest(NamedTuple):
    """P4 §5.12.2."""

    subscription: U32
    timestamps: I32
    items: Array[MonitoredItemCreate]


class MonitoredItemCreated(NamedTuple):
    """P4 §5.12.2."""

    status: Status
    item: U32
    sampling_ms: F64
    queue: U32
    filter: Extension


class CreateMonitoredItemsResponse(NamedTuple):
    """P4 §5.12.2."""

    results: Array[MonitoredItemCreated]
    diagnostics: Array[Diagnostic]


class MonitoredItemModify(NamedTuple):
    """P4 §5.12.3."""

    item: U32
    parameters: MonitoringParameters


class ModifyMonitoredItemsRequest(NamedTuple):
    """P4 §5.12.3."""

    subscription: U32
    timestamps: I32
    items: Array[MonitoredItemModify]


class MonitoredItemModified(NamedTuple):
    """P4 §5.12.3."""

    status: Status
    sampling_ms: F64
    queue: U32
    filter: Extension


class ModifyMonitoredItemsResponse(NamedTuple):
    """P4 §5.12.3."""

    results: Array[MonitoredItemModified]
    diagnostics: Array[Diagnostic]


class SetMonitoringModeRequest(NamedTuple):
    """P4 §5.12.4."""

    subscription: U32
    mode: I32
    items: Array[U32]


class SetTriggeringRequest(NamedTuple):
    """P4 §5.12.5."""

    subscription: U32
    trigger: U32
    add: Array[U32]
    remove: Array[U32]


class SetTriggeringResponse(NamedTuple):
    """P4 §5.12.5."""

    added: Array[Status]
    added_diagnostics: Array[Diagnostic]
    removed: Array[Status]
    removed_diagnostics: Array[Diagnostic]


class DeleteMonitoredItemsRequest(NamedTuple):
    """P4 §5.12.6."""

    subscription: U32
    items: Array[U32]


class CreateSubscriptionRequest(NamedTuple):
    """P4 §5.13.2."""

    publishing_ms: F64
    lifetime: U32
    """Publishing intervals without a Publish after which it ends."""
    keep_alive: U32
    most: U32
    enabled: Bool
    priority: U8


class CreateSubscriptionResponse(NamedTuple):
    """P4 §5.13.2."""

    subscription: U32
    publishing_ms: F64
    lifetime: U32
    keep_alive: U32


class ModifySubscriptionRequest(NamedTuple):
    """P4 §5.13.3."""

    subscription: U32
    publishing_ms: F64
    lifetime: U32
    keep_alive: U32
    most: U32
    priority: U8


class ModifySubscriptionResponse(NamedTuple):
    """P4 §5.13.3."""

    publishing_ms: F64
    lifetime: U32
    keep_alive: U32


class SetPublishingModeRequest(NamedTuple):
    """P4 §5.13.4."""

    enabled: Bool
    subscriptions: Array[U32]


class Acknowledgement(NamedTuple):
    """P4 §5.13.5."""

    subscription: U32
    sequence: U32


class PublishRequest(NamedTuple):
    """P4 §5.13.5."""

    acknowledgements: Array[Acknowledgement]


class NotificationMessage(NamedTuple):
    """P4 §7."""

    sequence: U32
    time: Ticks
    data: Array[Extension]


class PublishResponse(NamedTuple):
    """P4 §5.13.5."""

    subscription: U32
    available: Array[U32]
    more: Bool
    message: NotificationMessage
    results: Array[Status]
    diagnostics: Array[Diagnostic]


class RepublishRequest(NamedTuple):
    """P4 §5.13.6."""

    subscription: U32
    sequence: U32


class RepublishResponse(NamedTuple):
    """P4 §5.13.6."""

    message: NotificationMessage


class TransferRequest(NamedTuple):
    """TransferSubscriptions, P4 §5.13.7."""

    subscriptions: Array[U32]
    initial: Bool


class TransferResult(NamedTuple):
    """P4 §5.13.7."""

    status: Status
    available: Array[U32]


class TransferResponse(NamedTuple):
    """P4 §5.13.7."""

    results: Array[TransferResult]
    diagnostics: Array[Diagnostic]


class DeleteSubscriptionsRequest(NamedTuple):
    """P4 §5.13.8."""

    subscriptions: Array[U32]


class MonitoredValue(NamedTuple):
    """MonitoredItemNotification, P4 §7."""

    handle: U32
    value: Value


class DataChange(NamedTuple):
    """DataChangeNotification, P4 §7."""

    values: Array[MonitoredValue]
    diagnostics: Array[Diagnostic]


class MonitoredEvent(NamedTuple):
    """EventFieldList, P4 §7."""

    handle: U32
    fields: Array[Argument]


class Events(NamedTuple):
    """EventNotificationList, P4 §7."""

    events: Array[MonitoredEvent]


class StatusChange(NamedTuple):
    """StatusChangeNotification, P4 §7."""

    status: Status
    diagnostics: Diagnostic
