"""A device link of one session: what the device was asked and has not answered, and what its answers are worth.

The client's bytes travel unchanged, so its own transaction identifiers pair requests with answers. That is safe only
while each identifier is in flight once (`accepts` sees to it) and the device is never behind: after a missed deadline
or anything unexpected the link drains and is closed, because a late answer could else be taken for the answer to
a later request that looks the same.
"""

from __future__ import annotations

from typing import Final

from icsguard.conversation.api import Arrival
from icsguard.conversation.flight import Flight
from icsguard.conversation.hot import CachedRead
from icsguard.conversation.limits import lawful
from icsguard.conversation.states import LINK_MOVES, LinkState, Stage, moved
from icsguard.core.defect import Defect
from icsguard.protocols.modbus.defects import defect
from icsguard.protocols.modbus.mbap import Frame, Framer, readdressed
from icsguard.protocols.modbus.pdu import parse_response
from icsguard.protocols.modbus.quirks import TID_NOT_ECHOED, UNIT_NOT_ECHOED

MAX_ENDED: Final = 64
"""Identifiers of ended flights that are remembered on one link, so that late and duplicate answers are told apart from
unsolicited ones. Beyond: the oldest is forgotten and its late answer is called unsolicited."""

HotFlight = tuple[CachedRead, bytes, int, int]
"""A cached read in flight: (its shape, request, handed over at, transaction number). A tuple: made per frame."""


class OwnLink:
    """The device connection of one session (implements `api.DeviceLink`)."""

    __slots__ = ("_ended", "_endings", "_framer", "_max", "_quirks", "_timeout", "busy", "hot", "is_clean", "state")

    def __init__(self, *, max_in_flight: int, timeout_ns: int, quirks: frozenset[str]) -> None:
        self.state = LinkState.DOWN
        self.hot: dict[bytes, HotFlight] = {}
        """Cached reads that the device has, by transaction identifier, oldest first."""
        self.busy: dict[bytes, Flight] = {}
        """Other requests that the device has, by transaction identifier, oldest first."""
        self._max = 1 if TID_NOT_ECHOED in quirks else max_in_flight
        self._timeout = timeout_ns
        self._quirks = quirks
        self._framer = Framer()
        self._ended: list[tuple[bytes, str]] = [(b"", "")] * MAX_ENDED
        """A ring: identifiers that ended, and what another answer with them would be."""
        self._endings = 0
        self.is_clean = TID_NOT_ECHOED not in quirks
        """Answers may be taken on the fast path: no half frame is held, identifiers are trusted."""

    def move(self, state: LinkState) -> None:
        """Go to `state`; a fresh connection starts with a fresh framer and no memory."""
        self.state = moved(LINK_MOVES, self.state, state)
        if state is LinkState.UP:
            self._framer = Framer()
            self._ended = [(b"", "")] * MAX_ENDED
            self.is_clean = TID_NOT_ECHOED not in self._quirks

    @property
    def is_empty(self) -> bool:
        """Say whether the device owes nothing."""
        return not self.hot and not self.busy

    @property
    def room(self) -> int:
        """How many more requests the device may have."""
        return self._max - len(self.hot) - len(self.busy)

    def accepts(self, flight: Flight) -> bool:
        """Say whether `flight` can be handed over now: the link is up, has room, and its identifier is free."""
        tid = flight.tid
        return self.state is LinkState.UP and self.room > 0 and tid not in self.busy and tid not in self.hot

    def hand_over(self, flight: Flight, now: int) -> bytes:
        """Take `flight` into the table; return the client's own bytes."""
        flight.move(Stage.HANDED_OVER)
        flight.sent_at = now
        flight.attempts += 1
        self.busy[flight.tid] = flight
        return flight.raw

    def arrived(self, data: bytes) -> list[Arrival]:
        """Pair what the device sent with what it was asked. Flights that are answered leave the table."""
        arrivals = [self._pair(frame) for frame in self._framer.feed(data)]
        self.is_clean = not self._framer.pending and TID_NOT_ECHOED not in self._quirks
        if self._framer.fatal is not None:
            arrivals.append(Arrival(b"", None, None, self._framer.fatal))
        return arrivals

    def _pair(self, frame: Frame) -> Arrival:
        raw = frame.raw
        if frame.defect is not None:
            return Arrival(raw, None, None, frame.defect)
        flight = self._asked_for(raw)
        if flight is None:
            return Arrival(raw, None, None, self._stray(frame))
        del self.busy[flight.tid]
        self._remember(flight.tid, "response-duplicate")
        if raw[:2] != flight.tid:
            raw = readdressed(raw, tid=int.from_bytes(flight.tid, "big"), unit=frame.unit)
        if frame.unit != flight.request.unit and UNIT_NOT_ECHOED not in self._quirks:
            text = f"unit {frame.unit} answers, unit {flight.request.unit} was asked"
            return Arrival(raw, flight, None, defect("response-mismatch", text))
        response = parse_response(lawful(flight.request), frame.pdu, quirks=self._quirks)
        return Arrival(raw, flight, response, response.defect)

    def _asked_for(self, raw: bytes) -> Flight | None:
        if TID_NOT_ECHOED in self._quirks:
            return next(iter(self.busy.values()), None)
        return self.busy.get(raw[:2])

    def _stray(self, frame: Frame) -> Defect:
        tid, newest = frame.raw[:2], self._endings
        ended = [self._ended[(newest - back) % MAX_ENDED] for back in range(1, MAX_ENDED + 1)]
        code = next((code for of, code in ended if of == tid), "response-unsolicited")
        return defect(code, f"an answer with transaction identifier {frame.tid} that nobody waits for")

    def _remember(self, tid: bytes, code: str) -> None:
        number = self._endings
        self._ended[number % MAX_ENDED] = (tid, code)
        self._endings = number + 1

    def promote(self) -> None:
        """Turn the cached reads in flight into flights: the fast path does not fit what happens now."""
        for tid, (read, request, at, number) in self.hot.items():
            flight = Flight(number, request, read.request, read.meaning, now=at, expires=at)
            flight.move(Stage.READY)
            flight.move(Stage.HANDED_OVER)
            flight.sent_at = at
            flight.attempts = 1
            self.busy[tid] = flight
        if self.hot:
            self.busy = dict(sorted(self.busy.items(), key=lambda item: item[1].number))
            self.hot.clear()

    def overdue(self, now: int) -> list[Flight]:
        """Take out the flights whose answer is not there `timeout_ns` after they were handed over."""
        late = [flight for flight in self.busy.values() if flight.sent_at + self._timeout <= now]
        for flight in late:
            del self.busy[flight.tid]
            self._remember(flight.tid, "response-late")
        return late

    def next_deadline(self) -> int:
        """Return when the oldest request in flight is overdue; 0 for never."""
        sent = [next(iter(self.hot.values()))[2]] if self.hot else []
        sent += [flight.sent_at for flight in self.busy.values()]
        return min(sent) + self._timeout if sent else 0

    def answered(self, tid: bytes) -> None:
        """Note that a cached read was answered on the fast path."""
        self._remember(tid, "response-duplicate")

    def forget(self, flight: Flight) -> None:
        """Let go of a flight that no answer is due to."""
        del self.busy[flight.tid]

    def take_all(self) -> list[Flight]:
        """Take out everything in flight: the connection is gone."""
        flights = list(self.busy.values())
        self.busy.clear()
        return flights
