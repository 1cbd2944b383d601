"""The four messages outside of any channel, HEL ACK ERR RHE, and the limits that two of them agree upon (P6 §7.1.2).

Zero means unlimited there; towards us it means our own bound. A MaxMessageSize below one chunk counts as unset: asyncua
clients put the chunk count into it.
"""

from __future__ import annotations

from typing import Final, NamedTuple

from icsguard.core.defect import Defect
from icsguard.protocols.opcua.codec import U32, Status, Text, decoded, encoded, shape_of
from icsguard.protocols.opcua.defects import defect
from icsguard.protocols.opcua.uacp import (
    ACKNOWLEDGE,
    ERROR,
    FINAL,
    HEADER,
    HELLO,
    MAX_CHUNK,
    MIN_CHUNK,
    REVERSE,
    Frame,
    chunk_of,
)

MAX_MESSAGE: Final = (
    4_194_304  # bytes of one message in all its chunks; the largest reads and browses have some hundred kB
)
MAX_CHUNKS: Final = 64  # MAX_MESSAGE in chunks of MAX_CHUNK
MAX_URL: Final = 4095
"""Bytes; P6 §7.1.2.3."""
MAX_REASON: Final = 256
"""Bytes of the text in an ERR that we send: it reaches logs of client stations."""


class Hello(NamedTuple):
    """What a client offers."""

    version: U32
    receive: U32
    """Largest chunk that it takes, bytes."""
    send: U32
    """Largest chunk that it sends, bytes."""
    max_message: U32
    """Largest response that it takes, bytes; 0 for any."""
    max_chunks: U32
    """Most chunks of a response; 0 for any."""
    url: Text


class Acknowledge(NamedTuple):
    """What a server answers."""

    version: U32
    receive: U32
    send: U32
    max_message: U32
    """Largest request that it takes, bytes; 0 for any."""
    max_chunks: U32


class Error(NamedTuple):
    """Why a peer is about to close. The reason is its own text: escape it before display."""

    code: Status
    reason: Text


class ReverseHello(NamedTuple):
    """A server that dials its client."""

    server: Text
    url: Text


class Limits(NamedTuple):
    """What one direction of a connection may send."""

    chunk: int = MAX_CHUNK
    """Bytes of one chunk."""
    message: int = MAX_MESSAGE
    """Bytes of one message's body."""
    chunks: int = MAX_CHUNKS
    """Chunks of one message."""


_SHAPES: Final = {
    HELLO: shape_of(Hello),
    ACKNOWLEDGE: shape_of(Acknowledge),
    ERROR: shape_of(Error),
    REVERSE: shape_of(ReverseHello),
}
Greeting = Hello | Acknowledge | Error | ReverseHello
OUR_LIMITS: Final = Limits()


def parse_greeting(chunk: Frame) -> Greeting | Defect:
    """Return the message of a HEL, ACK, ERR or RHE chunk, or what is wrong with it."""
    shape = _SHAPES.get(chunk.kind)
    if shape is None:
        return defect("uacp-hello", f"{chunk.kind.decode()} is no greeting")
    found = decoded(shape, chunk.raw[HEADER:])
    if isinstance(found, Defect):
        return defect("uacp-hello", f"{chunk.kind.decode()}: {found.text}")
    return _breach(found) or found


def _breach(found: Greeting) -> Defect | None:
    if isinstance(found, Hello | Acknowledge) and min(found.receive, found.send) < MIN_CHUNK:
        return defect("uacp-buffer", f"buffers of {found.receive} and {found.send} bytes, {MIN_CHUNK} at least")
    url = found.url if isinstance(found, Hello | ReverseHello) else None
    if len((url or "").encode()) > MAX_URL:
        return defect("uacp-url", f"an endpoint URL of more than {MAX_URL} bytes")
    return None


def greeting(found: Greeting) -> bytes:
    """Return the chunk of a greeting."""
    kind = next(kind for kind, shape in _SHAPES.items() if shape.name == type(found).__name__)
    return chunk_of(kind, FINAL, encoded(_SHAPES[kind], found))


def error(code: int, reason: str = "") -> bytes:
    """Return an ERR chunk: the only answer that needs no channel (P6 §7.1.2.5)."""
    text = reason.encode()[:MAX_REASON].decode(errors="ignore")
    return greeting(Error(code, text or None))


def agreed(receive: int, max_message: int, max_chunks: int, ours: Limits = OUR_LIMITS) -> Limits:
    """Return what may be sent to a peer that takes so much: the smaller of both sides, and ours where it sets none."""
    chunk = min(receive, ours.chunk)
    unset = max_message < chunk
    return Limits(
        chunk, ours.message if unset else min(max_message, ours.message), min(max_chunks or ours.chunks, ours.chunks)
    )


def acknowledge(hello: Hello, ours: Limits = OUR_LIMITS) -> Acknowledge:
    """Return the answer to a HEL: never more than the client offers, never more than our own bounds."""
    return Acknowledge(0, min(hello.send, ours.chunk), min(hello.receive, ours.chunk), ours.message, ours.chunks)
