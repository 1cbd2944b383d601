"""From a request's PDU to its accesses and changes, one small parser per shape of function.

Each parser checks in the order of the state diagrams of AP §6: structure and quantity (exception 3), then addresses
(exception 2). Nothing is taken from a PDU before its length is known to hold it.
"""

from __future__ import annotations

from collections.abc import Callable
from struct import Struct, unpack_from
from types import MappingProxyType
from typing import Final

from icsguard.core.defect import Defect
from icsguard.core.ids import MAX_ADDRESS, AddressRange
from icsguard.core.meaning import Access, Change, Intent, Table
from icsguard.protocols.modbus.bits import bytes_for, has_padding, unpacked
from icsguard.protocols.modbus.defects import defect
from icsguard.protocols.modbus.functions import (
    CANOPEN,
    DIAGNOSTIC_LAWS,
    FUNCTIONS,
    IDENTIFICATION,
    DataLaw,
)
from icsguard.protocols.modbus.messages import Request

Parser = Callable[[int, bytes], Request]

COIL_ON: Final = 0xFF00
COIL_OFF: Final = 0x0000
MAX_IDENTIFICATION_CODE: Final = 4

_READ, _WRITE = Intent.READ, Intent.WRITE
_COIL, _HOLDING = Table.COIL, Table.HOLDING
_TWO_WORDS: Final = Struct(">xHH")
_THREE_WORDS: Final = Struct(">xHHH")
_WRITE_HEAD: Final = Struct(">xHHB")
_READ_WRITE_HEAD: Final = Struct(">xHHHHB")
_ONE_WORD: Final = Struct(">xH")
_READS: Final = {
    function: (law.table, law.max_quantity)
    for function, law in FUNCTIONS.items()
    if function in {1, 2, 3, 4} and law.table is not None
}
_MAX_COILS_WRITTEN: Final = FUNCTIONS[15].max_quantity
_MAX_WORDS_WRITTEN: Final = FUNCTIONS[16].max_quantity
_MAX_WORDS_READ: Final = FUNCTIONS[23].max_quantity
_MAX_WORDS_READ_WRITTEN: Final = FUNCTIONS[23].max_written


def bad(unit: int, pdu: bytes, breach: Defect, sub: int = -1) -> Request:
    """Return the request that `breach` makes void: it touches nothing, and keeps its bytes."""
    return Request(pdu[0], sub, unit, (), (), pdu[1:], breach, None, pdu)


def opaque(unit: int, pdu: bytes) -> Request:
    """Return a request of a function that the specification does not define: no law, so no defect."""
    return Request(pdu[0], -1, unit, (), (), pdu[1:], None, None, pdu)


def _length(unit: int, pdu: bytes, due: str, sub: int = -1) -> Request:
    law = FUNCTIONS[pdu[0]]
    return bad(unit, pdu, defect("pdu-length", f"{law.name} takes {due}, not {len(pdu)}", law.clause), sub)


def _quantity(unit: int, pdu: bytes, count: int, most: int) -> Request:
    law = FUNCTIONS[pdu[0]]
    return bad(unit, pdu, defect("pdu-quantity", f"quantity {count}, {law.name} allows 1 to {most}", law.clause))


def _byte_count(unit: int, pdu: bytes, said: int, due: int) -> Request:
    law = FUNCTIONS[pdu[0]]
    held = f"byte count {said} in a PDU of {len(pdu)} bytes, the quantity needs {due}"
    return bad(unit, pdu, defect("pdu-byte-count", held, law.clause))


def _beyond(unit: int, pdu: bytes, first: int, count: int) -> Request:
    return bad(unit, pdu, defect("pdu-address", f"{count} elements from {first} reach beyond {MAX_ADDRESS}"))


