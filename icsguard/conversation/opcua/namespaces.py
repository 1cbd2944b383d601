"""The gateway's own question: which names stand behind the namespace indexes of this run of the device."""

from __future__ import annotations

from typing import Final

from icsguard.core.meaning import VALUE_ATTRIBUTE
from icsguard.protocols.opcua.builtin import QualifiedName
from icsguard.protocols.opcua.headers import RequestHeader
from icsguard.protocols.opcua.messages_attribute import ReadRequest, ReadValueId
from icsguard.protocols.opcua.nodes import NodeId
from icsguard.protocols.opcua.services import build_request
from icsguard.protocols.opcua.sessions import NAMESPACE_ARRAY
from icsguard.protocols.opcua.times import ticks_of

_NEITHER: Final = 3
"""TimestampsToReturn: none (P4 §7.40)."""


def names_request(token: NodeId, wall: int) -> bytes:
    """Return the Read of the namespace array within a session; `wall` in ns since the epoch."""
    item = ReadValueId(NAMESPACE_ARRAY, VALUE_ATTRIBUTE, None, QualifiedName(0, None))
    return build_request(
        RequestHeader(token=token, timestamp=ticks_of(wall), handle=1), ReadRequest(0.0, _NEITHER, (item,))
    )
