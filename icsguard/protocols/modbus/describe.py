"""A request in one line for people: what it does, to which elements, in both ways of counting addresses.

Addresses are 0-based everywhere in icsguard; the reference form of manuals (40101) stands beside them.
"""

from __future__ import annotations

from typing import Final

from icsguard.core.meaning import Access, Change, Intent, Table
from icsguard.protocols.modbus.functions import service_name
from icsguard.protocols.modbus.messages import Request
from icsguard.protocols.modbus.services import ServiceId

MAX_SHOWN: Final = 8  # values of one change that a line shows; the rest is counted
MAX_TARGETS: Final = 4  # runs of elements that a line shows (function 20 may have 35); the rest is counted
_MAX_FIVE_DIGITS: Final = 9998  # the 5-digit reference form ends at 49999

_WORDS: Final = {
    Table.COIL: ("coil", "coils"),
    Table.DISCRETE: ("discrete input", "discrete inputs"),
    Table.INPUT: ("input register", "input registers"),
    Table.HOLDING: ("holding register", "holding registers"),
}


def reference(table: Table, address: int) -> str:
    """Return the reference form of a 0-based address, `40101` or, beyond 9998, `410000`; empty for files."""
    if table is Table.FILE:
        return ""
    digits = 4 if address <= _MAX_FIVE_DIGITS else 5
    return f"{table.value}{address + 1:0{digits}d}"


def target(request: Request) -> str:
    """Return what the request touches, `holding 100..101 (40101)`; empty where it touches no element."""
    runs = [_run(access, access.table.word) for access in request.accesses[:MAX_TARGETS]]
    more = len(request.accesses) - MAX_TARGETS
    return ", ".join(runs if more <= 0 else [*runs, f"and {more} more"])


def describe(request: Request) -> str:
    """Return the request as one sentence without its end, `write holding register 100 (40101) = 65535, unit 17`."""
    return f"{_deed(request)}, unit {request.unit}"


def _deed(request: Request) -> str:
    if request.defect is not None:
        return f"malformed {service_name(ServiceId(request.function, request.sub))}: {request.defect.code}"
    if not request.accesses or request.function == 24:  # noqa: PLR2004 - the queue is no element of a table
        return _other(request)
    deeds = []
    changes = iter(request.changes)
    for access in request.accesses[:MAX_TARGETS]:
        if access.table is Table.FILE:
            deeds.append(f"{access.intent} {_run(access, '')}")
            continue
        values = "" if access.intent is Intent.READ else _values(next(changes))
        deeds.append(f"{access.intent} {_run(access, _WORDS[access.table][access.span.count > 1])}{values}")
    more = len(request.accesses) - MAX_TARGETS
    return ", ".join(deeds if more <= 0 else [*deeds, f"and {more} more"])


def _other(request: Request) -> str:
    name = service_name(ServiceId(request.function, request.sub))
    where = f" {target(request)}" if request.accesses else ""
    size = len(request.extra)
    data = f" with {size} byte{'s' * (size > 1)}" if size else ""
    return f"{name}{where}{data}"


def _run(access: Access, words: str) -> str:
    first, last = access.span
    run = f"{first}" if first == last else f"{first}..{last}"
    if access.table is Table.FILE:
        return f"file {access.file} record {run}"
    return f"{words} {run} ({reference(access.table, first)})"


def _values(change: Change) -> str:
    if change.keep:
        return f" = (itself and 0x{change.keep:04X}) or 0x{change.values[0] & ~change.keep & 0xFFFF:04X}"
    shown = " ".join(str(value) for value in change.values[:MAX_SHOWN])
    more = len(change.values) - MAX_SHOWN
    return f" = {shown}" if more <= 0 else f" = {shown} and {more} more"
