"""NodeIds: the names of everything in an address space, canonical whichever of their encodings came (P6 §5.2.2.9).

TwoByte, FourByte and Numeric encodings of one id give one `NodeId`, so that a rule that names a node cannot be passed
by another spelling. Text form: P6 §5.3.1.10 (`ns=2;s=Pump`), with the namespace's URI where a namespace array is known.
"""

from __future__ import annotations

from collections.abc import Sequence
from struct import Struct
from typing import Annotated, Final, NamedTuple

from icsguard.protocols.opcua.codec import (
    BYTE_STRING,
    STRING,
    UINT16,
    UINT32,
    Malformed,
    Reader,
    Shape,
    unfit,
)

OPC_NAMESPACE: Final = "http://opcfoundation.org/UA/"
"""The URI of namespace 0."""
NUMERIC, NAMED, GUID, OPAQUE = "i", "s", "g", "b"
"""Kinds of identifiers, by the letters of the text form."""
_URI, _SERVER = 0x80, 0x40
_TWO_BYTE, _FOUR_BYTE, _NUMERIC, _STRING, _GUID, _BYTES = range(6)
_MAX_TWO_BYTE, _MAX_FOUR_BYTE, _MAX_NAMESPACE = 0xFF, 0xFFFF, 0xFF
_new: Final = tuple.__new__
_GUID_FORM: Final = Struct("<IHH8s")
_FOUR: Final = Struct("<BH")
_LONG: Final = Struct("<HI")


class NodeId(NamedTuple):
    """The canonical name of a node."""

    namespace: int = 0
    """Index into the server's namespace array: holds for one run of the server."""
    kind: str = NUMERIC
    identifier: int | str | bytes = 0
    """A number, a text (also of a Guid, in lower case), or bytes. A null text or byte string counts as empty."""

    def __str__(self) -> str:
        prefix = f"ns={self.namespace};" if self.namespace else ""
        return f"{prefix}{self.kind}={self.name}"

    @property
    def name(self) -> str:
        """The identifier as text; bytes in hexadecimal."""
        return self.identifier.hex() if isinstance(self.identifier, bytes) else str(self.identifier)


class ExpandedNodeId(NamedTuple):
    """A node that may be of another namespace (by URI) or another server."""

    node: NodeId = NodeId()
    uri: str | None = None
    """Namespace URI; then the index in `node` does not count."""
    server: int = 0
    """Index into the server's table of servers; 0 for itself."""


NULL_NODE: Final = NodeId()


def full_name(node: NodeId, namespaces: Sequence[str]) -> str:
    """Return the name by namespace URI, `nsu=urn:plant;s=Pump`; by index where the namespace array does not reach.

    `namespaces` is the server's namespace array. Reserved characters of a URI are escaped (P6 §5.3.1.10 of 1.05).
    """
    uri = namespaces[node.namespace] if 0 < node.namespace < len(namespaces) else ""
    return f"nsu={escaped(uri)};{node.kind}={node.name}" if uri else str(node)


def escaped(uri: str) -> str:
    """Return a namespace URI as it stands in a node's full name."""
    return uri.replace("%", "%25").replace(";", "%3B")


def expanded_name(node: ExpandedNodeId, namespaces: Sequence[str]) -> str:
    """Return the full name of a node that may be given by URI or be of another server (`svr=`)."""
    prefix = f"svr={node.server};" if node.server else ""
    if node.uri is None or node.uri == OPC_NAMESPACE:
        inner = node.node if node.uri is None else node.node._replace(namespace=0)
        return prefix + full_name(inner, namespaces)
    return f"{prefix}nsu={escaped(node.uri)};{node.node.kind}={node.node.name}"


def guid_text(raw: bytes) -> str:
    """Return the text of the 16 bytes of a Guid (P6 §5.2.2.6)."""
    first, second, third, rest = _GUID_FORM.unpack(raw)
    return f"{first:08x}-{second:04x}-{third:04x}-{rest[:2].hex()}-{rest[2:].hex()}"


def guid_bytes(text: str) -> bytes:
    """Return the bytes of a Guid's text; raise ValueError where it is none."""
    parts = text.split("-")
    if [len(part) for part in parts] != [8, 4, 4, 4, 12]:
        raise unfit(text, "Guid")
    first, second, third = (int(part, 16) for part in parts[:3])
    return _GUID_FORM.pack(first, second, third, bytes.fromhex(parts[3] + parts[4]))


