"""One direction of a channel that passes through: its chunks as they came, renumbered from the first edit on."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from icsguard.core.defect import Defect
from icsguard.protocols.opcua.defects import defect
from icsguard.protocols.opcua.handshake import Limits
from icsguard.protocols.opcua.passthrough import clear_chunks, sequence_offset
from icsguard.protocols.opcua.sequence import Relay
from icsguard.protocols.opcua.symmetric import SECURED_FROM, SEQUENCE_HEADER
from icsguard.protocols.opcua.uacp import FINAL, KINDS, MAX_CHUNK, MESSAGE, Frame, Framer

_SINGLE: Final = MESSAGE + FINAL
_SMALLEST: Final = KINDS[MESSAGE].smallest


def is_single(data: bytes) -> bool:
    """Say whether bytes are exactly one whole MSG chunk, the last of its message."""
    size = len(data)
    return data[:4] == _SINGLE and data[4:8] == size.to_bytes(4, "little") and _SMALLEST <= size <= MAX_CHUNK


class Side:
    """What leaves towards one of the two peers. `framer` cuts what is on its way there."""

    __slots__ = ("_relay", "_write", "chunks", "framer", "limits")

    def __init__(self, write: Callable[[bytes], None]) -> None:
        self.framer = Framer()
        self.chunks: list[Frame] = []
        """Of a message that is not whole yet; bounded by its assembler."""
        self.limits = Limits()
        """What the peer takes."""
        self._relay = Relay()
        self._write = write

    def passed(self, frame: Frame, *, clear: bool) -> Defect | None:
        """Pass a chunk on; a clear one may get a number of ours. Return what is wrong with a clear one."""
        if not clear:
            self._write(frame.raw)
            return None
        at = sequence_offset(frame)
        if isinstance(at, Defect):
            return at
        if at + SEQUENCE_HEADER > len(frame.raw):
            return defect("channel-short", f"{len(frame.raw)} bytes, the sequence header begins at {at}")
        self._write(self._relay.passed(frame.raw, at))
        return None

    def stamped(self, raw: bytes) -> bytes:
        """Return a clear MSG chunk as it must leave now."""
        return self._relay.passed(raw, SECURED_FROM)

    @property
    def is_amid(self) -> bool:
        """Say whether a chunk or a message has begun and not ended."""
        return bool(self.chunks or self.framer.pending)

    def dropped(self) -> None:
        """Note that a chunk does not leave, or not in its turn."""
        self._relay.dropped()

    def inserted(self, like: bytes, request: int, body: bytes) -> Defect | None:
        """Put in a message of our own, on the channel and token of `like`; return why the peer cannot take it."""
        chunks = clear_chunks(like, request, body, self.limits)
        if isinstance(chunks, Defect):
            return chunks
        for chunk in chunks:
            self._write(self._relay.inserted(chunk, SECURED_FROM))
        return None
