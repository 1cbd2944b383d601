"""What a good answer says about the plant, told to policy's memory: values of declared points, and the address space.

Only what policy has a use for is decoded; the shadow decodes the rest from the mirror, in its own time.
"""

from __future__ import annotations

from typing import Final

from icsguard.conversation.opcua.flight import UaFlight
from icsguard.conversation.opcua.guard import UaGuard
from icsguard.core.meaning import VALUE_ATTRIBUTE
from icsguard.policy.nodes.tree import edges
from icsguard.protocols.opcua.meaning import Names, Observed, number_of, observations, published
from icsguard.protocols.opcua.messages_attribute import CallResponse
from icsguard.protocols.opcua.messages_subscription import PublishResponse
from icsguard.protocols.opcua.messages_view import StatusResponse
from icsguard.protocols.opcua.services import Request, Response, parse_request, parse_response
from icsguard.protocols.opcua.status import GOOD

READ, WRITE, BROWSE, BROWSE_NEXT, PUBLISH, CALL = 631, 673, 527, 533, 826, 712
_BAD: Final = 0x80000000


def observe(guard: UaGuard, flight: UaFlight, answer: bytes, now: int) -> None:
    """Take an answer of the device into policy's memory."""
    number = flight.request.number
    if number == WRITE:
        _written(guard, flight, answer, now)
    elif number == CALL:
        _called(guard, flight, answer)
    elif number == READ and any(guard.node_memory.watches(access.node) for access in flight.meaning.nodes):
        _seen(guard, observations(_sent(flight), parse_response(answer), _names(guard, flight)), now)
    elif number == PUBLISH and guard.node_memory.has_points:
        _published(guard, flight, parse_response(answer), now)
    elif number in {BROWSE, BROWSE_NEXT} and guard.node_memory.tree.wants_edges:
        paged = guard.known.paged(flight.request.header.token)
        for parent, child in edges(flight.request, parse_response(answer), _names(guard, flight), paged):
            guard.node_memory.tree.learned(parent, child)


def observe_read(guard: UaGuard, request: Request | None, answer: bytes, now: int) -> None:
    """Take the answer to a read that is known already into policy's memory."""
    if request is not None:
        _seen(guard, observations(request, parse_response(answer), guard.known.names(request.header.token)), now)


def _names(guard: UaGuard, flight: UaFlight) -> Names:
    return guard.known.names(flight.request.header.token)


def _sent(flight: UaFlight) -> Request:
    """Return the request as the device had it."""
    return flight.request if flight.split is None else parse_request(flight.body)


def _seen(guard: UaGuard, found: list[Observed], now: int) -> None:
    for one in found:
        if one.attribute == VALUE_ATTRIBUTE and not one.index_range:
            bad = (one.value.status or GOOD) >= _BAD
            guard.node_memory.seen(one.node, None if bad else number_of(one.value), now)


def _written(guard: UaGuard, flight: UaFlight, answer: bytes, now: int) -> None:
    """Confirm or take back each value that was on its way."""
    response = parse_response(answer)
    forwarded = flight.forwarded
    if response.fault or not isinstance(response.body, StatusResponse):
        guard.nodes.rejected(forwarded, guard.node_memory)
        return
    _seen(guard, observations(_sent(flight), response, _names(guard, flight)), now)
    bad = tuple(
        access for access, status in zip(forwarded.nodes, response.body.results or (), strict=False) if status >= _BAD
    )
    if bad:
        guard.nodes.rejected(forwarded._replace(nodes=bad, node_changes=()), guard.node_memory)


def _called(guard: UaGuard, flight: UaFlight, answer: bytes) -> None:
    """Take back what calls were to set that the server refused; what the others set is known when it is read."""
    response = parse_response(answer)
    forwarded, body = flight.forwarded, response.body
    if response.fault or not isinstance(body, CallResponse):
        guard.nodes.rejected(forwarded, guard.node_memory)
        return
    results = body.results or ()
    bad = tuple(access for access, one in zip(forwarded.nodes, results, strict=False) if one.status >= _BAD)
    if bad:
        guard.nodes.rejected(forwarded._replace(nodes=bad, node_changes=()), guard.node_memory)


def _published(guard: UaGuard, flight: UaFlight, response: Response, now: int) -> None:
    body = response.body
    if isinstance(body, PublishResponse):
        found, _, _ = guard.known.subscriptions.notified(body.subscription, body.message)
        _seen(guard, published(found, _names(guard, flight)), now)