def _read_guid(reader: Reader) -> str:
    return guid_text(reader.take(16))


def _write_guid(out: bytearray, value: object) -> None:
    if not isinstance(value, str):
        raise unfit(value, "Guid")
    out += guid_bytes(value)


GUID_SHAPE: Final[Shape[str]] = Shape(_read_guid, _write_guid, "Guid")


def _read_node(reader: Reader) -> NodeId:
    at, data = reader.at, reader.data
    if at + 4 <= reader.end:  # the two encodings of almost every node, without a detour
        encoding = data[at]
        if encoding == _FOUR_BYTE:
            reader.at = at + 4
            return _new(NodeId, (data[at + 1], NUMERIC, data[at + 2] | data[at + 3] << 8))
        if encoding == _STRING:
            reader.at = at + 3
            return _new(NodeId, (data[at + 1] | data[at + 2] << 8, NAMED, STRING.read(reader) or ""))
    return _body(reader, reader.byte())


def _body(reader: Reader, encoding: int) -> NodeId:
    if encoding == _TWO_BYTE:
        return NodeId(0, NUMERIC, reader.byte())
    if encoding == _FOUR_BYTE:
        return NodeId(*_three(_FOUR.unpack(reader.take(3))))
    if encoding == _NUMERIC:
        return NodeId(*_three(_LONG.unpack(reader.take(6))))
    if encoding > _BYTES:
        raise Malformed("codec-mask", f"NodeId encoding 0x{encoding:02X}")
    namespace = UINT16.read(reader)
    if encoding == _STRING:
        return NodeId(namespace, NAMED, STRING.read(reader) or "")
    if encoding == _GUID:
        return NodeId(namespace, GUID, _read_guid(reader))
    return NodeId(namespace, OPAQUE, BYTE_STRING.read(reader) or b"")


def _three(pair: tuple[int, int]) -> tuple[int, str, int]:
    return pair[0], NUMERIC, pair[1]


def _write_node(out: bytearray, value: object) -> None:
    _put(out, value, 0)


def _put(out: bytearray, value: object, flags: int) -> None:
    """Write the shortest encoding, as P6 §5.2.2.9 recommends."""
    if not isinstance(value, NodeId):
        raise unfit(value, "NodeId")
    namespace, kind, name = value
    if kind == NUMERIC and isinstance(name, int):
        _put_number(out, namespace, name, flags)
        return
    encoding = {NAMED: _STRING, GUID: _GUID, OPAQUE: _BYTES}.get(kind)
    if encoding is None:
        raise unfit(value, "NodeId")
    out.append(encoding | flags)
    UINT16.write(out, namespace)
    {NAMED: STRING, GUID: GUID_SHAPE, OPAQUE: BYTE_STRING}[kind].write(out, name)


def _put_number(out: bytearray, namespace: int, number: int, flags: int) -> None:
    if namespace == 0 and 0 <= number <= _MAX_TWO_BYTE:
        out += bytes((_TWO_BYTE | flags, number))
    elif 0 <= namespace <= _MAX_NAMESPACE and 0 <= number <= _MAX_FOUR_BYTE:
        out.append(_FOUR_BYTE | flags)
        out += _FOUR.pack(namespace, number)
    else:
        out.append(_NUMERIC | flags)
        UINT16.write(out, namespace)
        UINT32.write(out, number)


def _read_expanded(reader: Reader) -> ExpandedNodeId:
    encoding = reader.byte()
    node = _body(reader, encoding & ~(_URI | _SERVER))
    uri = STRING.read(reader) if encoding & _URI else None
    return ExpandedNodeId(node, uri, UINT32.read(reader) if encoding & _SERVER else 0)


def _write_expanded(out: bytearray, value: object) -> None:
    if not isinstance(value, ExpandedNodeId):
        raise unfit(value, "ExpandedNodeId")
    _put(out, value.node, (_URI if value.uri is not None else 0) | (_SERVER if value.server else 0))
    if value.uri is not None:
        STRING.write(out, value.uri)
    if value.server:
        UINT32.write(out, value.server)


NODE_ID: Final[Shape[NodeId]] = Shape(_read_node, _write_node, "NodeId")
EXPANDED_NODE_ID: Final[Shape[ExpandedNodeId]] = Shape(_read_expanded, _write_expanded, "ExpandedNodeId")
Node = Annotated[NodeId, NODE_ID]
Expanded = Annotated[ExpandedNodeId, EXPANDED_NODE_ID]
