"""What a request wants, in words that policy and twin share; and what an answered one says about the plant."""

from __future__ import annotations

from typing import NamedTuple

from icsguard.core.meaning import CHANGES_THE_PLANT, Intent, Meaning, Table
from icsguard.protocols.modbus.describe import describe, target
from icsguard.protocols.modbus.functions import LISTEN_ONLY, intent_of
from icsguard.protocols.modbus.messages import Request, Response
from icsguard.protocols.modbus.services import DIAGNOSTICS

__all__ = ["Observed", "answer_due", "changes_plant", "describe", "meaning", "observations", "target"]

BROADCAST = 0
"""SL §2.2: unit identifier 0 on a serial line reaches every device, and none answers."""
_READ_FIFO = 24


class Observed(NamedTuple):
    """Raw elements that a device has, or has just been told to have."""

    table: Table
    first: int
    """0-based address of the first value."""
    values: tuple[int, ...]
    """0 or 1 for bits, 0 to 65535 for registers."""


def meaning(request: Request) -> Meaning:
    """Return the request as policy and twin see it."""
    function, sub, unit, accesses, changes, extra, *_ = request
    return Meaning(intent_of(function, sub), function, sub, unit, accesses, changes, extra)


def changes_plant(m: Meaning) -> bool:
    """Say whether the request may change something, and so reaches a device at most once.

    True for writes, for diagnostics that change the device, for 43/13, and for all that the specification leaves open.
    """
    return m.intent in CHANGES_THE_PLANT


def answer_due(request: Request, *, serial: bool) -> bool:
    """Say whether the device will answer; `serial` where it sits on a serial line behind the gateway's link."""
    if serial and request.unit == BROADCAST:
        return False
    return not (request.function == DIAGNOSTICS and request.sub == LISTEN_ONLY and request.defect is None)


def observations(request: Request, response: Response) -> list[Observed]:
    """Return what a normal answer proves: elements read, and elements written with success, in the device's order.

    File records and FIFO queues are no elements of a table and yield nothing. A mask write yields its result only where
    it keeps no bit; elsewhere `Change.keep` says how to compose it with the word that was there.
    """
    if response.exception or response.defect is not None or request.defect is not None:
        return []
    seen = [Observed(c.table, c.start, c.values) for c in request.changes if c.keep == 0]
    if response.values is None or request.function == _READ_FIFO:
        return seen
    access = request.accesses[-1]
    if access.intent is Intent.WRITE and access.table is not Table.FILE:
        return [
            Observed(access.table, access.span.first, response.values)
        ]  # the device's own echo (quirk echo_differs)
    return seen if access.table is Table.FILE else [*seen, Observed(access.table, access.span.first, response.values)]
