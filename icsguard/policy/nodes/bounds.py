"""How much a request asks for, against the limits of the policy: counts, intervals, queues, lifetimes.

What is above a limit is refused: a client that is told `BadTooMany…` knows where it stands. Intervals and queues alone,
which servers revise anyway, are first brought within the limits in place (`protocols.opcua.trim`) where that can be.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Final, NamedTuple

from icsguard.core.decision import Decision, Layer
from icsguard.core.verdict import Reason
from icsguard.policy.nodes.codes import reply_of
from icsguard.policy.nodes.rules import UaLimits
from icsguard.policy.techniques import FLOOD
from icsguard.protocols.opcua.messages_session import CreateSessionRequest
from icsguard.protocols.opcua.messages_subscription import (
    CreateMonitoredItemsRequest,
    CreateSubscriptionRequest,
    ModifyMonitoredItemsRequest,
    ModifySubscriptionRequest,
    MonitoringParameters,
    PublishRequest,
)
from icsguard.protocols.opcua.messages_view import BrowseRequest, RegisterNodesRequest, TranslateRequest
from icsguard.protocols.opcua.services import Request

_MS: Final = 1_000
_AS_PUBLISHED: Final = -1.0
"""Sampling interval that stands for the publishing interval."""


class Usage(NamedTuple):
    """What a client has taken already."""

    sessions: int = 0
    """Of its address."""
    subscriptions: int = 0
    items: int = 0
    """Of the subscription that the request names."""
    publishes: int = 0
    in_flight: int = 0
    continuations: int = 0
    registered: int = 0


NOTHING: Final = Usage()


def over(request: Request, limits: UaLimits, usage: Usage = NOTHING) -> Reason | None:
    """Return why the request asks for too much, None where it does not."""
    if usage.in_flight >= limits.in_flight and not isinstance(request.body, PublishRequest):
        return _reason("too-many", f"{usage.in_flight} requests of the session wait already")
    found = _items(request, limits) or next(_asked(request.body, limits, usage), None)
    return None if found is None else _reason(*found)


def _items(request: Request, limits: UaLimits) -> tuple[str, str] | None:
    for part in request.body or ():
        if isinstance(part, tuple) and len(part) > limits.nodes_per_call:
            return "too-many", f"{request.name} of {len(part)} items, at most {limits.nodes_per_call} are taken"
    return None


def _asked(body: object, limits: UaLimits, usage: Usage) -> Iterator[tuple[str, str]]:
    match body:
        case CreateSessionRequest():
            if usage.sessions >= limits.sessions_per_client:
                yield "too-many-sessions", f"a session beyond the {limits.sessions_per_client} that a client may have"
        case CreateSubscriptionRequest():
            if usage.subscriptions >= limits.subscriptions:
                yield "too-many-subscriptions", f"a subscription beyond {limits.subscriptions} of a session"
            yield from _subscription(body.publishing_ms, body.lifetime, limits)
        case ModifySubscriptionRequest():
            yield from _subscription(body.publishing_ms, body.lifetime, limits)
        case CreateMonitoredItemsRequest():
            wanted = usage.items + len(body.items or ())
            if wanted > limits.items:
                yield "too-many-items", f"{wanted} monitored items, at most {limits.items} of a subscription are taken"
            yield from _sampling((wish.parameters for wish in body.items or ()), limits)
        case ModifyMonitoredItemsRequest():
            yield from _sampling((change.parameters for change in body.items or ()), limits)
        case _:
            yield from _looking(body, limits, usage)


def _looking(body: object, limits: UaLimits, usage: Usage) -> Iterator[tuple[str, str]]:
    match body:
        case PublishRequest() if usage.publishes >= limits.publishes:
            yield "too-many-publishes", f"a Publish beyond the {limits.publishes} that may wait"
        case RegisterNodesRequest() if usage.registered + len(body.nodes or ()) > limits.registered:
            yield "too-many", f"more than {limits.registered} registered nodes of a session"
        case BrowseRequest() if body.most and usage.continuations >= limits.continuation_points:
            yield "too-many", f"a browse beside {usage.continuations} unfinished ones"
        case TranslateRequest():
            longest = max((len(path.elements or ()) for path in body.items or ()), default=0)
            if longest > limits.path_elements:
                yield "too-many", f"a browse path of {longest} steps, at most {limits.path_elements} are taken"
        case _:
            return


def _subscription(publishing_ms: float, lifetime: int, limits: UaLimits) -> Iterator[tuple[str, str]]:
    if limits.publishing_ms and not publishing_ms >= limits.publishing_ms:
        yield "too-fast", f"a publishing interval of {publishing_ms:g} ms, the shortest is {limits.publishing_ms:g} ms"
    life_s = max(publishing_ms, 0.0) * lifetime / _MS
    if not life_s <= limits.lifetime_s:
        yield "too-long", f"a subscription that lives {life_s:g} s without a Publish, at most {limits.lifetime_s} s"


def _sampling(wishes: Iterable[MonitoringParameters], limits: UaLimits) -> Iterator[tuple[str, str]]:
    for wish in wishes:
        if wish.queue > limits.queue:
            yield "too-long", f"a queue of {wish.queue} values, at most {limits.queue} are taken"
        rate = wish.sampling_ms
        if limits.sampling_ms and rate != _AS_PUBLISHED and not rate >= limits.sampling_ms:
            yield "too-fast", f"a sampling interval of {rate:g} ms, the shortest is {limits.sampling_ms:g} ms"


def _reason(code: str, text: str) -> Reason:
    return Reason(Layer.RESOURCES, code, text, Decision.REFUSE, "limits", FLOOD, reply=reply_of(code))
