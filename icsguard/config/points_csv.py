"""A point list as CSV becomes points; every fault with its line. Register maps live in spreadsheets, so does this.

First line: column names, in any order. Addresses are 0-based PDU addresses; lists inside a cell are separated by `|`.
"""

from __future__ import annotations

import csv
import math
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final, TypeVar

from icsguard.config.problem import Findings, did_you_mean
from icsguard.core.clock import SECOND
from icsguard.core.ids import MAX_ADDRESS
from icsguard.core.meaning import Table
from icsguard.core.point import NO_REGISTER, DataType, Limits, Point, PointKind, WordOrder
from icsguard.policy.nodes.places import parse_node
from icsguard.protocols.opcua.builtin import TYPE_NAMES

COLUMNS: Final = {
    "name": "name of the point, used by rules and records",
    "unit_id": "unit identifier of the device, 0 to 255",
    "table": "coil, discrete, input or holding",
    "address": "0-based address of its first element",
    "type": "bool, u16, i16, u32, i32, u64, i64, f32, f64, bcd16, bcd32; default bool for bits, u16 for registers",
    "order": "byte order of several registers: ABCD (default), CDAB, BADC, DCBA",
    "scale": "engineering value = raw * scale + offset; default 1",
    "offset": "default 0",
    "unit": "engineering unit, for people",
    "min": "smallest value that may be written, engineering units, as all that follow",
    "max": "largest value that may be written",
    "max_step": "largest difference from the present value",
    "max_rate": "largest change per second, summed over a minute",
    "min_interval": "shortest time between two writes, in seconds",
    "allowed": "only these values, as in 0|1|4",
    "mask": "bits of the register that may be changed, as in 0x00FF",
    "safe_min": "lower end of the safe envelope of a process value",
    "safe_max": "upper end of it",
    "atomic": "yes (default): a value of several registers is written whole; no",
    "kind": "normal (default), safety, secret",
    "loop": "control loop it belongs to",
    "overlaps": "points of other tables in the same memory: name, or name.bit for a coil that is a bit of a register",
    "max_age": "a last known value older than so many seconds is unknown; default 60",
    "node": "its node on an OPC UA server, as in nsu=urn:plant;s=Pump.Speed; then unit_id, table, address may be empty",
    "node_type": "built-in type of the node's value, as in Double; default: any number",
}
"""Column to what stands in it; the first four are needed, of a point with a node the name alone."""
REQUIRED: Final = ("name", "unit_id", "table", "address")
_REGISTERS: Final = REQUIRED[1:]
MAX_POINTS: Final = 50_000  # one table of each kind has 65 536 elements; a plant's list has hundreds
_NAME: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_:/-]{0,63}")
_YES_NO: Final = {"yes": True, "true": True, "1": True, "no": False, "false": False, "0": False}
Value = TypeVar("Value")
Choice = TypeVar("Choice", bound=StrEnum)


@dataclass(slots=True)
class PointList:
    """The points of one file, and where each of them stands."""

    file: str
    points: list[Point] = field(default_factory=list)
    lines: list[int] = field(default_factory=list)
    """Line of each point, in the same order."""
    complete: bool = True
    """False where lines could not be read: names that are missing may stand there."""


def read_points(text: str, file: str, findings: Findings) -> PointList:
    """Return the points of a CSV text; faults go to `findings`."""
    found = PointList(file)
    text = text.removeprefix("\ufeff")
    rows = csv.reader(text.splitlines(), strict=True, delimiter=_delimiter(text))
    header: list[str] | None = None
    try:
        for cells in rows:
            if not any(cell.strip() for cell in cells) or cells[0].lstrip().startswith("#"):
                continue
            if header is None:
                header = _header(cells, file, rows.line_num, findings)
                if header is None:
                    found.complete = False
                    return found
            elif len(found.points) >= MAX_POINTS:
                findings.error(file, rows.line_num, f"more than {MAX_POINTS} points", "split the list over conduits")
                break
            else:
                _take(found, _Row(header, cells, file, rows.line_num, findings))
    except csv.Error as error:
        findings.error(file, rows.line_num, f"not CSV: {error}", "close the quotes of this line")
        found.complete = False
    if header is None:
        findings.error(file, 1, "the list has no line of column names", f"begin with {','.join(REQUIRED)}")
    return found


def _take(found: PointList, row: _Row) -> None:
    point = row.point()
    if point is None:
        found.complete = False
        return
    found.points.append(point)
    found.lines.append(row.line)


def _delimiter(text: str) -> str:
    """Return the separator: spreadsheets of some countries write semicolons."""
    first = next((line for line in text.splitlines() if line.strip() and not line.startswith("#")), "")
    return ";" if first.count(";") > first.count(",") else ","


def _header(cells: list[str], file: str, line: int, findings: Findings) -> list[str] | None:
    names = [cell.strip().lower() for cell in cells]
    good = True
    for name in names:
        if name and name not in COLUMNS:
            findings.error(file, line, f"unknown column {name!r}", did_you_mean(name, COLUMNS))
            good = False
    for name in COLUMNS:
        if names.count(name) > 1:
            findings.error(file, line, f"column {name!r} stands twice", "keep one")
            good = False
        if name in REQUIRED and name not in names and ("node" not in names or name == "name"):
            findings.error(file, line, f"column {name!r} is missing", COLUMNS[name])
            good = False
    return names if good else None


