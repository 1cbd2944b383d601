"""What an answer teaches about its session, read only where there is something to learn."""

from __future__ import annotations

from typing import Final

from icsguard.core.defect import Defect
from icsguard.protocols.opcua.messages_attribute import ReadRequest
from icsguard.protocols.opcua.services import BY_NAME, Request, parse_request, parse_response
from icsguard.protocols.opcua.sessions import NAMESPACE_ARRAY, Sessions

TELLING: Final = frozenset(
    BY_NAME[name].number
    for name in (
        "CreateSession",
        "CloseSession",
        "Browse",
        "BrowseNext",
        "RegisterNodes",
        "UnregisterNodes",
        "CreateSubscription",
        "CreateMonitoredItems",
        "ModifyMonitoredItems",
        "DeleteMonitoredItems",
        "TransferSubscriptions",
        "DeleteSubscriptions",
    )
)
"""Services whose good answers change what is known of a session."""


def is_telling(request: Request) -> bool:
    """Say whether the answer to a request changes what is known."""
    if request.number in TELLING:
        return True
    if not isinstance(request.body, ReadRequest):
        return False
    return any(item.node == NAMESPACE_ARRAY for item in request.body.items or ())


def learn(known: Sessions, request: Request, sent: bytes, answer: bytes) -> Defect | None:
    """Take an answer into what is known; `sent` is the request as the device had it. Return what is wrong with it."""
    if not is_telling(request):
        return None
    response = parse_response(answer)
    if response.defect is not None:
        return response.defect
    known.answered(request if sent is request.raw else parse_request(sent), response)
    return None
