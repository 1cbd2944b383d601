"""The codec's two doors: a request's PDU becomes a `Request`, a response's PDU becomes a `Response` to it.

Strict and total: every byte string has exactly one result, nothing is raised, nothing is read past the PDU.
"""

from __future__ import annotations

from typing import Final

from icsguard.protocols.modbus.defects import defect
from icsguard.protocols.modbus.exceptions import EXCEPTION_BIT, EXCEPTIONS
from icsguard.protocols.modbus.files import (
    READ_FILE,
    WRITE_FILE,
    parse_file_request,
    read_file_response,
    write_file_response,
)
from icsguard.protocols.modbus.messages import Request, Response
from icsguard.protocols.modbus.quirks import MEI_IN_EXCEPTION, NO_QUIRKS
from icsguard.protocols.modbus.requests import PARSERS, bad, opaque
from icsguard.protocols.modbus.responses import JUDGES, plain, void
from icsguard.protocols.modbus.services import ENCAPSULATED, MAX_FUNCTION

__all__ = ["Request", "Response", "parse_request", "parse_response"]

_parser = PARSERS.get
_EXCEPTION_SIZE: Final = 2  # AP §4.1: function code and exception code


def parse_request(unit: int, pdu: bytes, quirks: frozenset[str] = NO_QUIRKS) -> Request:
    """Return what the PDU (1 to 253 bytes) asks of `unit`, with its defect if it breaks the law.

    Functions that the specification does not define are opaque: they have no law, so no defect.
    """
    parse = _parser(pdu[0]) if pdu else None
    if parse is not None:
        return parse(unit, pdu)
    return _rare_request(unit, pdu, quirks)


def _rare_request(unit: int, pdu: bytes, quirks: frozenset[str]) -> Request:
    if not pdu:  # no frame holds it: only a caller without a frame can ask
        return Request(0, -1, unit, (), (), b"", defect("pdu-function", "no function code"), None, pdu)
    function = pdu[0]
    if function in {READ_FILE, WRITE_FILE}:
        return parse_file_request(unit, pdu, quirks)
    if not 1 <= function <= MAX_FUNCTION:
        return bad(unit, pdu, defect("pdu-function", f"function code {function} in a request"))
    return opaque(unit, pdu)


def parse_response(request: Request, pdu: bytes, quirks: frozenset[str] = NO_QUIRKS) -> Response:
    """Return what the device answered to `request`, with its defect if it breaks the law or does not fit.

    A defective request was forwarded only where nothing is enforced; of its answer just the function is judged.
    """
    if not pdu:
        return void(request, "response-length", "no function code")
    function = request.function
    if pdu[0] != function or function > MAX_FUNCTION:  # a request with bit 7 set has no normal response
        return _exception(request, pdu, quirks)
    if request.defect is not None:
        return plain(request)
    judge = JUDGES.get(function)
    if judge is not None:
        return judge(request, pdu, quirks)
    if function == READ_FILE:
        return read_file_response(request, pdu)
    if function == WRITE_FILE:
        return write_file_response(request, pdu, quirks)
    return plain(request)


def _exception(request: Request, pdu: bytes, quirks: frozenset[str]) -> Response:
    if pdu[0] != request.function | EXCEPTION_BIT:
        return void(request, "response-function", f"function code {pdu[0]} answers function {request.function}")
    if len(pdu) == 3 and request.function == ENCAPSULATED and MEI_IN_EXCEPTION in quirks and pdu[1] == request.sub:  # noqa: PLR2004 - the old form
        pdu = pdu[:1] + pdu[2:]
    if len(pdu) != _EXCEPTION_SIZE:
        return void(request, "response-exception", f"an exception response of {len(pdu)} bytes")
    code = pdu[1]
    if code == 0:
        return void(request, "response-exception", "exception code 0")
    law = EXCEPTIONS.get(code)
    remark = None if law and law.standard else defect("response-exception-code", f"exception code 0x{code:02X}")
    return Response(request.function, code, None, None, remark)
