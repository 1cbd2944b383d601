"""A refusal is a proper answer: a ServiceFault for a whole request, a status of its own for one item among many.

`split` takes forbidden items out of a request before the server sees it; `splice` puts their results back into the
server's answer, at their places. Both leave every other byte as it came. The chunks around them are the channel's.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, NamedTuple

from icsguard.core.defect import Defect
from icsguard.protocols.opcua.codec import Reader
from icsguard.protocols.opcua.defects import defect
from icsguard.protocols.opcua.headers import RESPONSE_HEADER, Nothing, ResponseHeader
from icsguard.protocols.opcua.items import (
    ITEMS,
    NULL_DIAGNOSTIC,
    cut_request,
    cut_response,
    joined,
    refused_result,
)
from icsguard.protocols.opcua.nodes import NODE_ID
from icsguard.protocols.opcua.services import ANSWERS, SERVICES, Request, build_response, message, parse_response, peek

_BEFORE_DIAGNOSTICS: Final = 12
"""Bytes of timestamp and RequestHandle (P4 §7.33)."""


class Split(NamedTuple):
    """A request of which some items are refused."""

    service: int
    refused: Mapping[int, int]
    """Index of an item to the StatusCode that answers it."""
    total: int
    """Items of the whole request."""
    forward: bytes
    """The message body without the refused items; empty where none is left."""


def fault(request: Request, status: int, ticks: int) -> bytes:
    """Return the ServiceFault that answers a request with `status`; `ticks` is the time on the wire."""
    return build_response(request.number, ResponseHeader(ticks, request.header.handle, status), None)


def can_split(request: Request) -> bool:
    """Say whether single items of this request can be refused."""
    return request.number in ITEMS and request.defect is None


def split(request: Request, refused: Mapping[int, int]) -> Split | Defect:
    """Return a request without the items at the indexes of `refused` (index to StatusCode).

    A service of single items only (see `can_split`), else `service-unknown`; indexes that do not exist do not count.
    """
    if not can_split(request):
        return request.defect or defect("service-unknown", f"{request.name} has no items that can be refused alone")
    cut = cut_request(request.number, request.raw)
    if isinstance(cut, Defect):
        return cut
    count = len(cut.items)
    ours = {index: status for index, status in refused.items() if 0 <= index < count}
    left = tuple(item for index, item in enumerate(cut.items) if index not in ours)
    return Split(request.number, ours, count, joined(cut.head, left) if left else b"")


def answered(request: Request, parts: Split, ticks: int) -> bytes:
    """Return the answer to a request all of whose items are refused: ServiceResult Good, every result ours."""
    results = tuple(refused_result(parts.service, parts.refused[index]) for index in range(parts.total))
    head = message(
        SERVICES[parts.service].answer, RESPONSE_HEADER, ResponseHeader(ticks, request.header.handle), Nothing()
    )
    return joined(head, results, ())


def splice(parts: Split, body: bytes) -> bytes | Defect:
    """Return the server's answer to `parts.forward` with the refused items' results at their places.

    A fault stays as it is: then no item was done. Diagnostics, where the server sent some, get an empty one each.
    """
    law = ANSWERS.get(peek(body))
    if law is None or law.number != parts.service or parse_response(body).fault:
        return body
    cut = cut_response(parts.service, body)
    if isinstance(cut, Defect):
        return cut
    if len(cut.items) != parts.total - len(parts.refused):
        due = parts.total - len(parts.refused)
        return defect("response-results", f"{len(cut.items)} results for {due} items")
    results, diagnostics = iter(cut.items), iter(cut.diagnostics)
    spliced = tuple(_result(parts, index) or next(results) for index in range(parts.total))
    if not cut.diagnostics:
        return joined(cut.head, spliced, ())
    told = tuple(NULL_DIAGNOSTIC if index in parts.refused else next(diagnostics) for index in range(parts.total))
    return joined(cut.head, spliced, told)


def _result(parts: Split, index: int) -> bytes:
    """Return the result of a refused item, empty for one that the server has done."""
    status = parts.refused.get(index)
    return b"" if status is None else refused_result(parts.service, status)


def without_diagnostics(request: Request, body: bytes) -> bytes:
    """Return a request that asks for no diagnostics: what servers put there tells about their insides."""
    if not request.header.diagnostics:
        return body
    reader = Reader(body)
    NODE_ID.read(reader)
    NODE_ID.read(reader)
    at = reader.at + _BEFORE_DIAGNOSTICS
    return body[:at] + bytes(4) + body[at + 4 :]
