"""What a finished OPC UA request leaves behind: its row for the mirror, its counts, and at most one record.

AuthenticationTokens are secrets: what leaves here has the session's number in their place.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from icsguard.conversation.folding import FoldKey
from icsguard.conversation.opcua.flight import UaFlight
from icsguard.conversation.opcua.guard import UaGuard
from icsguard.core.decision import Decision
from icsguard.core.defect import Defect
from icsguard.core.flow import Client
from icsguard.core.record import Record, RecordKind, Severity
from icsguard.core.transaction import Outcome
from icsguard.core.verdict import Reason
from icsguard.protocols.opcua.codec import Malformed, Reader, encoded
from icsguard.protocols.opcua.describe import describe, shown, target
from icsguard.protocols.opcua.meaning import Names
from icsguard.protocols.opcua.nodes import NODE_ID, NULL_NODE, NodeId
from icsguard.protocols.opcua.status import status_name

MAX_RECORDED: Final = 260  # bytes of a request or answer that a record shows: the same as for Modbus
SECRET_SERVICES: Final = frozenset({446, 461, 467})
"""OpenSecureChannel, CreateSession, ActivateSession: nonces, tokens and passwords stay out of every file."""
DENIALS: Final = frozenset(
    {"channel-floor", "channel-flood", "channel-unseen", "channel-policy", "channel-mode", "cut"}
)
"""What ends a connection although its bytes are lawful: our rules do not let it be."""
_DEVICE_OUTCOMES: Final = frozenset({Outcome.UNREACHABLE, Outcome.TIMED_OUT, Outcome.UNKNOWN})
_SEVERITY: Final = {
    Decision.ALLOW: Severity.INFO,
    Decision.ALERT: Severity.LOW,
    Decision.HOLD: Severity.MEDIUM,
    Decision.REFUSE: Severity.MEDIUM,
    Decision.ISOLATE: Severity.HIGH,
}
_OUTCOME_WORDS: Final = {
    Outcome.UNREACHABLE: "the device never saw the request",
    Outcome.TIMED_OUT: "the device gave no valid answer in time; nothing was changed",
    Outcome.UNKNOWN: "handed to the device, which gave no valid answer: it may have happened",
    Outcome.ABANDONED: "the client left before the answer",
}


def masked(body: bytes, mask: NodeId) -> bytes:
    """Return a request with `mask` in place of its AuthenticationToken; empty where its header cannot be read."""
    reader = Reader(body)
    try:
        NODE_ID.read(reader)
        start = reader.at
        NODE_ID.read(reader)
    except Malformed:
        return b""
    return body[:start] + encoded(NODE_ID, mask) + body[reader.at :]


def mask_of(flight: UaFlight) -> NodeId:
    """Return what stands for the session's token."""
    return flight.entry.mask if flight.entry is not None else NULL_NODE


def question_bytes(flight: UaFlight) -> bytes:
    """Return the request as the shadow is asked about it: what would reach the device."""
    return masked(flight.body, mask_of(flight))


def mirror(guard: UaGuard, client: Client, flow: int, flight: UaFlight) -> None:
    """Put the transaction into the mirror and the counts."""
    secret = flight.request.number in SECRET_SERVICES
    guard.run.mirror.append(
        (
            flight.number,
            guard.name,
            flow,
            client.address,
            flight.arrived_at,
            flight.response_at,
            b"" if secret else masked(flight.request.raw, mask_of(flight)),
            b"" if secret else flight.response,
            int(flight.decision),
            int(flight.outcome or Outcome.ANSWERED),
        ),
    )
    counters = guard.counters
    counters.cold += 1
    counters.writes += flight.changes
    counters.unreachable += flight.outcome is Outcome.UNREACHABLE
    counters.timed_out += flight.outcome is Outcome.TIMED_OUT


def count_decision(guard: UaGuard, flight: UaFlight) -> None:
    """Count what was decided; once for each request."""
    if flight.decision is flight.would_be is Decision.ALLOW and flight.request.defect is None:
        return
    counters = guard.counters
    counters.malformed += flight.request.defect is not None
    counters.refused += flight.decision >= Decision.REFUSE
    counters.held += flight.decision is Decision.HOLD
    counters.alerted += flight.decision is Decision.ALERT
    counters.would_be += flight.would_be > max(flight.decision, Decision.ALERT) and not flight.approved


def weightiest(reasons: tuple[Reason, ...]) -> Reason:
    """Return the first of the reasons that ask for most."""
    return max(reasons, key=lambda reason: reason.decision)


def kind_of(flight: UaFlight) -> RecordKind | None:
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


def names_of(guard: UaGuard, flight: UaFlight) -> Names:
    """Return how the ids of a request are resolved."""
    return guard.known.names(flight.request.header.token)


