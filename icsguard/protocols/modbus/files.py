"""File records (AP §6.14, §6.15): requests and responses are lists of sub-requests, each judged by itself."""

from __future__ import annotations

from struct import Struct, unpack_from
from typing import Final, NamedTuple

from icsguard.core.defect import Defect
from icsguard.core.ids import AddressRange
from icsguard.core.meaning import Access, Intent, Table
from icsguard.protocols.modbus.defects import defect
from icsguard.protocols.modbus.functions import FUNCTIONS
from icsguard.protocols.modbus.messages import Request, Response
from icsguard.protocols.modbus.quirks import ECHO_DIFFERS, LONG_FILES, NO_QUIRKS
from icsguard.protocols.modbus.requests import bad
from icsguard.protocols.modbus.responses import plain, void

REFERENCE: Final = 6
"""The only reference type (AP §6.14)."""
READ_FILE: Final = 20
WRITE_FILE: Final = 21
MAX_RECORD: Final = 0x270F  # AP §6.14: records 0 to 9999
MAX_RECORD_LONG: Final = 0xFFFF
MAX_READ_BYTES: Final = 0xF5  # AP §6.14: request and response data length
MAX_WRITE_BYTES: Final = 0xFB  # AP §6.15
_HEAD: Final = Struct(">BHHH")


class Part(NamedTuple):
    """One sub-request."""

    reference: int
    file: int
    record: int
    words: int
    data: bytes
    """What is written, empty for reads."""


def parse_file_request(unit: int, pdu: bytes, quirks: frozenset[str] = NO_QUIRKS) -> Request:
    """Return the request of a function 20 or 21."""
    function = pdu[0]
    most = MAX_READ_BYTES if function == READ_FILE else MAX_WRITE_BYTES
    clause = FUNCTIONS[function].clause
    if len(pdu) < 2 + _HEAD.size:
        return bad(unit, pdu, defect("pdu-length", f"9 bytes or more are due, not {len(pdu)}", clause))
    if pdu[1] != len(pdu) - 2 or pdu[1] > most:
        held = f"byte count {pdu[1]} with {len(pdu) - 2} bytes, at most {most}"
        return bad(unit, pdu, defect("pdu-byte-count", held, clause))
    parts = _parts(pdu, written=function == WRITE_FILE)
    if parts is None:
        return bad(unit, pdu, defect("pdu-byte-count", "the sub-requests do not fill the byte count exactly", clause))
    breach = _breach(parts, function, MAX_RECORD_LONG if LONG_FILES in quirks else MAX_RECORD)
    if breach is not None:
        return bad(unit, pdu, breach)
    intent = Intent.READ if function == READ_FILE else Intent.WRITE
    accesses = tuple(
        Access(intent, Table.FILE, AddressRange(part.record, part.record + part.words - 1), part.file) for part in parts
    )
    return Request(function, -1, unit, accesses, (), pdu[1:], None, None, pdu)


def _parts(pdu: bytes, *, written: bool) -> list[Part] | None:
    """Return the sub-requests, None where they do not end where the PDU ends. At most 35 fit."""
    parts = []
    at = 2
    while at < len(pdu):
        if at + _HEAD.size > len(pdu):
            return None
        reference, file, record, words = _HEAD.unpack_from(pdu, at)
        at += _HEAD.size
        data = pdu[at : at + 2 * words] if written else b""
        if written and len(data) != 2 * words:
            return None
        at += len(data)
        parts.append(Part(reference, file, record, words, data))
    return parts


def _breach(parts: list[Part], function: int, last_record: int) -> Defect | None:
    if any(part.words == 0 for part in parts):
        return defect("pdu-quantity", "a sub-request of 0 words")
    answered = sum(2 + 2 * part.words for part in parts)
    if function == READ_FILE and answered > MAX_READ_BYTES:
        return defect("pdu-answer-length", f"the answer would take {answered} bytes, {MAX_READ_BYTES} fit")
    for part in parts:
        if part.reference != REFERENCE:
            return defect("pdu-file-reference", f"reference type {part.reference} instead of {REFERENCE}")
        if part.file == 0:
            return defect("pdu-file-number", "files are numbered from 1")
        if part.record + part.words - 1 > last_record:
            held = f"{part.words} records from {part.record} reach beyond {last_record}"
            return defect("pdu-file-record", held)
    return None


def read_file_response(request: Request, pdu: bytes) -> Response:
    """Judge a normal answer to function 20: its sum of lengths must be the request's, word for word."""
    counts = [access.span.count for access in request.accesses]
    due = sum(2 + 2 * count for count in counts)
    if len(pdu) != 2 + due:
        return void(request, "response-length", f"{len(pdu)} bytes, the request needs {2 + due}")
    if pdu[1] != due:
        return void(request, "response-byte-count", f"byte count {pdu[1]} instead of {due}")
    words: list[int] = []
    at = 2
    for count in counts:
        if pdu[at] != 1 + 2 * count:
            return void(
                request, "response-byte-count", f"a file response of {pdu[at]} bytes instead of {1 + 2 * count}"
            )
        if pdu[at + 1] != REFERENCE:
            return void(request, "response-file-reference", f"reference type {pdu[at + 1]} instead of {REFERENCE}")
        words += unpack_from(f">{count}H", pdu, at + 2)
        at += 2 + 2 * count
    return plain(request, tuple(words))


def write_file_response(request: Request, pdu: bytes, quirks: frozenset[str]) -> Response:
    """Judge a normal answer to function 21: it repeats the request (under `echo_differs` all but the words)."""
    if len(pdu) != len(request.pdu):
        return void(request, "response-length", f"{len(pdu)} bytes, the request needs {len(request.pdu)}")
    same = pdu == request.pdu
    if not same and ECHO_DIFFERS in quirks and pdu[1] == request.pdu[1]:
        mine, theirs = _parts(request.pdu, written=True), _parts(pdu, written=True)
        same = mine is not None and theirs is not None and _headers(mine) == _headers(theirs)
    return plain(request) if same else void(request, "response-echo", "the answer differs from the request")


def _headers(parts: list[Part]) -> list[tuple[int, ...]]:
    return [part[:4] for part in parts]
