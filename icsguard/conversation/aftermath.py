"""What a finished request leaves behind, whatever its protocol: its row for the mirror, its counts, its record's frame.

`ending` (Modbus) and opcua/ending add what the request says, in words and in bytes.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Final, NamedTuple

from icsguard.conversation.course import Course, weightiest
from icsguard.conversation.folding import FoldKey
from icsguard.conversation.guard import Guard
from icsguard.core.decision import Decision, Layer
from icsguard.core.flow import Client
from icsguard.core.record import Record, RecordKind, Severity
from icsguard.core.transaction import Outcome

DEVICE_OUTCOMES: Final = frozenset({Outcome.UNREACHABLE, Outcome.TIMED_OUT, Outcome.UNKNOWN})
OUTCOME_WORDS: Final = {
    Outcome.UNREACHABLE: "the device never saw the request",
    Outcome.TIMED_OUT: "the device gave no valid answer in time; nothing was changed",
    Outcome.UNKNOWN: "handed to the device, which gave no valid answer: it may have happened",
    Outcome.ABANDONED: "the client left before the answer",
}
_SEVERITY: Final = {
    Decision.ALLOW: Severity.INFO,
    Decision.ALERT: Severity.LOW,
    Decision.HOLD: Severity.MEDIUM,
    Decision.REFUSE: Severity.MEDIUM,
    Decision.ISOLATE: Severity.HIGH,
}


def mirror(guard: Guard, client: Client, flow: int, flight: Course, request: bytes, response: bytes) -> None:
    """Put the transaction into the mirror and the counts."""
    outcome = flight.outcome or Outcome.ANSWERED
    guard.run.mirror.append(
        (
            flight.number,
            guard.name,
            flow,
            client.address,
            flight.arrived_at,
            flight.response_at,
            request,
            response,
            int(flight.decision),
            int(outcome),
        ),
    )
    counters = guard.counters
    counters.cold += 1
    counters.writes += flight.changes
    counters.unreachable += outcome is Outcome.UNREACHABLE
    counters.timed_out += outcome is Outcome.TIMED_OUT


def count_decision(guard: Guard, flight: Course) -> None:
    """Count what was decided; once for each request, when its last opinion is in."""
    if flight.decision is flight.would_be is Decision.ALLOW and not flight.malformed:
        return
    counters = guard.counters
    counters.malformed += flight.malformed
    counters.refused += flight.decision >= Decision.REFUSE
    counters.held += flight.decision is Decision.HOLD
    counters.alerted += flight.decision is Decision.ALERT
    counters.would_be += flight.would_be > max(flight.decision, Decision.ALERT) and not flight.approved


def kind_of(flight: Course) -> RecordKind | None:
    """Return what kind of record the request needs; None for none."""
    if flight.malformed:
        return RecordKind.MALFORMED
    if flight.would_be > Decision.ALLOW or flight.decision > Decision.ALLOW or flight.approved:
        failed = flight.failover is not None and weightiest(flight.reasons).code == "shadow-silent"
        return RecordKind.FAILOVER if failed else RecordKind.VERDICT
    if flight.failover is not None:
        return RecordKind.FAILOVER
    if flight.outcome in DEVICE_OUTCOMES or flight.reasons:
        return RecordKind.DEVICE
    return None


def code_of(flight: Course) -> str:
    """Return what two requests have in common whose records may be folded."""
    return weightiest(flight.reasons).code if flight.reasons else _name(flight.outcome)


def record_of(guard: Guard, client: Client, flow: int, flight: Course, kind: RecordKind, text: str, now: int) -> Record:
    """Return the record of a finished request, without what only its protocol can tell of it."""
    reason = weightiest(flight.reasons) if flight.reasons else None
    return replace(
        guard.record(kind, _severity(kind, flight), text, now),
        client=client.address,
        flow=flow,
        transaction=flight.number,
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
        facts={"client_port": client.port} if client.port else {},
    )


def _severity(kind: RecordKind, flight: Course) -> Severity:
    if flight.outcome is Outcome.UNKNOWN:
        return Severity.HIGH
    if kind is RecordKind.FAILOVER:
        return Severity.MEDIUM
    if kind is RecordKind.DEVICE:
        return Severity.LOW
    return _SEVERITY[max(flight.decision, min(flight.would_be, Decision.ALERT))]


def deed(flight: Course) -> str:
    """Say what was done with a request."""
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
    return "not answered" if flight.outcome in DEVICE_OUTCOMES else "passed"


def sentence(flight: Course, beginning: str, words: dict[Outcome, str], end: str = "") -> str:
    """Return a record's sentence: what was done with what, why, and in `words` what became of it."""
    why = weightiest(flight.reasons).text if flight.reasons else ""
    became = words.get(flight.outcome, "") if flight.outcome is not None else ""
    return "; ".join(part for part in (beginning, why, became, end) if part)


def link_ticket(guard: Guard, flight: Course, record: Record) -> None:
    """Have the ticket of a held request name the record that explains it."""
    ticket = guard.tickets.find(flight.ticket) if flight.ticket else None
    if ticket is not None and not ticket.record:
        ticket.record = record.id


class Fault(NamedTuple):
    """What somebody sent who may not send such a thing."""

    kind: RecordKind
    """DEVICE where the device sent it, else the client did."""
    text: str
    code: str
    layer: Layer = Layer.GRAMMAR
    raw: bytes = b""
    answer: str = ""
    """What it was told, where it was told something."""


def note_fault(guard: Guard, client: Client, flow: int, fault: Fault, now: int) -> str:
    """Record a fault, or count it to the record that stands for it; return that record's id."""
    key = FoldKey(fault.kind, client.address, fault.code, 0, "", "")
    known = guard.folder.counts(key, now)
    if known is not None:
        return known.id
    is_device = fault.kind is RecordKind.DEVICE
    facts: dict[str, str | int | float] = {"code": fault.code}
    if fault.answer:
        facts["answer"] = fault.answer
    record = replace(
        guard.record(fault.kind, Severity.MEDIUM, fault.text, now),
        client=client.address,
        flow=flow,
        layer=fault.layer.value,
        outcome="dropped",
        decision="" if is_device else "refuse",
        request="" if is_device else fault.raw.hex(),
        response=fault.raw.hex() if is_device else "",
        facts=facts,
    )
    guard.folder.put(key, record, now)
    return record.id


def _name(outcome: Outcome | None) -> str:
    return outcome.name.lower() if outcome is not None else ""
