"""What a device with small buffers takes: requests and answers up to its own largest PDU, declared as `max_pdu`."""

from __future__ import annotations

from typing import Final

from icsguard.core.meaning import Intent
from icsguard.protocols.modbus.defects import defect
from icsguard.protocols.modbus.mbap import MAX_PDU
from icsguard.protocols.modbus.pdu import Request

_BITS: Final = frozenset({1, 2})
_WORDS: Final = frozenset({3, 4, 23})

_CODE: Final = "pdu-device-limit"


def answer_size(request: Request) -> int:
    """Return the PDU bytes of a good answer where the request says them (AP §6.1 to §6.4, §6.17), else 0."""
    count = next((access.span.count for access in request.accesses if access.intent is Intent.READ), 0)
    if not count:
        return 0
    if request.function in _BITS:
        return 2 + (count + 7) // 8
    return 2 + 2 * count if request.function in _WORDS else 0


def within(max_pdu: int, request: Request, pdu: bytes) -> Request:
    """Return the request, with a defect where it or its answer is more than the device's `max_pdu`."""
    if max_pdu >= MAX_PDU or request.defect is not None:
        return request
    size = max(len(pdu), answer_size(request))
    if size <= max_pdu:
        return request
    return request._replace(defect=defect(_CODE, f"{size} bytes of PDU, the device takes {max_pdu}"))


def lawful(request: Request) -> Request:
    """Return the request by which its answer is judged: what is too large for the device is Modbus all the same."""
    if request.defect is None or request.defect.code != _CODE:
        return request
    return request._replace(defect=None)
