"""One client connection with its device link: events in, commands out.

The shell calls one method per event and carries out the returned commands in order. `request_passes` and
`response_passes` are the hot path: where they say yes, the same bytes go on and nothing else is to be done.
Whether the hot path was tried changes nothing but the cost.
"""

from __future__ import annotations

from typing import Final

from icsguard.conversation import ending
from icsguard.conversation.api import CloseClient, Command
from icsguard.conversation.exchange import LIVE, Exchange
from icsguard.conversation.flight import Flight
from icsguard.conversation.guard import Guard
from icsguard.conversation.hot import CachedRead
from icsguard.conversation.link import OwnLink
from icsguard.conversation.states import CLIENT_MOVES, ClientState, LinkState, moved
from icsguard.conversation.turns import Turns
from icsguard.core.clock import MS, SECOND
from icsguard.core.flow import Client
from icsguard.core.isolation import Scope
from icsguard.core.transaction import Opinion
from icsguard.protocols.modbus.mbap import Frame, Framer
from icsguard.protocols.modbus.meaning import answer_due, meaning
from icsguard.protocols.modbus.pdu import parse_request

MAX_FOREIGN_RUN: Final = 3
"""Frames in a row whose protocol identifier is not 0: the third one closes the connection."""
MAX_SHOWN: Final = 16
"""Bytes of a stream that is not Modbus that a record shows: its beginning says what it was."""
REFRESH_NS: Final = 250 * MS
"""An unchanged answer to a cached read is taken into policy's memory again when the last one is this old."""


