"""Do the points of a list make sense, each and together: limits inside the type, no name and no memory used twice."""

from __future__ import annotations

import itertools
from typing import Final

from icsguard.config.points_csv import PointList
from icsguard.config.problem import Findings, did_you_mean
from icsguard.core.ids import MAX_ADDRESS
from icsguard.core.meaning import Table
from icsguard.core.point import DataType, Point
from icsguard.policy.law import FLOATS, exact_raw, raw_limit, type_range
from icsguard.policy.nodes.law import BOOLEAN, INTEGERS, NUMBERS

_BITS: Final = 16
_WRITABLE: Final = frozenset({Table.COIL, Table.HOLDING})
_ONE_REGISTER: Final = frozenset({DataType.U16, DataType.I16})


def check_points(found: PointList, findings: Findings) -> None:
    """Note every fault of the points and of their neighbourhood."""
    names: dict[str, int] = {}
    for point, line in zip(found.points, found.lines, strict=True):
        if point.name in names:
            text = f"the point {point.name!r} is declared twice"
            findings.error(found.file, line, text, f"the first one stands in line {names[point.name]}")
        names.setdefault(point.name, line)
        places = _place(point) if point.in_registers else []
        for message, hint in (*places, *_limits(point), *_envelope(point), *_node(point)):
            findings.error(found.file, line, f"{point.name}: {message}", hint)
    _neighbours(found, findings)
    _nodes(found, findings)
    _overlaps(found, findings)


def _place(point: Point) -> list[tuple[str, str]]:
    faults = []
    if point.table.is_bits != (point.type is DataType.BOOL):
        wanted = "bool" if point.table.is_bits else "a register type such as u16"
        faults.append((f"type {point.type} does not fit table {point.table.word}", f"write {wanted}"))
    if point.last_address > MAX_ADDRESS:
        text = f"{point.type} at address {point.address} reaches beyond {MAX_ADDRESS}"
        faults.append((text, "addresses are 0-based"))
    return faults


def _limits(point: Point) -> list[tuple[str, str]]:
    limits = point.limits
    faults: list[tuple[str, str]] = []
    low, high = type_range(point)
    for name, value in (("min", limits.minimum), ("max", limits.maximum), *(("allowed", v) for v in limits.allowed)):
        if value is not None and not low <= value <= high:
            text = f"{name} {value:g} is outside what {point.type} with scale {point.scale:g} can hold"
            faults.append((text, f"it holds {low:g} to {high:g}"))
    if limits.minimum is not None and limits.maximum is not None and limits.minimum > limits.maximum:
        faults.append((f"min {limits.minimum:g} is above max {limits.maximum:g}", "swap them"))
    if not faults:
        faults += _allowed(point)
        faults += _quantum(point)
    if limits.writable_mask is not None and point.type not in _ONE_REGISTER and point.in_registers:
        faults.append((f"a mask needs a point of one register, not {point.type}", "write type u16 or i16"))
    if (limits.max_step is not None or limits.max_rate is not None) and point.type is DataType.BOOL:
        faults.append(("a bit has no step and no rate", "use min_interval"))
    limited = limits.max_step or limits.max_rate or limits.min_interval_ns or limits.allowed or limits.writable_mask
    if limited and point.table not in _WRITABLE:
        text = f"{point.table.word} elements cannot be written, so nothing can be limited"
        faults.append((text, "a process value has safe_min and safe_max"))
    return faults


def _node(point: Point) -> list[tuple[str, str]]:
    """What the type of the node's value cannot have."""
    limits, kind = point.limits, point.node_type
    if kind and not point.node:
        return [(f"node_type {kind} without a node", "write the node")]
    if not kind or kind in NUMBERS or kind == BOOLEAN:
        mask = limits.writable_mask is not None and point.node and not point.in_registers and kind not in INTEGERS
        return [("a mask needs a node of integers", "write node_type, as in UInt16")] if mask else []
    bounds = limits.minimum, limits.maximum, limits.max_step, limits.max_rate, limits.writable_mask
    if limits.allowed or any(bound is not None for bound in bounds):
        return [(f"limits are numbers, and its node holds {kind}", "limit it by who may write it")]
    return []


