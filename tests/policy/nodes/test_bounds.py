import math

import pytest

from icsguard.policy.nodes.bounds import Usage, over
from icsguard.policy.nodes.rules import UaLimits
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
    PublishRequest,
)
from icsguard.protocols.opcua.messages_view import (
    BrowsePath,
    BrowseRequest,
    RegisterNodesRequest,
    RelativePathElement,
    TranslateRequest,
    ViewDescription,
)
from icsguard.protocols.opcua.nodes import NodeId
from icsguard.protocols.opcua.services import build_request, parse_request

NODE = NodeId(0, "i", 85)


def value_id():
    return ReadValueId(NODE, 13, None, QualifiedName())


def watch(sampling=0.0, queue=1):
    parameters = MonitoringParameters(1, sampling, ExtensionObject(), queue, discard_oldest=True)
    return MonitoredItemCreate(value_id(), 2, parameters)


def items(*wishes):
    return CreateMonitoredItemsRequest(1, 0, wishes)


def subscription(publishing=100.0, lifetime=100):
    return CreateSubscriptionRequest(publishing, lifetime, 10, 0, enabled=True, priority=0)


def path(steps):
    step = RelativePathElement(NODE, inverse=False, subtypes=True, name=QualifiedName())
    return TranslateRequest((BrowsePath(NODE, (step,) * steps),))


def changed(sampling):
    return ModifyMonitoredItemsRequest(1, 0, (MonitoredItemModify(1, watch(sampling).parameters),))


def browse(most):
    return BrowseRequest(ViewDescription(NODE, 0, 0), most, None)


@pytest.mark.parametrize(
    ("body", "limits", "usage", "code"),
    [
        (ReadRequest(0, 0, (value_id(),) * 3), {"nodes_per_call": 3}, {}, ""),
        (ReadRequest(0, 0, (value_id(),) * 4), {"nodes_per_call": 3}, {}, "too-many"),
        (ReadRequest(0, 0, (value_id(),)), {}, {"in_flight": 64}, "too-many"),
        (PublishRequest(None), {}, {"in_flight": 64}, ""),
        (PublishRequest(None), {"publishes": 2}, {"publishes": 2}, "too-many-publishes"),
        (subscription(), {"subscriptions": 2}, {"subscriptions": 1}, ""),
        (subscription(), {"subscriptions": 2}, {"subscriptions": 2}, "too-many-subscriptions"),
        (subscription(50), {"publishing_ms": 100}, {}, "too-fast"),
        (subscription(100), {"publishing_ms": 100}, {}, ""),
        (subscription(0), {"publishing_ms": 100}, {}, "too-fast"),
        (subscription(math.nan), {"publishing_ms": 100}, {}, "too-fast"),
        (subscription(1e9, 4_000_000_000), {}, {}, "too-long"),
        (ModifySubscriptionRequest(1, 50, 10, 10, 0, 0), {"publishing_ms": 100}, {}, "too-fast"),
        (items(watch()), {"items": 3}, {"items": 2}, ""),
        (items(watch(), watch()), {"items": 3}, {"items": 2}, "too-many-items"),
        (items(watch(50.0)), {"sampling_ms": 100}, {}, "too-fast"),
        (items(watch(-1.0)), {"sampling_ms": 100}, {}, ""),
        (items(watch(queue=11)), {"queue": 10}, {}, "too-long"),
        (changed(50.0), {"sampling_ms": 100}, {}, "too-fast"),
        (RegisterNodesRequest((NODE,) * 2), {"registered": 3}, {"registered": 1}, ""),
        (RegisterNodesRequest((NODE,) * 2), {"registered": 3}, {"registered": 2}, "too-many"),
        (browse(5), {"continuation_points": 1}, {"continuations": 1}, "too-many"),
        (browse(0), {"continuation_points": 1}, {"continuations": 1}, ""),
        (path(32), {}, {}, ""),
        (path(33), {}, {}, "too-many"),
    ],
)  # fmt: skip
def test_what_is_above_a_limit_is_refused(body, limits, usage, code):
    request = parse_request(build_request(RequestHeader(), body))
    assert request.defect is None
    found = over(request, UaLimits(**limits), Usage(**usage))
    assert code == (found.code if found else "")
    assert found is None or found.reply >> 31


def test_more_sessions_than_the_limit_are_refused():
    from icsguard.protocols.opcua.builtin import LocalizedText
    from icsguard.protocols.opcua.messages_session import ApplicationDescription, CreateSessionRequest

    application = ApplicationDescription("urn:x", None, LocalizedText(), 1, None, None, None)
    body = CreateSessionRequest(application, None, "opc.tcp://x", "x", b"n" * 32, None, 1e6, 0)
    request = parse_request(build_request(RequestHeader(), body))
    assert "too-many-sessions" == over(request, UaLimits(sessions_per_client=2), Usage(sessions=2)).code
    assert None is over(request, UaLimits(sessions_per_client=2), Usage(sessions=1))
