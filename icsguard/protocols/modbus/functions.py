"""The law of every public function code as one table (AP §5.1, §6.1 to §6.21), and the presets built on it.

The codec takes its limits from here, policy its presets, the reference page its rows. Lengths are PDU bytes including
the function code; `q` is a quantity, `n` a number of words; all counts are compared with `==`.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType
from typing import Final

from icsguard.core.meaning import Intent, Table
from icsguard.protocols.modbus.exceptions import EXCEPTIONS, ExceptionLaw
from icsguard.protocols.modbus.services import (
    DIAGNOSTICS,
    ENCAPSULATED,
    MAX_FUNCTION,
    ServiceId,
    parse_service,
)

__all__ = [
    "CANOPEN",
    "DIAGNOSTIC_LAWS",
    "ENGINEER",
    "EXCEPTIONS",
    "FUNCTIONS",
    "IDENTIFICATION",
    "LISTEN_ONLY",
    "MEI_LAWS",
    "MONITORING",
    "OPERATOR",
    "PRESETS",
    "DataLaw",
    "ExceptionLaw",
    "FunctionClass",
    "FunctionLaw",
    "ServiceId",
    "SubLaw",
    "function_class",
    "intent_of",
    "parse_service",
    "service_name",
]


@dataclass(frozen=True, slots=True)
class FunctionLaw:
    """What the specification says of one function code."""

    function: int
    name: str
    clause: str
    intent: Intent
    """UNKNOWN where the sub-function or MEI type decides."""
    request: str
    """Length law of the request."""
    response: str
    """Length law of the normal response."""
    table: Table | None = None
    """What it reads or writes."""
    max_quantity: int = 0
    """Elements in one request; 0 where it has no quantity."""
    max_written: int = 0
    """Function 23 only: elements written by one request."""
    serial: bool = False
    """Defined for serial lines; devices on TCP may know it all the same."""


_READ, _WRITE = Intent.READ, Intent.WRITE

FUNCTIONS: Final = MappingProxyType(
    {
        law.function: law
        for law in (
            FunctionLaw(1, "read coils", "AP §6.1", _READ, "5", "2+ceil(q/8)", Table.COIL, 2000),
            FunctionLaw(2, "read discrete inputs", "AP §6.2", _READ, "5", "2+ceil(q/8)", Table.DISCRETE, 2000),
            FunctionLaw(3, "read holding registers", "AP §6.3", _READ, "5", "2+2q", Table.HOLDING, 125),
            FunctionLaw(4, "read input registers", "AP §6.4", _READ, "5", "2+2q", Table.INPUT, 125),
            FunctionLaw(5, "write single coil", "AP §6.5", _WRITE, "5", "= request", Table.COIL),
            FunctionLaw(6, "write single register", "AP §6.6", _WRITE, "5", "= request", Table.HOLDING),
            FunctionLaw(7, "read exception status", "AP §6.7", _READ, "1", "2", serial=True),
            FunctionLaw(8, "diagnostics", "AP §6.8", Intent.UNKNOWN, "3+2n", "3+2n", serial=True),
            FunctionLaw(11, "get comm event counter", "AP §6.9", _READ, "1", "5", serial=True),
            FunctionLaw(12, "get comm event log", "AP §6.10", _READ, "1", "8+events, 0 to 64", serial=True),
            FunctionLaw(15, "write multiple coils", "AP §6.11", _WRITE, "6+ceil(q/8)", "5", Table.COIL, 1968),
            FunctionLaw(16, "write multiple registers", "AP §6.12", _WRITE, "6+2q", "5", Table.HOLDING, 123),
            FunctionLaw(17, "report server id", "AP §6.13", _READ, "1", "2+byte count", serial=True),
            FunctionLaw(20, "read file record", "AP §6.14", _READ, "2+7k, k 1 to 35", "2+sum(2+2n)", Table.FILE, 121),
            FunctionLaw(21, "write file record", "AP §6.15", _WRITE, "2+sum(7+2n)", "= request", Table.FILE, 122),
            FunctionLaw(22, "mask write register", "AP §6.16", _WRITE, "7", "= request", Table.HOLDING),
            FunctionLaw(
                23, "read/write multiple registers", "AP §6.17", _WRITE, "10+2q", "2+2q", Table.HOLDING, 125, 121
            ),
            FunctionLaw(24, "read FIFO queue", "AP §6.18", _READ, "3", "5+2n, n 0 to 31", Table.HOLDING),
            FunctionLaw(43, "encapsulated interface transport", "AP §6.19", Intent.UNKNOWN, ">= 2", "by MEI type"),
        )
    }
)
"""Function code to law. What is not here is private, reserved or unassigned: opaque to the codec, denied by default."""


class DataLaw(StrEnum):
    """What the data field of a diagnostics request must hold (AP §6.8.1)."""

    ANY = "any words"
    ZERO = "0000"
    RESTART = "0000 or FF00"
    DELIMITER = "a character, then 00"


@dataclass(frozen=True, slots=True)
class SubLaw:
    """What the specification says of one sub-function of 8, or one MEI type of 43."""

    sub: int
    name: str
    intent: Intent
    data: DataLaw = DataLaw.ZERO
    """Function 8 only."""
    echoes: bool = False
    """Function 8 only: the answer repeats the request."""


LISTEN_ONLY: Final = 4
_COUNTERS: Final = (
    (11, "return bus message count"),
    (12, "return bus communication error count"),
    (13, "return bus exception error count"),
    (14, "return server message count"),
    (15, "return server no response count"),
    (16, "return server NAK count"),
    (17, "return server busy count"),
    (18, "return bus character overrun count"),
)

DIAGNOSTIC_LAWS: Final = MappingProxyType(
    {
        law.sub: law
        for law in (
            SubLaw(0, "return query data", _READ, DataLaw.ANY, echoes=True),
            SubLaw(1, "restart communications option", Intent.EXECUTE, DataLaw.RESTART, echoes=True),
            SubLaw(2, "return diagnostic register", _READ),
            SubLaw(3, "change ASCII input delimiter", Intent.ADMINISTER, DataLaw.DELIMITER, echoes=True),
            SubLaw(LISTEN_ONLY, "force listen only mode", Intent.EXECUTE),
            SubLaw(10, "clear counters and diagnostic register", Intent.ADMINISTER, echoes=True),
            *(SubLaw(sub, name, _READ) for sub, name in _COUNTERS),
            SubLaw(20, "clear overrun counter and flag", Intent.ADMINISTER, echoes=True),
        )
    }
)
"""Sub-functions of function 8 (AP §6.8.1); all others are reserved."""

CANOPEN: Final = 13
IDENTIFICATION: Final = 14
MEI_LAWS: Final = MappingProxyType(
    {
        CANOPEN: SubLaw(CANOPEN, "CANopen general reference", Intent.ADMINISTER),
        IDENTIFICATION: SubLaw(IDENTIFICATION, "read device identification", _READ),
    }
)
"""MEI types of function 43 (AP §6.20, §6.21); all others are reserved."""


class FunctionClass(StrEnum):
    """How the specification speaks of a function code (AP §5, Annex A)."""

    PUBLIC = "public"
    UNASSIGNED = "unassigned"
    USER_DEFINED = "user-defined"
    RESERVED = "reserved"
    INVALID = "invalid"


_USER_DEFINED: Final = frozenset((*range(65, 73), *range(100, 111)))
_RESERVED: Final = frozenset((9, 10, 13, 14, 41, 42, 90, 91, 125, 126, 127))


def function_class(function: int) -> FunctionClass:
    """Return how the specification speaks of `function`."""
    if not 1 <= function <= MAX_FUNCTION:
        return FunctionClass.INVALID
    if function in FUNCTIONS:
        return FunctionClass.PUBLIC
    if function in _USER_DEFINED:
        return FunctionClass.USER_DEFINED
    return FunctionClass.RESERVED if function in _RESERVED else FunctionClass.UNASSIGNED


def intent_of(function: int, sub: int = -1) -> Intent:
    """Return what a request is for; UNKNOWN for all that the specification does not define."""
    if function == DIAGNOSTICS:
        law = DIAGNOSTIC_LAWS.get(sub)
    elif function == ENCAPSULATED:
        law = MEI_LAWS.get(sub)
    else:
        return FUNCTIONS[function].intent if function in FUNCTIONS else Intent.UNKNOWN
    return law.intent if law else Intent.UNKNOWN


def service_name(service: ServiceId) -> str:
    """Return the specification's name of a service, or what kind of unknown it is."""
    function, sub = service
    laws = {DIAGNOSTICS: DIAGNOSTIC_LAWS, ENCAPSULATED: MEI_LAWS}.get(function)
    if laws is not None and sub >= 0:
        return laws[sub].name if sub in laws else f"{FUNCTIONS[function].name}, reserved {sub}"
    if function in FUNCTIONS:
        return FUNCTIONS[function].name
    return f"{function_class(function)} function {function}"


