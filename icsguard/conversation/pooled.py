"""One client connection whose requests travel on links that the conduit's clients share.

The client's half is `dialogue`'s; this is the other: wait for a turn, ride on a lane of the `pool`, get the answer with
the client's own identifier. Every record still names the client.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from icsguard.conversation.dialogue import Dialogue
from icsguard.conversation.exchange import Exchange
from icsguard.conversation.lane import Lane, Rider
from icsguard.conversation.pool import MAX_POOL_WAITING, Pool, standing_allows
from icsguard.conversation.states import Stage
from icsguard.conversation.units import Standing
from icsguard.core.clock import MS
from icsguard.core.decision import Decision, Layer
from icsguard.core.transaction import Outcome
from icsguard.core.verdict import Reason
from icsguard.protocols.modbus.defects import defect
from icsguard.protocols.modbus.exceptions import NO_RESPONSE
from icsguard.protocols.modbus.mbap import HEADER
from icsguard.protocols.modbus.rtu import can_frame

if TYPE_CHECKING:
    from icsguard.conversation.api import Command
    from icsguard.conversation.flight import Flight
    from icsguard.conversation.guard import Guard
    from icsguard.core.flow import Client


class PooledExchange(Exchange):
    """Requests and answers of one client on shared links."""

    __slots__ = ("_frames_rtu", "lane", "most", "pool", "riding", "session")

    session: PooledSession

    def __init__(self, guard: Guard, pool: Pool, client: Client, flow: int) -> None:
        super().__init__(guard, client, flow)
        self.pool = pool
        self.riding = 0
        """How many of its requests the device has."""
        self.lane: Lane | None = None
        """On which link they are: its writes keep their order there."""
        self.most = guard.conduit.max_in_flight
        self._frames_rtu = guard.conduit.framing == "rtu"

    @property
    def in_flight(self) -> int:
        """How many requests the device has."""
        return self.riding

    @property
    def is_done(self) -> bool:
        """Say whether the device owes this client nothing."""
        return not self.riding

    @property
    def is_up(self) -> bool:
        """Say whether a link stands."""
        return self.pool.is_up

    @property
    def is_crowded(self) -> bool:
        """Say whether all clients together have too many requests waiting."""
        return self.pool.waiting >= MAX_POOL_WAITING

    # To the device.

    def accepts(self, flight: Flight, now: int) -> bool:
        """Say whether `flight` can be sent, or ride along, now."""
        if self.pool.coalesces and self.pool.twin_of(flight, self) is not None:
            return True
        return self._lane_now(flight, now) is not None

    def _lane_now(self, flight: Flight, now: int) -> Lane | None:
        pool = self.pool
        if not pool.has_turn(self.session):
            return None
        if pool.units.suspects and not standing_allows(pool.units.standing(flight.request.unit, now)):
            return None
        return pool.lane_for(self, now)

    def send(self, flight: Flight, now: int) -> None:
        """Send a request, let it ride with its twin, or wait for a turn; a silent unit is told of at once."""
        pool = self.pool
        if self._frames_rtu and not can_frame(flight.raw[HEADER:]):
            self._refuse_unframable(flight, now)
        elif pool.units.suspects and pool.units.standing(flight.request.unit, now) is Standing.SILENT:
            self._unit_is_silent(flight, now)
        elif pool.coalesces and (twin := pool.twin_of(flight, self)) is not None:
            lane, number = twin
            lane.join(number, Rider(flight, self, self.guard.changes), now)
            self.handed_over(flight, now)
            self.boarded(lane)
        elif (free := self._lane_now(flight, now)) is not None:
            pool.hand_over(free, Rider(flight, self, self.guard.changes), now)
        elif why := pool.want(self.session, now):
            self.unreachable(flight, why, now)
        elif flight.request.unit in pool.units.suspects:
            self._hold_back(flight, now)

    def _hold_back(self, flight: Flight, now: int) -> None:
        """Let a request wait for a unit that is asked one thing at a time: as long as if it had been asked."""
        told_at = flight.arrived_at + self.guard.conduit.device_timeout_ms * MS
        if told_at <= now:
            self._unit_is_silent(flight, now)
        else:
            flight.expires = min(flight.expires, told_at)

    def boarded(self, lane: Lane) -> None:
        """Note that one more request is on `lane`."""
        self.lane = lane
        self.riding += 1

    def ended(self, flight: Flight, outcome: Outcome, now: int) -> None:
        """End a request that left its lane."""
        self.riding -= 1
        self.end(flight, outcome, now)

    def end(self, flight: Flight, outcome: Outcome, now: int, *, reply: int = 0) -> None:
        """Give a request its one outcome; others may have their turn."""
        super().end(flight, outcome, now, reply=reply)
        self.pool.touch(self.session)

    def expire(self, flight: Flight, now: int) -> bool:
        """End a request that waits while no link stands, or for a unit that does not answer."""
        if flight.stage is not Stage.READY:
            return False
        if not self.pool.is_up:
            self.unreachable(flight, "no connection in time", now)
        elif flight.request.unit in self.pool.units.suspects:
            self._unit_is_silent(flight, now)
        else:
            return False
        return True

    def _unit_is_silent(self, flight: Flight, now: int) -> None:
        text = f"unit {flight.request.unit} has not answered lately: others have their turn first"
        if flight.attempts:  # its second try: the device has seen it
            self.no_answer(flight, text, now)
            return
        flight.note(Reason(Layer.RESOURCES, "unit-silent", text, Decision.ALLOW))
        self.end(flight, Outcome.UNREACHABLE, now, reply=NO_RESPONSE)

    def _refuse_unframable(self, flight: Flight, now: int) -> None:
        found = defect("pdu-not-framable", f"function {flight.request.function}")
        flight.note(Reason(Layer.GRAMMAR, found.code, found.text, Decision.REFUSE, reply=found.reply))
        flight.decision = Decision.REFUSE
        self.end(flight, Outcome.REFUSED, now, reply=found.reply)

    # What an event leaves.

    def tidy(self, now: int, *, idle: bool) -> bool:
        """Let others have their turn where something changed for them."""
        del idle
        self.pool.serve(now)
        return False

    def leave(self, now: int) -> None:
        """The client is gone: it wants no turn any more."""
        del now
        self.client_is_gone = True
        self.pool.ring.leave(self.session)

    def next_deadline(self) -> int:
        """Return 0: the pool keeps the time of what is in flight."""
        return 0


class PooledSession(Dialogue):
    """One client connection on shared links. `is_over` says when the shell may forget it."""

    def __init__(self, guard: Guard, pool: Pool, client: Client, flow: int, now: int) -> None:
        self.exchange = PooledExchange(guard, pool, client, flow)
        self.exchange.session = self
        self._counted = 0
        super().__init__(guard, self.exchange, now)

    @property
    def is_hot(self) -> bool:
        """Say whether the next answer may take the fast path."""
        return self._is_hot

    # The hot path.

    def request_passes(self, data: bytes, now: int) -> tuple[int, bytes] | None:
        """Return the link and the bytes to send where `data` is one allowed read that may go now; then it has gone."""
        if not self._is_hot:
            return None
        read = self._cache.reads.get(data[2:])
        exchange = self.exchange
        pool = exchange.pool
        if read is None or read.until <= now or pool.ring.count or pool.units.suspects or pool.coalesces:
            return None
        lane = pool.lane_for(exchange, now)
        if lane is None or not lane.trusts_tids:
            return None
        run = self.guard.run
        run.transactions += 1
        asked = read.request
        tid = lane.next_tid(asked.unit, asked.function).to_bytes(2)
        lane.hot[tid] = (read, data, now, run.transactions, self)
        lane.sent(now)
        exchange.lane = lane
        exchange.riding += 1
        self.requests += 1
        self.last_at = now
        return lane.index, tid + data[2:]

    # What the pool does.

    def use_turn(self, now: int) -> None:
        """Send one request, if one may go."""
        self._turns.advance(now)
        if self.exchange.commands:
            self.exchange.pool.touch(self)

    def waits_for(self, asked: bytes) -> bool:
        """Say whether a request with these bytes from the unit identifier on waits here."""
        return any(flight.raw[6:] == asked for flight in self._turns.waiting)

    def take_back(self, flights: list[Flight]) -> None:
        """Put reads whose link broke before those that wait."""
        self._turns.waiting = flights + self._turns.waiting

    def link_failed(self, why: str, now: int) -> None:
        """There is no way to the device: tell those that would have gone."""
        self._turns.link_failed(why, now)

    def flush(self, now: int) -> list[Command]:
        """Return what the pool's events have led to for this client."""
        return self._done(now)

    # Inside.

    def _may_be_hot(self) -> bool:
        return self.exchange.pool.is_up

    def _done(self, now: int) -> list[Command]:
        commands = super()._done(now)
        waiting = len(self._turns.waiting)
        if not waiting:
            self.exchange.pool.ring.leave(self)
        self.exchange.pool.waiting += waiting - self._counted
        self._counted = waiting
        return commands
