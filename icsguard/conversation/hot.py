"""The hot path's memory: reads that policy already allowed, byte for byte, and the shape of their answers.

SCADA traffic repeats: the same few block reads for ever. A request whose bytes after the transaction identifier were
allowed before, under the same policy and before its next time edge, is forwarded after one dictionary lookup; its
answer is delivered after two slice compares. Verdicts are kept here, never answers.
"""

from __future__ import annotations

from struct import unpack
from typing import TYPE_CHECKING, Final

from icsguard.core.clock import MS
from icsguard.core.meaning import Meaning
from icsguard.protocols.modbus.bits import unpacked
from icsguard.protocols.modbus.pdu import Request

if TYPE_CHECKING:
    from icsguard.conversation.guard import Guard

MAX_CACHED_READS: Final = 2048
"""Distinct reads of one client address: twenty times the blocks of a large HMI, for stations behind one address; 2 MB.
When full: the oldest goes."""
HOT_FUNCTIONS: Final = frozenset({1, 2, 3, 4})
"""AP §6.1 to §6.4: their answer's length follows from the request. FC20, 23, 24 and 43 are never cached."""
REFRESH_NS: Final = 250 * MS
"""An unchanged answer to a cached read is taken into policy's memory again when the last one is this old."""
_BITS: Final = frozenset({1, 2})
_ANSWER_START: Final = 9
"""Bytes of an answer up to and including its byte count."""


class CachedRead:
    """One allowed read: until when the verdict holds, and how its answer must begin."""

    __slots__ = (
        "first",
        "head",
        "last",
        "last_at",
        "last_change",
        "length",
        "meaning",
        "padding",
        "request",
        "table",
        "until",
        "watched",
    )

    def __init__(self, request: Request, meaning: Meaning, *, until: int, watched: bool) -> None:
        span = meaning.accesses[0].span
        size = (span.count + 7) // 8 if request.function in _BITS else 2 * span.count
        self.request = request
        self.meaning = meaning
        self.until = until
        """First `now` at which the verdict must be formed anew."""
        self.watched = watched
        """Policy needs the values that it reads."""
        self.length = _ANSWER_START + size
        self.head = b"\0\0" + (3 + size).to_bytes(2, "big") + bytes((request.unit, request.function, size))
        """Bytes 2 to 9 of a good answer."""
        self.padding = 0xFF << (span.count % 8) & 0xFF if request.function in _BITS and span.count % 8 else 0
        """Bits of the last byte that must be 0; an answer that sets them is worth a remark."""
        self.table = meaning.accesses[0].table
        self.first = span.first
        self.last = b""
        """The answer seen last, without its transaction identifier."""
        self.last_at = 0
        self.last_change = 0
        """How many writes the conduit had delivered when `last` was taken into policy's memory."""

    def values(self, body: bytes) -> tuple[int, ...]:
        """Return the words or bits in the answer's data."""
        count = self.meaning.accesses[0].span.count
        return unpacked(body, count) if self.request.function in _BITS else unpack(f">{count}H", body)


class VerdictCache:
    """The allowed reads of one client address on one conduit."""

    __slots__ = ("reads",)

    def __init__(self) -> None:
        self.reads: dict[bytes, CachedRead] = {}
        """Key: the request's bytes after its transaction identifier."""

    def put(self, raw: bytes, read: CachedRead) -> None:
        """Remember `read` for requests that look like `raw`."""
        reads = self.reads
        reads[raw[2:]] = read
        if len(reads) > MAX_CACHED_READS:
            del reads[next(iter(reads))]

    def clear(self) -> None:
        """Forget all: policy, mode or isolation changed."""
        self.reads.clear()


def is_hot(request: Request, meaning: Meaning) -> bool:
    """Say whether a read of this shape may be cached at all."""
    return request.function in HOT_FUNCTIONS and request.defect is None and len(meaning.accesses) == 1


def refresh(guard: Guard, read: CachedRead, data: bytes, now: int) -> None:
    """Tell policy's memory what was read, unless it has just been told the same."""
    body = data[_ANSWER_START:]
    if body == read.last and now - read.last_at < REFRESH_NS and read.last_change == guard.changes:
        return
    read.last, read.last_at, read.last_change = body, now, guard.changes
    guard.memory.seen(read.table, read.request.unit, read.first, read.values(body), now)
