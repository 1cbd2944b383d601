"""Bytes become chunks: the message header of OPC UA over TCP (P6 §7.1.2.2), for each direction of a connection.

Type and size are judged as soon as the eight bytes of the header are there, before anything is kept for them. So a
`Framer` never holds more than one incomplete chunk of the size that was agreed upon, whatever the peer announces.
"""

from __future__ import annotations

from struct import Struct
from types import MappingProxyType
from typing import Final, NamedTuple

from icsguard.core.defect import Defect
from icsguard.protocols.opcua.defects import defect

HEADER: Final = 8
"""Bytes of the message header: type, chunk type, size."""
CHANNEL_HEADER: Final = 12
"""Bytes up to and with the SecureChannelId of OPN, MSG and CLO."""
MAX_CHUNK: Final = 65_536  # the usual buffer size of all stacks; a larger offer is answered with this one
MIN_CHUNK: Final = 8192
"""P6 §7.1.2.3: no buffer is smaller."""
MAX_HELLO: Final = (
    4_160  # P6 §7.1.2.3: an endpoint URL has fewer than 4096 bytes, six numbers and the header stand before
)
MAX_OPEN: Final = 24_576  # an OPN has one certificate chain of at most four; pre-authentication memory stays small
MAX_PENDING: Final = MAX_CHUNK - 1  # one chunk that lacks its last byte

HELLO, ACKNOWLEDGE, ERROR, REVERSE = b"HEL", b"ACK", b"ERR", b"RHE"
OPEN, MESSAGE, CLOSE = b"OPN", b"MSG", b"CLO"
FINAL, MORE, ABORT = b"F", b"C", b"A"


class KindLaw(NamedTuple):
    """One message type."""

    smallest: int
    largest: int
    chunks: bytes
    """Permitted chunk types."""


KINDS: Final = MappingProxyType(
    {
        HELLO: KindLaw(HEADER + 24, MAX_HELLO, FINAL),
        ACKNOWLEDGE: KindLaw(HEADER + 20, HEADER + 20, FINAL),
        ERROR: KindLaw(HEADER + 8, MAX_HELLO, FINAL),
        REVERSE: KindLaw(HEADER + 8, 2 * MAX_HELLO, FINAL),
        OPEN: KindLaw(CHANNEL_HEADER + 12, MAX_OPEN, FINAL),
        MESSAGE: KindLaw(CHANNEL_HEADER + 12, MAX_CHUNK, FINAL + MORE + ABORT),
        CLOSE: KindLaw(CHANNEL_HEADER + 12, MAX_CHUNK, FINAL),
    }
)
"""Message type to law (P6 §6.7.2.2, §7.1.2)."""

_HEAD: Final = Struct("<3scI")
_LONG: Final = Struct("<I")


class Frame(NamedTuple):
    """One chunk as received."""

    raw: bytes
    """All its bytes, unchanged."""
    kind: bytes
    """Message type."""
    chunk: bytes
    """Chunk type."""
    channel: int
    """SecureChannelId of OPN, MSG and CLO; 0 elsewhere."""
    defect: Defect | None = None
    """Always None: a breach of the framing law is fatal. Part of the seam between protocols."""


def frame(raw: bytes) -> Frame:
    """Return the frame of one whole chunk, whose header the caller has judged."""
    kind = raw[:3]
    has_channel = kind in {MESSAGE, OPEN, CLOSE}
    return Frame(raw, kind, raw[3:4], _LONG.unpack_from(raw, HEADER)[0] if has_channel else 0)


class Framer:
    """Cuts one direction of one connection into chunks. Any chopping of the stream gives the same chunks."""

    __slots__ = ("_held", "_largest", "fatal")

    def __init__(self, largest: int = MAX_CHUNK) -> None:
        self._held = bytearray()
        self._largest = MAX_CHUNK
        self.fatal: Defect | None = None
        """Framing is lost: nothing after the chunks returned so far can be understood."""
        self.agree(largest)

    @property
    def pending(self) -> int:
        """Bytes of an incomplete chunk that are held, at most MAX_PENDING."""
        return len(self._held)

    def agree(self, largest: int) -> None:
        """Take chunks of at most `largest` bytes from now on: the receive buffer agreed upon, within our bounds."""
        self._largest = max(MIN_CHUNK, min(largest, MAX_CHUNK))

    def feed(self, data: bytes) -> list[Frame]:
        """Return the chunks that `data` completes. Never raises; after a fatal defect it returns nothing."""
        frames: list[Frame] = []
        if self.fatal is not None:
            return frames
        held = self._held
        stream: bytes | bytearray = data
        if held:
            held += data
            stream = held
        at, size = 0, len(stream)
        while size - at >= HEADER:
            kind, chunk, length = _HEAD.unpack_from(stream, at)
            self.fatal = self._judge(kind, chunk, length)
            if self.fatal is not None:
                self._held = bytearray()
                return frames
            if length > size - at:
                break
            frames.append(frame(bytes(stream[at : at + length])))
            at += length
        if stream is held:
            del held[:at]
        else:
            held += data[at:]
        return frames

    def _judge(self, kind: bytes, chunk: bytes, length: int) -> Defect | None:
        law = KINDS.get(kind)
        if law is None:
            return defect("uacp-type", f"message type {kind.hex()}")
        if chunk not in law.chunks:
            return defect("uacp-chunk", f"chunk type {chunk.hex()} on {kind.decode()}")
        largest = min(law.largest, self._largest)
        if not law.smallest <= length <= largest:
            return defect(
                "uacp-length", f"{kind.decode()} announces {length} bytes, {law.smallest} to {largest} are possible"
            )
        return None


def chunk_of(kind: bytes, chunk: bytes, rest: bytes) -> bytes:
    """Return one chunk: the message header before `rest`."""
    return _HEAD.pack(kind, chunk, HEADER + len(rest)) + rest