def _read(unit: int, pdu: bytes) -> Request:
    if len(pdu) != 5:  # noqa: PLR2004 - the length law of the table
        return _length(unit, pdu, "5 bytes")
    function = pdu[0]
    first, count = _TWO_WORDS.unpack(pdu)
    table, most = _READS[function]
    if not 1 <= count <= most:
        return _quantity(unit, pdu, count, most)
    last = first + count - 1
    if last > MAX_ADDRESS:
        return _beyond(unit, pdu, first, count)
    access = Access(_READ, table, AddressRange(first, last))
    return Request(function, -1, unit, (access,), (), b"", None, None, pdu)


def _write(unit: int, pdu: bytes, change: Change, remark: Defect | None = None) -> Request:
    access = Access(_WRITE, change.table, change.span)
    return Request(pdu[0], -1, unit, (access,), (change,), b"", None, remark, pdu)


def _write_coil(unit: int, pdu: bytes) -> Request:
    if len(pdu) != 5:  # noqa: PLR2004 - the length law of the table
        return _length(unit, pdu, "5 bytes")
    address, value = _TWO_WORDS.unpack(pdu)
    if value not in {COIL_OFF, COIL_ON}:
        return bad(unit, pdu, defect("pdu-coil-value", f"coil value 0x{value:04X} instead of 0x0000 or 0xFF00"))
    return _write(unit, pdu, Change(_COIL, address, (1 if value else 0,)))


def _write_register(unit: int, pdu: bytes) -> Request:
    if len(pdu) != 5:  # noqa: PLR2004 - the length law of the table
        return _length(unit, pdu, "5 bytes")
    address, value = _TWO_WORDS.unpack(pdu)
    return _write(unit, pdu, Change(_HOLDING, address, (value,)))


def _write_coils(unit: int, pdu: bytes) -> Request:
    if len(pdu) < _WRITE_HEAD.size:
        return _length(unit, pdu, "7 bytes or more")
    first, count, said = _WRITE_HEAD.unpack_from(pdu)
    if not 1 <= count <= _MAX_COILS_WRITTEN:
        return _quantity(unit, pdu, count, _MAX_COILS_WRITTEN)
    data = pdu[6:]
    if not said == len(data) == bytes_for(count):
        return _byte_count(unit, pdu, said, bytes_for(count))
    if first + count - 1 > MAX_ADDRESS:
        return _beyond(unit, pdu, first, count)
    remark = defect("pdu-padding", f"bits set beyond the last of {count}") if has_padding(data, count) else None
    return _write(unit, pdu, Change(_COIL, first, unpacked(data, count)), remark)


def _write_registers(unit: int, pdu: bytes) -> Request:
    if len(pdu) < _WRITE_HEAD.size:
        return _length(unit, pdu, "8 bytes or more")
    first, count, said = _WRITE_HEAD.unpack_from(pdu)
    if not 1 <= count <= _MAX_WORDS_WRITTEN:
        return _quantity(unit, pdu, count, _MAX_WORDS_WRITTEN)
    if not said == len(pdu) - 6 == 2 * count:
        return _byte_count(unit, pdu, said, 2 * count)
    if first + count - 1 > MAX_ADDRESS:
        return _beyond(unit, pdu, first, count)
    return _write(unit, pdu, Change(_HOLDING, first, unpack_from(f">{count}H", pdu, 6)))


def _mask_write(unit: int, pdu: bytes) -> Request:
    if len(pdu) != 7:  # noqa: PLR2004 - the length law of the table
        return _length(unit, pdu, "7 bytes")
    address, keep, put = _THREE_WORDS.unpack(pdu)
    return _write(unit, pdu, Change(_HOLDING, address, (put,), keep))


