"""One to N connections to a device, shared among the clients of a conduit.

Many devices take one to five connections; here forty clients can use them. Requests wait with their own sessions; the
pool gives turns (`ring`), keeps a unit that does not answer from costing the others (`units`), numbers what goes out
(`lane`) and brings each answer to its asker (`answers`). Pure: the shell carries out `commands` and then lets the
sessions in `touched` say what they have for their clients.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from icsguard.conversation.answers import Answers
from icsguard.conversation.api import CloseLink, Command, LaneCommand, OpenLink, ToDevice
from icsguard.conversation.exchange import LIVE
from icsguard.conversation.hot import HOT_FUNCTIONS, refresh
from icsguard.conversation.lane import Lane, Rider
from icsguard.conversation.pacing import Pacing
from icsguard.conversation.ring import Ring
from icsguard.conversation.states import LinkState
from icsguard.conversation.units import Standing, Units
from icsguard.core.clock import MS, SECOND
from icsguard.core.transaction import Outcome
from icsguard.protocols.modbus.meaning import BROADCAST
from icsguard.protocols.modbus.quirks import CLOSES_OLDEST

if TYPE_CHECKING:
    from icsguard.conversation.flight import Flight
    from icsguard.conversation.guard import Guard
    from icsguard.conversation.pooled import PooledExchange, PooledSession

MAX_POOL_WAITING: Final = 1024
"""Requests of all clients that wait for the shared links of one conduit. The next one is answered busy (0x06): at 5 ms
a request the last of so many waits five seconds, longer than any client does."""
LINGER_NS: Final = 60 * SECOND
"""A shared link without any client is closed after so long: others may want the device's few connections."""
STABLE_NS: Final = 10 * SECOND
"""A link that lived so long was not thrown out because we came."""
MAX_KICKED_PAUSE_NS: Final = 10 * SECOND
"""Longest pause before a device that closes its oldest connection is called again."""
TURNAROUND_NS: Final = 100 * MS  # SL §2.4.1: after a broadcast the units need 100 to 200 ms before the next request


