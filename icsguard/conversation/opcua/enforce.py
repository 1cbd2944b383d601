"""From an OPC UA request to what is done with it: grammar, policy per node, isolation, ticket, shadow, in that order.

Each function writes its opinion into the flight. One forbidden node among many is refused alone where its service has
results of its own for each; a hold is of the whole request, because half of a command may be worse than none.
"""

from __future__ import annotations

from typing import Final

from icsguard.conversation.asking import note_opinion
from icsguard.conversation.course import weightiest
from icsguard.conversation.opcua.flight import UaFlight
from icsguard.conversation.opcua.guard import UaGuard
from icsguard.conversation.tickets import Key, Ticket
from icsguard.core.clock import DAY
from icsguard.core.decision import Decision, Layer, Mode
from icsguard.core.defect import Defect
from icsguard.core.flow import Client
from icsguard.core.isolation import Scope
from icsguard.core.transaction import Opinion
from icsguard.core.verdict import Reason, Verdict
from icsguard.policy.nodes.bounds import Usage
from icsguard.policy.nodes.identity import Identity
from icsguard.policy.nodes.verdicts import Judged
from icsguard.protocols.opcua.describe import describe, target
from icsguard.protocols.opcua.refuse import can_split, split
from icsguard.protocols.opcua.services import parameters, parse_request
from icsguard.protocols.opcua.status import STATUS

DENIED: Final = STATUS["BadUserAccessDenied"]
BUSY: Final = STATUS["BadServerTooBusy"]
SHADOW_REPLY: Final = STATUS["BadOutOfRange"]
"""A consequence that must not happen makes a value unacceptable."""
_NOBODY: Final = Identity("")


def identity_of(client: Client, flight: UaFlight) -> Identity:
    """Return who asks."""
    entry = flight.entry
    if entry is not None and entry.identity is not None:
        return entry.identity
    return _NOBODY._replace(address=client.address)


def judge(guard: UaGuard, client: Client, flight: UaFlight, usage: Usage, now: int, *, trims: bool = False) -> None:
    """Form the decision on a request, up to the point where the shadow would be asked.

    `trims`: wishes for intervals and queues may be brought within the limits on their way.
    """
    flight.judged_to_act = guard.acts
    if flight.request.defect is not None:
        _judge_defect(guard, flight, flight.request.defect)
        return
    flight.judged_by, flight.judged_at = guard.nodes, guard.node_memory.version
    if not guard.judges:
        flight.until = now + DAY
    else:
        found = guard.nodes.decide(identity_of(client, flight), flight.meaning, guard.node_memory, now)
        _take(guard, flight, found)
        over = guard.nodes.over(flight.request, usage)
        if over is not None and not (trims and _trim(guard, flight, over, usage)):
            flight.note(over)
            _refuse_whole(guard, flight, over.reply or DENIED)
    if flight.changes:
        _judge_isolation(guard, client, flight, now)
    _judge_ticket(guard, client, flight, now)


def _trim(guard: UaGuard, flight: UaFlight, over: Reason, usage: Usage) -> bool:
    """Bring a request's wishes within the limits; False where it would be over them still."""
    body = guard.nodes.trimmed(flight.request)
    if body is flight.request.raw or guard.nodes.over(parse_request(body), usage) is not None:
        return False
    if guard.acts:
        flight.body = body
    text = f"{'brought' if guard.acts else 'would be brought'} within the limits: {over.text}"
    flight.note(Reason(Layer.RESOURCES, "trimmed", text, Decision.ALLOW))
    return True


def _take(guard: UaGuard, flight: UaFlight, found: Judged) -> None:
    """Take policy's opinion into the flight: on the whole, then on each item."""
    verdicts = (found.service, *found.items)
    flight.until = found.cacheable_until
    flight.reasons += _different(verdicts)
    flight.would_be = max(flight.would_be, *(one.would_be for one in verdicts))
    if not guard.acts:
        return
    if found.service.decision >= Decision.REFUSE:
        _refuse_whole(guard, flight, found.service.reply or DENIED, found.service.decision)
        return
    refused = {place: one.reply or DENIED for place, one in enumerate(found.items) if one.decision >= Decision.REFUSE}
    flight.decision = max(one.decision for one in verdicts)
    if not refused:
        return
    alone = can_split(flight.request) and guard.options.on_mixed == "split"
    if (not alone and len(refused) < len(found.items)) or not can_split(flight.request):
        _refuse_whole(guard, flight, next(iter(refused.values())), flight.decision)
    else:
        flight.refused = refused
        if any(one.decision is Decision.HOLD for one in found.items):
            flight.decision = Decision.HOLD


def _different(verdicts: tuple[Verdict, ...]) -> tuple[Reason, ...]:
    """Return the reasons of all, each once, in order: fifty nodes of one rule give one."""
    return tuple(dict.fromkeys(reason for one in verdicts for reason in one.reasons))[:MAX_REASONS]


MAX_REASONS: Final = 64  # reasons of one request that are kept: a Write may name thousands of nodes


def _refuse_whole(guard: UaGuard, flight: UaFlight, reply: int, decision: Decision = Decision.REFUSE) -> None:
    if guard.acts:
        flight.decision = max(decision, Decision.REFUSE)
        flight.reply = reply
        flight.refused = {}


