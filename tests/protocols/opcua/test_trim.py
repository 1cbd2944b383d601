"""Wishes are brought within limits in place, and in as many bytes."""

import math

import pytest

from icsguard.protocols.opcua.builtin import ExtensionObject, QualifiedName
from icsguard.protocols.opcua.headers import RequestHeader
from icsguard.protocols.opcua.messages_attribute import ReadRequest, ReadValueId
from icsguard.protocols.opcua.messages_subscription import (
    CreateMonitoredItemsRequest,
    CreateSubscriptionRequest,
    ModifyMonitoredItemsRequest,
    ModifySubscriptionRequest,
    MonitoredItemCreate,
    MonitoredItemModify,
    MonitoringParameters,
)
from icsguard.protocols.opcua.nodes import NodeId
from icsguard.protocols.opcua.services import build_request, parse_request
from icsguard.protocols.opcua.trim import Bounds, trimmed

BOUNDS = Bounds(publishing_ms=100.0, sampling_ms=50.0, queue=10)
NODE = ReadValueId(NodeId(2, "s", "a long name"), 13, None, QualifiedName(2, "x"))


def request(body):
    return parse_request(build_request(RequestHeader(), body))


def wish(sampling, queue=1):
    odd = ExtensionObject(NodeId(0, "i", 724), 1, b"\1\2\3")
    return MonitoringParameters(7, sampling, odd, queue, discard_oldest=True)


def within(body):
    """Return what a request wishes after it was trimmed; the rest of it is as it was."""
    asked = request(body)
    raw = trimmed(asked, BOUNDS)
    assert len(asked.raw) == len(raw)
    again = parse_request(raw)
    assert again.defect is None
    assert asked.header == again.header
    return again.body


@pytest.mark.parametrize("wished", [0.0, -5.0, 99.9, math.nan])
def test_a_publishing_interval_is_lengthened(wished):
    create = CreateSubscriptionRequest(wished, 100, 10, 3, enabled=True, priority=4)
    assert create._replace(publishing_ms=100.0) == within(create)
    modify = ModifySubscriptionRequest(9, wished, 100, 10, 3, 4)
    assert modify._replace(publishing_ms=100.0) == within(modify)


def test_sampling_is_slowed_and_queues_shortened_item_by_item():
    wishes = [wish(0.0), wish(-1.0), wish(math.nan, 11), wish(75.0, 10), wish(50.0, 2**32 - 1)]
    expected = [wish(50.0), wish(-1.0), wish(50.0, 10), wish(75.0, 10), wish(50.0, 10)]
    create = CreateMonitoredItemsRequest(9, 2, tuple(MonitoredItemCreate(NODE, 2, one) for one in wishes))
    assert expected == [item.parameters for item in within(create).items]
    assert {NODE} == {item.item for item in within(create).items}
    modify = ModifyMonitoredItemsRequest(9, 2, tuple(MonitoredItemModify(5, one) for one in wishes))
    assert expected == [item.parameters for item in within(modify).items]


@pytest.mark.parametrize(
    "body",
    [
        CreateSubscriptionRequest(100.0, 100, 10, 3, enabled=True, priority=4),
        CreateMonitoredItemsRequest(9, 2, (MonitoredItemCreate(NODE, 2, wish(-1.0, 0)),)),
        CreateMonitoredItemsRequest(9, 2, None),
        ReadRequest(0.0, 0, (NODE,)),
    ],
)
def test_what_is_within_stays_the_same_bytes(body):
    asked = request(body)
    assert trimmed(asked, BOUNDS) is asked.raw


def test_without_bounds_nothing_is_changed():
    asked = request(CreateSubscriptionRequest(0.0, 100, 10, 3, enabled=True, priority=4))
    assert trimmed(asked, Bounds()) is asked.raw


def test_a_broken_request_stays_as_it_is():
    raw = request(CreateSubscriptionRequest(0.0, 100, 10, 3, enabled=True, priority=4)).raw
    for end in range(len(raw)):
        asked = parse_request(raw[:end])
        assert trimmed(asked, BOUNDS) is asked.raw
