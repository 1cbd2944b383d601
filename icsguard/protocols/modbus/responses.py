"""From a response's PDU to what was read, judged against the request it answers: function, echo, lengths, counts."""

from __future__ import annotations

from collections.abc import Callable
from struct import Struct, unpack_from
from types import MappingProxyType
from typing import Final

from icsguard.core.defect import Defect
from icsguard.protocols.modbus.bits import bytes_for, has_padding, unpacked
from icsguard.protocols.modbus.defects import defect
from icsguard.protocols.modbus.functions import DIAGNOSTIC_LAWS, FUNCTIONS, IDENTIFICATION, LISTEN_ONLY
from icsguard.protocols.modbus.messages import Request, Response
from icsguard.protocols.modbus.quirks import ECHO_DIFFERS
from icsguard.protocols.modbus.requests import COIL_OFF, COIL_ON

Judge = Callable[[Request, bytes, frozenset[str]], Response]

MAX_FIFO: Final = 31  # AP §6.18
MAX_EVENTS: Final = 64  # AP §6.10
_MIN_EVENT_LOG: Final = 6
_MIN_SERVER_ID: Final = 2  # AP §6.13: an identifier, and the run indicator
_STATUS: Final = frozenset((0x0000, 0xFFFF))  # AP §6.9
_CONFORMITY: Final = frozenset((0x01, 0x02, 0x03, 0x81, 0x82, 0x83))  # AP §6.21
_MORE: Final = frozenset((0x00, 0xFF))
_INDIVIDUAL: Final = 4
_IDENTIFICATION_HEAD: Final = 7
_TWO_WORDS: Final = Struct(">xHH")


def void(request: Request, code: str, detail: str) -> Response:
    """Return the response that breaks the law `code`."""
    law = FUNCTIONS.get(request.function)
    return Response(request.function, 0, None, defect(code, detail, law.clause if law else ""))


def plain(request: Request, values: tuple[int, ...] | None = None, remark: Defect | None = None) -> Response:
    """Return a normal response without fault."""
    return Response(request.function, 0, values, None, remark)


def _counted(request: Request, pdu: bytes, due: int) -> Response | None:
    """Judge the byte count that most answers to reads begin with; None where it is right."""
    if len(pdu) != 2 + due:
        return void(request, "response-length", f"{len(pdu)} bytes, the request needs {2 + due}")
    if pdu[1] != due:
        return void(request, "response-byte-count", f"byte count {pdu[1]} instead of {due}")
    return None


def _bits(request: Request, pdu: bytes, _quirks: frozenset[str]) -> Response:
    count = request.accesses[-1].span.count
    fault = _counted(request, pdu, bytes_for(count))
    if fault is not None:
        return fault
    data = pdu[2:]
    remark = defect("response-padding", f"bits set beyond the last of {count}") if has_padding(data, count) else None
    return plain(request, unpacked(data, count), remark)


def _words(request: Request, pdu: bytes, _quirks: frozenset[str]) -> Response:
    count = request.accesses[-1].span.count  # of function 23 the read, which comes last
    fault = _counted(request, pdu, 2 * count)
    return plain(request, unpack_from(f">{count}H", pdu, 2)) if fault is None else fault


def _echo(request: Request, pdu: bytes, _quirks: frozenset[str]) -> Response:
    if len(pdu) != len(request.pdu):
        return void(request, "response-length", f"{len(pdu)} bytes, the request needs {len(request.pdu)}")
    return (
        plain(request) if pdu == request.pdu else void(request, "response-echo", "the answer differs from the request")
    )


def _single(request: Request, pdu: bytes, quirks: frozenset[str]) -> Response:
    """Judge the echo of 5, 6 and 22; under `echo_differs` only length, function and address must be the request's."""
    if ECHO_DIFFERS not in quirks or len(pdu) != len(request.pdu) or pdu[:3] != request.pdu[:3]:
        return _echo(request, pdu, quirks)
    value = _TWO_WORDS.unpack_from(pdu)[1]
    if request.function == 5 and value not in {COIL_OFF, COIL_ON}:  # noqa: PLR2004 - AP §6.5
        return void(request, "response-echo", f"coil value 0x{value:04X}")
    if request.function == 5:  # noqa: PLR2004 - AP §6.5
        return plain(request, (1 if value else 0,))
    return plain(request, (value,) if request.function == 6 else None)  # noqa: PLR2004 - AP §6.6


def _written(request: Request, pdu: bytes, _quirks: frozenset[str]) -> Response:
    if len(pdu) != 5:  # noqa: PLR2004 - AP §6.11, §6.12: function, address, quantity
        return void(request, "response-length", f"{len(pdu)} bytes, the request needs 5")
    if pdu != request.pdu[:5]:
        return void(request, "response-echo", "address or quantity differ from the request")
    return plain(request)


def _exception_status(request: Request, pdu: bytes, _quirks: frozenset[str]) -> Response:
    return plain(request) if len(pdu) == 2 else void(request, "response-length", f"{len(pdu)} bytes, 2 are due")  # noqa: PLR2004 - AP §6.7


