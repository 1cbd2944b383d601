"""Modbus RTU frames carried over TCP (SL §2.5.1, facts of serial servers): unit, PDU, CRC-16; no identifier, no length.

Where an answer ends follows from its function code and byte count; a function whose answer's length no table gives
cannot be framed and is not sent. One request at a time, and after anything odd the connection is closed: the next
byte that is really the beginning of a frame cannot be found again.
"""

from __future__ import annotations

from typing import Final

from icsguard.core.defect import Defect
from icsguard.protocols.modbus.defects import defect
from icsguard.protocols.modbus.exceptions import EXCEPTION_BIT
from icsguard.protocols.modbus.functions import IDENTIFICATION
from icsguard.protocols.modbus.mbap import MAX_PDU, Frame, frame
from icsguard.protocols.modbus.services import DIAGNOSTICS, ENCAPSULATED

CRC_SIZE: Final = 2
MAX_FRAME: Final = 1 + MAX_PDU + CRC_SIZE  # SL §2.5.1: 256 bytes
_POLYNOMIAL: Final = 0xA001  # SL §6.2.2: 0x8005 reflected
_FIXED: Final = {5: 5, 6: 5, 7: 2, 11: 5, 15: 5, 16: 5, 22: 7}  # PDU bytes of the answer (AP §6)
_COUNTED: Final = frozenset({1, 2, 3, 4, 12, 17, 20, 21, 23})  # one byte count after the function code (AP §6)
_FIFO: Final = 24  # AP §6.18: a byte count of two bytes
_OBJECTS_AT: Final = 7  # AP §6.21: PDU bytes before the first object


def _table() -> tuple[int, ...]:
    entries = []
    for value in range(256):
        crc = value
        for _ in range(8):
            crc = (crc >> 1) ^ _POLYNOMIAL if crc & 1 else crc >> 1
        entries.append(crc)
    return tuple(entries)


_CRC: Final = _table()


def crc16(data: bytes) -> bytes:
    """Return the CRC of `data`, low byte first as it is sent."""
    crc = 0xFFFF
    for byte in data:
        crc = crc >> 8 ^ _CRC[(crc ^ byte) & 0xFF]
    return crc.to_bytes(CRC_SIZE, "little")


def encode(unit: int, pdu: bytes) -> bytes:
    """Return the frame of a PDU."""
    body = bytes((unit,)) + pdu
    return body + crc16(body)


def can_frame(pdu: bytes) -> bool:
    """Say whether the end of the answer to this request can be told."""
    function = pdu[0]
    if function == ENCAPSULATED:
        return len(pdu) > 1 and pdu[1] == IDENTIFICATION
    return function in _FIXED or function in _COUNTED or function in {DIAGNOSTICS, _FIFO}


def answer_length(request: bytes, answer: bytes) -> int:
    """Return how long the answer's PDU is to be; 0 where more of `answer` must be there first."""
    function = answer[0]
    if function & EXCEPTION_BIT:
        return 2
    if function in _FIXED:
        return _FIXED[function]
    if function == DIAGNOSTICS:
        return len(request)  # AP §6.8: each answer has the request's length
    if function == _FIFO:
        return 3 + int.from_bytes(answer[1:3]) if len(answer) > 2 else 0  # noqa: PLR2004 - both bytes of the count
    if function == ENCAPSULATED:
        return _identification_length(answer)
    return 2 + answer[1] if len(answer) > 1 else 0


def _identification_length(answer: bytes) -> int:
    """Walk the objects of function 43/14 (AP §6.21): each says its own length."""
    if len(answer) < _OBJECTS_AT:
        return 0
    at = _OBJECTS_AT
    for _ in range(answer[_OBJECTS_AT - 1]):
        if len(answer) < at + 2:
            return 0 if at + 2 <= MAX_PDU else at + 2
        at += 2 + answer[at + 1]
    return at


class RtuFramer:
    """Cuts what an RTU device sends into frames; holds at most MAX_FRAME bytes. Any chopping gives the same frames."""

    __slots__ = ("_held", "_request", "_tid", "fatal")

    def __init__(self) -> None:
        self._held = b""
        self._request = b""
        self._tid = 0
        self.fatal: Defect | None = None
        """Framing is lost: the connection must be closed."""

    @property
    def pending(self) -> int:
        """Bytes of an incomplete frame that are held."""
        return len(self._held)

    def expect(self, tid: int, request: bytes) -> None:
        """Wait for the answer to the request PDU `request`, which goes out under `tid` as far as we are concerned."""
        self._tid, self._request = tid, request

    def feed(self, data: bytes) -> list[Frame]:
        """Return the frame that `data` completes, as the ADU that a TCP device would have sent. Never raises."""
        if self.fatal is not None or not data:
            return []
        stream = self._held + data
        self._held = b""
        if not self._request:
            self.fatal = defect("rtu-unsolicited", f"{len(stream)} bytes that nobody asked for")
            return []
        length, self.fatal = self._length_of(stream)
        if self.fatal is not None:
            return []
        if not length or len(stream) < length:
            self._held = stream
            return []
        return self._frame(stream, length)

    def _length_of(self, stream: bytes) -> tuple[int, Defect | None]:
        """Return the frame's length, 0 where it is not known yet, or what is wrong with it."""
        if len(stream) < 2:  # noqa: PLR2004 - unit and function
            return 0, None
        if stream[1] & ~EXCEPTION_BIT != self._request[0]:
            return 0, defect("rtu-function", f"function {stream[1]} answers, {self._request[0]} was asked")
        pdu = answer_length(self._request, stream[1:])
        if pdu > MAX_PDU:
            return 0, defect("rtu-length", f"the answer announces {pdu} bytes, at most {MAX_PDU} exist")
        return (1 + pdu + CRC_SIZE if pdu else 0), None

    def _frame(self, stream: bytes, length: int) -> list[Frame]:
        body, check = stream[: length - CRC_SIZE], stream[length - CRC_SIZE : length]
        if crc16(body) != check:
            self.fatal = defect("rtu-crc", "the answer's check sum is wrong")
            return []
        self._request = b""
        if len(stream) > length:  # the answer is good all the same; what follows it ends the connection
            self.fatal = defect("rtu-trailing", f"{len(stream) - length} bytes after the answer")
        return [frame(self._tid.to_bytes(2) + b"\0\0" + len(body).to_bytes(2) + body)]
