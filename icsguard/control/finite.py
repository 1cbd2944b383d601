"""JSON has no word for infinity or not-a-number; a reply must not become unreadable because a detector met one."""

from __future__ import annotations

import math
import sys
from collections.abc import Mapping
from dataclasses import replace
from typing import TypeVar

import msgspec

from icsguard.control.replies import Explained, Records, Reply, Status
from icsguard.core.finding import Contribution, Finding
from icsguard.core.record import Record

Value = TypeVar("Value", bound=str | int | float)


def finite(reply: Reply) -> Reply:
    """Return the reply with every number in it finite; the very same one where that holds already."""
    if isinstance(reply, Records):
        return msgspec.structs.replace(reply, records=tuple(map(_record, reply.records)))
    if isinstance(reply, Explained):
        return msgspec.structs.replace(reply, record=_record(reply.record))
    if isinstance(reply, Status):
        parts = tuple(msgspec.structs.replace(part, facts=_facts(part.facts)) for part in reply.parts)
        return msgspec.structs.replace(reply, parts=parts)
    return reply


def _record(record: Record) -> Record:
    if not record.findings and not record.facts:
        return record
    return replace(record, findings=tuple(map(_finding, record.findings)), facts=_facts(record.facts))


def _finding(finding: Finding) -> Finding:
    return replace(
        finding,
        score=_number(finding.score),
        threshold=_number(finding.threshold),
        facts=_facts(finding.facts),
        contributions=tuple(map(_contribution, finding.contributions)),
    )


def _contribution(part: Contribution) -> Contribution:
    return replace(part, share=_number(part.share))  # seen and expected may be null: then they are not known


def _facts(facts: Mapping[str, Value]) -> dict[str, Value]:
    """Leave out what is no number: its name alone would only mislead."""
    return {name: value for name, value in facts.items() if not isinstance(value, float) or math.isfinite(value)}


def _number(value: float) -> float:
    """Return the nearest number that JSON can write; 0 where there is none."""
    if math.isfinite(value):
        return value
    return 0.0 if math.isnan(value) else math.copysign(sys.float_info.max, value)