def _services(function: int, *subs: int) -> frozenset[ServiceId]:
    return frozenset(ServiceId(function, sub) for sub in subs)


MONITORING: Final[frozenset[ServiceId]] = (
    frozenset(ServiceId(function) for function in (1, 2, 3, 4, 7, 11, 12, 17, 20, 24))
    | _services(DIAGNOSTICS, 0, 2, *range(11, 19))
    | _services(ENCAPSULATED, IDENTIFICATION)
)
"""Reads and counters: nothing that changes the plant or hides a trace."""
OPERATOR: Final[frozenset[ServiceId]] = MONITORING | frozenset(ServiceId(f) for f in (5, 6, 15, 16, 22, 23))
"""Monitoring, and writes to what the policy declares."""
ENGINEER: Final[frozenset[ServiceId]] = (
    OPERATOR | {ServiceId(21)} | _services(DIAGNOSTICS, 1, 3, 10, 20) | _services(ENCAPSULATED, CANOPEN)
)
"""Operator, file writes and what restarts or re-parametrises a device. Meant to be given by a grant with an end."""
PRESETS: Final = MappingProxyType({"monitoring": MONITORING, "operator": OPERATOR, "engineer": ENGINEER})
"""Never in a preset: 8/4, reserved functions and sub-functions, private functions."""
