"""From a request to what is done with it: grammar, policy, isolation, ticket, shadow, failure policy, in that order.

Each function writes its opinion into the flight; `flight.decision` is what to do, `flight.would_be` what full
enforcement would do. Learn and observe use the same functions and differ in acting only: see `acted`.
"""

from __future__ import annotations

from typing import Final

from icsguard.conversation.asking import note_opinion
from icsguard.conversation.course import weightiest
from icsguard.conversation.flight import Flight
from icsguard.conversation.guard import Guard
from icsguard.conversation.hot import CachedRead, is_hot
from icsguard.conversation.tickets import Key, Ticket
from icsguard.core.clock import DAY
from icsguard.core.decision import Decision, Layer, Mode
from icsguard.core.flow import Client
from icsguard.core.isolation import Scope
from icsguard.core.transaction import Opinion
from icsguard.core.verdict import ALLOWED, Reason
from icsguard.protocols.modbus.describe import describe, target
from icsguard.protocols.modbus.exceptions import BUSY

ILLEGAL_VALUE: Final = 3
SHADOW_REPLY: Final = ILLEGAL_VALUE
"""facts of AP §7: a consequence that must not happen is an unacceptable value."""


def judge(guard: Guard, client: Client, flight: Flight, now: int) -> None:
    """Form the decision on a request, up to the point where the shadow would be asked."""
    flight.judged_to_act = guard.acts
    if flight.request.defect is not None:
        _judge_defect(guard, flight)
        return
    if flight.request.remark is not None:
        remark = flight.request.remark
        flight.note(Reason(Layer.GRAMMAR, remark.code, remark.text, Decision.ALERT))
    flight.judged_by, flight.judged_at = guard.judge, guard.memory.version
    if guard.judges:
        verdict = guard.judge.decide(client, flight.meaning, guard.memory, now)
        flight.verdict = verdict
        flight.reasons += verdict.reasons
        flight.reply = verdict.reply
        flight.would_be = max(flight.would_be, verdict.would_be)
    flight.decision = max(flight.verdict.decision, _asked_by(flight)) if flight.judged_to_act else Decision.ALLOW
    if flight.changes:
        _judge_isolation(guard, client, flight, now)
        _judge_ticket(guard, client, flight, now)


def take_known(guard: Guard, flight: Flight, read: CachedRead) -> None:
    """Let a request pass unjudged while the verdict on the same bytes holds; a change of policy or mode ends that."""
    flight.known_until = read.until
    flight.judged_to_act = guard.acts
    flight.judged_by, flight.judged_at = guard.judge, guard.memory.version


def is_outdated(guard: Guard, flight: Flight) -> bool:
    """Say whether mode or policy, or for a write what was written meanwhile, is not what it was judged by."""
    if flight.approved or not guard.acts:
        return False
    if not flight.judged_to_act or flight.judged_by is not guard.judge:
        return True
    return flight.changes and flight.judged_at != guard.memory.version


def holds_still(guard: Guard, client: Client, flight: Flight, now: int) -> bool:
    """Judge a waiting request again, rates and grants untouched; False where it must not go any more."""
    if flight.request.defect is not None:
        flight.decision = Decision.REFUSE
        return False
    found = max((finding.decision for finding in flight.findings), default=Decision.ALLOW)
    if found > Decision.ALERT and not flight.judged_to_act and not is_safety(guard, flight):
        flight.decision, flight.reply = found, SHADOW_REPLY  # said while nobody waited for it
        return False
    verdict = guard.judge.decide(client, flight.meaning, guard.memory, now, count=False)
    if verdict.decision <= Decision.ALERT:
        return True
    flight.reasons += verdict.reasons
    flight.would_be = max(flight.would_be, verdict.would_be)
    flight.decision, flight.reply = verdict.decision, verdict.reply
    return False


def _asked_by(flight: Flight) -> Decision:
    return Decision.ALERT if flight.request.remark is not None else Decision.ALLOW


