"""Requests on nodes in plain words for policy tests: `write nsu=urn:plant;s=Speed = 80` goes through the real codec."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from typing import Final

from icsguard.core.meaning import Intent, Meaning
from icsguard.core.point import Point
from icsguard.policy.nodes.places import parse_node
from icsguard.policy.nodes.services import ATTRIBUTES, VALUE
from icsguard.protocols.opcua.builtin import TYPE_NAMES, DataValue, ExtensionObject, QualifiedName, Variant
from icsguard.protocols.opcua.codec import Malformed
from icsguard.protocols.opcua.headers import RequestHeader
from icsguard.protocols.opcua.meaning import Names, meaning
from icsguard.protocols.opcua.messages_attribute import (
    CallMethod,
    CallRequest,
    ReadRequest,
    ReadValueId,
    WriteRequest,
    WriteValue,
)
from icsguard.protocols.opcua.messages_subscription import (
    CreateMonitoredItemsRequest,
    MonitoredItemCreate,
    MonitoringParameters,
)
from icsguard.protocols.opcua.messages_view import BrowseDescription, BrowseRequest, ViewDescription
from icsguard.protocols.opcua.nodes import OPC_NAMESPACE, NodeId
from icsguard.protocols.opcua.services import BY_NAME, build_request, parse_request

EXAMPLES: Final = (
    "read nsu=urn:plant;s=Pump.Speed",
    "read i=2258 attribute DisplayName",
    "write nsu=urn:plant;s=Pump.Speed = 80",
    "write nsu=urn:plant;s=Pump.Mode = 3 as Int16",
    "write pump_speed = 80",
    'call nsu=urn:plant;s=Start on nsu=urn:plant;s=Pump with 5 "fast"',
    "watch nsu=urn:plant;s=Pump.Speed",
    "browse i=85",
    "service TransferSubscriptions",
)
_TYPES: Final = {name: number for number, name in TYPE_NAMES.items()}
_TEXT: Final = re.compile(r'"[^"]*"|\S+')
_AS: Final = re.compile(r"(.*?)(?:\s+as\s+([A-Za-z0-9]+))?", re.DOTALL)
_ATTRIBUTE: Final = re.compile(r"(.*?)(?:\s+attribute\s+([A-Za-z]+))?", re.DOTALL)
_CALL: Final = re.compile(r"(.+?)\s+on\s+(.+?)(?:\s+with\s+(.+))?", re.DOTALL)
_INTEGERS: Final = re.compile(r"S?Byte|U?Int(16|32|64)")


def meaning_of(text: str, points: Mapping[str, Point]) -> Meaning:
    """Return what a request in words means, after it went through the codec. Raises ValueError on what is none."""
    verb, _, rest = " ".join(text.split()).partition(" ")
    words = _Words(points)
    verbs: dict[str, Callable[[str], tuple[object, ...]]] = {
        "read": words.read,
        "write": words.write,
        "call": words.call,
        "watch": words.watch,
        "browse": words.browse,
    }
    if verb == "service" and rest in BY_NAME:
        return Meaning(Intent.UNKNOWN, BY_NAME[rest].number, -1, 0, (), ())
    if verb not in verbs or not rest:
        raise ValueError(f"{text!r} is no request: write, for example, {EXAMPLES[2]!r} or {EXAMPLES[0]!r}")
    try:
        request = parse_request(build_request(RequestHeader(), verbs[verb](rest)))
    except Malformed as breach:
        raise ValueError(breach.defect.text) from breach
    if request.defect is not None:
        raise ValueError(f"{text!r}: {request.defect.text}")
    return meaning(request, Names((OPC_NAMESPACE, *words.uris)))


class _Words:
    """The words of one request; remembers which namespaces they name."""

    def __init__(self, points: Mapping[str, Point]) -> None:
        self._points = points
        self.uris: list[str] = []

    def read(self, rest: str) -> tuple[object, ...]:
        node, attribute = self._place(rest)
        return ReadRequest(0.0, 0, (ReadValueId(node, attribute, None, QualifiedName()),))

    def write(self, rest: str) -> tuple[object, ...]:
        where, equals, what = rest.partition(" = ")
        if not equals or not what.strip():
            raise ValueError(f"write {rest!r} says no value: write {EXAMPLES[2]!r}")
        node, attribute = self._place(where)
        return WriteRequest((WriteValue(node, attribute, None, DataValue(_variant(what))),))

    def call(self, rest: str) -> tuple[object, ...]:
        match = _CALL.fullmatch(rest)
        if match is None:
            raise ValueError(f"call {rest!r} names no object: write {EXAMPLES[5]!r}")
        arguments = tuple(_variant(one) for one in _TEXT.findall(match[3] or ""))
        return CallRequest((CallMethod(self._node(match[2]), self._node(match[1]), arguments),))

    def watch(self, rest: str) -> tuple[object, ...]:
        node, attribute = self._place(rest)
        parameters = MonitoringParameters(1, -1.0, ExtensionObject(), 1, discard_oldest=True)
        item = MonitoredItemCreate(ReadValueId(node, attribute, None, QualifiedName()), 2, parameters)
        return CreateMonitoredItemsRequest(1, 0, (item,))

    def browse(self, rest: str) -> tuple[object, ...]:
        start = BrowseDescription(self._node(rest), 0, NodeId(), subtypes=True, classes=0, mask=63)
        return BrowseRequest(ViewDescription(NodeId(), 0, 0), 0, (start,))

    def _place(self, text: str) -> tuple[NodeId, int]:
        match = _ATTRIBUTE.fullmatch(text)
        name = (match[2] if match else None) or "Value"
        if name not in ATTRIBUTES:
            raise ValueError(f"{name!r} is no attribute")
        return self._node(match[1] if match else text), ATTRIBUTES.get(name, VALUE)

    def _node(self, text: str) -> NodeId:
        point = self._points.get(text)
        name = parse_node(point.node if point is not None and point.node else text)
        uri, rest = "", name
        if name.startswith("nsu="):
            uri, _, rest = name.removeprefix("nsu=").partition(";")
            uri = uri.replace("%3B", ";").replace("%25", "%")
        kind, _, identifier = rest.partition("=")
        value: int | str | bytes = identifier
        if kind == "i":
            value = int(identifier)
        elif kind == "b":
            value = bytes.fromhex(identifier)
        return NodeId(self._index(uri), kind, value)

    def _index(self, uri: str) -> int:
        if not uri:
            return 0
        if uri not in self.uris:
            self.uris.append(uri)
        return self.uris.index(uri) + 1


def _variant(text: str) -> Variant:
    match = _AS.fullmatch(text.strip())
    what, kind = (match[1], match[2]) if match else (text, None)
    parts = _TEXT.findall(what)
    if not parts:
        raise ValueError(f"{text!r} is no value")
    name = kind or _usual(parts)
    if name not in _TYPES:
        raise ValueError(f"{name!r} is no built-in type")
    values = tuple(_value(part, name) for part in parts)
    return Variant(_TYPES[name], values[0]) if len(values) == 1 else Variant(_TYPES[name], values, is_array=True)


def _usual(parts: Iterable[str]) -> str:
    first = next(iter(parts))
    if first.startswith('"'):
        return "String"
    return "Boolean" if first in {"true", "false"} else "Double"


def _value(text: str, kind: str) -> bool | int | float | str:
    try:
        if kind == "Boolean":
            return {"true": True, "false": False}[text]
        if kind == "String":
            return text.strip('"')
        return int(text, 0) if _INTEGERS.fullmatch(kind) else float(text)
    except (KeyError, ValueError) as error:
        raise ValueError(f"{text!r} is no {kind}") from error
