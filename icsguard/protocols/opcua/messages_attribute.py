"""Parameters of the services on values and methods: attribute, method (P4 §5.10, §5.11)."""

from __future__ import annotations

from typing import NamedTuple

from icsguard.protocols.opcua.builtin import Argument, Diagnostic, Extension, Name, Value
from icsguard.protocols.opcua.codec import F64, I32, U32, Array, Blob, Bool, Status, Text
from icsguard.protocols.opcua.nodes import Node


class ReadValueId(NamedTuple):
    """What to read or to watch (P4 §7)."""

    node: Node
    attribute: U32
    index_range: Text
    encoding: Name


class ReadRequest(NamedTuple):
    """P4 §5.10.2."""

    max_age_ms: F64
    timestamps: I32
    items: Array[ReadValueId]


class ReadResponse(NamedTuple):
    """P4 §5.10.2."""

    results: Array[Value]
    diagnostics: Array[Diagnostic]


class HistoryReadValueId(NamedTuple):
    """P4 §5.10.3."""

    node: Node
    index_range: Text
    encoding: Name
    continuation: Blob


class HistoryReadRequest(NamedTuple):
    """P4 §5.10.3."""

    details: Extension
    timestamps: I32
    release: Bool
    items: Array[HistoryReadValueId]


class HistoryReadResult(NamedTuple):
    """P4 §5.10.3."""

    status: Status
    continuation: Blob
    data: Extension


class HistoryReadResponse(NamedTuple):
    """P4 §5.10.3."""

    results: Array[HistoryReadResult]
    diagnostics: Array[Diagnostic]


class WriteValue(NamedTuple):
    """P4 §5.10.4."""

    node: Node
    attribute: U32
    index_range: Text
    value: Value


class WriteRequest(NamedTuple):
    """P4 §5.10.4."""

    items: Array[WriteValue]


class HistoryUpdateRequest(NamedTuple):
    """P4 §5.10.5."""

    items: Array[Extension]


class HistoryUpdateResult(NamedTuple):
    """P4 §5.10.5."""

    status: Status
    operations: Array[Status]
    diagnostics: Array[Diagnostic]


class HistoryUpdateResponse(NamedTuple):
    """P4 §5.10.5."""

    results: Array[HistoryUpdateResult]
    diagnostics: Array[Diagnostic]


class CallMethod(NamedTuple):
    """CallMethodRequest, P4 §5.11.2."""

    parent: Node
    """ObjectId."""
    method: Node
    arguments: Array[Argument]


class CallRequest(NamedTuple):
    """P4 §5.11.2."""

    items: Array[CallMethod]


class CallResult(NamedTuple):
    """CallMethodResult, P4 §5.11.2."""

    status: Status
    argument_results: Array[Status]
    argument_diagnostics: Array[Diagnostic]
    outputs: Array[Argument]


class CallResponse(NamedTuple):
    """P4 §5.11.2."""

    results: Array[CallResult]
    diagnostics: Array[Diagnostic]