def _judge_defect(guard: UaGuard, flight: UaFlight, defect: Defect) -> None:
    reply = defect.reply or STATUS["BadDecodingError"]
    flight.note(Reason(Layer.GRAMMAR, defect.code, defect.text, Decision.REFUSE, reply=reply))
    _refuse_whole(guard, flight, reply)


def _judge_isolation(guard: UaGuard, client: Client, flight: UaFlight, now: int) -> None:
    if guard.quarantine.scope_for(client.address, now) is not Scope.WRITES or is_safety(guard, flight):
        return
    flight.note(guard.quarantine.refusal(client.address, BUSY))
    if not flight.reply:
        flight.decision = max(flight.decision, Decision.REFUSE)  # in every mode: somebody decided it
        flight.reply, flight.refused = BUSY, {}


def _judge_ticket(guard: UaGuard, client: Client, flight: UaFlight, now: int) -> None:
    if not guard.acts or flight.reply or (flight.decision > Decision.HOLD and not flight.refused):
        return
    ticket = guard.tickets.use(ticket_key(client, flight), now) if len(guard.tickets.live(now)) else None
    if ticket is not None:
        flight.note(ticket.approval())
        flight.ticket, flight.approved = ticket.id, True
        flight.decision = Decision.REFUSE if flight.refused else Decision.ALLOW
    elif flight.decision is Decision.HOLD:
        hold(guard, client, flight, now)


def is_safety(guard: UaGuard, flight: UaFlight) -> bool:
    """Say whether policy permits the request and it touches safety points only: nothing else may stop it then."""
    return flight.decision <= Decision.ALERT and guard.nodes.is_safety(flight.meaning)


def ticket_key(client: Client, flight: UaFlight) -> Key:
    """Return what a ticket is bound to: client, service and parameters; time and handle change with each try."""
    who = flight.entry.identity.user if flight.entry is not None and flight.entry.identity is not None else ""
    return client.address, flight.request.number.to_bytes(2, "big") + who.encode() + b"\0" + parameters(flight.request)


def hold(guard: UaGuard, client: Client, flight: UaFlight, now: int) -> None:
    """Answer busy and have a human decide: a ticket is opened, or the open one counts one more try."""
    key = ticket_key(client, flight)
    ticket = guard.tickets.again(key)
    if ticket is None and not guard.tickets.is_full:
        ticket = guard.tickets.open(_new_ticket(guard, key, flight, now))
    flight.decision = Decision.HOLD
    flight.reply, flight.refused = BUSY, {}
    flight.ticket = ticket.id if ticket is not None else ""


def _new_ticket(guard: UaGuard, key: Key, flight: UaFlight, now: int) -> Ticket:
    names = guard.known.names(flight.request.header.token)
    return Ticket(
        guard.run.next_ticket_id(),
        key,
        target(flight.request, names) if guard.is_secret(flight.meaning) else describe(flight.request, names),
        weightiest(flight.reasons).text if flight.reasons else "",
        now,
        now + guard.tickets.ttl_ns,
    )


def cut_out(flight: UaFlight, *, editable: bool) -> None:
    """Take the refused items out of what is forwarded; what cannot be taken apart is refused as a whole."""
    if not flight.refused:
        return
    trimmed = flight.body is not flight.request.raw
    whole = parse_request(flight.body) if trimmed else flight.request
    parts = split(whole, flight.refused) if editable else None
    if parts is None or isinstance(parts, Defect):
        flight.reply, flight.refused = next(iter(flight.refused.values())), {}
        return
    flight.split, flight.body = parts, parts.forward


def wants_opinion(guard: UaGuard, flight: UaFlight) -> bool:
    """Say whether the shadow is asked: about what policy permits and may change the plant, except while learning."""
    return (
        flight.changes
        and guard.mode is not Mode.LEARN
        and not flight.approved
        and bool(flight.body)
        and (flight.would_be <= Decision.ALERT or bool(flight.refused))
        and flight.request.defect is None
    )


def take_opinion(guard: UaGuard, client: Client, flight: UaFlight, opinion: Opinion, now: int) -> None:
    """Take the shadow's opinion into the decision on a request that has not gone yet."""
    note_opinion(flight, opinion)
    if opinion.decision is Decision.HOLD:
        hold(guard, client, flight, now)
    elif opinion.decision >= Decision.REFUSE:
        flight.decision = max(flight.decision, opinion.decision)
        flight.reply, flight.refused = SHADOW_REPLY, {}
    else:
        flight.decision = max(flight.decision, opinion.decision)


def holds_still(guard: UaGuard, client: Client, flight: UaFlight, now: int) -> bool:
    """Judge a request that waited by the policy and values of this moment; False where any of it may not go now."""
    unchanged = flight.judged_by is guard.nodes and flight.judged_at == guard.node_memory.version
    if flight.approved or not guard.acts or (unchanged and flight.judged_to_act):
        return True
    found = guard.nodes.decide(identity_of(client, flight), flight.forwarded, guard.node_memory, now, count=False)
    verdicts = (found.service, *found.items)
    worst = max(verdicts, key=lambda one: one.decision)
    if worst.decision <= Decision.ALERT:
        return True
    flight.reasons += _different(verdicts)
    flight.would_be = max(flight.would_be, worst.would_be)
    flight.decision, flight.reply, flight.refused = max(worst.decision, Decision.REFUSE), worst.reply or DENIED, {}
    return False