def _judge_defect(guard: Guard, flight: Flight) -> None:
    defect = flight.request.defect
    assert defect is not None  # noqa: S101 - the caller looked
    reply = defect.reply or ILLEGAL_VALUE
    flight.note(Reason(Layer.GRAMMAR, defect.code, defect.text, Decision.REFUSE, reply=reply))
    flight.decision = Decision.REFUSE if guard.acts else Decision.ALLOW
    flight.reply = reply


def _judge_isolation(guard: Guard, client: Client, flight: Flight, now: int) -> None:
    if guard.quarantine.scope_for(client.address, now) is not Scope.WRITES or is_safety(guard, flight):
        return
    flight.note(guard.quarantine.refusal(client.address, BUSY))
    if flight.decision < Decision.REFUSE:
        flight.decision = Decision.REFUSE  # an isolation holds in every mode: somebody decided it
        flight.reply = BUSY


def _judge_ticket(guard: Guard, client: Client, flight: Flight, now: int) -> None:
    if not guard.acts or flight.decision > Decision.HOLD:
        return
    ticket = guard.tickets.use(ticket_key(client, flight), now)
    if ticket is not None:
        flight.note(ticket.approval())
        flight.ticket = ticket.id
        flight.approved = True
        flight.decision = Decision.ALLOW
        flight.reply = 0
    elif flight.decision is Decision.HOLD:
        hold(guard, client, flight, now)


def is_safety(guard: Guard, flight: Flight) -> bool:
    """Say whether policy permits the request and it touches safety points only: nothing else may stop it then."""
    return flight.verdict.decision <= Decision.ALERT and guard.judge.is_safety(flight.meaning)


def ticket_key(client: Client, flight: Flight) -> Key:
    """Return what a ticket is bound to: the client, and the request's bytes from the unit identifier on."""
    return (client.address, flight.raw[6:])


def hold(guard: Guard, client: Client, flight: Flight, now: int) -> None:
    """Answer busy and have a human decide: a ticket is opened, or the open one counts one more try."""
    ticket = guard.tickets.again(ticket_key(client, flight))
    if ticket is None and not guard.tickets.is_full:
        ticket = guard.tickets.open(_new_ticket(guard, client, flight, now))
    flight.decision = Decision.HOLD
    flight.reply = BUSY
    flight.ticket = ticket.id if ticket is not None else ""


def _new_ticket(guard: Guard, client: Client, flight: Flight, now: int) -> Ticket:
    return Ticket(
        guard.run.next_ticket_id(),
        ticket_key(client, flight),
        target(flight.request) if guard.is_secret(flight.meaning) else describe(flight.request),
        weightiest(flight.reasons).text if flight.reasons else "",
        now,
        now + guard.tickets.ttl_ns,
    )


def wants_opinion(guard: Guard, flight: Flight) -> bool:
    """Say whether the shadow is asked: about what policy permits and may change the plant, except while learning."""
    return (
        flight.changes
        and guard.mode is not Mode.LEARN
        and not flight.approved
        and flight.would_be <= Decision.ALERT
        and flight.request.defect is None
    )


def take_opinion(guard: Guard, client: Client, flight: Flight, opinion: Opinion, now: int) -> None:
    """Take the shadow's opinion into the decision on a request that has not gone yet."""
    note_opinion(flight, opinion)
    flight.decision = max(flight.decision, opinion.decision)
    if opinion.decision is Decision.HOLD:
        hold(guard, client, flight, now)
    elif opinion.decision >= Decision.REFUSE:
        flight.reply = SHADOW_REPLY


def cached_read(guard: Guard, flight: Flight, now: int) -> CachedRead | None:
    """Return what the verdict cache may keep of an allowed read; None where nothing."""
    if flight.changes or flight.would_be is not Decision.ALLOW or not is_hot(flight.request, flight.meaning):
        return None
    until = flight.verdict.cacheable_until if flight.verdict is not ALLOWED else now + DAY
    if until <= now:
        return None
    access = flight.meaning.accesses[0]
    watched = guard.memory.watches(flight.meaning.unit, access.table, access.span)
    return CachedRead(flight.request, flight.meaning, until=until, watched=watched)
