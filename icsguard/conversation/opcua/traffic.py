"""The requests of one connection from arrival to end, whichever way they travel: judged, forwarded, answered.

Reads, browses and Publish go at once. What may change the plant waits its turn: each is judged when those before it are
settled, asked about, and handed to the device at most once.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from icsguard.conversation import asking
from icsguard.conversation.api import Ask
from icsguard.conversation.course import weightiest
from icsguard.conversation.opcua import ending, enforce
from icsguard.conversation.opcua.flight import UaFlight
from icsguard.conversation.opcua.flights import MAX_PATIENCE_MS, Flights, Wire
from icsguard.conversation.opcua.guard import UaGuard
from icsguard.conversation.opcua.ledger import Entry
from icsguard.conversation.opcua.observing import observe
from icsguard.conversation.states import Stage
from icsguard.core.clock import MS
from icsguard.core.decision import Decision, Layer
from icsguard.core.defect import Defect
from icsguard.core.flow import Client
from icsguard.core.transaction import Opinion, Outcome, Question
from icsguard.core.verdict import Reason
from icsguard.policy.nodes.bounds import Usage
from icsguard.policy.techniques import FLOOD
from icsguard.protocols.opcua.correlate import Pairing, Pending
from icsguard.protocols.opcua.defects import defect
from icsguard.protocols.opcua.learning import learn
from icsguard.protocols.opcua.refuse import answered, can_split, fault, splice, split
from icsguard.protocols.opcua.services import answer_head
from icsguard.protocols.opcua.status import STATUS
from icsguard.protocols.opcua.times import ticks_of
from icsguard.protocols.opcua.uacp import Frame

MAX_WAITING: Final = 64  # changes of one connection that wait their turn; the next is answered busy
CLOSE_SESSION: Final = 473
_TIMEOUT: Final = STATUS["BadTimeout"]
_BROKEN: Final = STATUS["BadCommunicationError"]
_GONE: Final = frozenset({STATUS["BadSessionIdInvalid"], STATUS["BadSessionClosed"]})
"""The device does not know the session any more: it was restarted, or has ended it."""
_UNKNOWN_RESPONSE: Final = STATUS["BadUnknownResponse"]


def repeated(id_: int) -> Defect:
    """Return what is wrong with a RequestId that is in use."""
    return defect("request-repeated", f"request {id_}")


class Traffic(Flights):
    """The requests of one connection that have not ended."""

    __slots__ = ("waiting",)

    def __init__(self, guard: UaGuard, client: Client, flow: int, wire: Wire) -> None:
        super().__init__(guard, client, flow, wire)
        self.waiting: list[UaFlight] = []
        """What may change the plant, in order of arrival; at most MAX_WAITING."""

    @property
    def in_flight(self) -> int:
        """How many requests are not answered yet."""
        return len(self.waiting) + len(self.flying) + len(self.hot.flying)

    @property
    def owes_changes(self) -> bool:
        """Say whether the device has requests whose end is worth waiting for: all but reads and Publish."""
        return any(flight.changes for flight in self.flying.values())

    # Requests.

    def take_free(self, flight: UaFlight, now: int) -> None:
        """Take a request in that nobody needs a right for: discovery, and sessions once they are admitted."""
        self.requests += 1
        flight.move(Stage.READY)
        self._go(flight, now)

    def take(self, flight: UaFlight, now: int) -> None:
        """Take a new request in."""
        self.requests += 1
        self.writes += flight.changes
        if not flight.changes and not self._must_wait(flight):
            enforce.judge(self._guard, self._client, flight, self._usage(flight), now, trims=self._wire.can_trim)
            self._act(flight, now)
            if flight.stage is Stage.READY:
                self._go(flight, now)
                self.keep(flight, now)
            return
        if len(self.waiting) >= MAX_WAITING:
            text = "too many requests of this connection wait already"
            flight.note(Reason(Layer.RESOURCES, "too-many-waiting", text, Decision.REFUSE, technique=FLOOD))
            flight.decision, flight.reply = Decision.REFUSE, enforce.BUSY
            self.refuse(flight, now)
            return
        self.waiting.append(flight)
        self.advance(now)

    def _must_wait(self, flight: UaFlight) -> bool:
        """Say whether a session may not be closed yet: servers have fallen over methods whose session was gone."""
        return flight.request.number == CLOSE_SESSION and (bool(self.waiting) or self.owes_changes)

    def advance(self, now: int) -> None:
        """Give the changes their turn, in order; one that waits for an opinion holds those behind it."""
        while self.waiting:
            flight = self.waiting[0]
            if flight.request.number == CLOSE_SESSION and self.owes_changes:
                return
            if flight.stage is Stage.WAITING:
                enforce.judge(self._guard, self._client, flight, self._usage(flight), now)
                self._act(flight, now)
            if flight.stage is Stage.READY:
                self._go(flight, now)
            if flight.stage is Stage.ASKED:
                return
            self.waiting.pop(0)

    def _usage(self, flight: UaFlight) -> Usage:
        guard = self._guard
        token = flight.request.header.token
        return Usage(
            sessions=guard.ledger.held_by(self._client.address),
            subscriptions=guard.known.subscriptions.owned(token),
            items=guard.known.items_of(flight.request),
            in_flight=len(self.flying) + len(self.hot.flying) - self._correlator.publishing,
            publishes=self._correlator.publishing,
            continuations=guard.known.continuations_of(token),
            registered=len(guard.known.names(token).aliases),
        )

    def _act(self, flight: UaFlight, now: int) -> None:
        guard = self._guard
        if flight.decision is Decision.ISOLATE:
            guard.quarantine.wish(asking.isolation_wish(guard, self._client, flight), now)
        if not flight.reply and flight.stage is Stage.WAITING:
            enforce.cut_out(flight, editable=self._wire.can_edit)
        if flight.reply or not flight.body:
            self.refuse(flight, now)
        elif flight.stage is Stage.WAITING and enforce.wants_opinion(guard, flight):
            self._ask_first(flight, now)
        else:
            flight.move(Stage.READY)

    def refuse(self, flight: UaFlight, now: int) -> None:
        """Answer in the device's place: a fault for the whole, or a result for each item where all are refused."""
        self.refused += 1
        ticks = ticks_of(now + self._guard.wall_shift)
        if flight.reply or flight.split is None:
            body = fault(flight.request, flight.reply or enforce.DENIED, ticks)
        else:
            body = answered(flight.request, flight.split, ticks)
            flight.reply = next(iter(flight.split.refused.values()), 0)
        self._wire.answer(flight, body, (), now)
        self.end(flight, Outcome.REFUSED, now)
        self._grave(flight, now)

    def _grave(self, flight: UaFlight, now: int) -> None:
        if flight.decision is Decision.HOLD or not (flight.changes or flight.request.defect is not None):
            return
        reason = weightiest(flight.reasons).text if flight.reasons else ""
        self._guard.quarantine.grave_event(self._client.address, reason, now)

    def _go(self, flight: UaFlight, now: int) -> None:
        """Hand it to the device."""
        guard = self._guard
        if flight.changes and not enforce.holds_still(guard, self._client, flight, now):
            flight.split = None
            self.refuse(flight, now)
            return
        pending = Pending(flight.number, flight.id, now + self._patience(flight), flight.request)
        why = self._correlator.add(pending) if flight.id not in self.hot.flying else repeated(flight.id)
        if why is None:
            why = self._wire.forward(flight, now)
            if why is not None:
                self._correlator.forget(pending)
        if why is not None:
            flight.note(Reason(Layer.RESOURCES, why.code, why.text, Decision.REFUSE))
            flight.decision, flight.reply, flight.split = Decision.REFUSE, why.reply or enforce.BUSY, None
            self.refuse(flight, now)
            return
        flight.move(Stage.HANDED_OVER)
        flight.sent_at = now
        self.flying[flight.id] = flight
        guard.counters.note_added(now - flight.arrived_at)
        if flight.changes:
            guard.delivered(flight.forwarded, now)
        if flight.split is not None:
            self._grave(flight, now)

    def _patience(self, flight: UaFlight) -> int:
        hint = min(flight.request.header.timeout_ms, MAX_PATIENCE_MS)
        return max(self._guard.conduit.device_timeout_ms, hint) * MS

    # Answers.

    def response(self, id_: int, body: bytes, frames: tuple[Frame, ...], now: int) -> bool:
        """Take an answer of the device; False where nobody gets it."""
        head = answer_head(body)
        match = self._correlator.match(id_, head)
        flight = self.flying.pop(id_, None)
        if flight is None or match.pending is None:
            self._fault(match.defect, now)
            return False
        flight.response_at = now
        if match.pairing is not Pairing.MATCHED or head.defect is not None:
            self._fault(match.defect or head.defect, now)
            self._broken(flight, _UNKNOWN_RESPONSE, now)
            return False
        out = body if flight.split is None else splice(flight.split, body)
        breach = out if isinstance(out, Defect) else learn(self._guard.known, flight.request, flight.body, body)
        if isinstance(out, Defect) or breach is not None:
            self._fault(breach if isinstance(breach, Defect) else None, now)
            self._broken(flight, _UNKNOWN_RESPONSE, now)
            return False
        observe(self._guard, flight, body, now)
        flight.response = out
        self._wire.answer(flight, out, frames if flight.split is None else (), now)
        if not flight.split:
            flight.reply = 0
        self.end(flight, Outcome.EXCEPTION if head.fault else Outcome.ANSWERED, now)
        if flight.request.number == CLOSE_SESSION and flight.entry is not None and not head.fault:
            self._guard.ledger.closed(flight.entry.token)
            self.session_closed(flight.entry, now)
        elif head.fault in _GONE and flight.entry is not None:
            self._guard.ledger.closed(flight.entry.token)
            self._guard.known.forgotten(flight.entry.token)
        if flight.changes and self.waiting:
            self.advance(now)
        return True

    def _fault(self, why: Defect | None, now: int) -> None:
        if why is not None:
            ending.device_fault(self._guard, self._client, self._flow, why, now)

    def _broken(self, flight: UaFlight, status: int, now: int) -> None:
        """No valid answer comes: tell the client so, item by item where it changes something."""
        ticks = ticks_of(now + self._guard.wall_shift)
        body = fault(flight.request, status, ticks)
        if flight.changes and can_split(flight.request):
            count = len(flight.meaning.nodes)
            parts = split(flight.request, dict.fromkeys(range(count), status) | flight.refused)
            if not isinstance(parts, Defect):
                body = answered(flight.request, parts, ticks)
        if flight.changes:
            self._guard.unknown(flight.forwarded)
        flight.reply = status
        self._wire.answer(flight, body, (), now)
        self.end(flight, Outcome.UNKNOWN if flight.changes else Outcome.TIMED_OUT, now)

    # The shadow.

    def _ask_first(self, flight: UaFlight, now: int) -> None:
        self._ask(flight, now, waits=self._guard.acts and not enforce.is_safety(self._guard, flight))
        if flight.stage is Stage.ASKED:
            return
        if flight.reply:
            self.refuse(flight, now)
        else:
            flight.move(Stage.READY)

    def _question(self, flight: UaFlight, now: int) -> Question:
        raw = ending.question_bytes(flight)
        return Question(flight.number, self._guard.name, self._flow, self._client.address, now, raw)

    def _send(self, command: Ask) -> None:
        self._wire.ask(command)

    def _take_opinion(self, flight: UaFlight, opinion: Opinion, now: int) -> None:
        enforce.take_opinion(self._guard, self._client, flight, opinion, now)

    def _fail_over(self, flight: UaFlight, why: str) -> None:
        if asking.fail_over(self._guard, flight, why, enforce.BUSY):
            flight.refused = {}

    def _decided(self, flight: UaFlight, now: int) -> None:
        if flight.decision is Decision.ISOLATE:
            wish = asking.isolation_wish(self._guard, self._client, flight)
            self._guard.quarantine.wish(wish, now)
        if flight.reply:
            flight.split = None
            self.refuse(flight, now)
        else:
            flight.move(Stage.READY)
        self.advance(now)

    def _record(self, flight: UaFlight, now: int) -> None:
        ending.write_record(self._guard, self._client, self._flow, flight, now)

    # Time and ends.

    def end(self, flight: UaFlight, outcome: Outcome, now: int) -> None:
        """Give a request its one outcome, and leave what it leaves."""
        if flight.stage is Stage.ENDED:
            return
        flight.move(Stage.ENDED)
        flight.outcome = outcome
        ending.mirror(self._guard, self._client, self._flow, flight)
        if not flight.opinion_due:
            ending.write_record(self._guard, self._client, self._flow, flight, now)

    def time_out(self, now: int) -> None:
        """End what the device owes for too long, and decide without the shadow where its time is over."""
        for id_ in [id_ for id_, flight in self.hot.flying.items() if flight.due <= now]:
            self.cool(id_, self.hot.flying.pop(id_))
        for pending in self._correlator.expire(now):
            flight = self.flying.pop(pending.id, None)
            if flight is not None:
                self._broken(flight, _TIMEOUT, now)
        self._miss_overdue(now)
        self.advance(now)

    def next_timer(self) -> list[int]:
        """Return the moments at which something is due."""
        due = [flight.judge_until for flight in self.asked.values()]
        due += [flight.due for flight in self.hot.flying.values()]
        deadline = self._correlator.next_deadline()
        return due if deadline is None else [*due, deadline]

    def link_lost(self, now: int, *, reached: bool) -> None:
        """There is no way to the device any more; `reached` says whether there was one."""
        self.cool_all()
        self._correlator.drain()
        flying, self.flying = list(self.flying.values()), {}
        for flight in flying:
            if reached:
                self._broken(flight, _BROKEN, now)
            else:
                flight.reply = _BROKEN
                self._wire.answer(flight, fault(flight.request, _BROKEN, ticks_of(now)), (), now)
                self.end(flight, Outcome.UNREACHABLE, now)

    def abandon(self, now: int, flights: Iterable[UaFlight] = ()) -> None:
        """The client left: nothing more goes to the device, and nobody waits for an opinion."""
        for flight in (*self.waiting, *flights):
            self.end(flight, Outcome.ABANDONED, now)
        self.waiting = []
        self.forget(now)

    def session_closed(self, entry: Entry, now: int) -> None:
        """A session ended: many servers never answer the Publish requests that it leaves."""
        self.cool_all()
        for id_ in [id_ for id_, flight in self.flying.items() if flight.entry is entry and not flight.changes]:
            self._correlator.abandon(id_)
            self.end(self.flying.pop(id_), Outcome.ABANDONED, now)

    def abandon_reads(self, now: int) -> None:
        """The client left: nobody is there for what it read."""
        self.cool_all()
        for id_ in [id_ for id_, flight in self.flying.items() if not flight.changes]:
            self.end(self.flying.pop(id_), Outcome.ABANDONED, now)
