"""Requests in plain words for policy tests: `write holding 100 = 65535 unit 17` becomes a unit and a PDU."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

from icsguard.core.meaning import Table
from icsguard.core.point import Point
from icsguard.core.registers import words_of
from icsguard.policy.words import parse_target
from icsguard.protocols.modbus import build
from icsguard.protocols.modbus.services import DIAGNOSTICS, ENCAPSULATED, parse_service

EXAMPLES: Final = (
    "read holding 0..9 unit 1",
    "write holding 100 = 65535 unit 17",
    "write holding 100 = 1 2 3 unit 17 with 16",
    "write coil 5 = 1 unit 1",
    "write pump_speed = 80",
    "mask holding 12 and 0xFF00 or 0x0080 unit 1",
    "function 8/4 0000 unit 1",
)
_READS: Final = {Table.COIL: 1, Table.DISCRETE: 2, Table.HOLDING: 3, Table.INPUT: 4}
_UNIT: Final = re.compile(r"(.*?)(?:\s+unit\s+(\d{1,3}))?(?:\s+with\s+(\d{1,2}))?", re.DOTALL)
_MAX_UNIT: Final = 255
_ALL_BITS: Final = 0xFFFF


def request_of(text: str, points: Mapping[str, Point]) -> tuple[int, bytes]:
    """Return unit and PDU of a request in words. Raises ValueError that says how such a request is written."""
    match = _UNIT.fullmatch(" ".join(text.split()))
    verb, _, rest = (match[1] if match else text).partition(" ")
    unit = int(match[2]) if match and match[2] else None
    function = int(match[3]) if match and match[3] else 0
    if unit is not None and unit > _MAX_UNIT:
        raise ValueError(f"{unit} is no unit identifier: they are 0 to {_MAX_UNIT}")
    try:
        if verb == "write" and rest.partition("=")[0].strip() in points:
            return _point(points[rest.partition("=")[0].strip()], rest.partition("=")[2], unit, function)
        pdu = {"read": _read, "write": _write, "mask": _mask, "function": _function}[verb](rest, function)
    except KeyError:
        raise ValueError(f"{text!r} is no request: write, for example, {EXAMPLES[1]!r} or {EXAMPLES[0]!r}") from None
    if unit is None:
        raise ValueError(f"{text!r} names no unit: end it with 'unit 1'")
    return unit, pdu


def _read(rest: str, _function: int) -> bytes:
    target = parse_target(rest)
    if target.table is Table.FILE:
        return build.read_files([build.FilePart(target.file, target.span.first, target.span.count)])
    return build.read(_READS[target.table], target.span.first, target.span.count)


def _write(rest: str, function: int) -> bytes:
    where, equals, what = rest.partition("=")
    if not equals or not what.split():
        raise ValueError(f"write {rest!r} says no value: write 'write holding 100 = 5 unit 1'")
    target = parse_target(where)
    return _encoded(target.table, target.span.first, [_number(word) for word in what.split()], function)


def _point(point: Point, what: str, unit: int | None, function: int) -> tuple[int, bytes]:
    words = words_of(point, float(what.split(maxsplit=1)[0])) if what.split() else ()
    if not words:
        raise ValueError(f"write {point.name} says no value")
    pdu = _encoded(point.table, point.address, list(words), function or (0 if point.words == 1 else 16))
    return point.unit_id if unit is None else unit, pdu


def _encoded(table: Table, first: int, values: list[int], function: int) -> bytes:
    if table is Table.COIL:
        if function == 15 or len(values) > 1:  # noqa: PLR2004 - the function code
            return build.write_coils(first, values)
        return build.write_coil(first, on=bool(values[0]))
    if table is not Table.HOLDING:
        raise ValueError(f"{table.word} elements cannot be written")
    if function == 22:  # noqa: PLR2004 - the function code
        return build.mask_write(first, 0, values[0])
    if function == 23:  # noqa: PLR2004 - the function code
        return build.read_write(first, 1, first, values)
    if function == 16 or len(values) > 1:  # noqa: PLR2004 - the function code
        return build.write_registers(first, values)
    return build.write_register(first, values[0])


def _mask(rest: str, _function: int) -> bytes:
    match = re.fullmatch(r"(holding \d+) and (\S+) or (\S+)", rest)
    if not match:
        raise ValueError(f"mask {rest!r}: write {EXAMPLES[5]!r}")
    return build.mask_write(parse_target(match[1]).span.first, _number(match[2]), _number(match[3]))


def _function(rest: str, _function: int) -> bytes:
    name, _, digits = rest.partition(" ")
    service = parse_service(name)
    try:
        data = bytes.fromhex(digits)
    except ValueError as error:
        raise ValueError(f"{digits!r} are no hexadecimal digits") from error
    head = bytes([service.function])
    if service.function == DIAGNOSTICS:
        return head + max(service.sub, 0).to_bytes(2, "big") + data
    return head + bytes([max(service.sub, 0)]) + data if service.function == ENCAPSULATED else head + data


def _number(text: str) -> int:
    try:
        number = int(text, 0)
    except ValueError as error:
        raise ValueError(f"{text!r} is no number") from error
    if not 0 <= number <= _ALL_BITS:
        raise ValueError(f"{number} does not fit a register: 0 to {_ALL_BITS}")
    return number