class Pool:
    """The shared links of one conduit."""

    def __init__(self, guard: Guard, seed: int = 0) -> None:
        conduit = guard.conduit
        self.guard = guard
        self.lanes = [Lane(index, conduit) for index in range(max(1, conduit.links))]
        self.ring = Ring()
        self.units = Units(conduit.device_timeout_ms * MS)
        self._answers = Answers(guard, self.lanes, self.units)
        self.commands: list[LaneCommand] = []
        """What is to be done on the links; the shell empties it."""
        self.touched: dict[int, PooledSession] = {}
        """Sessions with something for their clients, by flow; the shell empties it."""
        self.waiting = 0
        """Requests of all sessions that wait, as of their last event."""
        self.linger = LINGER_NS
        """How long a link stays without any client; the shell sets 0 where no more clients will come."""
        self.turn = 0
        """The flow that may send one request now."""
        self.coalesces = conduit.coalesce
        self.connect_delay = conduit.connect_delay_ms * MS
        self._spare = Pacing(seed)
        self._kicked = Pacing(seed, MAX_KICKED_PAUSE_NS)
        self._is_kicked = CLOSES_OLDEST in conduit.quirks

    # What sessions ask.

    @property
    def is_up(self) -> bool:
        """Say whether a link stands."""
        return any(lane.state is LinkState.UP for lane in self.lanes)

    @property
    def is_reaching(self) -> bool:
        """Say whether a link stands or is being opened."""
        return any(lane.state is not LinkState.DOWN for lane in self.lanes)

    def lane_for(self, exchange: PooledExchange, now: int) -> Lane | None:
        """Return the link that takes a request of this client now; all that it has in flight is on one link."""
        if exchange.riding:
            lane = exchange.lane
            return lane if lane is not None and exchange.riding < exchange.most and lane.takes(now) else None
        if len(self.lanes) == 1:
            lane = self.lanes[0]
            return lane if lane.takes(now) else None
        taking = [lane for lane in self.lanes if lane.takes(now)]
        return min(taking, key=_load) if taking else None

    def has_turn(self, session: PooledSession) -> bool:
        """Say whether nobody is to go before this session."""
        return self.turn == session.flow or not self.ring.count

    def twin_of(self, flight: Flight, exchange: PooledExchange) -> tuple[Lane, int] | None:
        """Return the link and number of an identical read in flight that `flight` may ride with; None for none.

        Only where nothing was written since that read was sent: its answer is as new as one of our own would be. Riding
        along counts as in flight: where the link breaks all of it waits again, within its bound.
        """
        if flight.request.function not in HOT_FUNCTIONS or flight.request.defect is not None:
            return None
        if exchange.riding >= exchange.most:
            return None
        for lane in self.lanes:
            if exchange.riding and lane is not exchange.lane:
                continue
            for number, riders in lane.riders.items():
                first = riders[0].flight
                if first.raw[6:] == flight.raw[6:] and riders[0].changes_then == self.guard.changes:
                    return lane, number
        return None

    def hand_over(self, lane: Lane, rider: Rider, now: int) -> None:
        """Send a request on a link."""
        flight, exchange = rider.flight, rider.exchange
        self.commands.append(LaneCommand(lane.index, ToDevice(lane.hand_over(rider, now))))
        self.turn = 0
        self.units.sent(flight.request.unit)
        exchange.handed_over(flight, now)
        exchange.boarded(lane)
        if not flight.answer_due and flight.request.unit == BROADCAST:
            lane.correlator.forget(flight.number)
            lane.leave(flight.number)
            lane.free_at = max(lane.free_at, now + TURNAROUND_NS)
            exchange.ended(flight, Outcome.NO_ANSWER_DUE, now)
        elif self.coalesces and flight.request.function in HOT_FUNCTIONS:
            self._take_along(flight, exchange.session, now)

    def _take_along(self, flight: Flight, sender: PooledSession, now: int) -> None:
        """Let those who wait with the same read ride with it."""
        for session in list(self.ring):
            if session is not sender and session.waits_for(flight.raw[6:]):
                session.use_turn(now)

    def want(self, session: PooledSession, now: int) -> str:
        """Wait for a turn; return why there is no way to the device, empty where there may be one."""
        self.ring.join(session)
        if self._open_where_needed(now):
            return ""
        return "it did not answer the last call" if self.guard.pacing.is_failing else ""

    def _open_where_needed(self, now: int) -> bool:
        """Open one more link where all that stand are full; False where none stands and none may be opened."""
        idle = None
        stands = False
        for lane in self.lanes:
            if lane.state is LinkState.DOWN:
                idle = idle or lane
            elif lane.state is LinkState.OPENING or (lane.state is LinkState.UP and lane.room):
                return True
            else:
                stands = True
        pacing = self._spare if stands else self.guard.pacing
        if idle is None or not pacing.allows(now) or not self._kicked.allows(now):
            return stands
        idle.move(LinkState.OPENING)
        self._command(idle, OpenLink())
        return True

    def serve(self, now: int) -> None:
        """Give turns, one request each, while a link takes one and somebody has one that may go."""
        in_vain = 0
        while in_vain < self.ring.count:
            if not any(lane.takes(now) for lane in self.lanes):
                self._open_where_needed(now)
                return
            session = self.ring.take()
            self.turn = session.flow
            session.use_turn(now)
            in_vain = 0 if self.turn == 0 else in_vain + 1
            self.turn = 0

    # What the links do.

    def lane_up(self, index: int, now: int) -> None:
        """The connection stands."""
        lane = self.lanes[index]
        if lane.state is not LinkState.OPENING:
            return
        lane.move(LinkState.UP)
        lane.opened_at = lane.used_at = now
        lane.free_at = now + self.connect_delay
        self.guard.pacing.succeeded()
        self._spare.succeeded()
        self.serve(now)

    def lane_failed(self, index: int, why: str, now: int) -> None:
        """The device could not be reached: whoever waits is told so, unless another link stands."""
        lane = self.lanes[index]
        if lane.state is not LinkState.OPENING:
            return
        lane.move(LinkState.DOWN)
        if self.is_reaching:
            self._spare.failed(now)
            return
        self.guard.pacing.failed(now)
        for session in list(self.ring):
            self.ring.leave(session)
            session.link_failed(why, now)
            self.touch(session)

    def lane_bytes(self, index: int, data: bytes, now: int) -> None:
        """Take what the device sent; what comes from a link that is closed already is nobody's."""
        lane = self.lanes[index]
        if lane.state not in LIVE:
            return
        lane.promote()
        for frame in lane.wire.feed(data):
            self._answers.take(lane, frame, now)
        if lane.wire.fatal is not None:
            self._answers.broken(lane, lane.wire.fatal, data, now)
            self._close(lane)
        lane.is_clean = not lane.wire.pending and lane.trusts_tids
        self._after(lane, now)

    def lane_lost(self, index: int, why: str, now: int) -> None:
        """The connection broke: reads may be tried once more, writes have an unknown outcome."""
        lane = self.lanes[index]
        if lane.state not in LIVE:
            return
        lane.move(LinkState.DOWN)
        if self._is_kicked:
            if now - lane.opened_at >= STABLE_NS:
                self._kicked.succeeded()
            self._kicked.failed(now)
        again: dict[int, tuple[PooledSession, list[Flight]]] = {}
        for rider in self._answers.all_off(lane):
            if rider.exchange.try_again(rider.flight, why, now):
                session = rider.exchange.session
                again.setdefault(session.flow, (session, []))[1].append(rider.flight)
        for session, flights in again.values():
            session.take_back(flights)
            self.ring.join(session)
            self.touch(session)
        self.serve(now)

    def lane_stalled(self, index: int, now: int, *, stalled: bool) -> None:
        """The device stopped reading, or reads again."""
        self.lanes[index].is_stalled = stalled
        if not stalled:
            self.serve(now)

    def timer(self, now: int) -> None:
        """End what the device has owed for too long, and serve who could not be served before now."""
        for lane in self.lanes:
            due = lane.next_deadline()
            if due and due <= now:
                self._answers.time_out(lane, now)
                self._after(lane, now)
            elif lane.state is LinkState.UP and self._lingers(lane) and now >= lane.used_at + self.linger:
                self._close(lane)
        self.serve(now)

    def next_turn(self, now: int) -> int:
        """Return the next moment at which somebody who waits may be served because time has passed; 0 for none."""
        if not self.ring.count:
            return 0
        moments = [lane.free_at for lane in self.lanes if lane.free_at > now]
        pauses = (self._kicked.not_before, self._spare.not_before, self.guard.pacing.not_before)
        moments += [moment for moment in pauses if moment > now]
        return min(moments, default=0)

    def next_timer(self, now: int) -> int:
        """Return the `now` at which `timer` must be called at the latest; 0 for never."""
        dues = [due for lane in self.lanes if (due := lane.next_deadline())]
        if turn := self.next_turn(now):
            dues.append(turn)
        dues += [lane.used_at + self.linger for lane in self.lanes if self._lingers(lane)]
        return min(dues, default=0)

    def renew(self, now: int) -> None:
        """Close each link when what is on it has ended: the device is another one now."""
        for lane in self.lanes:
            lane.drain()
            self._after(lane, now)

    # The hot path.

    def response_passes(self, index: int, data: bytes, now: int) -> tuple[PooledSession, bytes] | None:
        """Return whose the good answer to a hot read is, and the bytes for that client; None for anything else."""
        lane = self.lanes[index]
        tid = data[:2]
        flight = lane.hot.get(tid)
        if flight is None or not lane.is_clean:
            return None
        read, request, at, number, session = flight
        if len(data) != read.length or data[2:9] != read.head or data[-1] & read.padding or not session.is_hot:
            return None
        del lane.hot[tid]
        asked = read.request
        lane.correlator.answered(int.from_bytes(tid), asked.unit, asked.function)
        lane.heard(now)
        session.exchange.riding -= 1
        guard = self.guard
        if read.watched:
            refresh(guard, read, data, now)
        answer = request[:2] + data[2:]
        address = session.client.address
        guard.run.mirror.append((number, guard.name, session.flow, address, at, now, request, answer, 0, 0))
        guard.counters.hot += 1
        return session, answer

    # Inside.

    def touch(self, session: PooledSession) -> None:
        """Let the shell ask a session for its commands."""
        self.touched[session.flow] = session

    def _lingers(self, lane: Lane) -> bool:
        return not self.guard.sessions and lane.state is LinkState.UP and not lane.load

    def _after(self, lane: Lane, now: int) -> None:
        if lane.state is LinkState.DRAINING and not lane.load:
            self._close(lane)
        self.serve(now)

    def _close(self, lane: Lane) -> None:
        lane.move(LinkState.DOWN)
        self._command(lane, CloseLink())

    def _command(self, lane: Lane, command: Command) -> None:
        self.commands.append(LaneCommand(lane.index, command))


def standing_allows(standing: Standing) -> bool:
    """Say whether a request may go to a unit of that standing."""
    return standing in {Standing.CLEAR, Standing.PROBE}


def _load(lane: Lane) -> int:
    return lane.load
