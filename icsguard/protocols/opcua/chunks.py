"""Chunks become messages: bodies of one direction are put together within bounds that count before they are kept.

Chunks of two messages may not be mixed (a choice; no stack in use does it), so a connection holds one unfinished
message a direction. The unfinished message's timer belongs to the conversation.
"""

from __future__ import annotations

from typing import Final, NamedTuple

from icsguard.core.defect import Defect
from icsguard.protocols.opcua.codec import decoded, shape_of
from icsguard.protocols.opcua.defects import defect
from icsguard.protocols.opcua.handshake import OUR_LIMITS, Error, Limits
from icsguard.protocols.opcua.uacp import ABORT, MORE

_ABORTED: Final = shape_of(Error)


class Part(NamedTuple):
    """What one chunk carries, once its channel has taken off headers, padding and signature."""

    kind: bytes
    chunk: bytes
    """Chunk type: F, C or A."""
    request: int
    """RequestId."""
    body: bytes


class Whole(NamedTuple):
    """A message that is complete."""

    kind: bytes
    request: int
    body: bytes
    aborted: Error | None
    """Its sender gave it up (chunk type A); `body` is then empty."""
    chunks: int


class Assembler:
    """One direction of one channel. After a fatal defect it takes nothing more."""

    __slots__ = ("_body", "_chunks", "_request", "fatal", "limits")

    def __init__(self, limits: Limits = OUR_LIMITS) -> None:
        self.limits = limits
        self.fatal: Defect | None = None
        self._body = bytearray()
        self._chunks = 0
        self._request = 0

    @property
    def pending(self) -> int:
        """Bytes of an unfinished message that are held, at most `limits.message`."""
        return len(self._body)

    def takes_alone(self, body: bytes) -> bool:
        """Say whether a message of one chunk needs no assembling: nothing is unfinished, and it is within bounds."""
        return not self._chunks and self.fatal is None and len(body) <= self.limits.message

    def add(self, part: Part) -> Whole | None:
        """Take one part; return the message that it completes. Never raises: see `fatal`."""
        if self.fatal is not None:
            return None
        self.fatal = self._breach(part)
        if self.fatal is not None:
            self._body = bytearray()
            return None
        self._chunks += 1
        self._request = part.request
        if part.chunk == ABORT:
            return self._abort(part)
        self._body += part.body
        return None if part.chunk == MORE else self._done(part, bytes(self._body), None)

    def _breach(self, part: Part) -> Defect | None:
        if self._chunks and part.request != self._request:
            return defect("chunk-interleaved", f"request {part.request} within unfinished request {self._request}")
        if self._chunks >= self.limits.chunks:
            return defect("chunk-count", f"more than {self.limits.chunks} chunks in one message")
        size = len(self._body) + len(part.body)
        if size > self.limits.message:
            return defect("chunk-size", f"{size} bytes in one message, {self.limits.message} at most")
        return None

    def _abort(self, part: Part) -> Whole | None:
        reason = decoded(_ABORTED, part.body)
        if isinstance(reason, Defect):
            self.fatal = defect("chunk-abort", reason.text)
            return None
        return self._done(part, b"", reason)

    def _done(self, part: Part, body: bytes, aborted: Error | None) -> Whole:
        chunks, self._chunks = self._chunks, 0
        self._body = bytearray()
        return Whole(part.kind, part.request, body, aborted, chunks)
