"""A proposal as the two files that a human reads, edits and owns: policy TOML with its evidence, points CSV.

Plain text from top to bottom; nothing of the traffic but numbers and addresses gets in, and what is for review stands
at the end as comments, ready to be moved up.
"""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterable, Sequence
from typing import Final

from icsguard.core.clock import SECOND
from icsguard.core.point import DataType, Point, PointKind, WordOrder
from icsguard.evidence.escape import plain
from icsguard.evidence.stamp import stamp
from icsguard.learn.points import Enriched
from icsguard.learn.propose import Proposal, ProposedRule

COLUMNS: Final = (
    "name",
    "unit_id",
    "table",
    "address",
    "type",
    "order",
    "scale",
    "offset",
    "unit",
    "min",
    "max",
    "max_step",
    "max_rate",
    "min_interval",
    "allowed",
    "mask",
    "safe_min",
    "safe_max",
    "atomic",
    "kind",
    "loop",
    "overlaps",
    "max_age",
)
PACK: Final = "modbus-baseline"
"""Refuses nothing more; names what it is that somebody tried."""


def policy_text(proposal: Proposal) -> str:
    """Return the policy file."""
    lines = [*_head(proposal), f"packs = [{json.dumps(PACK)}]", "", "[clients]"]
    lines += [f"{json.dumps(group.name)} = {_list(group.networks)}" for group in proposal.groups]
    for rule in proposal.rules:
        lines += ["", *(f"# {plain(sentence)}" for sentence in rule.evidence), *_rule(rule)]
    if proposal.review:
        lines += ["", "", "# FOR REVIEW: seen, but not proposed. Nothing below is permitted until you move it up."]
    for item in proposal.review:
        lines += ["", f"# WHY NOT: {plain(item.why)}", f"# WHAT NEXT: {plain(item.hint)}"]
        lines += [f"# {plain(sentence)}" for sentence in item.rule.evidence]
        lines += [f"#   {line}" for line in _rule(item.rule)]
    return "\n".join(lines) + "\n"


def points_text(points: Sequence[Enriched]) -> str:
    """Return the point list."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(COLUMNS)
    for enriched in points:
        if enriched.note:
            out.write(f"# {enriched.point.name}: {plain(enriched.note)}\n")
        writer.writerow(_cells(enriched.point))
    return out.getvalue()


def _head(proposal: Proposal) -> Iterable[str]:
    yield f"# Proposed for conduit {plain(proposal.conduit)}"
    yield f"# from {plain(proposal.source)}: {proposal.requests} requests that may serve as examples"
    if proposal.requests:
        yield f"# from {stamp(proposal.since)} to {stamp(proposal.until)}."
        yield f"# An occasion below is one connection within {proposal.occasion_s} s."
    yield "# Read every line: what stands here is permitted, everything else is refused."
    for name, count in proposal.counts.items():
        yield f"#   {name.replace('_', ' ')}: {count}"


def _rule(rule: ProposedRule) -> list[str]:
    functions = [service if "/" in service else int(service) for service in rule.functions]
    lines = ["[[rule]]", f"id = {json.dumps(rule.id)}", f"clients = {_list([rule.client])}"]
    lines += [f"units = {_list(rule.units)}", f"functions = {_list(functions)}"]
    if rule.action:
        lines.append(f"action = {json.dumps(rule.action)}")
    if rule.ranges:
        lines.append(f"ranges = {_list(rule.ranges)}")
    if rule.points:
        lines.append(f"points = {_list(rule.points)}")
    if rule.rate:
        lines.append(f"rate = {json.dumps(rule.rate)}")
    if rule.text:
        lines.append(f"text = {json.dumps(plain(rule.text))}")
    return lines


def _list(values: Iterable[str | int]) -> str:
    return "[" + ", ".join(json.dumps(value) for value in values) + "]"


def _cells(point: Point) -> list[str]:
    limits, first = point.limits, DataType.BOOL if point.table.is_bits else DataType.U16
    return [
        point.name,
        str(point.unit_id),
        point.table.word,
        str(point.address),
        point.type.value if point.type is not first else "",
        point.order.value if point.order is not WordOrder.ABCD else "",
        _number(point.scale, 1.0),
        _number(point.offset, 0.0),
        point.unit,
        _number(limits.minimum),
        _number(limits.maximum),
        _number(limits.max_step),
        _number(limits.max_rate),
        _number(limits.min_interval_ns / SECOND, 0.0),
        "|".join(_number(value) for value in limits.allowed),
        "" if limits.writable_mask is None else f"0x{limits.writable_mask:04X}",
        _number(point.safe_min),
        _number(point.safe_max),
        "" if point.atomic else "no",
        point.kind.value if point.kind is not PointKind.NORMAL else "",
        point.loop,
        "|".join(point.overlaps),
        _number(point.max_age_ns / SECOND, 60.0),
    ]


def _number(value: float | None, default: float | None = None) -> str:
    """Return a number so that it reads back as itself; empty for the column's default."""
    if value is None or value == default:
        return ""
    return str(int(value)) if float(value).is_integer() else repr(float(value))
