"""The few lines of the protobuf wire format that an ONNX file needs: a strict walk, and its inverse.

Foreign files are read with this and never with a schema compiler: groups, unknown wire types, over-long varints and
lengths past the end are refused here, before anything is allocated for them.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final, NamedTuple

from icsguard.inference.api import ModelRefusedError

VARINT: Final = 0
FIXED64: Final = 1
BYTES: Final = 2
FIXED32: Final = 5

MAX_FIELDS: Final = 20_000  # fields of one message; our largest model has some hundreds. Beyond: refused
_MAX_VARINT: Final = 10  # bytes of a 64-bit varint (protobuf encoding guide)
_FIXED: Final = {FIXED64: 8, FIXED32: 4}


class Field(NamedTuple):
    """One field of a message as it stands in the file."""

    number: int
    wire: int
    value: int
    """The number of a varint field, else 0."""
    data: bytes
    """The bytes of any other field."""


def fields(data: bytes) -> Iterator[Field]:
    """Yield the fields of one message; raise ModelRefusedError where the bytes are no protobuf."""
    position = 0
    for _ in range(MAX_FIELDS):
        if position == len(data):
            return
        tag, position = _varint(data, position)
        field, position = _field(data, position, tag)
        yield field
    raise ModelRefusedError("onnx-fields", f"a message of the model file has more than {MAX_FIELDS} fields")


def _field(data: bytes, position: int, tag: int) -> tuple[Field, int]:
    number, wire = tag >> 3, tag & 7
    if wire == VARINT:
        value, position = _varint(data, position)
        return Field(number, wire, value, b""), position
    if wire == BYTES:
        length, position = _varint(data, position)
    elif wire in _FIXED:
        length = _FIXED[wire]
    else:
        raise ModelRefusedError("onnx-wire", f"the model file is no ONNX file: wire type {wire} at byte {position}")
    if number == 0 or length > len(data) - position:
        raise ModelRefusedError("onnx-length", f"the model file is cut off or no ONNX file, at byte {position}")
    return Field(number, wire, 0, data[position : position + length]), position + length


def _varint(data: bytes, position: int) -> tuple[int, int]:
    value = 0
    for count in range(_MAX_VARINT):
        if position >= len(data):
            break
        byte = data[position]
        position += 1
        value |= (byte & 0x7F) << (7 * count)
        if byte < 0x80:  # noqa: PLR2004 - the continuation bit
            return value & 0xFFFF_FFFF_FFFF_FFFF, position
    raise ModelRefusedError("onnx-varint", f"the model file is cut off or no ONNX file, at byte {position}")


def signed(value: int) -> int:
    """Return a varint's value as the int64 that ONNX means by it."""
    return value - (1 << 64) if value >> 63 else value


def number(field: int, value: int) -> bytes:
    """Return one varint field."""
    return _encode(field << 3) + _encode(value)


def block(field: int, data: bytes | str) -> bytes:
    """Return one field of bytes, text or a nested message."""
    raw = data.encode() if isinstance(data, str) else data
    return _encode(field << 3 | BYTES) + _encode(len(raw)) + raw


def varints(data: bytes) -> list[int]:
    """Return the numbers of a packed repeated field."""
    found, position = [], 0
    while position < len(data):
        value, position = _varint(data, position)
        found.append(value)
    return found


def _encode(value: int) -> bytes:
    out = bytearray()
    while value > 0x7F:  # noqa: PLR2004 - seven bits a byte
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)
