"""Encoders: the strict inverse of the codec, for lab, learning, canaries and tests. The gateway never encodes.

Requests are built as PDUs and wrapped by `adu`. Whatever breaks the law raises ValueError: wrong requests cannot be
built here, they are written as bytes.
"""

from __future__ import annotations

from collections.abc import Sequence
from struct import error as StructError  # noqa: N812 - struct names its exception in lower case
from struct import pack
from typing import NamedTuple

from icsguard.protocols.modbus.bits import packed
from icsguard.protocols.modbus.exceptions import EXCEPTION_BIT
from icsguard.protocols.modbus.files import READ_FILE, REFERENCE, WRITE_FILE
from icsguard.protocols.modbus.messages import Request
from icsguard.protocols.modbus.pdu import parse_request, parse_response
from icsguard.protocols.modbus.quirks import LONG_FILES
from icsguard.protocols.modbus.requests import COIL_OFF, COIL_ON
from icsguard.protocols.modbus.services import DIAGNOSTICS, ENCAPSULATED

_BITS, _WORDS = (1, 2), (3, 4, 23)


class FilePart(NamedTuple):
    """One sub-request of a file function: `length` words from `record`, or the `words` to write there."""

    file: int
    record: int
    length: int = 0
    words: tuple[int, ...] = ()


def adu(tid: int, unit: int, pdu: bytes) -> bytes:
    """Return the ADU of a PDU."""
    return pack(">HHHB", tid, 0, 1 + len(pdu), unit) + pdu


def read(function: int, first: int, count: int) -> bytes:
    """Return a read of function 1, 2, 3 or 4."""
    return _request(">BHH", function, first, count)


def write_coil(address: int, *, on: bool) -> bytes:
    """Return a function 5."""
    return _request(">BHH", 5, address, COIL_ON if on else COIL_OFF)


def write_register(address: int, value: int) -> bytes:
    """Return a function 6."""
    return _request(">BHH", 6, address, value)


def write_coils(first: int, values: Sequence[int]) -> bytes:
    """Return a function 15."""
    data = packed(values)
    return _request(f">BHHB{len(data)}s", 15, first, len(values), len(data), data)


def write_registers(first: int, values: Sequence[int]) -> bytes:
    """Return a function 16."""
    return _request(f">BHHB{len(values)}H", 16, first, len(values), 2 * len(values), *values)


def mask_write(address: int, keep: int, put: int) -> bytes:
    """Return a function 22: result = (current AND keep) OR (put AND NOT keep)."""
    return _request(">BHHH", 22, address, keep, put)


def read_write(first: int, count: int, into: int, values: Sequence[int]) -> bytes:
    """Return a function 23: write `values` from `into` on, then read `count` registers from `first` on."""
    head = (23, first, count, into, len(values), 2 * len(values))
    return _request(f">BHHHHB{len(values)}H", *head, *values)


def read_fifo(pointer: int) -> bytes:
    """Return a function 24."""
    return _request(">BH", 24, pointer)


def bare(function: int) -> bytes:
    """Return a request that is its function code alone: 7, 11, 12, 17."""
    return _request(">B", function)


def diagnostic(sub: int, data: bytes = b"\0\0") -> bytes:
    """Return a function 8."""
    return _request(f">BH{len(data)}s", DIAGNOSTICS, sub, data)


def identification(code: int = 1, number: int = 0) -> bytes:
    """Return a function 43/14."""
    return _request(">BBBB", ENCAPSULATED, 14, code, number)


def encapsulated(mei: int, data: bytes) -> bytes:
    """Return a function 43 of any MEI type."""
    return _request(f">BB{len(data)}s", ENCAPSULATED, mei, data)


def private(function: int, data: bytes = b"") -> bytes:
    """Return a request that the specification does not define."""
    return _request(f">B{len(data)}s", function, data)


def read_files(parts: Sequence[FilePart]) -> bytes:
    """Return a function 20."""
    body = b"".join(_part(part, part.length) for part in parts)
    return _request(f">BB{len(body)}s", READ_FILE, len(body), body)


def write_files(parts: Sequence[FilePart]) -> bytes:
    """Return a function 21."""
    body = b"".join(_part(part, len(part.words)) + _packed(f">{len(part.words)}H", *part.words) for part in parts)
    return _request(f">BB{len(body)}s", WRITE_FILE, len(body), body)


def _part(part: FilePart, count: int) -> bytes:
    return _packed(">BHHH", REFERENCE, part.file, part.record, count)


def _packed(form: str, *fields: int | bytes) -> bytes:
    try:
        return pack(form, *fields)
    except StructError as error:
        raise ValueError(f"no bytes hold {fields}") from error


def _request(form: str, *fields: int | bytes) -> bytes:
    pdu = _packed(form, *fields)
    request = parse_request(0, pdu, frozenset({LONG_FILES}))
    if request.defect is not None:
        raise ValueError(request.defect.text)
    return pdu


def exception(function: int, code: int) -> bytes:
    """Return the PDU of an exception response."""
    return bytes((function | EXCEPTION_BIT, code))


def answer(request: Request, values: Sequence[int] = ()) -> bytes:
    """Return the PDU of the normal response to a request that reads `values`, or reads nothing and is acknowledged.

    For the functions on elements, files and queues, and the echoes of 8; raise ValueError where the values do not fit
    or the function's answer is the device's own (7, 11, 12, 17, 43, counters of 8).
    """
    pdu = _answer(request, values)
    breach = parse_response(request, pdu).defect
    if breach is not None:
        raise ValueError(breach.text)
    return pdu


def _answer(request: Request, values: Sequence[int]) -> bytes:
    function = request.function
    if function in _BITS:
        data = packed(values)
        return bytes((function, len(data))) + data
    if function in _WORDS:
        return _packed(f">BB{len(values)}H", function, 2 * len(values), *values)
    if function in {15, 16}:
        return request.pdu[:5]
    if function == 24:  # noqa: PLR2004 - AP §6.18
        return _packed(f">BHH{len(values)}H", function, 2 + 2 * len(values), len(values), *values)
    return _files(request, values) if function == READ_FILE else request.pdu


def _files(request: Request, values: Sequence[int]) -> bytes:
    body, left = b"", list(values)
    for access in request.accesses:
        count = access.span.count
        words, left = left[:count], left[count:]
        body += _packed(f">BB{len(words)}H", 1 + 2 * len(words), REFERENCE, *words)
    return bytes((READ_FILE, len(body))) + body
