"""A mirrored transaction as the twin needs it: what it proved of the device's memory, and what it wanted to change."""

from __future__ import annotations

from typing import Final, NamedTuple

from icsguard.core.meaning import Change, Intent
from icsguard.core.transaction import Outcome, Transaction
from icsguard.protocols.modbus import meaning as modbus
from icsguard.protocols.modbus.meaning import Observed
from icsguard.protocols.modbus.messages import Request, Response
from icsguard.protocols.modbus.pdu import parse_request, parse_response

HEADER: Final = 7
"""Bytes of the MBAP header (AP/TCP guide §3.1.3); the unit identifier is its last."""
_UNIT: Final = 6

DELIVERED: Final = frozenset({Outcome.ANSWERED, Outcome.EXCEPTION, Outcome.UNKNOWN, Outcome.NO_ANSWER_DUE})
"""Outcomes after which the device may have acted."""


class Event(NamedTuple):
    """One transaction, parsed."""

    request: Request
    response: Response | None
    """None where no whole answer came."""
    reads: tuple[Observed, ...]
    """Elements that the answer showed."""
    writes: tuple[Change, ...]
    """Changes that the device acknowledged, mask writes with their `keep`."""
    unknown: tuple[Change, ...]
    """Changes that it may or may not have made."""


def request_of(adu: bytes) -> Request:
    """Return the request in an ADU that the gateway framed."""
    return parse_request(adu[_UNIT] if len(adu) >= HEADER else 0, adu[HEADER:])


def event(transaction: Transaction) -> Event:
    """Return the transaction parsed; nothing is raised, whatever the bytes."""
    request = request_of(transaction.request)
    outcome = transaction.outcome
    if outcome not in DELIVERED:
        return Event(request, None, (), (), ())
    if outcome == Outcome.NO_ANSWER_DUE:
        return Event(request, None, (), request.changes, ())
    if outcome == Outcome.UNKNOWN or len(transaction.response) <= HEADER:
        return Event(request, None, (), (), request.changes)
    response = parse_response(request, transaction.response[HEADER:])
    if response.exception or response.defect is not None:
        # An exception may follow a write that was done in part (AP §6.12): not known.
        return Event(request, response, (), (), request.changes)
    observed = modbus.observations(request, response)
    reads = observed[-1:] if response.values is not None and request.accesses[-1].intent is Intent.READ else []
    return Event(request, response, tuple(reads), request.changes, ())


def is_write(request: Request) -> bool:
    """Say whether the request changes elements."""
    return any(access.intent is Intent.WRITE for access in request.accesses)
