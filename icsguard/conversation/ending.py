"""What a finished request leaves behind: its transaction for the mirror, its counts, and at most one record.

Every request that was refused, held, alerted, malformed, failed over, or whose device did not answer properly has
exactly one record; equal ones are folded with their count.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from icsguard.conversation import aftermath
from icsguard.conversation.aftermath import Fault
from icsguard.conversation.flight import Flight
from icsguard.conversation.folding import FoldKey
from icsguard.conversation.guard import Guard
from icsguard.core.decision import Decision
from icsguard.core.defect import Defect
from icsguard.core.flow import Client
from icsguard.core.record import Record, RecordKind
from icsguard.core.transaction import Outcome
from icsguard.protocols.modbus.describe import describe, target
from icsguard.protocols.modbus.mbap import Frame

_WORDS: Final = aftermath.OUTCOME_WORDS | {
    Outcome.UNREACHABLE: "it never saw the request",
    Outcome.UNKNOWN: "handed to the device, which gave no valid answer: the write may have happened",
}


def mirror(guard: Guard, client: Client, flow: int, flight: Flight) -> None:
    """Put the transaction into the mirror and the counts."""
    aftermath.mirror(guard, client, flow, flight, flight.raw, flight.response)


def write_record(guard: Guard, client: Client, flow: int, flight: Flight, now: int) -> None:
    """Write the record of a finished request, or count it to the one that stands for it."""
    aftermath.count_decision(guard, flight)
    kind = aftermath.kind_of(flight)
    if kind is None:
        return
    code = aftermath.code_of(flight)
    exact = "" if guard.folder.is_crowded else flight.raw[6:].hex()
    key = FoldKey(kind, client.address, code, flight.request.function, exact, flight.decision.name)
    record = guard.folder.counts(key, now)
    if record is None:
        record = _record(guard, client, flow, flight, kind, now)
        guard.folder.put(key, record, now)
    aftermath.link_ticket(guard, flight, record)


def _record(guard: Guard, client: Client, flow: int, flight: Flight, kind: RecordKind, now: int) -> Record:
    secret = guard.is_secret(flight.meaning)
    return replace(
        aftermath.record_of(guard, client, flow, flight, kind, _sentence(flight, secret=secret), now),
        unit=flight.request.unit,
        function=flight.request.function,
        sub=flight.request.sub if flight.request.sub >= 0 else None,
        target=target(flight.request),
        request="" if secret else flight.raw.hex(),
        response="" if secret else flight.response.hex(),
    )


def _sentence(flight: Flight, *, secret: bool) -> str:
    what = f"{target(flight.request)}, unit {flight.request.unit}" if secret else describe(flight.request)
    unseen = flight.outcome is Outcome.ABANDONED and not flight.sent_at
    end = "the device never saw the request" if unseen else ""
    return aftermath.sentence(flight, f"{aftermath.deed(flight)}: {what}", _WORDS, end)


def dropped(guard: Guard, client: Client, flow: int, frame: Frame, now: int) -> None:
    """Record a well-framed ADU that is not Modbus; it is a transaction too, with the outcome DROPPED."""
    assert frame.defect is not None  # noqa: S101 - the caller looked
    number = guard.run.next_transaction()
    refused, outcome = int(Decision.REFUSE), int(Outcome.DROPPED)
    row = (number, guard.name, flow, client.address, now, 0, frame.raw, b"", refused, outcome)
    guard.run.mirror.append(row)
    guard.counters.cold += 1
    malformed(guard, client, flow, frame.defect, frame.raw, now)


def malformed(guard: Guard, client: Client, flow: int, defect: Defect, raw: bytes, now: int) -> None:
    """Record bytes from the client that are no Modbus request at all."""
    guard.counters.malformed += 1
    text = f"dropped bytes that are not Modbus: {defect.text}"
    found = Fault(RecordKind.MALFORMED, text, defect.code, raw=raw)
    aftermath.note_fault(guard, client, flow, found, now)


def device_fault(guard: Guard, client: Client, flow: int, defect: Defect, raw: bytes, now: int) -> None:
    """Record something that the device sent and nobody gets."""
    guard.counters.device_faults += 1
    text = f"not delivered, from the device: {defect.text}"
    aftermath.note_fault(guard, client, flow, Fault(RecordKind.DEVICE, text, defect.code, raw=raw), now)
