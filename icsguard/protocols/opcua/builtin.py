"""The composite built-in types: names, texts, ExtensionObject, DataValue, Variant, DiagnosticInfo (P6 §5.2.2).

Nesting is bounded by the reader's depth. A structure inside an ExtensionObject stays bytes until somebody who knows its
type asks for it, so that nothing unknown is ever walked.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from math import prod
from typing import Annotated, Final, NamedTuple, TypeAlias

from icsguard.protocols.opcua.codec import (
    BOOLEAN,
    BYTE,
    BYTE_STRING,
    DATE_TIME,
    DOUBLE,
    FLOAT,
    INT16,
    INT32,
    INT64,
    MAX_DIAGNOSTIC_DEPTH,
    SBYTE,
    STATUS_CODE,
    STRING,
    U16,
    UINT16,
    UINT32,
    UINT64,
    Malformed,
    Reader,
    Shape,
    Text,
    array,
    shape_of,
    unfit,
)
from icsguard.protocols.opcua.nodes import EXPANDED_NODE_ID, GUID_SHAPE, NODE_ID, NULL_NODE, ExpandedNodeId, NodeId


class QualifiedName(NamedTuple):
    """A name with its namespace."""

    namespace: U16 = 0
    name: Text = None


class LocalizedText(NamedTuple):
    """A text for people."""

    locale: str | None = None
    text: str | None = None


class ExtensionObject(NamedTuple):
    """A structure that names its type."""

    type: NodeId = NULL_NODE
    encoding: int = 0
    """0 no body, 1 binary, 2 XML."""
    body: bytes | None = None


class DiagnosticInfo(NamedTuple):
    """Vendor's diagnostics; numbers are indexes into the response's string table."""

    symbolic: int | None = None
    namespace: int | None = None
    locale: int | None = None
    text: int | None = None
    additional: str | None = None
    status: int | None = None
    inner: DiagnosticInfo | None = None


class Variant(NamedTuple):
    """A value with its type."""

    type: int = 0
    """Number of the built-in type (P6 §5.1.2); 0 for no value."""
    value: Scalar | tuple[Scalar, ...] = None
    """A tuple for an array, None for the null array or no value."""
    is_array: bool = False
    dimensions: tuple[int, ...] | None = None


class DataValue(NamedTuple):
    """A value with its quality and its times."""

    value: Variant | None = None
    status: int | None = None
    """StatusCode; None means Good."""
    source_time: int | None = None
    """Ticks."""
    source_picoseconds: int | None = None
    server_time: int | None = None
    server_picoseconds: int | None = None


Scalar: TypeAlias = (
    bool
    | int
    | float
    | str
    | bytes
    | NodeId
    | ExpandedNodeId
    | QualifiedName
    | LocalizedText
    | ExtensionObject
    | DataValue
    | Variant
    | DiagnosticInfo
    | None
)

_new: Final = tuple.__new__
_ANY_NAME: Final = shape_of(QualifiedName)
_NO_NAME_BYTES: Final = b"\0\0\xff\xff\xff\xff"
NO_NAME: Final = QualifiedName()


def _read_name(reader: Reader) -> QualifiedName:
    at = reader.at
    if reader.data[at : at + 6] == _NO_NAME_BYTES:  # the data encoding of almost every item
        reader.at = at + 6
        return NO_NAME
    name: QualifiedName = _ANY_NAME.read(reader)
    return name


QUALIFIED_NAME: Final = Shape(_read_name, _ANY_NAME.write, "QualifiedName")


def _read_text(reader: Reader) -> LocalizedText:
    mask = reader.byte()
    if mask & ~3:
        raise Malformed("codec-mask", f"LocalizedText mask 0x{mask:02X}")
    locale = STRING.read(reader) if mask & 1 else None
    return LocalizedText(locale, STRING.read(reader) if mask & 2 else None)


def _write_text(out: bytearray, value: object) -> None:
    if not isinstance(value, LocalizedText):
        raise unfit(value, "LocalizedText")
    out.append((value.locale is not None) | (value.text is not None) << 1)
    for part in value:
        if part is not None:
            STRING.write(out, part)


LOCALIZED_TEXT: Final[Shape[LocalizedText]] = Shape(_read_text, _write_text, "LocalizedText")


def _read_extension(reader: Reader) -> ExtensionObject:
    at = reader.at
    if reader.data[at : at + 3] == _NO_EXTENSION_BYTES:  # the additional header of almost every message
        reader.at = at + 3
        return NO_EXTENSION
    reader.enter()
    kind = NODE_ID.read(reader)
    encoding = reader.byte()
    if encoding > 2:  # noqa: PLR2004 - P6 §5.2.2.15: none, ByteString, XmlElement
        raise Malformed("codec-mask", f"ExtensionObject encoding 0x{encoding:02X}")
    body = BYTE_STRING.read(reader) if encoding else None
    reader.leave()
    return ExtensionObject(kind, encoding, body)


def _write_extension(out: bytearray, value: object) -> None:
    if not isinstance(value, ExtensionObject):
        raise unfit(value, "ExtensionObject")
    NODE_ID.write(out, value.type)
    BYTE.write(out, value.encoding)
    if value.encoding:
        BYTE_STRING.write(out, value.body)


_NO_EXTENSION_BYTES: Final = b"\0\0\0"
EXTENSION_OBJECT: Final[Shape[ExtensionObject]] = Shape(_read_extension, _write_extension, "ExtensionObject")
NO_EXTENSION: Final = ExtensionObject()


def _read_diagnostics(reader: Reader) -> DiagnosticInfo:
    mask = reader.byte()
    if mask & 0x80:
        raise Malformed("codec-mask", f"DiagnosticInfo mask 0x{mask:02X}")
    if not mask:
        return NO_DIAGNOSTICS
    reader.enter(MAX_DIAGNOSTIC_DEPTH)
    info = DiagnosticInfo(
        INT32.read(reader) if mask & 0x01 else None,
        INT32.read(reader) if mask & 0x02 else None,
        INT32.read(reader) if mask & 0x08 else None,
        INT32.read(reader) if mask & 0x04 else None,
        STRING.read(reader) if mask & 0x10 else None,
        STATUS_CODE.read(reader) if mask & 0x20 else None,
        _read_diagnostics(reader) if mask & 0x40 else None,
    )
    reader.leave()
    return info


def _write_parts(out: bytearray, parts: Iterable[object], shapes: Sequence[tuple[int, Shape[object]]]) -> None:
    """Write the parts that are there, behind a mask that says which those are."""
    here = [(part, bit, shape) for part, (bit, shape) in zip(parts, shapes, strict=True) if part is not None]
    out.append(sum(bit for _, bit, _ in here))
    for part, _, shape in here:
        shape.write(out, part)


def _write_diagnostics(out: bytearray, value: object) -> None:
    if not isinstance(value, DiagnosticInfo):
        raise unfit(value, "DiagnosticInfo")
    _write_parts(out, value, _DIAGNOSTIC_PARTS)


DIAGNOSTIC_INFO: Final[Shape[DiagnosticInfo]] = Shape(_read_diagnostics, _write_diagnostics, "DiagnosticInfo")
NO_DIAGNOSTICS: Final = DiagnosticInfo()
_DIAGNOSTIC_PARTS: Final[tuple[tuple[int, Shape[object]], ...]] = (
    (0x01, INT32),
    (0x02, INT32),
    (0x08, INT32),  # P6 §5.2.2.12: Locale stands before LocalizedText, whose bit is the lower one
    (0x04, INT32),
    (0x10, STRING),
    (0x20, STATUS_CODE),
    (0x40, DIAGNOSTIC_INFO),
)


def _read_data_value(reader: Reader) -> DataValue:
    if reader.in_value:
        raise Malformed("codec-nested", "a DataValue in a DataValue")
    mask = reader.byte()
    if mask & 0xC0:
        raise Malformed("codec-mask", f"DataValue mask 0x{mask:02X}")
    reader.in_value = True
    value = _read_variant(reader) if mask & 0x01 else None
    reader.in_value = False
    parts = (
        value,
        STATUS_CODE.read(reader) if mask & 0x02 else None,
        DATE_TIME.read(reader) if mask & 0x04 else None,
        UINT16.read(reader) if mask & 0x10 else None,
        DATE_TIME.read(reader) if mask & 0x08 else None,
        UINT16.read(reader) if mask & 0x20 else None,
    )
    return _new(DataValue, parts)


def _write_data_value(out: bytearray, value: object) -> None:
    if not isinstance(value, DataValue):
        raise unfit(value, "DataValue")
    _write_parts(out, value, _VALUE_PARTS)


DATA_VALUE: Final[Shape[DataValue]] = Shape(_read_data_value, _write_data_value, "DataValue")

_ARRAY, _DIMENSIONS, _TYPE = 0x80, 0x40, 0x3F
VARIANT_TYPE: Final = 24
_NESTING: Final = 22
"""From this type on values have values within."""


def _read_variant(reader: Reader) -> Variant:
    encoding = reader.byte()
    kind = encoding & _TYPE
    if encoding < _DIMENSIONS:
        return _read_scalar(reader, kind)
    shape = ARRAYS.get(kind)
    if shape is None:
        raise Malformed("codec-type", f"Variant of an array of type {kind}")
    if not encoding & _ARRAY:
        raise Malformed("codec-dimensions", "array dimensions of a scalar")
    reader.enter()
    values = shape.read(reader)
    reader.leave()
    return Variant(kind, values, True, _read_dimensions(reader, values) if encoding & _DIMENSIONS else None)  # noqa: FBT003 - a field


def _read_scalar(reader: Reader, kind: int) -> Variant:
    if not kind:
        return NO_VALUE
    shape = SCALARS.get(kind)
    if shape is None:
        raise Malformed("codec-type", f"Variant of type {kind}")
    if kind == VARIANT_TYPE:
        raise Malformed("codec-nested", "a scalar Variant in a Variant")
    if kind < _NESTING:
        return _new(Variant, (kind, shape.read(reader), False, None))
    reader.enter()
    value = shape.read(reader)
    reader.leave()
    return Variant(kind, value)


def _read_dimensions(reader: Reader, values: tuple[Scalar, ...] | None) -> tuple[int, ...] | None:
    dimensions = array(INT32).read(reader)
    sizes = dimensions or ()
    if sizes and (min(sizes) < 0 or prod(sizes) != len(values or ())):
        raise Malformed("codec-dimensions", f"{len(sizes)} dimensions contradict {len(values or ())} elements")
    return dimensions


def _write_variant(out: bytearray, value: object) -> None:
    if not isinstance(value, Variant):
        raise unfit(value, "Variant")
    shape = (ARRAYS if value.is_array else SCALARS).get(value.type)
    if shape is None or (value.type == VARIANT_TYPE and not value.is_array):
        if value != NO_VALUE:
            raise unfit(value, "Variant")
        out.append(0)
        return
    out.append(value.type | _ARRAY * value.is_array | _DIMENSIONS * (value.dimensions is not None))
    shape.write(out, value.value)
    if value.dimensions is not None:
        array(INT32).write(out, value.dimensions)


VARIANT: Final[Shape[Variant]] = Shape(_read_variant, _write_variant, "Variant")
NO_VALUE: Final = Variant()
_VALUE_PARTS: Final[tuple[tuple[int, Shape[object]], ...]] = (
    (0x01, VARIANT),
    (0x02, STATUS_CODE),
    (0x04, DATE_TIME),
    (0x10, UINT16),  # P6 §5.2.2.17: picoseconds stand beside their time, whatever their bits
    (0x08, DATE_TIME),
    (0x20, UINT16),
)

SCALARS: Final[dict[int, Shape[Scalar]]] = {
    1: BOOLEAN,
    2: SBYTE,
    3: BYTE,
    4: INT16,
    5: UINT16,
    6: INT32,
    7: UINT32,
    8: INT64,
    9: UINT64,
    10: FLOAT,
    11: DOUBLE,
    12: STRING,
    13: DATE_TIME,
    14: GUID_SHAPE,
    15: BYTE_STRING,
    16: BYTE_STRING,  # XmlElement
    17: NODE_ID,
    18: EXPANDED_NODE_ID,
    19: STATUS_CODE,
    20: QUALIFIED_NAME,
    21: LOCALIZED_TEXT,
    22: EXTENSION_OBJECT,
    23: DATA_VALUE,
    VARIANT_TYPE: VARIANT,
    25: DIAGNOSTIC_INFO,
}
"""Number of a built-in type to its shape (P6 §5.1.2)."""
ARRAYS: Final[dict[int, Shape[tuple[Scalar, ...] | None]]] = {kind: array(shape) for kind, shape in SCALARS.items()}
TYPE_NAMES: Final = {kind: "XmlElement" if kind == 16 else shape.name for kind, shape in SCALARS.items()}  # noqa: PLR2004

Name = Annotated[QualifiedName, QUALIFIED_NAME]
Localized = Annotated[LocalizedText, LOCALIZED_TEXT]
Extension = Annotated[ExtensionObject, EXTENSION_OBJECT]
Diagnostic = Annotated[DiagnosticInfo, DIAGNOSTIC_INFO]
Value = Annotated[DataValue, DATA_VALUE]
Argument = Annotated[Variant, VARIANT]
