"""TCP segments become two byte streams per connection, in order, with every gap named. Pure and bounded.

A capture misses what its tap missed. A gap is believed when the receiver acknowledged bytes that we never saw, or when
too much waits behind it; then the streams go on behind the gap and the number of missing bytes is told.
"""

from __future__ import annotations

from collections import Counter
from typing import Final, NamedTuple

from icsguard.learn.capture import Segment

MAX_AHEAD: Final = 64  # segments that wait for an earlier one; reordering on a plant network is one or two
MAX_CONNECTIONS: Final = 4_096
"""Open at a time; the connection that was quiet longest is forgotten, as if the capture had begun later."""
_HALF: Final = 1 << 31
_WRAP: Final = 1 << 32
_WINDOW: Final = 1 << 24  # bytes: a number further ahead belongs to no window of ours, the side has started anew

Endpoint = tuple[str, int]


class Piece(NamedTuple):
    """One thing that happened on one side of a connection."""

    at: int
    connection: int
    """Number of the connection in the capture, from 1."""
    source: Endpoint
    target: Endpoint
    data: bytes
    """Next bytes of this side; empty for a side that closed or that only opened."""
    missing: int = 0
    """Bytes that the capture misses before `data`."""
    opened: bool = False
    """`source` sent the SYN: it is the client."""
    accepted: bool = False
    """`source` sent the SYN ACK: it is the server."""
    ended: bool = False
    """`source` sent FIN or RST: nothing more of it comes."""


class _Side:
    """One direction."""

    __slots__ = ("ahead", "next")

    def __init__(self) -> None:
        self.next: int | None = None
        self.ahead: dict[int, Segment] = {}


class _Connection:
    __slots__ = ("number", "sides")

    def __init__(self, number: int) -> None:
        self.number = number
        self.sides: dict[Endpoint, _Side] = {}

    def side(self, endpoint: Endpoint) -> _Side:
        return self.sides.setdefault(endpoint, _Side())


class Reassembly:
    """All connections of one capture. `counts` gets `retransmitted`, `out_of_order`, `gaps`, `gap_bytes`."""

    def __init__(self, counts: Counter[str]) -> None:
        self._counts = counts
        self._connections: dict[frozenset[Endpoint], _Connection] = {}
        self._made = 0

    def feed(self, segment: Segment) -> list[Piece]:
        """Return what this segment makes readable."""
        key = frozenset((segment.source, segment.target))
        connection = self._connections.pop(key, None)
        if connection is None or (segment.syn and not segment.acks and self._is_new(connection, segment)):
            connection = self._new()
        self._connections[key] = connection  # last: used latest
        pieces: list[Piece] = []
        if segment.acks:
            pieces += self._acknowledged(connection, segment)
        pieces += self._opened(connection, segment) if segment.syn else self._carried(connection, segment)
        if segment.ended:
            pieces.append(Piece(segment.at, connection.number, segment.source, segment.target, b"", ended=True))
        return pieces

    def rest(self) -> list[Piece]:
        """Return what still waits behind gaps at the end of the capture."""
        pieces: list[Piece] = []
        for connection in self._connections.values():
            for side in connection.sides.values():
                while side.ahead:
                    pieces += self._skip(connection, side)
        return pieces

    def _new(self) -> _Connection:
        if len(self._connections) >= MAX_CONNECTIONS:
            del self._connections[next(iter(self._connections))]
            self._counts["forgotten_connections"] += 1
        self._made += 1
        return _Connection(self._made)

    def _is_new(self, connection: _Connection, segment: Segment) -> bool:
        """Say whether a SYN begins another connection of the same ports, and is no repetition."""
        side = connection.sides.get(segment.source)
        return side is None or side.next is None or side.next != (segment.seq + 1) % _WRAP

    def _opened(self, connection: _Connection, segment: Segment) -> list[Piece]:
        side = connection.side(segment.source)
        side.next, side.ahead = (segment.seq + 1) % _WRAP, {}
        return [
            Piece(
                segment.at,
                connection.number,
                segment.source,
                segment.target,
                b"",
                opened=not segment.acks,
                accepted=segment.acks,
            )
        ]

    def _carried(self, connection: _Connection, segment: Segment) -> list[Piece]:
        side = connection.side(segment.source)
        if not segment.payload:
            return []
        if side.next is None:
            side.next = segment.seq  # the capture begins in the midst of the connection
        distance = (segment.seq - side.next) % _WRAP
        if _WINDOW < distance < _WRAP - _WINDOW:
            side.next, side.ahead, distance = segment.seq, {}, 0
            self._counts["restarted_sides"] += 1
        if 0 < distance < _HALF:
            self._counts["out_of_order"] += 1
            side.ahead.setdefault(segment.seq, segment)
            return self._skip(connection, side) if len(side.ahead) > MAX_AHEAD else []
        return [*self._taken(connection, side, segment), *self._released(connection, side)]

    def _taken(self, connection: _Connection, side: _Side, segment: Segment, missing: int = 0) -> list[Piece]:
        """Take a segment that begins at or before the next byte; what was read before is left out."""
        start = side.next if side.next is not None else segment.seq
        known = (start - segment.seq) % _WRAP
        fresh = segment.payload[known:]
        if known:
            self._counts["retransmitted"] += 1
        if not fresh:
            return []
        side.next = (start + len(fresh)) % _WRAP
        return [Piece(segment.at, connection.number, segment.source, segment.target, fresh, missing)]

    def _released(self, connection: _Connection, side: _Side) -> list[Piece]:
        """Return what waited and is next now."""
        pieces: list[Piece] = []
        while side.ahead and side.next is not None:
            start = side.next
            first = min(side.ahead, key=lambda seq: (seq - start + _HALF) % _WRAP)
            if 0 < (first - start) % _WRAP < _HALF:
                break
            pieces += self._taken(connection, side, side.ahead.pop(first))
        return pieces

    def _acknowledged(self, connection: _Connection, segment: Segment) -> list[Piece]:
        """Give a gap up that the other side says it has."""
        side = connection.sides.get(segment.target)
        pieces: list[Piece] = []
        while side is not None and side.ahead and side.next is not None:
            if not 0 < (segment.ack - side.next) % _WRAP < _WINDOW:
                break
            pieces += self._skip(connection, side)
        return pieces

    def _skip(self, connection: _Connection, side: _Side) -> list[Piece]:
        """Go on behind a gap, at the first segment that waits."""
        start = side.next or 0
        first = min(side.ahead, key=lambda seq: (seq - start) % _WRAP)
        missing = (first - start) % _WRAP
        segment = side.ahead.pop(first)
        side.next = first
        self._counts["gaps"] += 1
        self._counts["gap_bytes"] += missing
        return [*self._taken(connection, side, segment, missing), *self._released(connection, side)]
