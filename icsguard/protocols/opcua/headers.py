"""What every service message begins with: its type, and the header of a request or a response (P4 §7, §7.34)."""

from __future__ import annotations

from typing import Final, NamedTuple

from icsguard.protocols.opcua.builtin import NO_DIAGNOSTICS, NO_EXTENSION, Diagnostic, Extension
from icsguard.protocols.opcua.codec import U32, Array, Status, Text, Ticks, shape_of
from icsguard.protocols.opcua.nodes import NULL_NODE, Node


class RequestHeader(NamedTuple):
    """The first fields of every request."""

    token: Node = NULL_NODE
    """AuthenticationToken of the session: secret, never logged."""
    timestamp: Ticks = 0
    handle: U32 = 0
    """RequestHandle: chosen by the client, echoed."""
    diagnostics: U32 = 0
    """Which diagnostics the client wants."""
    audit: Text = None
    timeout_ms: U32 = 0
    """TimeoutHint; 0 for none."""
    additional: Extension = NO_EXTENSION


class ResponseHeader(NamedTuple):
    """The first fields of every response."""

    timestamp: Ticks = 0
    handle: U32 = 0
    result: Status = 0
    """ServiceResult."""
    diagnostics: Diagnostic = NO_DIAGNOSTICS
    strings: Array[Text] = None
    """String table of the diagnostics."""
    additional: Extension = NO_EXTENSION


class Nothing(NamedTuple):
    """The parameters of a message that has none."""


REQUEST_HEADER: Final = shape_of(RequestHeader)
RESPONSE_HEADER: Final = shape_of(ResponseHeader)
