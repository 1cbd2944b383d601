"""Notifications find their variables through every change of the table."""

import pytest

from icsguard.protocols.opcua import subscriptions as module
from icsguard.protocols.opcua.builtin import (
    NO_EXTENSION,
    DataValue,
    DiagnosticInfo,
    ExtensionObject,
    QualifiedName,
    Variant,
)
from icsguard.protocols.opcua.messages_attribute import ReadValueId
from icsguard.protocols.opcua.messages_subscription import (
    CreateMonitoredItemsRequest,
    CreateMonitoredItemsResponse,
    DataChange,
    ModifyMonitoredItemsRequest,
    ModifyMonitoredItemsResponse,
    MonitoredItemCreate,
    MonitoredItemCreated,
    MonitoredItemModified,
    MonitoredItemModify,
    MonitoredValue,
    MonitoringParameters,
    NotificationMessage,
    StatusChange,
)
from icsguard.protocols.opcua.nodes import NodeId
from icsguard.protocols.opcua.services import wrapped
from icsguard.protocols.opcua.subscriptions import Monitored, Subscriptions

OWNER, OTHER = NodeId(0, "i", 1), NodeId(0, "i", 2)
VALUE = DataValue(Variant(11, 1.5))


def watched(name):
    return ReadValueId(NodeId(1, "s", name), 13, None, QualifiedName())


def parameters(handle):
    return MonitoringParameters(handle, 0.0, NO_EXTENSION, 1, discard_oldest=True)


def create(table, subscription, *items, status=0):
    """Add items (name, handle, item id)."""
    asked = tuple(MonitoredItemCreate(watched(name), 2, parameters(handle)) for name, handle, _ in items)
    made = tuple(MonitoredItemCreated(status, number, 0.0, 1, NO_EXTENSION) for *_, number in items)
    return table.items_created(
        CreateMonitoredItemsRequest(subscription, 0, asked),
        CreateMonitoredItemsResponse(made, None),
        [wish.item for wish in asked],
    )


def modify(table, subscription, *items, status=0):
    """Give items (item id, new handle)."""
    table.items_modified(
        ModifyMonitoredItemsRequest(subscription, 0, tuple(MonitoredItemModify(n, parameters(h)) for n, h in items)),
        ModifyMonitoredItemsResponse(tuple(MonitoredItemModified(status, 0.0, 1, NO_EXTENSION) for _ in items), None),
    )


def seen(table, subscription, *handles):
    values = tuple(MonitoredValue(handle, VALUE) for handle in handles)
    found, unmapped, defect = table.notified(
        subscription, NotificationMessage(1, 0, (wrapped(DataChange(values, None)),))
    )
    assert defect is None
    return [notified.item.node.identifier for notified in found], unmapped


@pytest.fixture
def table():
    made = Subscriptions()
    assert made.created(7, OWNER)
    assert create(made, 7, ("a", 1, 101), ("b", 2, 102))
    return made


def test_a_published_value_finds_its_variable(table):
    found, unmapped, _ = table.notified(
        7, NotificationMessage(1, 0, (wrapped(DataChange((MonitoredValue(2, VALUE),), None)),))
    )
    assert ([(Monitored(NodeId(1, "s", "b"), 13, ""), VALUE)], 0) == (found, unmapped)


def test_what_has_not_been_seen_begin_is_unmapped(table):
    assert ([], 1) == seen(table, 7, 9)
    assert ([], 1) == seen(table, 8, 1)
    assert not create(table, 8, ("c", 1, 101))
    modify(table, 8, (101, 5))
    table.items_deleted(8, (101,), (0,))
    table.transferred(8, OTHER)


def test_a_failed_item_is_no_item(table):
    assert create(table, 7, ("c", 3, 103), status=0x80340000)
    assert ([], 1) == seen(table, 7, 3)


def test_handles_that_two_items_swap_are_followed(table):
    modify(table, 7, (101, 2), (102, 1))
    assert (["b", "a"], 0) == seen(table, 7, 1, 2)
    modify(table, 7, (101, 9), status=0x80420000)
    modify(table, 7, (999, 9))
    assert (["b", "a"], 0) == seen(table, 7, 1, 2)


def test_a_deleted_item_is_unmapped(table):
    table.items_deleted(7, (101, 102, 999), (0, 0x80420000, 0))
    assert (["b"], 1) == seen(table, 7, 1, 2)


def test_a_transferred_subscription_keeps_its_items_and_leaves_its_session(table):
    table.transferred(7, OTHER)
    assert (0, 1) == (table.owned(OWNER), table.owned(OTHER))
    table.session_closed(OWNER)
    assert (["a"], 0) == seen(table, 7, 1)
    table.session_closed(OTHER)
    assert 0 == len(table)


def test_a_deleted_subscription_is_forgotten(table):
    table.deleted(7)
    table.deleted(7)
    assert ([], 1) == seen(table, 7, 1)


def test_other_notifications_carry_no_values_and_broken_ones_are_a_defect(table):
    change = wrapped(StatusChange(0x800A0000, DiagnosticInfo()))
    unknown = ExtensionObject(NodeId(5, "i", 1), 1, b"")
    assert ([], 0, None) == table.notified(7, NotificationMessage(1, 0, (change, unknown)))
    assert ([], 0, None) == table.notified(7, NotificationMessage(1, 0, None))
    broken = wrapped(DataChange(None, None))._replace(body=b"\1")
    assert "codec-short" == table.notified(7, NotificationMessage(1, 0, (broken,)))[2].code


def test_the_tables_are_bounded(table, monkeypatch):
    monkeypatch.setattr(module, "MAX_SUBSCRIPTIONS", 1)
    assert [True, False] == [table.created(7, OWNER), table.created(8, OWNER)]
    monkeypatch.setattr(module, "MAX_ITEMS", 1)
    assert not create(table, 7, ("a", 1, 101), ("b", 2, 102))
    assert (["a"], 1) == seen(table, 7, 1, 2)


@pytest.mark.parametrize(("status", "known"), [(0x800A0000, False), (0x002D0000, True)])
def test_a_subscription_whose_end_is_published_is_forgotten(table, status, known):
    message = NotificationMessage(1, 0, (wrapped(StatusChange(status, DiagnosticInfo())),))
    assert ([], 0, None) == table.notified(7, message)
    assert (known, False) == (table.knows(7), table.knows(8))
