"""May this write go? Every opinion on one question, and the decision that follows by the tiers.

Rules have spoken before (policy is in the gateway). Here a roll-out that leaves the safe envelope refuses or holds, an
overdrawn budget or a toggled drive holds, and everything else only alerts; an unusual write while the twin finds the
plant implausible is held. A safety point is never held or refused.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from icsguard.core.clock import SECOND
from icsguard.core.decision import Decision, Layer
from icsguard.core.finding import Finding
from icsguard.core.point import PointKind
from icsguard.core.transaction import Question
from icsguard.detect import explain
from icsguard.detect.conduit import ConduitWatch
from icsguard.protocols.modbus.messages import Request
from icsguard.twin.traffic import request_of

MAX_TOUCHED: Final = 128  # points of one write that are judged one by one: the longest write has 123 registers
MAX_TOLD: Final = 8  # findings of one opinion; the gravest are kept


def judge(watch: ConduitWatch, question: Question, now: int) -> list[Finding]:
    """Return all findings on the write, gravest first; empty where nothing speaks against it."""
    request = request_of(question.request)
    if request.defect is not None or not request.changes:
        return []
    touched = _touched(watch, request)[:MAX_TOUCHED]
    found = _odd(watch, question, touched, now)
    found += _consequences(watch, question, touched, now)
    found += _setpoints(watch, question, touched)
    if watch.is_twin_alarmed(now):
        found = [_suspicious(one) for one in found]
    if touched and all(watch.image.points[index].kind is PointKind.SAFETY for index, _ in touched):
        found = [replace(one, decision=min(one.decision, Decision.ALERT)) for one in found]
    found.sort(key=lambda one: -one.decision)
    return found[:MAX_TOLD]


Touched = list[tuple[int, float]]
"""(point, value that it would have)."""


def _touched(watch: ConduitWatch, request: Request) -> Touched:
    return [
        (index, value)
        for change in request.changes
        for index, value in watch.image.preview(request.unit, change)
        if value is not None
    ]


def _odd(watch: ConduitWatch, question: Question, touched: Touched, now: int) -> list[Finding]:
    image = watch.image
    return [
        explain.odd_write(question, image.points[index], one)
        for index, value in touched
        for one in watch.writes.judge(index, value, image.cells[index].value, question.client, now)
        if image.points[index].kind is not PointKind.SAFETY
    ]


def _consequences(watch: ConduitWatch, question: Question, touched: Touched, now: int) -> list[Finding]:
    what_if, site = watch.what_if, watch.site
    if what_if is None or site is None or not what_if.guards:
        return []
    changes = {watch.column_of[index]: value for index, value in touched if index in watch.column_of}
    state = watch.state(now) if changes else None
    if state is None:
        return []
    model, points = site.model, watch.image.points
    what = "writing " + ", ".join(f"{points[watch.columns[c]].name} = {value:g}" for c, value in changes.items())
    return [
        explain.consequence(
            one,
            question=question,
            what=what,
            point=points[watch.columns[one.column]],
            column=model.columns[one.column],
            step_ns=model.step_ns,
        )
        for one in what_if.try_write(*state, changes)
    ]


def _setpoints(watch: ConduitWatch, question: Question, touched: Touched) -> list[Finding]:
    """A set-point beyond the envelope of what follows it will lead there, beyond any horizon."""
    if watch.site is None:
        return []
    values = {watch.column_of.get(index, -1): value for index, value in touched}
    found = []
    for setpoint, follows in watch.site.model.tracks:
        if setpoint not in values:
            continue
        point, value = watch.image.points[watch.columns[follows]], values[setpoint]
        for limit, beyond in ((point.safe_min, -1), (point.safe_max, 1)):
            if limit is not None and (value - limit) * beyond > 0:
                source = watch.image.points[watch.columns[setpoint]]
                found.append(explain.setpoint(question, setpoint=source, follows=point, value=value, limit=limit))
    return found


def _suspicious(one: Finding) -> Finding:
    """Sequence and twin agree: what would only alert is held."""
    if one.layer is not Layer.SEQUENCE or one.decision >= Decision.HOLD:
        return one
    text = f"{one.text}; and measured values have been implausible within the last {60 * SECOND // SECOND} s"
    return replace(one, decision=Decision.HOLD, text=text)
