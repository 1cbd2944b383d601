"""One connection to the device that many clients share: what it carries, what it owes, and when it may carry more.

Identifiers on it are our own, counted up, so no client can confuse another and a late answer is known for what it is.
Who may use it when says `pool`; what becomes of a request that ends says its client's `pooled.PooledExchange`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from icsguard.conversation.flight import Flight
from icsguard.conversation.hot import CachedRead
from icsguard.conversation.states import LINK_MOVES, LinkState, Stage, moved
from icsguard.conversation.wires import RtuWire, TcpWire, Wire
from icsguard.core.clock import MS
from icsguard.protocols.modbus.correlate import MAX_ENDED, MAX_IN_FLIGHT, Correlator, Pending
from icsguard.protocols.modbus.quirks import TID_NOT_ECHOED

if TYPE_CHECKING:
    from icsguard.conversation.options import ConduitOptions
    from icsguard.conversation.pooled import PooledExchange, PooledSession

MAX_SILENT_RUN: Final = 3
"""Requests in a row that a link left unanswered: then the link itself is in doubt and is opened anew."""
MAX_PASSED_OVER: Final = MAX_IN_FLIGHT + MAX_ENDED
"""Identifiers in a row that can be in flight or remembered; the next one is free. Where identifiers are not echoed it
does not matter which one is taken."""
_TIDS: Final = 0x10000

HotFlight = tuple[CachedRead, bytes, int, int, "PooledSession"]
"""A cached read in flight: (its shape, request, handed over at, transaction number, whose). A tuple: one per frame."""


class Rider:
    """A request on the link and whose it is."""

    __slots__ = ("changes_then", "exchange", "flight")

    def __init__(self, flight: Flight, exchange: PooledExchange, changes_then: int) -> None:
        self.flight = flight
        self.exchange = exchange
        self.changes_then = changes_then
        """How many writes the conduit had delivered when it was sent."""


class Lane:
    """One shared connection."""

    __slots__ = (
        "_next_tid",
        "_rtu",
        "_silent_at",
        "_timeout",
        "correlator",
        "free_at",
        "gap",
        "hot",
        "index",
        "is_clean",
        "is_stalled",
        "opened_at",
        "quirks",
        "riders",
        "silent_run",
        "state",
        "trusts_tids",
        "used_at",
        "wire",
    )

    def __init__(self, index: int, conduit: ConduitOptions) -> None:
        self._rtu = conduit.framing == "rtu"
        self._timeout = conduit.device_timeout_ms * MS
        self._next_tid = 0
        self.index = index
        self.state = LinkState.DOWN
        self.quirks = frozenset(conduit.quirks) | ({TID_NOT_ECHOED} if self._rtu else set())
        self.trusts_tids = TID_NOT_ECHOED not in self.quirks
        """A late answer can be told from the answer to the next request."""
        self.correlator = Correlator(conduit.device_in_flight, self.quirks)
        self.wire: Wire = TcpWire()
        self.riders: dict[int, list[Rider]] = {}
        """By transaction number of the first; more than one where identical reads ride together."""
        self.hot: dict[bytes, HotFlight] = {}
        """Cached reads that the device has, by our transaction identifier, oldest first."""
        self.gap = conduit.min_gap_ms * MS
        self.free_at = 0
        """Nothing may be sent before."""
        self.opened_at = 0
        self.used_at = 0
        """When something was sent or heard last."""
        self.is_stalled = False
        """The device does not read."""
        self.is_clean = False
        """Answers may be taken on the fast path: no half frame is held, identifiers are trusted."""
        self.silent_run = 0
        self._silent_at = 0

    def move(self, state: LinkState) -> None:
        """Go to `state`; a fresh connection starts with fresh framing and no memory."""
        self.state = moved(LINK_MOVES, self.state, state)
        if state is LinkState.UP:
            self.wire = RtuWire() if self._rtu else TcpWire()
            self.is_clean = self.trusts_tids
            self.is_stalled = False
            self.silent_run = 0

    def drain(self) -> None:
        """Send nothing new: the connection is closed when what is in flight has ended."""
        if self.state is LinkState.UP:
            self.move(LinkState.DRAINING)

    @property
    def load(self) -> int:
        """How many requests the device has."""
        return self.correlator.count + len(self.hot)

    @property
    def room(self) -> int:
        """How many more it may have."""
        return self.correlator.limit - self.correlator.count - len(self.hot)

    def takes(self, now: int) -> bool:
        """Say whether a request can be sent now."""
        correlator = self.correlator
        return (
            self.state is LinkState.UP
            and now >= self.free_at
            and correlator.count + len(self.hot) < correlator.limit
            and not self.is_stalled
        )

    def next_tid(self, unit: int, function: int) -> int:
        """Return a transaction identifier that no request in flight has and no late answer may still carry."""
        tid, hot, knows = self._next_tid, self.hot, self.correlator.knows
        for _ in range(MAX_PASSED_OVER):
            if tid.to_bytes(2) not in hot and not knows(tid, unit, function):
                break
            tid = (tid + 1) % _TIDS
        self._next_tid = (tid + 1) % _TIDS
        return tid

    def sent(self, now: int) -> None:
        """Note that something was sent."""
        self.used_at = now
        if self.gap:
            self.free_at = now + self.gap

    def heard(self, now: int) -> None:
        """Note that the device answered: the gap to the next request begins."""
        self.used_at = now
        self.silent_run = 0
        if self.gap:
            self.free_at = now + self.gap

    def fell_silent(self, sent_at: int, now: int) -> bool:
        """Note that a request was left unanswered; True where that makes the link itself doubtful.

        What was sent before the last silence was noted says nothing new: several at once count as one.
        """
        if sent_at >= self._silent_at:
            self.silent_run += 1
            self._silent_at = now
        return not self.trusts_tids or self.silent_run >= MAX_SILENT_RUN

    def hand_over(self, rider: Rider, now: int) -> bytes:
        """Take a request into the table; return the bytes to send."""
        flight = rider.flight
        request = flight.request
        tid = self.next_tid(request.unit, request.function)
        _board(flight, now)
        self.correlator.add(
            Pending(flight.number, tid, request.unit, request.function, now + self._timeout, request),
        )
        self.riders[flight.number] = [rider]
        self.sent(now)
        return self.wire.encode(tid, flight.raw, answer_due=flight.answer_due)

    def join(self, number: int, rider: Rider, now: int) -> None:
        """Let an identical read ride with the one of that number."""
        _board(rider.flight, now)
        self.riders[number].append(rider)

    def leave(self, number: int) -> list[Rider]:
        """Take out all that rode under a transaction number."""
        return self.riders.pop(number, [])

    def promote(self) -> None:
        """Turn the cached reads in flight into flights: the fast path does not fit what happens now."""
        hot, self.hot = self.hot, {}
        for tid, (read, request, at, number, session) in hot.items():
            flight = Flight(number, request, read.request, read.meaning, now=at, expires=at)
            flight.move(Stage.READY)
            _board(flight, at)
            asked = read.request
            self.correlator.add(
                Pending(number, int.from_bytes(tid), asked.unit, asked.function, at + self._timeout, asked),
            )
            self.riders[number] = [Rider(flight, session.exchange, 0)]

    def next_deadline(self) -> int:
        """Return when the oldest request in flight is overdue; 0 for never."""
        due = self.correlator.next_deadline() or 0
        if self.hot:
            oldest = next(iter(self.hot.values()))[2] + self._timeout
            due = min(due, oldest) if due else oldest
        return due

    def out_to(self, unit: int) -> int:
        """Return how many requests to `unit` are in flight here."""
        cold = sum(riders[0].flight.request.unit == unit for riders in self.riders.values())
        return cold + sum(one[0].request.unit == unit for one in self.hot.values())


def _board(flight: Flight, now: int) -> None:
    flight.move(Stage.HANDED_OVER)
    flight.sent_at = now
    flight.attempts += 1
