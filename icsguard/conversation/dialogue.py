"""The client's side of a conversation, whatever the way to the device: events in, commands out.

The shell calls one method per event and carries out the returned commands in order. `session` adds a device link of
its own, `pooled` the links that a conduit's clients share.
"""

from __future__ import annotations

from typing import Final

from icsguard.conversation import ending, judging
from icsguard.conversation.api import CloseClient, Command
from icsguard.conversation.exchange import Exchange
from icsguard.conversation.flight import Flight
from icsguard.conversation.guard import Guard
from icsguard.conversation.limits import within
from icsguard.conversation.states import CLIENT_MOVES, ClientState, moved
from icsguard.conversation.turns import Turns
from icsguard.core.clock import SECOND
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


class Dialogue:
    """One client connection. `is_over` says when the shell may forget it."""

    def __init__(self, guard: Guard, exchange: Exchange, now: int) -> None:
        conduit = guard.conduit
        self.guard = guard
        self.flow = exchange.flow
        self.state = ClientState.OPEN
        self.since = now
        self.last_at = now
        """When the client was last heard."""
        self.requests = 0
        self._cache = guard.cache_of(exchange.client.address)
        self._exchange = exchange
        self._turns = Turns(exchange, self._cache)
        self._framer = Framer()
        self._quirks = frozenset(conduit.quirks)
        self._max_pdu = conduit.max_pdu
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
        return len(self._turns.waiting) + self._exchange.in_flight

    @property
    def is_over(self) -> bool:
        """Say whether nothing is left to do."""
        return self.state is ClientState.GONE and self._exchange.is_done

    @property
    def device_is_up(self) -> bool:
        """Say whether a connection to the device stands."""
        return self._exchange.is_up

    def asks(self, number: int) -> bool:
        """Say whether an opinion on that transaction is still of use."""
        return number in self._turns.asked

    # What the client does.

    def client_bytes(self, data: bytes, now: int) -> list[Command]:
        """Take what the client sent."""
        if self.state is not ClientState.OPEN:
            return []
        self.last_at = now
        frames = self._framer.feed(data)
        for frame in frames:
            self._take_frame(frame, now)
        if self._framer.fatal is not None and self._is_open():
            ending.malformed(self.guard, self.client, self.flow, self._framer.fatal, data[:MAX_SHOWN], now)
            self.guard.quarantine.grave_event(self.client.address, self._framer.fatal.text, now)
            self._close()
        self._time_incomplete(now, is_new=bool(frames))
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
        self._exchange.leave(now)
        self._turns.abandon(now)
        return self._done(now)

    def drain(self, now: int) -> list[Command]:
        """Take nothing new, answer what is under way, then close."""
        self._close()
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
        self._time_out_link(now)
        self._close_if_idle(now)
        return self._done(now)

    def next_timer(self) -> int:
        """Return the `now` at which `timer` must be called at the latest; 0 for never."""
        due = self._turns.next_timer()
        if deadline := self._exchange.next_deadline():
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
        number, expires = self.guard.run.next_transaction(), now + self._exchange.patience
        read = self._cache.reads.get(frame.raw[2:])
        if read is not None and read.until > now:
            request = read.request
            flight = Flight(number, frame.raw, request, read.meaning, now=now, expires=expires)
            judging.take_known(self.guard, flight, read)
        else:
            request = within(self._max_pdu, parse_request(frame.unit, frame.pdu, self._quirks), frame.pdu)
            flight = Flight(number, frame.raw, request, meaning(request), now=now, expires=expires)
        flight.answer_due = answer_due(request, serial=self._serial)
        self._turns.take(flight, now)

    def _time_incomplete(self, now: int, *, is_new: bool) -> None:
        """Note since when a request is half here; `is_new`: what was half here before is complete, this is the next."""
        if not self._framer.pending:
            self._incomplete_since = 0
        elif is_new or not self._incomplete_since:
            self._incomplete_since = now

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

    def _time_out_link(self, now: int) -> None:
        """End what the device has owed for too long, where that is this session's to see."""

    def _may_be_hot(self) -> bool:
        """Say whether the way to the device is clear."""
        return False

    def _done(self, now: int) -> list[Command]:
        """Let everybody have their turn, close what is finished, and hand out the commands of this event."""
        exchange, turns = self._exchange, self._turns
        if turns.waiting:
            turns.advance(now)
        if exchange.tidy(now, idle=not turns.waiting):
            turns.advance(now)
        if self.state is ClientState.OPEN:
            self._is_hot = not turns.waiting and not self._framer.pending and self._may_be_hot()
        else:
            self._is_hot = False
            self._finish(now)
        commands, exchange.commands = exchange.commands, []
        return commands

    def _finish(self, now: int) -> None:
        """Close the client's side when all is answered, and leave the conduit when nothing is left to do."""
        is_leaving = self.state is ClientState.HALF_CLOSED or self.state is ClientState.CLOSING
        if is_leaving and not self._told_to_close and not self._turns.waiting and not self._exchange.in_flight:
            self._told_to_close = True
            self._exchange.commands.append(CloseClient("finished"))
        if self.is_over:
            self._turns.forget(now)
            self.guard.closed(self)
