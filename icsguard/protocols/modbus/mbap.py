"""Bytes become frames: the MBAP header of Modbus/TCP (TCP §3.1.3), for each direction of a connection.

The header's length is judged as soon as six bytes are there, before anything is kept for it. So a `Framer` never holds
more than one incomplete ADU, whatever the peer announces.
"""

from __future__ import annotations

from struct import Struct
from typing import Final, NamedTuple

from icsguard.core.defect import Defect
from icsguard.protocols.modbus.defects import defect

HEADER: Final = 7
"""Bytes before the PDU: transaction identifier, protocol identifier, length, unit identifier."""
MAX_PDU: Final = 253  # AP §4.1: 256 bytes of an RS485 ADU less address and CRC
MAX_ADU: Final = HEADER + MAX_PDU
MIN_LENGTH: Final = 2  # unit identifier and function code
MAX_LENGTH: Final = 1 + MAX_PDU
MAX_PENDING: Final = MAX_ADU - 1  # one ADU that lacks its last byte; more is a frame, and leaves
MAX_READ: Final = 65_536  # what a caller may hand over at once: it is held until `feed` returns, and no longer
MAX_BUFFER: Final = MAX_PENDING + MAX_READ

_JUDGED: Final = 6  # the length field ends here
_START: Final = Struct(">HHHB")
_LENGTH: Final = Struct(">4xH")


class Frame(NamedTuple):
    """One ADU as received."""

    raw: bytes
    """Header and PDU, unchanged."""
    tid: int
    """Transaction identifier."""
    unit: int
    """Unit identifier."""
    pdu: bytes
    defect: Defect | None
    """`mbap-protocol-id`, or None."""


def frame(raw: bytes) -> Frame:
    """Return the frame of one whole ADU, whose length field the caller has judged."""
    tid, protocol, _, unit = _START.unpack_from(raw)
    return Frame(raw, tid, unit, raw[HEADER:], None if not protocol else _not_modbus(protocol))


def whole(data: bytes) -> bool:
    """Say whether `data` is exactly one well-framed ADU: the fast path of almost every read from a socket."""
    size = len(data)
    return HEADER < size <= MAX_ADU and data[2:5] == b"\0\0\0" and data[5] == size - _JUDGED


def readdressed(raw: bytes, *, tid: int, unit: int) -> bytes:
    """Return the ADU under another transaction and unit identifier; all other bytes stay."""
    return tid.to_bytes(2) + raw[2:6] + unit.to_bytes(1) + raw[HEADER:]


class Framer:
    """Cuts one direction of one connection into frames. Any chopping of the stream gives the same frames."""

    __slots__ = ("_held", "fatal")

    def __init__(self) -> None:
        self._held = b""
        self.fatal: Defect | None = None
        """Framing is lost: nothing after the frames returned so far can be understood."""

    @property
    def pending(self) -> int:
        """Bytes of an incomplete ADU that are held, at most MAX_PENDING."""
        return len(self._held)

    def feed(self, data: bytes) -> list[Frame]:
        """Return the frames that `data` completes. Never raises; after a fatal defect it returns nothing."""
        if not self._held and self.fatal is None and whole(data):
            return [frame(data)]
        return self._cut(data)

    def _cut(self, data: bytes) -> list[Frame]:
        frames: list[Frame] = []
        if self.fatal is not None:
            return frames
        stream = self._held + data if self._held else data
        at, size = 0, len(stream)
        while size - at >= _JUDGED:
            (length,) = _LENGTH.unpack_from(stream, at)
            if not MIN_LENGTH <= length <= MAX_LENGTH:
                self.fatal = defect(
                    "mbap-length", f"the header announces {length} bytes, {MIN_LENGTH} to {MAX_LENGTH} exist"
                )
                self._held = b""
                return frames
            end = at + _JUDGED + length
            if end > size:
                break
            frames.append(frame(stream[at:end]))
            at = end
        self._held = stream[at:]
        return frames


def _not_modbus(protocol: int) -> Defect:
    return defect("mbap-protocol-id", f"protocol identifier {protocol} instead of 0")