def _event_counter(request: Request, pdu: bytes, _quirks: frozenset[str]) -> Response:
    if len(pdu) != 5:  # noqa: PLR2004 - AP §6.9: status and count
        return void(request, "response-length", f"{len(pdu)} bytes, 5 are due")
    status = _TWO_WORDS.unpack(pdu)[0]
    return plain(request) if status in _STATUS else void(request, "response-status", f"status 0x{status:04X}")


def _event_log(request: Request, pdu: bytes, _quirks: frozenset[str]) -> Response:
    size = len(pdu) - 2
    if not _MIN_EVENT_LOG <= size <= _MIN_EVENT_LOG + MAX_EVENTS:
        return void(request, "response-length", f"{len(pdu)} bytes, 8 to {8 + MAX_EVENTS} are due")
    if pdu[1] != size:
        return void(request, "response-byte-count", f"byte count {pdu[1]} instead of {size}")
    status = int.from_bytes(pdu[2:4])
    return plain(request) if status in _STATUS else void(request, "response-status", f"status 0x{status:04X}")


def _server_id(request: Request, pdu: bytes, _quirks: frozenset[str]) -> Response:
    size = len(pdu) - 2
    if size < _MIN_SERVER_ID:
        return void(request, "response-length", f"{len(pdu)} bytes, 4 or more are due")
    return (
        plain(request)
        if pdu[1] == size
        else void(request, "response-byte-count", f"byte count {pdu[1]} instead of {size}")
    )


def _fifo(request: Request, pdu: bytes, _quirks: frozenset[str]) -> Response:
    if len(pdu) < 5:  # noqa: PLR2004 - AP §6.18: byte count and FIFO count
        return void(request, "response-length", f"{len(pdu)} bytes, 5 or more are due")
    said, count = _TWO_WORDS.unpack_from(pdu)
    if said != len(pdu) - 3:
        return void(request, "response-byte-count", f"byte count {said} instead of {len(pdu) - 3}")
    if count > MAX_FIFO or said != 2 + 2 * count:
        return void(request, "response-count", f"{count} words in {said - 2} bytes, at most {MAX_FIFO} exist")
    return plain(request, unpack_from(f">{count}H", pdu, 5))


def _diagnostics(request: Request, pdu: bytes, quirks: frozenset[str]) -> Response:
    law = DIAGNOSTIC_LAWS.get(request.sub)
    if law is None:
        return plain(request)
    if law.sub == LISTEN_ONLY:
        return void(request, "response-not-due", "force listen only mode is never answered")
    if law.echoes:
        return _echo(request, pdu, quirks)
    if len(pdu) != 5:  # noqa: PLR2004 - sub-function and one word
        return void(request, "response-length", f"{len(pdu)} bytes, 5 are due")
    return plain(request) if pdu[1:3] == request.pdu[1:3] else void(request, "response-echo", "another sub-function")


def _encapsulated(request: Request, pdu: bytes, _quirks: frozenset[str]) -> Response:
    if len(pdu) < 2:  # noqa: PLR2004 - function code and MEI type
        return void(request, "response-length", "1 byte, 2 or more are due")
    if pdu[1] != request.sub:
        return void(request, "response-echo", f"MEI type {pdu[1]} instead of {request.sub}")
    fault = _identification_fault(request, pdu) if request.sub == IDENTIFICATION else ""
    return void(request, "response-identification", fault) if fault else plain(request)


def _identification_fault(request: Request, pdu: bytes) -> str:
    """Return what is wrong with an answer to 43/14, empty where nothing is."""
    if len(pdu) < _IDENTIFICATION_HEAD:
        return f"{len(pdu)} bytes, {_IDENTIFICATION_HEAD} or more are due"
    code, conformity, more, count = pdu[2], pdu[3], pdu[4], pdu[6]
    if code != request.pdu[2]:
        return f"identification code {code} instead of {request.pdu[2]}"
    if conformity not in _CONFORMITY or more not in _MORE:
        return f"conformity 0x{conformity:02X}, more follows 0x{more:02X}"
    objects = objects_of(pdu)
    if objects is None or len(objects) != count:
        return f"{count} objects do not fill the {len(pdu)} bytes exactly"
    if code == _INDIVIDUAL and [number for number, _ in objects] != [request.pdu[3]]:
        return f"not exactly the object {request.pdu[3]} that was asked for"
    return ""


def objects_of(pdu: bytes) -> list[tuple[int, bytes]] | None:
    """Return the objects of an answer to 43/14 as (number, text); None where they do not end where the PDU ends.

    The texts are the device's own: escape them before display.
    """
    objects = []
    at = _IDENTIFICATION_HEAD
    while at < len(pdu):
        if at + 2 > len(pdu) or at + 2 + pdu[at + 1] > len(pdu):
            return None
        objects.append((pdu[at], pdu[at + 2 : at + 2 + pdu[at + 1]]))
        at += 2 + pdu[at + 1]
    return objects


JUDGES: Final = MappingProxyType[int, Judge](
    {
        **dict.fromkeys((1, 2), _bits),
        **dict.fromkeys((3, 4, 23), _words),
        **dict.fromkeys((5, 6, 22), _single),
        7: _exception_status,
        8: _diagnostics,
        11: _event_counter,
        12: _event_log,
        **dict.fromkeys((15, 16), _written),
        17: _server_id,
        24: _fifo,
        43: _encapsulated,
    }
)
"""Function code to judge; file records (20, 21) have a module of their own."""