def _read_write(unit: int, pdu: bytes) -> Request:
    if len(pdu) < _READ_WRITE_HEAD.size:
        return _length(unit, pdu, "12 bytes or more")
    first, count, into, written, said = _READ_WRITE_HEAD.unpack_from(pdu)
    if not 1 <= count <= _MAX_WORDS_READ:
        return _quantity(unit, pdu, count, _MAX_WORDS_READ)
    if not 1 <= written <= _MAX_WORDS_READ_WRITTEN:
        return _quantity(unit, pdu, written, _MAX_WORDS_READ_WRITTEN)
    if not said == len(pdu) - 10 == 2 * written:
        return _byte_count(unit, pdu, said, 2 * written)
    for start, run in ((first, count), (into, written)):
        if start + run - 1 > MAX_ADDRESS:
            return _beyond(unit, pdu, start, run)
    change = Change(_HOLDING, into, unpack_from(f">{written}H", pdu, 10))
    accesses = (
        Access(_WRITE, _HOLDING, change.span),  # AP §6.17: the write is performed before the read
        Access(_READ, _HOLDING, AddressRange(first, first + count - 1)),
    )
    return Request(pdu[0], -1, unit, accesses, (change,), b"", None, None, pdu)


def _read_fifo(unit: int, pdu: bytes) -> Request:
    if len(pdu) != 3:  # noqa: PLR2004 - the length law of the table
        return _length(unit, pdu, "3 bytes")
    (pointer,) = _ONE_WORD.unpack(pdu)
    access = Access(_READ, _HOLDING, AddressRange(pointer, pointer))
    return Request(pdu[0], -1, unit, (access,), (), b"", None, None, pdu)


def _bare(unit: int, pdu: bytes) -> Request:
    if len(pdu) != 1:
        return _length(unit, pdu, "1 byte")
    return Request(pdu[0], -1, unit, (), (), b"", None, None, pdu)


def _diagnostics(unit: int, pdu: bytes) -> Request:
    if len(pdu) < 3:  # noqa: PLR2004 - the sub-function is a word
        return _length(unit, pdu, "5 bytes")
    (sub,) = _ONE_WORD.unpack_from(pdu)
    data, law = pdu[3:], DIAGNOSTIC_LAWS.get(sub)
    if law is not None and law.data is DataLaw.ANY:
        if len(data) % 2:
            return bad(unit, pdu, defect("pdu-length", f"{len(data)} bytes of query data are not whole words"), sub)
    elif law is not None:
        if len(data) != 2:  # noqa: PLR2004 - one word of data
            return _length(unit, pdu, "5 bytes", sub)
        if not _DATA_LAWS[law.data](data):
            held = f"sub-function {sub} takes {law.data}, not {data.hex().upper()}"
            return bad(unit, pdu, defect("pdu-diagnostic-data", held), sub)
    return Request(pdu[0], sub, unit, (), (), data, None, None, pdu)


_DATA_LAWS: Final[dict[DataLaw, Callable[[bytes], bool]]] = {
    DataLaw.ZERO: lambda data: data == b"\0\0",
    DataLaw.RESTART: lambda data: data in {b"\0\0", b"\xff\0"},
    DataLaw.DELIMITER: lambda data: data[1] == 0,
}


def _encapsulated(unit: int, pdu: bytes) -> Request:
    if len(pdu) < 2:  # noqa: PLR2004 - function code and MEI type
        return _length(unit, pdu, "2 bytes or more")
    mei = pdu[1]
    if mei == IDENTIFICATION:
        if len(pdu) != 4:  # noqa: PLR2004 - AP §6.21: MEI type, code, object
            return _length(unit, pdu, "4 bytes", mei)
        if not 1 <= pdu[2] <= MAX_IDENTIFICATION_CODE:
            return bad(unit, pdu, defect("pdu-identification-code", f"identification code {pdu[2]}"), mei)
    return Request(pdu[0], mei, unit, (), (), pdu[2:], None, None, pdu)


PARSERS: Final = MappingProxyType[int, Parser](
    {
        **dict.fromkeys((1, 2, 3, 4), _read),
        5: _write_coil,
        6: _write_register,
        **dict.fromkeys((7, 11, 12, 17), _bare),
        8: _diagnostics,
        15: _write_coils,
        16: _write_registers,
        22: _mask_write,
        23: _read_write,
        24: _read_fifo,
        43: _encapsulated,
    }
)
"""Function code to parser; file records (20, 21) have a module of their own."""

__all__ = ["CANOPEN", "COIL_OFF", "COIL_ON", "PARSERS", "Parser", "bad", "opaque"]