def write_record(guard: UaGuard, client: Client, flow: int, flight: UaFlight, now: int) -> None:
    """Write the record of a finished request, or count it to the one that stands for it."""
    count_decision(guard, flight)
    kind = kind_of(flight)
    if kind is None:
        return
    code = weightiest(flight.reasons).code if flight.reasons else _name(flight.outcome)
    what = target(flight.request, names_of(guard, flight))
    exact = "" if guard.folder.is_crowded else what or flight.request.name
    key = FoldKey(kind, client.address, code, flight.request.number, exact, flight.decision.name)
    known = guard.folder.counts(key, now)
    record = known if known is not None else _record(guard, client, flow, flight, kind, what, now)
    if known is None:
        guard.folder.put(key, record, now)
    _link_ticket(guard, flight, record)


def _record(
    guard: UaGuard, client: Client, flow: int, flight: UaFlight, kind: RecordKind, what: str, now: int
) -> Record:
    secret = guard.is_secret(flight.meaning) or flight.request.number in SECRET_SERVICES
    reason = weightiest(flight.reasons) if flight.reasons else None
    record = guard.record(kind, _severity(kind, flight), _sentence(guard, flight, secret=secret), now)
    return replace(
        record,
        client=client.address,
        flow=flow,
        transaction=flight.number,
        function=flight.request.number,
        target=what,
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
        request="" if secret else masked(flight.request.raw, mask_of(flight))[:MAX_RECORDED].hex(),
        response="" if secret else flight.response[:MAX_RECORDED].hex(),
        facts=_facts(client, flight),
    )


def _facts(client: Client, flight: UaFlight) -> dict[str, str | int | float]:
    facts: dict[str, str | int | float] = {"service": flight.request.name}
    if client.port:
        facts["client_port"] = client.port
    if flight.refused:
        facts["refused_items"] = len(flight.refused)
        facts["items"] = len(flight.meaning.nodes)
    identity = flight.entry.identity if flight.entry is not None else None
    if identity is not None:
        facts |= {"user": shown(identity.user), "application": shown(identity.uri)}
        facts |= {"security": f"{identity.policy.rpartition('#')[2] or 'None'} {identity.mode}"}
    return facts


def _severity(kind: RecordKind, flight: UaFlight) -> Severity:
    if flight.outcome is Outcome.UNKNOWN:
        return Severity.HIGH
    if kind is RecordKind.FAILOVER:
        return Severity.MEDIUM
    if kind is RecordKind.DEVICE:
        return Severity.LOW
    return _SEVERITY[max(flight.decision, min(flight.would_be, Decision.ALERT))]


def _sentence(guard: UaGuard, flight: UaFlight, *, secret: bool) -> str:
    names = names_of(guard, flight)
    what = f"{flight.request.name}: {target(flight.request, names)}" if secret else describe(flight.request, names)
    parts = [f"{_deed(flight)}: {what}"]
    if flight.reasons:
        parts.append(weightiest(flight.reasons).text)
    if flight.outcome in _OUTCOME_WORDS:
        parts.append(_OUTCOME_WORDS[flight.outcome])
    if flight.reply and flight.outcome is Outcome.REFUSED:
        parts.append(f"answered {status_name(flight.reply)}")
    return "; ".join(parts)


def _deed(flight: UaFlight) -> str:
    if flight.decision >= Decision.REFUSE:
        left = len(flight.meaning.nodes) - len(flight.refused)
        return f"refused {len(flight.refused)} of {len(flight.meaning.nodes)}" if flight.refused and left else "refused"
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


def _link_ticket(guard: UaGuard, flight: UaFlight, record: Record) -> None:
    ticket = guard.tickets.find(flight.ticket) if flight.ticket else None
    if ticket is not None and not ticket.record:
        ticket.record = record.id


def client_fault(guard: UaGuard, client: Client, flow: int, defect: Defect, now: int) -> str:
    """Record that a client broke the law of the protocol or of its channel; return the record's id."""
    denied = defect.code in DENIALS or defect.code.startswith("certificate-")
    guard.counters.refused += denied
    guard.counters.malformed += not denied
    kind = RecordKind.VERDICT if denied else RecordKind.MALFORMED
    text = f"cut off, {'refused' if denied else 'from the client'}: {shown(defect.text)}"
    return _put(guard, kind, Severity.MEDIUM, text, defect, client, flow, now)


def device_fault(guard: UaGuard, client: Client, flow: int, defect: Defect, now: int) -> str:
    """Record something that the device sent and nobody gets, or that it did not do."""
    guard.counters.device_faults += 1
    text = f"not delivered, from the device: {shown(defect.text)}"
    return _put(guard, RecordKind.DEVICE, Severity.MEDIUM, text, defect, client, flow, now)


def _put(  # noqa: PLR0913, PLR0917 - the fields of one record
    guard: UaGuard, kind: RecordKind, severity: Severity, text: str, defect: Defect, client: Client, flow: int, now: int
) -> str:
    key = FoldKey(kind, client.address, defect.code, 0, "", "")
    known = guard.folder.counts(key, now)
    if known is not None:
        return known.id
    record = replace(
        guard.record(kind, severity, text, now),
        client=client.address,
        flow=flow,
        layer="policy" if kind is RecordKind.VERDICT else "grammar",
        outcome="dropped",
        decision="" if kind is RecordKind.DEVICE else "refuse",
        facts={"code": defect.code, "answer": status_name(defect.reply)},
    )
    guard.folder.put(key, record, now)
    return record.id
