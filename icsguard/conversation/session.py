"""One client connection with its device link: events in, commands out.

The shell calls one method per event and carries out the returned commands in order. `request_passes` and
`response_passes` are the hot path: where they say yes, the same bytes go on and nothing else is to be done.
Whether the hot path was tried changes nothing but the cost.
"""

from __future__ import annotations

from typing import Final

from icsguard.conversation import ending, judging
from icsguard.conversation.api import (
    Arrival,
    Ask,
    CloseClient,
    CloseLink,
    Command,
    OpenLink,
    ToClient,
    ToDevice,
)
from icsguard.conversation.flight import Flight
from icsguard.conversation.guard import Guard
from icsguard.conversation.hot import CachedRead
from icsguard.conversation.link import OwnLink
from icsguard.conversation.order import must_wait
from icsguard.conversation.states import CLIENT_MOVES, ClientState, LinkState, Stage, moved
from icsguard.core.clock import MS, SECOND
from icsguard.core.decision import Decision, Layer
from icsguard.core.flow import Client
from icsguard.core.isolation import Scope
from icsguard.core.transaction import Opinion, Outcome, Question
from icsguard.core.verdict import Reason
from icsguard.protocols.modbus.exceptions import ACKNOWLEDGE, BUSY, NO_RESPONSE, PATH_UNAVAILABLE
from icsguard.protocols.modbus.mbap import Frame, Framer
from icsguard.protocols.modbus.meaning import BROADCAST, answer_due, meaning, observations
from icsguard.protocols.modbus.pdu import Response, parse_request
from icsguard.protocols.modbus.refuse import refuse

MAX_WAITING: Final = 64
"""Requests of one session that wait for their turn, besides those in flight. The next one is answered busy (0x06)."""
MAX_FOREIGN_RUN: Final = 3
"""Frames in a row whose protocol identifier is not 0: the third one closes the connection."""
MAX_ATTEMPTS: Final = 2
"""A read whose link broke is sent once more on a new link. A write never is."""
REFRESH_NS: Final = 250 * MS
"""An unchanged answer to a cached read is taken into policy's memory again when the last one is this old."""
MAX_SHOWN: Final = 16
"""Bytes of a stream that is not Modbus that a record shows: its beginning says what it was."""
_LIVE: Final = frozenset({LinkState.UP, LinkState.DRAINING})
_FOLLOWED: Final = frozenset({Stage.WAITING, Stage.ASKED, Stage.READY})


