"""Wishes for subscriptions brought within limits: intervals not shorter, queues not longer than a policy gives.

P4 §5.12 and §5.13 let a server revise what a client wishes, and it tells the client so. Here the wish is changed before
the server sees it, in place and in as many bytes: the server's own revised values then reach the client as they are.
"""

from __future__ import annotations

from struct import pack_into
from typing import Final, NamedTuple

from icsguard.protocols.opcua.builtin import EXTENSION_OBJECT
from icsguard.protocols.opcua.codec import BOOLEAN, DOUBLE, INT32, UINT32, Malformed, Reader, Shape, shape_of
from icsguard.protocols.opcua.headers import REQUEST_HEADER
from icsguard.protocols.opcua.messages_attribute import ReadValueId
from icsguard.protocols.opcua.nodes import NODE_ID
from icsguard.protocols.opcua.services import Request

CREATE_ITEMS, MODIFY_ITEMS, CREATE_SUBSCRIPTION, MODIFY_SUBSCRIPTION = 751, 763, 787, 793
_ITEM: Final[dict[int, tuple[Shape[object], ...]]] = {
    CREATE_ITEMS: (shape_of(ReadValueId), INT32),
    MODIFY_ITEMS: (UINT32,),
}
"""What stands before the parameters of each item."""
_AS_PUBLISHED: Final = -1.0
"""Sampling interval that stands for the publishing interval."""


class Bounds(NamedTuple):
    """What a subscription may have."""

    publishing_ms: float = 0.0
    """Shortest publishing interval; 0: any."""
    sampling_ms: float = 0.0
    """Shortest sampling interval; 0: any."""
    queue: int = 0xFFFFFFFF
    """Longest queue of an item."""


def trimmed(request: Request, bounds: Bounds) -> bytes:
    """Return a request's bytes with its wishes within the bounds; the very same object where nothing is beyond them."""
    if request.defect is not None:
        return request.raw
    out = bytearray(request.raw)
    reader = Reader(request.raw)
    try:
        NODE_ID.read(reader)
        REQUEST_HEADER.read(reader)
        if request.number in {CREATE_SUBSCRIPTION, MODIFY_SUBSCRIPTION}:
            if request.number == MODIFY_SUBSCRIPTION:
                UINT32.read(reader)
            _interval(reader, out, bounds.publishing_ms)
        elif request.number in _ITEM:
            _items(reader, out, _ITEM[request.number], bounds)
    except Malformed:
        return request.raw
    return request.raw if out == request.raw else bytes(out)


def _items(reader: Reader, out: bytearray, before: tuple[Shape[object], ...], bounds: Bounds) -> None:
    UINT32.read(reader)
    INT32.read(reader)
    for _ in range(max(0, reader.count())):
        for shape in before:
            shape.read(reader)
        UINT32.read(reader)
        _interval(reader, out, bounds.sampling_ms, _AS_PUBLISHED)
        EXTENSION_OBJECT.read(reader)
        at = reader.at
        if UINT32.read(reader) > bounds.queue:
            pack_into("<I", out, at, bounds.queue)
        BOOLEAN.read(reader)


def _interval(reader: Reader, out: bytearray, least: float, but: float | None = None) -> None:
    """Lengthen the interval that stands here; `but` stands for another one and is left."""
    at = reader.at
    wish = DOUBLE.read(reader)
    if least and wish != but and not wish >= least:  # no number is no interval either
        pack_into("<d", out, at, least)
