"""The hot path's memory: reads that policy allowed already, by the bytes of their parameters.

Whole requests never repeat, because time and handle change; what follows their header does. Verdicts are kept here,
never answers, and only while policy, mode, names and tree are those by which they were formed.
"""

from __future__ import annotations

from typing import Final, NamedTuple

from icsguard.conversation.opcua.guard import UaGuard
from icsguard.conversation.opcua.ledger import Entry
from icsguard.core.clock import MS
from icsguard.protocols.opcua.codec import encoded
from icsguard.protocols.opcua.nodes import NODE_ID
from icsguard.protocols.opcua.services import Request

MAX_KNOWN: Final = 256  # distinct reads of one connection: an HMI has some ten; when full, all are judged anew
MAX_BYTES: Final = 65_536  # of the parameters of one read that is kept
REFRESH_NS: Final = 250 * MS
"""An unchanged answer is taken into policy's memory again when the last one is this old."""
READ: Final = 631
_VALUES: Final = 28
"""Where the results of an answer begin whose header is the usual one."""
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


class Kept:
    """One allowed read."""

    __slots__ = ("last", "last_at", "request", "until")

    def __init__(self, request: Request | None, until: int) -> None:
        self.request = request
        """Where policy needs the values that it reads."""
        self.until = until
        self.last = b""
        """The answer that was taken into policy's memory, and when."""
        self.last_at = 0

    def is_news(self, answer: bytes, now: int) -> bool:
        """Say whether an answer should be taken into policy's memory: it differs, or the last one is a while old."""
        if self.request is None or (answer[_VALUES:] == self.last and now - self.last_at < REFRESH_NS):
            return False
        self.last, self.last_at = answer[_VALUES:], now
        return True


class HotFlight(NamedTuple):
    """One read on its way."""

    number: int
    """Of the transaction."""
    body: bytes
    at: int
    due: int
    entry: Entry
    kept: Kept
    size: int
    """Bytes of its type and token."""


class HotReads:
    """What one connection may read without being judged again."""

    __slots__ = ("_entry", "_known", "_prefix", "_stamp", "flying", "size")

    def __init__(self) -> None:
        self._entry: Entry | None = None
        self._prefix = b""
        self.size = 0
        """Bytes of type and token of the reads that are kept."""
        self._stamp = -1
        self._known: dict[bytes, Kept] = {}
        self.flying: dict[int, HotFlight] = {}
        """By RequestId."""

    def found(self, guard: UaGuard, body: bytes, flow: int, now: int) -> tuple[Entry, Kept] | None:
        """Return the session of a read that may go as it is, and what is kept of it; None where it must be judged."""
        size, entry = self.size, self._entry
        if body[:size] != self._prefix or entry is None or entry.flow != flow or self._stamp != guard.generation:
            return None
        at = size + _HEADER
        if body[size + 12 : size + 20] != _QUIET or body[at - 3 : at] != _NOTHING_MORE:
            return None
        kept = self._known.get(body[at:])
        return None if kept is None or kept.until <= now else (entry, kept)

    def put(self, guard: UaGuard, request: Request, entry: Entry, until: int, *, watched: bool) -> None:
        """Keep an allowed read; `watched`: policy needs its values."""
        body, stamp = request.raw, guard.generation
        prefix = _READ_TYPE + encoded(NODE_ID, entry.token)
        at = len(prefix) + _HEADER
        if not body.startswith(prefix) or len(body) - at > MAX_BYTES:
            return
        if self._entry is not entry or self._stamp != stamp or len(self._known) >= MAX_KNOWN:
            self._known.clear()
            self._entry, self._prefix, self.size, self._stamp = entry, prefix, len(prefix), stamp
        self._known[body[at:]] = Kept(request if watched else None, until)

    def patience(self, body: bytes) -> int:
        """Return the TimeoutHint of a read that was found, in ms."""
        return int.from_bytes(body[self.size + 20 : self.size + 24], "little")

    def is_good(self, flight: HotFlight, answer: bytes) -> bool:
        """Say whether bytes are the good answer to a read, so far as its header says."""
        at = flight.size + 8
        return (
            answer[:4] == _ANSWER_TYPE and answer[12:16] == flight.body[at : at + 4] and answer[16:28] in _GOOD_ANSWERS
        )

    def mirrored(self, flight: HotFlight, mask: bytes) -> bytes:
        """Return the request with `mask` in place of its token."""
        return flight.body[:4] + mask + flight.body[flight.size :]