def _nodes(found: PointList, findings: Findings) -> None:
    """No two points are one node: which limits would hold?"""
    lines: dict[str, int] = {}
    for point, line in zip(found.points, found.lines, strict=True):
        if point.node and point.node in lines:
            text = f"{point.name}: its node is that of another point (line {lines[point.node]})"
            findings.error(found.file, line, text, "give each node to one point")
        lines.setdefault(point.node, line)


def _allowed(point: Point) -> list[tuple[str, str]]:
    limits = point.limits
    faults = []
    for value in limits.allowed:
        below = limits.minimum is not None and value < limits.minimum
        above = limits.maximum is not None and value > limits.maximum
        if below or above:
            faults.append((f"the allowed value {value:g} is outside its own min and max", "take it out, or widen them"))
        try:
            exact_raw(point, value)
        except ValueError as error:
            faults.append((f"the allowed value {error}", "the wire cannot carry it"))
    return faults


def _quantum(point: Point) -> list[tuple[str, str]]:
    """What the wire can carry is coarser than what the limits say: nothing, or no change at all, would pass."""
    if point.type in FLOATS or point.type is DataType.BOOL:
        return []
    faults = []
    limits = point.limits
    low, high = (raw_limit(point, limit, round_up=up) for limit, up in _ends(point))
    if low is not None and high is not None and low > high:
        text = f"no value that scale {point.scale:g} can carry lies between min and max"
        faults.append((text, "widen them, or correct the scale"))
    if limits.max_step is not None and limits.max_step < abs(point.scale):
        text = f"max_step {limits.max_step:g} is smaller than one step of the wire, {abs(point.scale):g}"
        faults.append((text, "no change at all would pass"))
    return faults


def _ends(point: Point) -> list[tuple[float | None, bool]]:
    ends = [point.limits.minimum, point.limits.maximum]
    return list(zip(ends if point.scale > 0 else ends[::-1], (True, False), strict=True))


def _envelope(point: Point) -> list[tuple[str, str]]:
    low, high = point.safe_min, point.safe_max
    if low is not None and high is not None and low >= high:
        return [(f"safe_min {low:g} is not below safe_max {high:g}", "swap them")]
    return []


def _neighbours(found: PointList, findings: Findings) -> None:
    placed = [at for at in zip(found.points, found.lines, strict=True) if at[0].in_registers]
    order = sorted(placed, key=lambda at: (at[0].unit_id, at[0].table, at[0].address))
    for (one, line), (other, other_line) in itertools.pairwise(order):
        if (one.unit_id, one.table) != (other.unit_id, other.table) or other.address > one.last_address:
            continue
        last, first = max((other_line, other), (line, one), key=lambda at: at[0]), min(line, other_line)
        text = f"{last[1].name}: its memory is also that of another point (line {first})"
        findings.error(found.file, last[0], text, "give each element to one point")


def _overlaps(found: PointList, findings: Findings) -> None:
    by_name = {point.name: point for point in found.points}
    for point, line in zip(found.points, found.lines, strict=True):
        for text in point.overlaps:
            name, dot, bit = text.rpartition(".")
            other = by_name.get(text) or (by_name.get(name) if dot and bit.isdecimal() else None)
            fault = _overlap_fault(point, other, text) if other else None
            if other is None and found.complete:
                hint = did_you_mean(text.partition(".")[0], by_name)
                findings.error(found.file, line, f"{point.name}: overlaps an unknown point {text!r}", hint)
            elif fault:
                findings.error(found.file, line, f"{point.name}: {fault}", "write name, or name.bit on the coil")


def _overlap_fault(point: Point, other: Point, text: str) -> str:
    if other.table is point.table or other.unit_id != point.unit_id:
        return f"{other.name} is in the same table or another unit, so it cannot overlap"
    if text == other.name:
        return ""
    bit = text.rpartition(".")[2]
    if point.table is not Table.COIL or other.type not in _ONE_REGISTER or other.table is not Table.HOLDING:
        return f"{text} names a bit, but only a coil can be a bit of a holding register of type u16 or i16"
    return "" if len(bit) <= 2 and int(bit) < _BITS else f"{text}: a register has bits 0 to 15"  # noqa: PLR2004 - digits of 15