class Session:
    """One client connection. `is_over` says when the shell may forget it."""

    def __init__(self, guard: Guard, client: Client, flow: int, now: int) -> None:
        conduit = guard.conduit
        self.guard = guard
        self.client = client
        self.flow = flow
        self.state = ClientState.OPEN
        self.since = now
        self.last_at = now
        """When the client was last heard."""
        self.requests = 0
        self.refused = 0
        self.writes = 0
        quirks = frozenset(conduit.quirks)
        self.link = OwnLink(
            max_in_flight=conduit.max_in_flight,
            timeout_ns=conduit.device_timeout_ms * MS,
            quirks=quirks,
        )
        self._quirks = quirks
        self._serial = conduit.downstream == "serial"
        self._patience = max(conduit.device_timeout_ms, conduit.connect_timeout_ms) * MS
        self._framer = Framer()
        self._cache = guard.cache_of(client.address)
        self._waiting: list[Flight] = []
        self._asked: dict[int, Flight] = {}
        self._commands: list[Command] = []
        self._foreign_run = 0
        self._incomplete_since = 0
        self._is_hot = False
        self._told_to_close = False
        guard.opened(self)

    @property
    def is_over(self) -> bool:
        """Say whether nothing is left to do."""
        return self.state is ClientState.GONE and self.link.state is LinkState.DOWN

    @property
    def _told_to_stop(self) -> bool:
        return self.state is not ClientState.OPEN

    @property
    def in_flight(self) -> int:
        """How many requests are not answered yet."""
        return len(self._waiting) + len(self.link.hot) + len(self.link.busy)

    def asks(self, number: int) -> bool:
        """Say whether an opinion on that transaction is still of use."""
        return number in self._asked

    # The hot path.

    def request_passes(self, data: bytes, now: int) -> bool:
        """Say whether `data` is one allowed read that goes to the device as it is; then it counts as handed over."""
        if not self._is_hot:
            return False
        read = self._cache.reads.get(data[2:])
        if read is None or read.until <= now:
            return False
        tid = data[:2]
        link = self.link
        if tid in link.hot or tid in link.busy or link.room <= 0:
            return False
        run = self.guard.run
        run.transactions += 1
        link.hot[tid] = (read, data, now, run.transactions)
        self.requests += 1
        self.last_at = now
        return True

    def response_passes(self, data: bytes, now: int) -> bool:
        """Say whether `data` is the good answer to a request on the hot path; then it goes to the client as it is."""
        tid = data[:2]
        hot = self.link.hot
        flight = hot.get(tid)
        if flight is None or not self._is_hot:
            return False
        read, request, at, number = flight
        if len(data) != read.length or data[2:9] != read.head or data[-1] & read.padding or not self.link.is_clean:
            return False
        del hot[tid]
        self.link.answered(tid)
        guard = self.guard
        if read.watched:
            self._refresh(read, data, now)
        guard.run.mirror.append((number, guard.name, self.flow, self.client.address, at, now, request, data, 0, 0))
        guard.counters.transactions += 1
        return True

    def _refresh(self, read: CachedRead, data: bytes, now: int) -> None:
        """Tell policy's memory what was read, unless it has just been told the same."""
        body = data[9:]
        guard = self.guard
        if body == read.last and now - read.last_at < REFRESH_NS and read.last_change == guard.changes:
            return
        read.last, read.last_at, read.last_change = body, now, guard.changes
        guard.memory.seen(read.table, read.request.unit, read.first, read.values(body), now)

    # What the client does.

    def client_bytes(self, data: bytes, now: int) -> list[Command]:
        """Take what the client sent."""
        if self.state is not ClientState.OPEN:
            return []
        self.last_at = now
        for frame in self._framer.feed(data):
            if not self._told_to_stop:
                self._take_frame(frame, now)
        if self._framer.fatal is not None and not self._told_to_stop:
            ending.malformed(self.guard, self.client, self.flow, self._framer.fatal, data[:MAX_SHOWN], now)
            self.guard.quarantine.grave_event(self.client.address, self._framer.fatal.text, now)
            self._close()
        self._incomplete_since = (self._incomplete_since or now) if self._framer.pending else 0
        return self._done(now)

    def client_eof(self, now: int) -> list[Command]:
        """The client will send no more; it still gets its answers."""
        if self.state is ClientState.OPEN:
            self.state = moved(CLIENT_MOVES, self.state, ClientState.HALF_CLOSED)
        return self._done(now)

    def client_lost(self, now: int) -> list[Command]:
        """The client is gone: what the device has is followed to its end, the rest is dropped."""
        if self.state is not ClientState.GONE:
            self.state = moved(CLIENT_MOVES, self.state, ClientState.GONE)
        for flight in self._waiting:
            self._end(flight, Outcome.ABANDONED, now)
        self._waiting = []
        for flight in [one for one in self._asked.values() if one.stage is Stage.ENDED]:
            self._settle_opinion(flight, now)
        if self.link.state is LinkState.OPENING:
            self._close_link()
        return self._done(now)

    def drain(self, now: int) -> list[Command]:
        """Take nothing new, answer what is under way, then close."""
        self._close()
        return self._done(now)

    # What the device link does.

    def link_up(self, now: int) -> list[Command]:
        """The connection to the device stands."""
        if self.link.state is LinkState.OPENING:
            self.link.move(LinkState.UP)
            self.guard.pacing.succeeded()
        return self._done(now)

    def link_failed(self, reason: str, now: int) -> list[Command]:
        """The device could not be reached: whoever waits for it is told so."""
        if self.link.state is not LinkState.OPENING:
            return []
        self.link.move(LinkState.DOWN)
        self.guard.pacing.failed(now)
        for flight in self._waiting:
            if flight.stage is Stage.READY:
                self._unreachable(flight, reason, now)
        return self._done(now)

    def link_bytes(self, data: bytes, now: int) -> list[Command]:
        """Take what the device sent; what comes from a link that is closed already is nobody's."""
        if self.link.state not in _LIVE:
            return []
        self.link.promote()
        for arrival in self.link.arrived(data):
            self._take_arrival(arrival, now)
        return self._done(now)

    def link_lost(self, reason: str, now: int) -> list[Command]:
        """The device connection broke: reads may be tried once more, writes have an unknown outcome."""
        if self.link.state not in _LIVE:
            return []
        self.link.move(LinkState.DOWN)
        self.link.promote()
        retry = []
        for flight in self.link.take_all():
            if not flight.changes and flight.attempts < MAX_ATTEMPTS and self.state is not ClientState.GONE:
                flight.move(Stage.READY)
                retry.append(flight)
            else:
                self._no_answer(flight, f"the device link broke ({reason})", now)
        self._waiting = retry + self._waiting
        return self._done(now)

    # What the shadow does.

    def opinion(self, opinion: Opinion, now: int) -> list[Command]:
        """Take the shadow's answer; one that comes after its deadline is nobody's."""
        flight = self._asked.get(opinion.number)
        if flight is None:
            return []
        self.guard.misses = 0
        if flight.stage is Stage.ASKED:
            judging.take_opinion(self.guard, self.client, flight, opinion, now)
            self._act(flight, now)
        else:
            judging.note_opinion(flight, opinion)
        self._settle_opinion(flight, now)
        return self._done(now)

    def opinion_missing(self, why: str, now: int) -> list[Command]:
        """The shadow is gone: nothing waits for it any longer."""
        for flight in list(self._asked.values()):
            self._without_opinion(flight, why, now)
        return self._done(now)

    # Time.

    def timer(self, now: int) -> list[Command]:
        """Do what is due."""
        if self.guard.quarantine.scope_for(self.client.address, now) is Scope.FULL:
            self._close()
        for flight in [one for one in self._waiting if one.expires <= now]:
            self._expire(flight, now)
        for flight in [one for one in self._asked.values() if one.judge_until <= now]:
            self.guard.misses += 1
            self._without_opinion(flight, "the shadow gave no opinion in time", now)
        due = self.link.next_deadline()
        if due and due <= now:
            self._time_out(now)
        self._close_if_idle(now)
        return self._done(now)

    def next_timer(self) -> int:
        """Return the `now` at which `timer` must be called at the latest; 0 for never."""
        due = [flight.judge_until for flight in self._asked.values()]
        due += [flight.expires for flight in self._waiting]
        if deadline := self.link.next_deadline():
            due.append(deadline)
        if self.state is ClientState.OPEN:
            conduit = self.guard.conduit
            if self._incomplete_since:
                due.append(self._incomplete_since + conduit.incomplete_timeout_s * SECOND)
            if conduit.idle_timeout_s and not self.in_flight:
                due.append(self.last_at + conduit.idle_timeout_s * SECOND)
        return min(due, default=0)

    # Inside: from a frame to its turn.

    def _take_frame(self, frame: Frame, now: int) -> None:
        if frame.defect is not None:
            self._foreign_run += 1
            ending.dropped(self.guard, self.client, self.flow, frame, now)
            self.guard.quarantine.grave_event(self.client.address, frame.defect.text, now)
            if self._foreign_run >= MAX_FOREIGN_RUN:
                self._close()
            return
        self._foreign_run = 0
        self.requests += 1
        request = parse_request(frame.unit, frame.pdu, self._quirks)
        number = self.guard.run.next_transaction()
        flight = Flight(number, frame.raw, request, meaning(request), now=now, expires=now + self._patience)
        flight.answer_due = answer_due(request, serial=self._serial)
        self.writes += flight.changes
        if len(self._waiting) >= MAX_WAITING:
            self._shed(flight, now)
            return
        self._waiting.append(flight)
        self._advance(now)

    def _shed(self, flight: Flight, now: int) -> None:
        text = f"{MAX_WAITING} requests of this connection wait already"
        flight.note(Reason(Layer.RESOURCES, "too-many-waiting", text, Decision.REFUSE, reply=BUSY))
        flight.decision = Decision.REFUSE
        self._end(flight, Outcome.REFUSED, now, reply=BUSY)

    def _advance(self, now: int) -> None:
        """Give each waiting request its turn, in order; what must keep its place keeps it."""
        earlier: list[Flight] = []
        for flight in self._waiting:
            if not must_wait(flight, earlier):
                if flight.stage is Stage.WAITING:
                    judging.judge(self.guard, self.client, flight, now)
                    self._act(flight, now)
                if flight.stage is Stage.READY:
                    self._send(flight, now)
            if flight.stage in _FOLLOWED:
                earlier.append(flight)
        self._waiting = earlier

    def _act(self, flight: Flight, now: int) -> None:
        """Carry out the decision on a request that waits or was asked about."""
        guard = self.guard
        if flight.decision is Decision.ISOLATE:
            guard.quarantine.wish(judging.isolation_wish(guard, self.client, flight), now)
        if flight.decision >= Decision.HOLD:
            self._refuse(flight, now)
        elif flight.stage is Stage.WAITING and judging.wants_opinion(guard, flight):
            self._ask(flight, now)
        else:
            flight.move(Stage.READY)
            read = judging.cached_read(guard, flight, now)
            if read is not None:
                self._cache.put(flight.raw, read)

    def _refuse(self, flight: Flight, now: int) -> None:
        self.refused += 1
        reply = flight.reply or judging.ILLEGAL_VALUE
        self._end(flight, Outcome.REFUSED, now, reply=BUSY if flight.decision is Decision.HOLD else reply)
        if flight.changes or flight.request.defect is not None:
            reason = judging.weightiest(flight.reasons).text if flight.reasons else ""
            self.guard.quarantine.grave_event(self.client.address, reason, now)

    def _ask(self, flight: Flight, now: int) -> None:
        guard = self.guard
        waits = guard.acts and not judging.is_safety(guard, flight)
        if guard.shadow_up:
            flight.judge_until = now + guard.conduit.judge_deadline_ms * MS
            self._asked[flight.number] = flight
            question = Question(flight.number, guard.name, self.flow, self.client.address, now, flight.raw)
            self._commands.append(Ask(question, flight.judge_until))
        if waits and guard.waits_for_shadow:
            flight.move(Stage.ASKED)
            return
        if waits:
            judging.fail_over(guard, flight, "the shadow is silent" if guard.shadow_up else "the shadow is not there")
        if flight.decision >= Decision.REFUSE:
            self._refuse(flight, now)
        else:
            flight.move(Stage.READY)

    def _without_opinion(self, flight: Flight, why: str, now: int) -> None:
        if flight.stage is Stage.ASKED:
            judging.fail_over(self.guard, flight, why)
            self._act(flight, now)
        self._settle_opinion(flight, now)

    def _settle_opinion(self, flight: Flight, now: int) -> None:
        """The opinion is in, or will not come: release what waited for it, and write the record if it was due."""
        self._asked.pop(flight.number, None)
        if flight.stage is not Stage.ENDED:
            return
        if not flight.recorded:
            flight.recorded = True
            ending.write_record(self.guard, self.client, self.flow, flight, now)

    # Inside: to the device and back.

    def _send(self, flight: Flight, now: int) -> None:
        link = self.link
        if link.accepts(flight):
            if judging.is_outdated(self.guard, flight) and not judging.holds_still(
                self.guard, self.client, flight, now
            ):
                self._refuse(flight, now)
                return
            self._commands.append(ToDevice(link.hand_over(flight, now)))
            self.guard.counters.note_added(now - flight.arrived_at)
            if flight.changes:
                self.guard.delivered(flight.meaning, now)
            if not flight.answer_due and flight.request.unit == BROADCAST:
                link.forget(flight)
                self._end(flight, Outcome.NO_ANSWER_DUE, now)
        elif link.state is LinkState.DOWN and self.guard.pacing.allows(now):
            link.move(LinkState.OPENING)
            self._commands.append(OpenLink())
        elif link.state is LinkState.DOWN:
            self._unreachable(flight, "it did not answer the last call", now)

    def _take_arrival(self, arrival: Arrival, now: int) -> None:
        flight = arrival.flight
        if arrival.defect is not None and (flight is None or not self._passes_anyway(arrival)):
            ending.device_fault(self.guard, self.client, self.flow, arrival.defect, arrival.raw, now)
            self._distrust()
            if arrival.defect.fatal:
                self._close_link()
                for lost in self.link.take_all():
                    self._no_answer(lost, arrival.defect.text, now)
            if flight is not None:
                flight.response, flight.response_at = arrival.raw, now
                self._no_answer(flight, arrival.defect.text, now)
            return
        if flight is None or arrival.response is None:
            return
        flight.response, flight.response_at = arrival.raw, now
        self._observe(flight, arrival.response, now)
        self._to_client(arrival.raw)
        gone = self.state is ClientState.GONE
        answered = Outcome.EXCEPTION if arrival.response.exception else Outcome.ANSWERED
        self._end(flight, Outcome.ABANDONED if gone else answered, now)

    def _passes_anyway(self, arrival: Arrival) -> bool:
        """Observe and learn deliver a misshapen answer that pairs by unit and function, and record it."""
        if self.guard.acts or arrival.flight is None or arrival.response is None or arrival.defect is None:
            return False
        if arrival.defect.code == "response-function":
            return False
        reason = Reason(Layer.GRAMMAR, arrival.defect.code, arrival.defect.text, Decision.REFUSE)
        arrival.flight.note(reason)
        return True

    def _observe(self, flight: Flight, response: Response, now: int) -> None:
        """Tell policy's memory what the answer proves."""
        memory, unit = self.guard.memory, flight.request.unit
        if response.exception and flight.changes:
            for access in flight.meaning.accesses:
                if response.exception == ACKNOWLEDGE:
                    memory.unknown(unit, access.table, access.span)
                else:
                    memory.rejected(unit, access.table, access.span)
        for seen in observations(flight.request, response):
            memory.seen(seen.table, unit, seen.first, seen.values, now)

    def _time_out(self, now: int) -> None:
        self.link.promote()
        for flight in self.link.overdue(now):
            if flight.answer_due:
                self._distrust()
                self._no_answer(flight, "the device did not answer in time", now)
            else:
                self._end(flight, Outcome.NO_ANSWER_DUE, now)

    def _no_answer(self, flight: Flight, why: str, now: int) -> None:
        """The device has the request and gave no valid answer: 0x0B, and for a write nobody knows what became of it."""
        flight.note(
            Reason(Layer.GRAMMAR if flight.response else Layer.RESOURCES, "no-valid-answer", why, Decision.ALLOW)
        )
        if flight.changes:
            self.guard.unknown(flight.meaning)
        self._end(flight, Outcome.UNKNOWN if flight.changes else Outcome.TIMED_OUT, now, reply=NO_RESPONSE)

    def _unreachable(self, flight: Flight, why: str, now: int) -> None:
        flight.note(
            Reason(Layer.RESOURCES, "device-unreachable", f"the device cannot be reached: {why}", Decision.ALLOW)
        )
        self._end(flight, Outcome.UNREACHABLE, now, reply=PATH_UNAVAILABLE)

    def _expire(self, flight: Flight, now: int) -> None:
        """It waited longer than any client does: it is not sent any more."""
        if self.link.state in {LinkState.DOWN, LinkState.OPENING} and flight.stage is Stage.READY:
            if self.link.state is LinkState.OPENING:
                self.guard.pacing.failed(now)
                self._close_link()
            self._unreachable(flight, "no connection in time", now)
            return
        text = "it waited too long for its turn"
        flight.note(Reason(Layer.RESOURCES, "waited-too-long", text, Decision.REFUSE, reply=BUSY))
        flight.decision = Decision.REFUSE
        self._end(flight, Outcome.REFUSED, now, reply=BUSY)

    # Inside: ends.

    def _end(self, flight: Flight, outcome: Outcome, now: int, *, reply: int = 0) -> None:
        """Give the request its one outcome, and the client its answer where the gateway answers."""
        flight.move(Stage.ENDED)
        flight.outcome = outcome
        flight.reply = reply
        if reply and flight.answer_due:
            self._to_client(refuse(flight.raw, reply))
        ending.mirror(self.guard, self.client, self.flow, flight)
        if flight.number not in self._asked:
            self._settle_opinion(flight, now)

    def _to_client(self, data: bytes) -> None:
        if self.state is not ClientState.GONE:
            self._commands.append(ToClient(data))

    def _distrust(self) -> None:
        if self.link.state is LinkState.UP:
            self.link.move(LinkState.DRAINING)

    def _close_link(self) -> None:
        self.link.move(LinkState.DOWN)
        self._commands.append(CloseLink())

    def _close(self) -> None:
        if self.state in {ClientState.OPEN, ClientState.HALF_CLOSED}:
            self.state = moved(CLIENT_MOVES, self.state, ClientState.CLOSING)

    def _close_if_idle(self, now: int) -> None:
        conduit = self.guard.conduit
        incomplete = self._incomplete_since and now >= self._incomplete_since + conduit.incomplete_timeout_s * SECOND
        idle = conduit.idle_timeout_s and now >= self.last_at + conduit.idle_timeout_s * SECOND
        if incomplete or (idle and not self.in_flight):
            self._close()

    def _done(self, now: int) -> list[Command]:
        """Let everybody have their turn, close what is finished, and hand out the commands of this event."""
        self._advance(now)
        if self.link.state is LinkState.DRAINING and self.link.is_empty:
            self._close_link()
            self._advance(now)
        finished = not self._waiting and self.link.is_empty
        if finished and self.state in {ClientState.HALF_CLOSED, ClientState.CLOSING} and not self._told_to_close:
            self._told_to_close = True
            self._commands.append(CloseClient("finished"))
        if self.state is ClientState.GONE and finished and self.link.state is LinkState.UP:
            self._close_link()
        if self.is_over:
            self.guard.closed(self)
        up = self.link.state is LinkState.UP and self.state is ClientState.OPEN
        self._is_hot = up and not self._waiting and not self._framer.pending
        commands, self._commands = self._commands, []
        return commands
