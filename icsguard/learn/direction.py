"""Who is the client? Who sent the SYN; else whose frames can only be requests; else, as a last resort, the port.

A capture often begins in the midst of connections, and devices listen on other ports than 502. Until the question is
answered what was seen is held back, up to a bound.
"""

from __future__ import annotations

from collections import Counter, deque
from typing import Final, NamedTuple

from icsguard.learn.reassembly import Endpoint, Piece
from icsguard.protocols.modbus.exceptions import EXCEPTION_BIT
from icsguard.protocols.modbus.mbap import Framer
from icsguard.protocols.modbus.pdu import parse_request
from icsguard.protocols.modbus.services import MAX_FUNCTION

MAX_UNDECIDED: Final = 256
"""Pieces held of one connection; then the port decides, which is what other tools do from the start."""
_EXCEPTION_SIZE: Final = 2
_READS: Final = frozenset({1, 2, 3, 4, 23})


class Wire(NamedTuple):
    """The next bytes of one side of one client's connection."""

    at: int
    """ns since the epoch, never falling within a capture."""
    flow: int
    client: Endpoint
    device: Endpoint
    from_client: bool
    data: bytes
    broken: bool = False
    """Bytes before `data` are not known: the capture misses them, or began later than the connection."""
    ended: bool = False
    """This side sends nothing more."""


class _Undecided:
    __slots__ = ("framers", "held")

    def __init__(self) -> None:
        self.held: deque[Piece] = deque()
        self.framers: dict[Endpoint, Framer] = {}


class Directions:
    """Turns the pieces of all connections into wire events; connections that are not of interest are left out."""

    def __init__(self, ports: frozenset[int], counts: Counter[str]) -> None:
        """`ports` of devices; an empty set takes every connection that begins with a Modbus header."""
        self._ports = ports
        self._counts = counts
        self._clients: dict[int, Endpoint | None] = {}
        self._undecided: dict[int, _Undecided] = {}
        self._started: set[tuple[int, Endpoint]] = set()
        self._now = 0

    def feed(self, piece: Piece) -> list[Wire]:
        """Return what can be told after this piece."""
        if piece.connection in self._clients:
            return self._told(piece)
        if self._ports and not self._ports & {piece.source[1], piece.target[1]}:
            self._clients[piece.connection] = None
            return []
        undecided = self._undecided.setdefault(piece.connection, _Undecided())
        undecided.held.append(piece)
        client = self._client(piece, undecided)
        if client is None and len(undecided.held) > MAX_UNDECIDED:
            client = self._by_port(piece)
        return [] if client is None else self._decide(piece.connection, client)

    def rest(self) -> list[Wire]:
        """Return what was still held back at the end."""
        wires: list[Wire] = []
        for number, undecided in list(self._undecided.items()):
            if any(piece.data for piece in undecided.held):
                wires += self._decide(number, self._by_port(undecided.held[0]))
        return wires

    def _client(self, piece: Piece, undecided: _Undecided) -> Endpoint | None:
        if not self._ports and piece.data and not undecided.framers and not looks_like_modbus(piece.data):
            self._clients[piece.connection] = None
            del self._undecided[piece.connection]
            return None
        if piece.opened or piece.accepted:
            if not self._ports:
                undecided.held[-1] = piece  # of interest only once a header was seen
            elif piece.opened:
                return piece.source
            else:
                return piece.target
        opened = next((held for held in undecided.held if held.opened or held.accepted), None)
        if opened is not None and piece.data:
            return opened.source if opened.opened else opened.target
        return self._by_shape(piece, undecided) if piece.data else None

    def _by_shape(self, piece: Piece, undecided: _Undecided) -> Endpoint | None:
        """Decide by the first frame that can only be a request, or only a response."""
        if piece.missing or piece.source not in undecided.framers:
            undecided.framers[piece.source] = Framer()
        for frame in undecided.framers[piece.source].feed(piece.data):
            shape = shape_of(frame.unit, frame.pdu)
            if shape:
                self._counts["directions_by_shape"] += 1
                return piece.source if shape > 0 else piece.target
        return None

    def _by_port(self, piece: Piece) -> Endpoint:
        self._counts["directions_by_port"] += 1
        return piece.target if piece.source[1] in self._ports else piece.source

    def _decide(self, connection: int, client: Endpoint) -> list[Wire]:
        self._clients[connection] = client
        undecided = self._undecided.pop(connection)
        return [wire for piece in undecided.held for wire in self._told(piece)]

    def _told(self, piece: Piece) -> list[Wire]:
        client = self._clients[piece.connection]
        if client is None:
            return []
        self._now = max(self._now, piece.at)
        from_client = piece.source == client
        device = piece.target if from_client else piece.source
        side = (piece.connection, piece.source)
        if piece.opened or piece.accepted:
            self._started.add(side)
            return []
        broken = bool(piece.missing) or (bool(piece.data) and side not in self._started)
        self._started.add(side)
        return [Wire(self._now, piece.connection, client, device, from_client, piece.data, broken, piece.ended)]


def looks_like_modbus(data: bytes) -> bool:
    """Say whether bytes may begin an ADU: protocol identifier 0 and a length of 2 to 254, as far as they reach."""
    if data[2:4] != b"\0\0"[: max(0, min(2, len(data) - 2))]:
        return False
    return len(data) < 6 or 2 <= int.from_bytes(data[4:6], "big") <= 254  # noqa: PLR2004 - TCP §3.1.3


def shape_of(unit: int, pdu: bytes) -> int:
    """Return 1 for a PDU that can only be a request, -1 for one that can only be a response, 0 for the others."""
    function = pdu[0]
    if function & EXCEPTION_BIT:
        return -1 if len(pdu) == _EXCEPTION_SIZE else 0
    if not 1 <= function <= MAX_FUNCTION:
        return 0
    request = parse_request(unit, pdu).defect is None
    if function in _READS:
        response = len(pdu) > _EXCEPTION_SIZE and pdu[1] == len(pdu) - 2
    elif function in {15, 16}:
        response = len(pdu) == 5  # noqa: PLR2004 - AP §6.11, §6.12
    else:
        return 0  # echoes and free forms look alike both ways
    return int(request) - int(response)
