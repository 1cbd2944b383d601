"""The hot path's memory: reads that policy allowed already, by the bytes of their parameters.

Whole requests never repeat, because time and handle change; what follows their header does. Verdicts are kept here,
never answers, and only while policy, mode, names and tree are those by which they were formed.
"""

from __future__ import annotations

from typing import Final, NamedTuple

from icsguard.conversation.opcua.guard import UaGuard
from icsguard.conversation.opcua.ledger import Entry
from icsguard.protocols.opcua.codec import encoded
from icsguard.protocols.opcua.nodes import NODE_ID
from icsguard.protocols.opcua.services import Request

MAX_KNOWN: Final = 256  # distinct reads of one connection: an HMI has some ten; when full, all are judged anew
MAX_BYTES: Final = 65_536  # of the parameters of one read that is kept
READ: Final = 631
_READ_TYPE: Final = b"\x01\x00\x77\x02"
_ANSWER_TYPE: Final = b"\x01\x00\x7a\x02"
_QUIET: Final = bytes(4) + b"\xff\xff\xff\xff"
"""No diagnostics wanted, no audit entry."""
_NOTHING_MORE: Final = bytes(3)
"""No additional header."""
_HEADER: Final = 27
"""Bytes of a request header behind the token: time, handle, diagnostics, audit, hint, additional header."""
_GOOD_ANSWERS: Final = frozenset((bytes(5) + b"\xff\xff\xff\xff" + bytes(3), bytes(12)))
"""Result Good, no diagnostics, no strings (null or empty), no additional header."""


class HotFlight(NamedTuple):
    """One read on its way."""

    number: int
    """Of the transaction."""
    body: bytes
    at: int
    due: int
    entry: Entry


class HotReads:
    """What one connection may read without being judged again."""

    __slots__ = ("_entry", "_known", "_prefix", "_size", "_stamp", "flying")

    def __init__(self) -> None:
        self._entry: Entry | None = None
        self._prefix = b""
        self._size = 0
        self._stamp = -1
        self._known: dict[bytes, int] = {}
        self.flying: dict[int, HotFlight] = {}
        """By RequestId."""

    def found(self, guard: UaGuard, body: bytes, flow: int, now: int) -> Entry | None:
        """Return the session of a read that may go as it is; None where it must be judged."""
        size, entry = self._size, self._entry
        if body[:size] != self._prefix or entry is None or entry.flow != flow or self._stamp != guard.generation:
            return None
        at = size + _HEADER
        if body[size + 12 : size + 20] != _QUIET or body[at - 3 : at] != _NOTHING_MORE:
            return None
        return entry if self._known.get(body[at:], 0) > now else None

    def put(self, guard: UaGuard, request: Request, entry: Entry, until: int) -> None:
        """Keep an allowed read."""
        body, stamp = request.raw, guard.generation
        prefix = _READ_TYPE + encoded(NODE_ID, entry.token)
        at = len(prefix) + _HEADER
        if not body.startswith(prefix) or len(body) - at > MAX_BYTES:
            return
        if self._entry is not entry or self._stamp != stamp or len(self._known) >= MAX_KNOWN:
            self._known.clear()
            self._entry, self._prefix, self._size, self._stamp = entry, prefix, len(prefix), stamp
        self._known[body[at:]] = until

    def patience(self, body: bytes) -> int:
        """Return the TimeoutHint of a read that was found, in ms."""
        return int.from_bytes(body[self._size + 20 : self._size + 24], "little")

    def is_good(self, flight: HotFlight, answer: bytes) -> bool:
        """Say whether bytes are the good answer to a read, so far as its header says."""
        at = self._size + 8
        return (
            answer[:4] == _ANSWER_TYPE and answer[12:16] == flight.body[at : at + 4] and answer[16:28] in _GOOD_ANSWERS
        )

    def mirrored(self, flight: HotFlight, mask: bytes) -> bytes:
        """Return the request with `mask` in place of its token."""
        return flight.body[:4] + mask + flight.body[self._size :]