class _Row:
    """One line of the list."""

    __slots__ = ("_cells", "_file", "_findings", "_good", "line")

    def __init__(self, header: list[str], cells: list[str], file: str, line: int, findings: Findings) -> None:
        self._file, self.line, self._findings, self._good = file, line, findings, True
        if len(cells) > len(header) and any(cell.strip() for cell in cells[len(header) :]):
            self._fault(f"the line has {len(cells)} cells, the header {len(header)}", "quote cells that hold a comma")
        self._cells = {name: cell.strip() for name, cell in zip(header, cells, strict=False) if name}

    def point(self) -> Point | None:
        """Return the point, None where the line has faults."""
        table = self._one("table", _tables(), Table.HOLDING)
        node = self._get("node", parse_node, "")
        alone = bool(node) and not any(self._cells.get(name) for name in _REGISTERS)
        default = DataType.BOOL if table.is_bits else DataType.F64 if alone else DataType.U16
        point = Point(
            name=self._get("name", _name, ""),
            unit_id=self._get("unit_id", _unit, 0),
            table=table,
            address=NO_REGISTER if alone else self._get("address", _address, 0),
            type=self._one("type", _words(DataType), default),
            order=self._one("order", {order.value.lower(): order for order in WordOrder}, WordOrder.ABCD),
            scale=self._get("scale", _scale, 1.0),
            offset=self._get("offset", _finite, 0.0),
            unit=self._cells.get("unit", "")[:32],
            limits=self._limits(),
            safe_min=self._get("safe_min", _finite, None),
            safe_max=self._get("safe_max", _finite, None),
            atomic=self._one("atomic", _YES_NO, default=True),
            kind=self._one("kind", _words(PointKind), PointKind.NORMAL),
            max_age_ns=self._get("max_age", _duration, 60 * SECOND),
            loop=self._cells.get("loop", "")[:64],
            overlaps=tuple(name.strip() for name in self._cells.get("overlaps", "").split("|") if name.strip()),
            node=node,
            node_type=self._get("node_type", _node_type, ""),
        )
        for name in REQUIRED:
            if not self._cells.get(name) and not (alone and name in _REGISTERS):
                self._fault(f"{name} is empty", COLUMNS[name])
        return point if self._good else None

    def _limits(self) -> Limits:
        return Limits(
            minimum=self._get("min", _finite, None),
            maximum=self._get("max", _finite, None),
            max_step=self._get("max_step", _positive, None),
            max_rate=self._get("max_rate", _positive, None),
            min_interval_ns=self._get("min_interval", _duration, 0),
            allowed=self._get("allowed", lambda text: tuple(_finite(part) for part in text.split("|")), ()),
            writable_mask=self._get("mask", _mask, None),
        )

    def _one(self, column: str, known: dict[str, Value], default: Value) -> Value:
        text = self._cells.get(column, "").lower()
        if text and text not in known:
            self._fault(f"{column}: {text!r} is unknown", did_you_mean(text, known))
        return known.get(text, default)

    def _get(self, column: str, parse: Callable[[str], Value], default: Value) -> Value:
        text = self._cells.get(column, "")
        if not text:
            return default
        try:
            return parse(text)
        except ValueError as error:
            self._fault(f"{column}: {error}", COLUMNS[column])
            return default

    def _fault(self, message: str, hint: str) -> None:
        self._good = False
        self._findings.error(self._file, self.line, message, hint)


def _tables() -> dict[str, Table]:
    return {table.word: table for table in Table if table is not Table.FILE}


def _words(kinds: Iterable[Choice]) -> dict[str, Choice]:
    return {kind.value: kind for kind in kinds}


def _name(text: str) -> str:
    if not _NAME.fullmatch(text):
        raise ValueError(f"{text!r} is no name: letters, digits, _ : / -, a letter first, at most 64")
    return text


def _node_type(text: str) -> str:
    if text not in TYPE_NAMES.values():
        raise ValueError(f"{text!r} is no built-in type of OPC UA ({did_you_mean(text, TYPE_NAMES.values())})")
    return text


def _whole(text: str, most: int) -> int:
    digits = text.lstrip("0") or "0"
    if not (text.isascii() and text.isdecimal()) or len(digits) > len(str(most)) or int(digits) > most:
        raise ValueError(f"{text!r} is no whole number from 0 to {most}")
    return int(digits)


def _unit(text: str) -> int:
    return _whole(text, 255)


def _address(text: str) -> int:
    return _whole(text, MAX_ADDRESS)


def _finite(text: str) -> float:
    try:
        number = float(text)
    except ValueError as error:
        raise ValueError(f"{text!r} is no number") from error
    if not math.isfinite(number):
        raise ValueError(f"{text!r} is no finite number")
    return number


def _positive(text: str) -> float:
    number = _finite(text)
    if number <= 0:
        raise ValueError(f"{text!r} is not above 0")
    return number


def _scale(text: str) -> float:
    number = _finite(text)
    if number == 0:
        raise ValueError("a scale of 0 would make every value the same")
    return number


def _duration(text: str) -> int:
    return round(_positive(text) * SECOND)


def _mask(text: str) -> int:
    try:
        mask = int(text, 0)
    except ValueError as error:
        raise ValueError(f"{text!r} is no mask") from error
    if not 0 <= mask <= 0xFFFF:  # noqa: PLR2004 - a register has 16 bits
        raise ValueError(f"{text!r} does not fit 16 bits")
    return mask
