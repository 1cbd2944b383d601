"""The binary codec's ground: a bounded reader, and shapes that read and write one type each (P6 §5.2, little endian).

A structure of the specification is a NamedTuple whose field annotations carry their shapes, so that its class is its
wire layout; `shape_of` turns it into a shape. `builtin` adds the composite built-in types, the `messages_…` modules the
structures of the services. All counts and lengths are compared with what is left before anything is allocated.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from struct import Struct
from struct import error as StructError  # noqa: N812 - struct names its exception in lower case
from types import UnionType
from typing import Annotated, Final, Generic, TypeAlias, TypeVar, Union, get_args, get_origin, get_type_hints

from icsguard.core.defect import Defect
from icsguard.protocols.opcua.defects import defect

MAX_DEPTH: Final = 8  # Variant, DataValue and ExtensionObject within each other; real messages have 3
MAX_DIAGNOSTIC_DEPTH: Final = 10  # P6 §5.2.2.12: support 4, more than 10 is not expected
MAX_STRING: Final = (
    1_048_576  # bytes of one String or ByteString; the largest real ones are files and type dictionaries
)
MAX_ARRAY: Final = 131_072  # elements of one array; a full history page has some ten thousand
MAX_ELEMENTS: Final = (
    262_144  # elements of all arrays of one message: a 4 MiB message may not become millions of objects
)

T_co = TypeVar("T_co", covariant=True)
T = TypeVar("T")
Array: TypeAlias = tuple[T, ...] | None
"""An array as the wire has it: None is the null array, which is not the empty one."""


class Malformed(Exception):  # noqa: N818 - a breach on its way to the door, where it becomes a Defect
    """The private way out of a nested value; it never leaves this package."""

    def __init__(self, code: str, detail: str) -> None:
        super().__init__(code, detail)
        self.defect: Defect = defect(code, detail)


class Reader:
    """A place in the bytes of one message, and the bounds that all its values share."""

    __slots__ = ("at", "data", "depth", "elements", "end", "in_value")

    def __init__(self, data: bytes, at: int = 0) -> None:
        self.data = data
        self.at = at
        self.end = len(data)
        self.depth = 0
        """How many containers are open."""
        self.elements = 0
        """Array elements announced so far."""
        self.in_value = False
        """Within a DataValue, where no other may stand."""

    def take(self, count: int) -> bytes:
        """Return the next `count` bytes."""
        at = self.at
        end = at + count
        if end > self.end:
            raise Malformed("codec-short", f"{count} bytes are due at {at}, {self.end - at} are left")
        self.at = end
        return self.data[at:end]

    def byte(self) -> int:
        """Return the next byte."""
        at = self.at
        if at >= self.end:
            raise Malformed("codec-short", f"1 byte is due at {at}, none is left")
        self.at = at + 1
        return self.data[at]

    def count(self) -> int:
        """Return the next array length, -1 for null, within all bounds: an element has at least one byte."""
        count = length(self)
        if count > MAX_ARRAY or count > self.end - self.at:
            raise Malformed(
                "codec-count", f"{count} elements announced, {self.end - self.at} bytes left, {MAX_ARRAY} at most"
            )
        if count > 0:
            self.elements += count
            if self.elements > MAX_ELEMENTS:
                raise Malformed("codec-count", f"{self.elements} elements in one message, {MAX_ELEMENTS} at most")
        return count

    def enter(self, most: int = MAX_DEPTH) -> None:
        """Go one container deeper."""
        self.depth += 1
        if self.depth > most:
            raise Malformed("codec-depth", f"values nested more than {most} deep")

    def leave(self) -> None:
        """Come back from a container."""
        self.depth -= 1

    def finish(self) -> None:
        """Make sure that nothing is left."""
        if self.at != self.end:
            raise Malformed("codec-trailing", f"{self.end - self.at} bytes after the last field")


@dataclass(frozen=True, slots=True)
class Shape(Generic[T_co]):
    """How one type stands on the wire. `write` raises ValueError for what no bytes hold."""

    read: Callable[[Reader], T_co]
    write: Callable[[bytearray, object], None]
    name: str = ""


def unfit(value: object, kind: str) -> ValueError:
    """Return the error for a value that has no bytes of its kind."""
    return ValueError(f"no {kind} holds {value!r}")


def _number(_kind: type[T], form: str, name: str) -> Shape[T]:
    struct = Struct(form)
    size = struct.size
    unpack_from = struct.unpack_from

    def read(reader: Reader) -> T:
        at = reader.at
        try:
            value: T = unpack_from(reader.data, at)[0]
        except StructError:
            raise Malformed("codec-short", f"{size} bytes are due at {at}, {reader.end - at} are left") from None
        reader.at = at + size
        return value

    def write(out: bytearray, value: object) -> None:
        try:
            out += struct.pack(value)
        except StructError as error:
            raise unfit(value, name) from error

    return Shape(read, write, name)


BOOLEAN: Final = _number(bool, "<?", "Boolean")
SBYTE: Final = _number(int, "<b", "SByte")
BYTE: Final = _number(int, "<B", "Byte")
INT16: Final = _number(int, "<h", "Int16")
UINT16: Final = _number(int, "<H", "UInt16")
INT32: Final = _number(int, "<i", "Int32")
UINT32: Final = _number(int, "<I", "UInt32")
INT64: Final = _number(int, "<q", "Int64")
UINT64: Final = _number(int, "<Q", "UInt64")
FLOAT: Final = _number(float, "<f", "Float")
DOUBLE: Final = _number(float, "<d", "Double")
DATE_TIME: Final = _number(int, "<q", "DateTime")
"""P6 §5.2.2.5: ticks of 100 ns since 1601, 0 for none."""
STATUS_CODE: Final = _number(int, "<I", "StatusCode")

_NULL: Final = b"\xff\xff\xff\xff"
_LENGTH: Final = Struct("<i")


def length(reader: Reader) -> int:
    """Return the next length or count: -1 for null, never less."""
    found = INT32.read(reader)
    if found < -1:
        raise Malformed("codec-length", f"length {found}")
    return found


def _read_bytes(reader: Reader) -> bytes | None:
    at = reader.at
    start = at + 4
    end = reader.end
    if start > end:
        raise Malformed("codec-short", f"4 bytes are due at {at}, {end - at} are left")
    (size,) = _LENGTH.unpack_from(reader.data, at)
    if size == -1:
        reader.at = start
        return None
    stop: int = start + size
    if not 0 <= size <= MAX_STRING or stop > end:
        raise _bad_length(size, end - start)
    reader.at = stop
    return reader.data[start:stop]


def _bad_length(size: int, left: int) -> Malformed:
    if size < 0:
        return Malformed("codec-length", f"length {size}")
    if size > MAX_STRING:
        return Malformed("codec-string", f"{size} bytes in one string, {MAX_STRING} at most")
    return Malformed("codec-short", f"a string of {size} bytes, {left} are left")


def _read_string(reader: Reader) -> str | None:
    raw = _read_bytes(reader)
    if raw is None:
        return None
    try:
        return raw.decode()
    except UnicodeDecodeError as error:
        raise Malformed("codec-utf8", f"byte {error.start} of a string of {len(raw)}") from None


def _write_bytes(out: bytearray, value: object) -> None:
    if value is None:
        out += _NULL
        return
    if not isinstance(value, bytes):
        raise unfit(value, "ByteString")
    INT32.write(out, len(value))
    out += value


def _write_string(out: bytearray, value: object) -> None:
    if value is not None and not isinstance(value, str):
        raise unfit(value, "String")
    _write_bytes(out, None if value is None else value.encode())


BYTE_STRING: Final[Shape[bytes | None]] = Shape(_read_bytes, _write_bytes, "ByteString")
STRING: Final[Shape[str | None]] = Shape(_read_string, _write_string, "String")


def array(shape: Shape[T]) -> Shape[Array[T]]:
    """Return the shape of an array of `shape`s."""
    item, put = shape.read, shape.write

    def read(reader: Reader) -> Array[T]:
        count = reader.count()
        return None if count < 0 else tuple([item(reader) for _ in range(count)])

    def write(out: bytearray, value: object) -> None:
        if value is None:
            out += _NULL
            return
        if not isinstance(value, tuple):
            raise unfit(value, f"array of {shape.name}")
        INT32.write(out, len(value))
        for element in value:
            put(out, element)

    return Shape(read, write, f"array of {shape.name}")


@cache
def shape_of(kind: type[T]) -> Shape[T]:
    """Return the shape of a structure: its fields in their order, each with the shape that its annotation carries."""
    shapes = tuple(_shape(hint) for hint in get_type_hints(kind, include_extras=True).values())
    reads = tuple(shape.read for shape in shapes)
    make: Callable[[type[T], Sequence[object]], T] = tuple.__new__  # type: ignore[assignment] # kind is a NamedTuple

    def read(reader: Reader) -> T:
        return make(kind, [take(reader) for take in reads])

    def write(out: bytearray, value: object) -> None:
        if not isinstance(value, kind) or not isinstance(value, tuple):
            raise unfit(value, kind.__name__)
        for shape, field in zip(shapes, value, strict=True):
            shape.write(out, field)

    return Shape(read, write, kind.__name__)


def _shape(hint: object) -> Shape[object]:
    """Return the shape of one field's annotation: an annotated one, an array, or a structure."""
    carried = get_args(hint)[1] if get_origin(hint) is Annotated else None
    if isinstance(carried, Shape):
        return carried
    if get_origin(hint) in {Union, UnionType}:
        return _shape(get_args(hint)[0])
    if get_origin(hint) is tuple:
        return array(_shape(get_args(hint)[0]))
    if isinstance(hint, type):
        return shape_of(hint)
    raise TypeError(f"{hint!r} has no shape")


def encoded(shape: Shape[object], value: object) -> bytes:
    """Return the bytes of a value; raise ValueError where none hold it."""
    out = bytearray()
    shape.write(out, value)
    return bytes(out)


def decoded(shape: Shape[T], data: bytes) -> T | Defect:
    """Return the value that fills `data` exactly, or what is wrong with it."""
    reader = Reader(data)
    try:
        value = shape.read(reader)
        reader.finish()
    except Malformed as breach:
        return breach.defect
    return value


Bool = Annotated[bool, BOOLEAN]
U8 = Annotated[int, BYTE]
U16 = Annotated[int, UINT16]
U32 = Annotated[int, UINT32]
I32 = Annotated[int, INT32]
F64 = Annotated[float, DOUBLE]
Ticks = Annotated[int, DATE_TIME]
Status = Annotated[int, STATUS_CODE]
Text = Annotated[str | None, STRING]
Blob = Annotated[bytes | None, BYTE_STRING]
