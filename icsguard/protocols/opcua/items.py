"""Requests of many items cut at the seams of their bytes: what `refuse` takes out, and what it puts in its place.

Nothing is encoded again: an item that is forwarded, and a result that is delivered, keeps the bytes that came.
"""

from __future__ import annotations

from types import MappingProxyType
from typing import Final, NamedTuple

from icsguard.core.defect import Defect
from icsguard.protocols.opcua.builtin import DATA_VALUE, DIAGNOSTIC_INFO, NO_EXTENSION, DataValue
from icsguard.protocols.opcua.codec import (
    DOUBLE,
    INT32,
    STATUS_CODE,
    UINT32,
    Malformed,
    Reader,
    Shape,
    encoded,
    shape_of,
)
from icsguard.protocols.opcua.defects import defect
from icsguard.protocols.opcua.headers import REQUEST_HEADER, RESPONSE_HEADER
from icsguard.protocols.opcua.messages_attribute import (
    CallMethod,
    CallResult,
    ReadValueId,
    WriteValue,
)
from icsguard.protocols.opcua.messages_subscription import MonitoredItemCreate, MonitoredItemCreated
from icsguard.protocols.opcua.nodes import NODE_ID


class ItemLaw(NamedTuple):
    """How the items of one service stand in its messages: always in the last array of the request."""

    before: tuple[Shape[object], ...]
    """Parameters of the request before the items."""
    item: Shape[object]
    result: Shape[object]


READ, WRITE, CALL, CREATE_ITEMS = 631, 673, 712, 751
ITEMS: Final = MappingProxyType(
    {
        READ: ItemLaw((DOUBLE, INT32), shape_of(ReadValueId), DATA_VALUE),
        WRITE: ItemLaw((), shape_of(WriteValue), STATUS_CODE),
        CALL: ItemLaw((), shape_of(CallMethod), shape_of(CallResult)),
        CREATE_ITEMS: ItemLaw((UINT32, INT32), shape_of(MonitoredItemCreate), shape_of(MonitoredItemCreated)),
    }
)
"""Type id of the request to law: the services of which one item can be refused alone."""

NULL_DIAGNOSTIC: Final = b"\0"


class Cut(NamedTuple):
    """A message in pieces: `head`, then a count, then the items; in a response then the diagnostics likewise."""

    head: bytes
    items: tuple[bytes, ...]
    diagnostics: tuple[bytes, ...] = ()


def refused_result(number: int, status: int) -> bytes:
    """Return the bytes of one item's result that says `status`."""
    results: dict[int, object] = {
        READ: DataValue(status=status),
        WRITE: status,
        CALL: CallResult(status, None, None, None),
        CREATE_ITEMS: MonitoredItemCreated(status, 0, 0.0, 0, NO_EXTENSION),
    }
    return encoded(ITEMS[number].result, results[number])


def cut_request(number: int, body: bytes) -> Cut | Defect:
    """Return the pieces of a request of service `number`, which stands in `ITEMS`."""
    law = ITEMS[number]
    reader = Reader(body)
    try:
        NODE_ID.read(reader)
        REQUEST_HEADER.read(reader)
        for shape in law.before:
            shape.read(reader)
        head = body[: reader.at]
        items = _pieces(reader, law.item)
        reader.finish()
    except Malformed as breach:
        return breach.defect
    return Cut(head, items)


def cut_response(number: int, body: bytes) -> Cut | Defect:
    """Return the pieces of the good response to a request of service `number`."""
    reader = Reader(body)
    try:
        NODE_ID.read(reader)
        RESPONSE_HEADER.read(reader)
        head = body[: reader.at]
        items = _pieces(reader, ITEMS[number].result)
        diagnostics = _pieces(reader, DIAGNOSTIC_INFO)
        reader.finish()
    except Malformed as breach:
        return breach.defect
    if diagnostics and len(diagnostics) != len(items):
        return defect("response-results", f"{len(diagnostics)} diagnostics for {len(items)} results")
    return Cut(head, items, diagnostics)


def _pieces(reader: Reader, shape: Shape[object]) -> tuple[bytes, ...]:
    found = []
    for _ in range(max(0, reader.count())):
        start = reader.at
        shape.read(reader)
        found.append(reader.data[start : reader.at])
    return tuple(found)


def joined(head: bytes, *arrays: tuple[bytes, ...]) -> bytes:
    """Return the message of `head` and arrays in pieces. An array without elements is the null array."""
    return head + b"".join(encoded(INT32, len(array) or -1) + b"".join(array) for array in arrays)
