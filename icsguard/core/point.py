"""A point: one process variable, typed, in engineering units, with its limits and where it lives in a device."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum

from icsguard.core.meaning import Table

NO_REGISTER = -1
"""Address of a point that is a node of an OPC UA server and nothing else."""


class PointKind(StrEnum):
    """How a point is treated beyond its limits."""

    NORMAL = "normal"
    SAFETY = "safety"
    """Emergency or trip point: a permitted write to it is never held, refused or isolated by anything but grammar."""
    SECRET = "secret"  # noqa: S105 - a kind of point, not a password
    """Its value is never logged."""


class DataType(StrEnum):
    """How raw words become a number. Bits live in coil and discrete tables, the rest in registers."""

    BOOL = "bool"
    U16 = "u16"
    I16 = "i16"
    U32 = "u32"
    I32 = "i32"
    U64 = "u64"
    I64 = "i64"
    F32 = "f32"
    F64 = "f64"
    BCD16 = "bcd16"
    BCD32 = "bcd32"

    @property
    def words(self) -> int:
        """How many 16-bit registers (or bits, for BOOL) one value takes."""
        return _WORDS[self]


_WORDS = {
    DataType.BOOL: 1,
    DataType.U16: 1,
    DataType.I16: 1,
    DataType.BCD16: 1,
    DataType.U32: 2,
    DataType.I32: 2,
    DataType.F32: 2,
    DataType.BCD32: 2,
    DataType.U64: 4,
    DataType.I64: 4,
    DataType.F64: 4,
}


class WordOrder(StrEnum):
    """In which order a device sends the bytes of a value of two or more registers (letters: big-endian order)."""

    ABCD = "ABCD"
    CDAB = "CDAB"
    """Words swapped; frequent."""
    BADC = "BADC"
    """Bytes swapped inside each word."""
    DCBA = "DCBA"
    """Little-endian."""


@dataclass(frozen=True, slots=True)
class Limits:
    """What may be written to a point, in engineering units. None means: not limited."""

    minimum: float | None = None
    maximum: float | None = None
    max_step: float | None = None
    """Largest difference between the present value and a written one."""
    max_rate: float | None = None
    """Largest change per second, summed over the last minute (a slow ramp is many legal steps)."""
    min_interval_ns: int = 0
    """Shortest time between two writes; 0 for none."""
    allowed: tuple[float, ...] = ()
    """If not empty: only these values."""
    writable_mask: int | None = None
    """Bits of a 16-bit register that a write may change."""


@dataclass(frozen=True, slots=True)
class Point:
    """One process variable. Engineering value = raw * scale + offset."""

    name: str
    unit_id: int
    """Modbus unit identifier."""
    table: Table
    address: int
    """0-based address of its first element; NO_REGISTER where it is reached by its node alone."""
    type: DataType = DataType.U16
    order: WordOrder = WordOrder.ABCD
    scale: float = 1.0
    offset: float = 0.0
    unit: str = ""
    """Engineering unit, for people."""
    limits: Limits = field(default_factory=Limits)
    safe_min: float | None = None
    """Lower end of the safe envelope of a *process value*: the twin refuses commands whose consequence leaves it."""
    safe_max: float | None = None
    atomic: bool = True
    """A write that covers only part of a value of several registers is refused."""
    kind: PointKind = PointKind.NORMAL
    max_age_ns: int = 60_000_000_000
    """A last known value older than this counts as unknown."""
    loop: str = ""
    """Control loop the point belongs to; explanations are grouped by it."""
    overlaps: tuple[str, ...] = ()
    """Names of points in other tables that share this point's memory inside the device (AP §4.3)."""
    node: str = ""
    """Its node on an OPC UA server, `nsu=<namespace URI>;s=<id>`, whose value is in engineering units."""
    node_type: str = ""
    """Built-in type of the node's value, `Double`; empty: any number."""

    @property
    def in_registers(self) -> bool:
        """Say whether the point lives in registers or bits of a device."""
        return self.address != NO_REGISTER

    @property
    def words(self) -> int:
        """How many elements of its table the point takes."""
        return self.type.words

    @property
    def last_address(self) -> int:
        """0-based address of its last element."""
        return self.address + self.type.words - 1
