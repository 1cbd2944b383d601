"""What a finished request leaves behind: its transaction for the mirror, its counts, and at most one record.

Every request that was refused, held, alerted, malformed, failed over, or whose device did not answer properly has
exactly one record; equal ones are folded with their count.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from icsguard.conversation.flight import Flight
from icsguard.conversation.folding import FoldKey
from icsguard.conversation.guard import Guard
from icsguard.conversation.judging import weightiest
from icsguard.core.decision import Decision
from icsguard.core.defect import Defect
from icsguard.core.flow import Client
from icsguard.core.record import Record, RecordKind, Severity
from icsguard.core.transaction import Outcome
from icsguard.protocols.modbus.describe import describe, target
from icsguard.protocols.modbus.mbap import Frame

_DEVICE_OUTCOMES: Final = frozenset({Outcome.UNREACHABLE, Outcome.TIMED_OUT, Outcome.UNKNOWN})
_SEVERITY: Final = {
    Decision.ALLOW: Severity.INFO,
    Decision.ALERT: Severity.LOW,
    Decision.HOLD: Severity.MEDIUM,
    Decision.REFUSE: Severity.MEDIUM,
    Decision.ISOLATE: Severity.HIGH,
}
_OUTCOME_WORDS: Final = {
    Outcome.UNREACHABLE: "it never saw the request",
    Outcome.TIMED_OUT: "the device gave no valid answer in time; nothing was changed",
    Outcome.UNKNOWN: "handed to the device, which gave no valid answer: the write may have happened",
    Outcome.ABANDONED: "the client left before the answer",
}


def mirror(guard: Guard, client: Client, flow: int, flight: Flight) -> None:
    """Put the transaction into the mirror and the counts."""
    guard.run.mirror.append(
        (
            flight.number,
            guard.name,
            flow,
            client.address,
            flight.arrived_at,
            flight.response_at,
            flight.raw,
            flight.response,
            int(flight.decision),
            int(flight.outcome or Outcome.ANSWERED),
        ),
    )
    counters = guard.counters
    counters.cold += 1
    counters.writes += flight.changes
    counters.unreachable += flight.outcome is Outcome.UNREACHABLE
    counters.timed_out += flight.outcome is Outcome.TIMED_OUT


def count_decision(guard: Guard, flight: Flight) -> None:
    """Count what was decided; once for each request, when its last opinion is in."""
    if flight.decision is flight.would_be is Decision.ALLOW and flight.request.defect is None:
        return
    counters = guard.counters
    counters.malformed += flight.request.defect is not None
    counters.refused += flight.decision >= Decision.REFUSE
    counters.held += flight.decision is Decision.HOLD
    counters.alerted += flight.decision is Decision.ALERT
    counters.would_be += flight.would_be > max(flight.decision, Decision.ALERT) and not flight.approved


def kind_of(flight: Flight) -> RecordKind | None:
    """Return what kind of record the request needs; None for none."""
    if flight.request.defect is not None:
        return RecordKind.MALFORMED
    if flight.would_be > Decision.ALLOW or flight.decision > Decision.ALLOW or flight.approved:
        failed = flight.failover is not None and weightiest(flight.reasons).code == "shadow-silent"
        return RecordKind.FAILOVER if failed else RecordKind.VERDICT
    if flight.failover is not None:
        return RecordKind.FAILOVER
    if flight.outcome in _DEVICE_OUTCOMES or flight.reasons:
        return RecordKind.DEVICE
    return None


def write_record(guard: Guard, client: Client, flow: int, flight: Flight, now: int) -> None:
    """Write the record of a finished request, or count it to the one that stands for it."""
    count_decision(guard, flight)
    kind = kind_of(flight)
    if kind is None:
        return
    code = weightiest(flight.reasons).code if flight.reasons else _name(flight.outcome)
    exact = "" if guard.folder.is_crowded else flight.raw[6:].hex()
    key = FoldKey(kind, client.address, code, flight.request.function, exact, flight.decision.name)
    known = guard.folder.counts(key, now)
    record = known if known is not None else _record(guard, kind, flight, now)
    if known is None:
        address = f"{client.address}:{client.port}" if client.port else client.address
        record = replace(record, client=client.address, flow=flow, target=target(flight.request))
        if address != client.address:
            record.facts["client_port"] = client.port
        guard.folder.put(key, record, now)
    _link_ticket(guard, flight, record)


def _record(guard: Guard, kind: RecordKind, flight: Flight, now: int) -> Record:
    secret = guard.is_secret(flight.meaning)
    reason = weightiest(flight.reasons) if flight.reasons else None
    record = guard.record(kind, _severity(kind, flight), _sentence(flight, secret=secret), now)
    return replace(
        record,
        transaction=flight.number,
        unit=flight.request.unit,
        function=flight.request.function,
        sub=flight.request.sub if flight.request.sub >= 0 else None,
        decision=flight.decision.name.lower(),
        would_be=flight.would_be.name.lower() if flight.would_be > flight.decision and not flight.approved else "",
        layer=reason.layer.value if reason else "",
        technique=next((r.technique for r in flight.reasons if r.technique), ""),
        reasons=flight.reasons,
        findings=flight.findings,
        outcome=_name(flight.outcome),
        reply=flight.reply if flight.outcome is not Outcome.ANSWERED else 0,
        ticket=flight.ticket,
        model_digest=flight.model_digest,
        failure_policy=flight.failover.value if flight.failover else "",
        latency_us=max(0, (flight.response_at or now) - flight.arrived_at) // 1000,
        request="" if secret else flight.raw.hex(),
        response="" if secret else flight.response.hex(),
        facts={},
    )


def _severity(kind: RecordKind, flight: Flight) -> Severity:
    if flight.outcome is Outcome.UNKNOWN:
        return Severity.HIGH
    if kind is RecordKind.FAILOVER:
        return Severity.MEDIUM
    if kind is RecordKind.DEVICE:
        return Severity.LOW
    return _SEVERITY[max(flight.decision, min(flight.would_be, Decision.ALERT))]


def _sentence(flight: Flight, *, secret: bool) -> str:
    what = f"{target(flight.request)}, unit {flight.request.unit}" if secret else describe(flight.request)
    parts = [f"{_deed(flight)}: {what}"]
    if flight.reasons:
        parts.append(weightiest(flight.reasons).text)
    if flight.outcome in _OUTCOME_WORDS:
        parts.append(_OUTCOME_WORDS[flight.outcome])
    if flight.outcome is Outcome.ABANDONED and not flight.sent_at:
        parts.append("the device never saw the request")
    return "; ".join(parts)


def _deed(flight: Flight) -> str:
    if flight.decision >= Decision.REFUSE:
        return "refused"
    if flight.decision is Decision.HOLD:
        return "held"
    if flight.approved:
        return "approved"
    if flight.would_be >= Decision.HOLD:
        return "passed, would be " + {Decision.HOLD: "held"}.get(flight.would_be, "refused")
    if flight.decision is Decision.ALERT or flight.would_be is Decision.ALERT:
        return "passed with an alert"
    return "not answered" if flight.outcome in _DEVICE_OUTCOMES else "passed"


def _name(outcome: Outcome | None) -> str:
    return outcome.name.lower() if outcome is not None else ""


def _link_ticket(guard: Guard, flight: Flight, record: Record) -> None:
    ticket = guard.tickets.find(flight.ticket) if flight.ticket else None
    if ticket is not None and not ticket.record:
        ticket.record = record.id


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
    _put(guard, RecordKind.MALFORMED, Severity.MEDIUM, text, defect, client, flow, raw, now)


def device_fault(guard: Guard, client: Client, flow: int, defect: Defect, raw: bytes, now: int) -> None:
    """Record something that the device sent and nobody gets."""
    guard.counters.device_faults += 1
    text = f"not delivered, from the device: {defect.text}"
    _put(guard, RecordKind.DEVICE, Severity.MEDIUM, text, defect, client, flow, raw, now)


def _put(  # noqa: PLR0913, PLR0917 - the fields of one record
    guard: Guard,
    kind: RecordKind,
    severity: Severity,
    text: str,
    defect: Defect,
    client: Client,
    flow: int,
    raw: bytes,
    now: int,
) -> None:
    key = FoldKey(kind, client.address, defect.code, 0, "", "")
    if guard.folder.counts(key, now) is not None:
        return
    record = guard.record(kind, severity, text, now)
    dropped = kind is RecordKind.MALFORMED
    record = replace(
        record,
        client=client.address,
        flow=flow,
        layer="grammar",
        outcome="dropped",
        decision="refuse" if dropped else "",
        request=raw.hex() if dropped else "",
        response="" if dropped else raw.hex(),
        facts={"code": defect.code},
    )
    guard.folder.put(key, record, now)
