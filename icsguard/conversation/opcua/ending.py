"""What a finished OPC UA request leaves behind: its row for the mirror, its counts, and at most one record.

AuthenticationTokens are secrets: what leaves here has the session's number in their place.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from icsguard.conversation import aftermath
from icsguard.conversation.aftermath import Fault
from icsguard.conversation.folding import FoldKey
from icsguard.conversation.opcua.flight import UaFlight
from icsguard.conversation.opcua.guard import UaGuard
from icsguard.core.decision import Layer
from icsguard.core.defect import Defect
from icsguard.core.flow import Client
from icsguard.core.record import Record, RecordKind
from icsguard.core.transaction import Outcome
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
    request = b"" if secret else masked(flight.request.raw, mask_of(flight))
    aftermath.mirror(guard, client, flow, flight, request, b"" if secret else flight.response)


def names_of(guard: UaGuard, flight: UaFlight) -> Names:
    """Return how the ids of a request are resolved."""
    return guard.known.names(flight.request.header.token)


def write_record(guard: UaGuard, client: Client, flow: int, flight: UaFlight, now: int) -> None:
    """Write the record of a finished request, or count it to the one that stands for it."""
    aftermath.count_decision(guard, flight)
    kind = aftermath.kind_of(flight)
    if kind is None:
        return
    code = aftermath.code_of(flight)
    what = target(flight.request, names_of(guard, flight))
    exact = "" if guard.folder.is_crowded else what or flight.request.name
    key = FoldKey(kind, client.address, code, flight.request.number, exact, flight.decision.name)
    record = guard.folder.counts(key, now)
    if record is None:
        record = _record(guard, client, flow, flight, kind, what, now)
        guard.folder.put(key, record, now)
    aftermath.link_ticket(guard, flight, record)


def _record(
    guard: UaGuard, client: Client, flow: int, flight: UaFlight, kind: RecordKind, what: str, now: int
) -> Record:
    secret = guard.is_secret(flight.meaning) or flight.request.number in SECRET_SERVICES
    text = _sentence(flight, names_of(guard, flight), secret=secret)
    record = aftermath.record_of(guard, client, flow, flight, kind, text, now)
    return replace(
        record,
        function=flight.request.number,
        target=what,
        request="" if secret else masked(flight.request.raw, mask_of(flight))[:MAX_RECORDED].hex(),
        response="" if secret else flight.response[:MAX_RECORDED].hex(),
        facts={"service": flight.request.name, **record.facts, **_facts(flight)},
    )


def _facts(flight: UaFlight) -> dict[str, str | int | float]:
    facts: dict[str, str | int | float] = {}
    if flight.refused:
        facts["refused_items"] = len(flight.refused)
        facts["items"] = len(flight.meaning.nodes)
    identity = flight.entry.identity if flight.entry is not None else None
    if identity is not None:
        facts |= {"user": shown(identity.user), "application": shown(identity.uri)}
        facts |= {"security": f"{identity.policy.rpartition('#')[2] or 'None'} {identity.mode}"}
    return facts


def _sentence(flight: UaFlight, names: Names, *, secret: bool) -> str:
    what = f"{flight.request.name}: {target(flight.request, names)}" if secret else describe(flight.request, names)
    answered = flight.reply and flight.outcome is Outcome.REFUSED
    end = f"answered {status_name(flight.reply)}" if answered else ""
    return aftermath.sentence(flight, f"{_deed(flight)}: {what}", aftermath.OUTCOME_WORDS, end)


def _deed(flight: UaFlight) -> str:
    """Say what was done with a request, and with how many of its items where it was not done with all."""
    done, refused, items = aftermath.deed(flight), len(flight.refused), len(flight.meaning.nodes)
    return f"{done} {refused} of {items}" if done == "refused" and 0 < refused < items else done


def client_fault(guard: UaGuard, client: Client, flow: int, defect: Defect, now: int) -> str:
    """Record that a client broke the law of the protocol or of its channel; return the record's id."""
    denied = defect.code in DENIALS or defect.code.startswith("certificate-")
    guard.counters.refused += denied
    guard.counters.malformed += not denied
    kind, layer = (RecordKind.VERDICT, Layer.POLICY) if denied else (RecordKind.MALFORMED, Layer.GRAMMAR)
    text = f"cut off, {'refused' if denied else 'from the client'}: {shown(defect.text)}"
    found = Fault(kind, text, defect.code, layer, answer=status_name(defect.reply))
    return aftermath.note_fault(guard, client, flow, found, now)


def device_fault(guard: UaGuard, client: Client, flow: int, defect: Defect, now: int) -> str:
    """Record something that the device sent and nobody gets, or that it did not do."""
    guard.counters.device_faults += 1
    text = f"not delivered, from the device: {shown(defect.text)}"
    found = Fault(RecordKind.DEVICE, text, defect.code, answer=status_name(defect.reply))
    return aftermath.note_fault(guard, client, flow, found, now)
