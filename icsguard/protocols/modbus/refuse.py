"""A refusal is a proper answer: the exception ADU that a client gets instead of the device's response (AP §7)."""

from __future__ import annotations

from icsguard.protocols.modbus.exceptions import EXCEPTION_BIT
from icsguard.protocols.modbus.mbap import HEADER, Frame

_PROTOCOL_AND_LENGTH = b"\0\0\0\3"


def refuse(request: Frame | bytes, code: int) -> bytes:
    """Return the exception response `code` to a whole request ADU: its identifiers, its function with bit 7 set.

    A request whose function code has bit 7 set already (itself a defect) is answered under that same code.
    """
    raw = request.raw if isinstance(request, Frame) else request
    return raw[:2] + _PROTOCOL_AND_LENGTH + bytes((raw[HEADER - 1], raw[HEADER] | EXCEPTION_BIT, code))