class Session:
    """One client connection. `is_over` says when the shell may forget it."""

    def __init__(self, guard: Guard, client: Client, flow: int, now: int) -> None:
        conduit = guard.conduit
        self.guard = guard
        self.flow = flow
        self.state = ClientState.OPEN
        self.since = now
        self.last_at = now
        """When the client was last heard."""
        self.requests = 0
        self._cache = guard.cache_of(client.address)
        self._exchange = Exchange(guard, client, flow)
        self._turns = Turns(self._exchange, self._cache)
        self._framer = Framer()
        self._quirks = frozenset(conduit.quirks)
        self._serial = conduit.downstream == "serial"
        self._foreign_run = 0
        self._incomplete_since = 0
        self._is_hot = False
        self._told_to_close = False
        guard.opened(self)

    # What others may know.

    @property
    def client(self) -> Client:
        """Who it is."""
        return self._exchange.client

    @client.setter
    def client(self, client: Client) -> None:
        """Call it by another name: the policy changed."""
        self._exchange.client = client

    @property
    def link(self) -> OwnLink:
        """Its way to the device."""
        return self._exchange.link

    @property
    def writes(self) -> int:
        """How many of its requests might have changed the plant."""
        return self._turns.writes

    @property
    def refused(self) -> int:
        """How many of its requests were refused or held."""
        return self._turns.refused

    @property
    def in_flight(self) -> int:
        """How many requests are not answered yet."""
        return len(self._turns.waiting) + len(self.link.hot) + len(self.link.busy)

    @property
    def is_over(self) -> bool:
        """Say whether nothing is left to do."""
        return self.state is ClientState.GONE and self.link.state is LinkState.DOWN

    def asks(self, number: int) -> bool:
        """Say whether an opinion on that transaction is still of use."""
        return number in self._turns.asked

    # The hot path.

    def request_passes(self, data: bytes, now: int) -> bool:
        """Say whether `data` is one allowed read that goes to the device as it is; then it counts as handed over."""
        if not self._is_hot:
            return False
        read = self._cache.reads.get(data[2:])
        if read is None or read.until <= now:
            return False
        tid = data[:2]
        link = self._exchange.link
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
        link = self._exchange.link
        flight = link.hot.get(tid)
        if flight is None or not self._is_hot:
            return False
        read, request, at, number = flight
        if len(data) != read.length or data[2:9] != read.head or data[-1] & read.padding or not link.is_clean:
            return False
        del link.hot[tid]
        link.answered(tid)
        guard = self.guard
        if read.watched:
            self._refresh(read, data, now)
        address = self._exchange.client.address
        guard.run.mirror.append((number, guard.name, self.flow, address, at, now, request, data, 0, 0))
        guard.counters.hot += 1
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
            self._take_frame(frame, now)
        if self._framer.fatal is not None and self._is_open():
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
        self._exchange.client_is_gone = True
        self._turns.abandon(now)
        if self.link.state is LinkState.OPENING:
            self._exchange.close_link()
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

    def link_failed(self, why: str, now: int) -> list[Command]:
        """The device could not be reached: whoever waits for it is told so."""
        if self.link.state is not LinkState.OPENING:
            return []
        self.link.move(LinkState.DOWN)
        self.guard.pacing.failed(now)
        self._turns.link_failed(why, now)
        return self._done(now)

    def link_bytes(self, data: bytes, now: int) -> list[Command]:
        """Take what the device sent; what comes from a link that is closed already is nobody's."""
        if self.link.state not in LIVE:
            return []
        self._exchange.arrived(data, now)
        return self._done(now)

    def link_lost(self, why: str, now: int) -> list[Command]:
        """The device connection broke: reads may be tried once more, writes have an unknown outcome."""
        if self.link.state not in LIVE:
            return []
        self._turns.waiting = self._exchange.lost(why, now) + self._turns.waiting
        return self._done(now)

    # What the shadow does, and time.

    def opinion(self, opinion: Opinion, now: int) -> list[Command]:
        """Take the shadow's answer."""
        self._turns.opinion(opinion, now)
        return self._done(now)

    def opinion_missing(self, why: str, now: int) -> list[Command]:
        """The shadow is gone: nothing waits for it any longer."""
        self._turns.without_opinion(why, now)
        return self._done(now)

    def timer(self, now: int) -> list[Command]:
        """Do what is due."""
        if self.guard.quarantine.scope_for(self.client.address, now) is Scope.FULL:
            self._close()
        self._turns.time_out(now)
        self._exchange.time_out(now)
        self._close_if_idle(now)
        return self._done(now)

    def next_timer(self) -> int:
        """Return the `now` at which `timer` must be called at the latest; 0 for never."""
        due = self._turns.next_timer()
        if deadline := self.link.next_deadline():
            due.append(deadline)
        if self.state is ClientState.OPEN:
            conduit = self.guard.conduit
            if self._incomplete_since:
                due.append(self._incomplete_since + conduit.incomplete_timeout_s * SECOND)
            if conduit.idle_timeout_s and not self.in_flight:
                due.append(self.last_at + conduit.idle_timeout_s * SECOND)
        return min(due, default=0)

    # Inside.

    def _take_frame(self, frame: Frame, now: int) -> None:
        if not self._is_open():
            return
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
        flight = Flight(number, frame.raw, request, meaning(request), now=now, expires=now + self._exchange.patience)
        flight.answer_due = answer_due(request, serial=self._serial)
        self._turns.take(flight, now)

    def _is_open(self) -> bool:
        return self.state is ClientState.OPEN

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
        exchange, turns, link = self._exchange, self._turns, self._exchange.link
        turns.advance(now)
        if link.state is LinkState.DRAINING and link.is_empty:
            exchange.close_link()
            turns.advance(now)
        finished = not turns.waiting and link.is_empty
        if finished and self.state in {ClientState.HALF_CLOSED, ClientState.CLOSING} and not self._told_to_close:
            self._told_to_close = True
            exchange.commands.append(CloseClient("finished"))
        if self.state is ClientState.GONE and finished and link.state is LinkState.UP:
            exchange.close_link()
        if self.is_over:
            turns.forget(now)
            self.guard.closed(self)
        up = link.state is LinkState.UP and self.state is ClientState.OPEN
        self._is_hot = up and not turns.waiting and not self._framer.pending
        commands, exchange.commands = exchange.commands, []
        return commands
