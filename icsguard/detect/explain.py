"""Findings in words: what was seen, what was expected, by how much, what would follow. Numbers beside the sentence."""

from __future__ import annotations

from dataclasses import replace
from math import isfinite
from typing import Final

from icsguard.core.clock import SECOND
from icsguard.core.decision import Decision, Layer
from icsguard.core.finding import Contribution, Finding
from icsguard.core.point import Point
from icsguard.core.transaction import Question
from icsguard.detect.answers import Oddity
from icsguard.detect.catalog import kind
from icsguard.detect.conduct import Conduct
from icsguard.detect.residuals import Strange
from icsguard.detect.triage import SURE, Named
from icsguard.detect.writes import Odd
from icsguard.twin.image import Deviation
from icsguard.twin.site_model import Calibration, Column
from icsguard.twin.what_if import Consequence

_DEVIATION_TEXTS: Final = {
    "write-not-effective": "{name} was written as {expected:g}, yet the device shows {seen:g}",
    "changed-without-write": "{name} changed from {expected:g} to {seen:g} although no write went through the gateway",
    "frozen": "{name} shows {seen:g} again and again, far longer than it ever stood still while learning",
}


def consequence(
    one: Consequence, *, question: Question, what: str, point: Point, column: Column, step_ns: int
) -> Finding:
    """Return the finding on a write whose roll-out leaves the safe envelope; `what` says the write in words."""
    reach_s = one.step * step_ns / SECOND
    unit = f" {point.unit}" if point.unit else ""
    how = "reach" if one.by_mean else "come within its band of"
    value = f"{one.predicted:.3g}{unit} (limit {one.limit:g})" if one.by_mean else f"the limit {one.limit:g}{unit}"
    known = isfinite(one.band)  # no band was measured that far ahead
    band = f"band ±{one.band:.2g}{unit}" if known else "band not known"
    gate = "" if one.trusted else "; the twin is below its fidelity gate that far ahead, so it only warns"
    if one.trusted and one.by_mean and not one.sure and not one.unseen:
        gate = "; by too little of its band to be sure, so it only warns"
    wider = ", so the band is wider" if known else ""
    unseen = f"; learning never was there{wider}" if one.unseen else ""
    text = (
        f"{what} makes {point.name} {how} {value} in {reach_s:.1f} s, {band};"
        f" without it {one.without:.3g}{unit}{unseen}{gate}"
    )
    decision = _tier(one)
    coverage = column.coverage[-1] if column.coverage else 0.0
    facts = {
        "reach_s": reach_s,
        "predicted": one.predicted,
        "limit": one.limit,
        "band": one.band,
        "without": one.without,
        "worst": one.worst,
        "margin": one.margin,
        "coverage": coverage,
        "trusted_s": column.trusted_steps * step_ns / SECOND,
    }
    return _finding(
        "unsafe-consequence",
        "what-if",
        Layer.CONSEQUENCE,
        text,
        at=question.asked_at,
        conduit=question.conduit,
        decision=decision,
        score=one.predicted,
        threshold=one.limit,
        point=point.name,
        client=question.client,
        flow=question.flow,
        transaction=question.number,
        contributions=(Contribution(point.name, 1.0, one.predicted, one.limit, point.unit),),
        facts=facts,
    )


def _tier(one: Consequence) -> Decision:
    """Return the strongest decision that a forecast carries; docs/decisions/0014 says why the band alone is not it."""
    if not one.trusted:
        return Decision.ALERT
    if one.sure:
        return Decision.REFUSE
    return Decision.HOLD if one.unseen else Decision.ALERT


def setpoint(question: Question, *, setpoint: Point, follows: Point, value: float, limit: float) -> Finding:
    """Return the finding on a set-point beyond the safe envelope of what follows it."""
    unit = f" {follows.unit}" if follows.unit else ""
    text = f"writing {setpoint.name} = {value:g}{unit} steers {follows.name} beyond its safe limit {limit:g}{unit}"
    return _finding(
        "unsafe-setpoint",
        "what-if",
        Layer.CONSEQUENCE,
        text,
        at=question.asked_at,
        conduit=question.conduit,
        decision=Decision.HOLD,
        score=value,
        threshold=limit,
        point=setpoint.name,
        client=question.client,
        flow=question.flow,
        transaction=question.number,
        facts={"value": value, "limit": limit},
    )


def odd_write(question: Question, point: Point, one: Odd) -> Finding:
    """Return the finding on an unusual write."""
    return _finding(
        one.code,
        "writes",
        Layer.SEQUENCE,
        f"{point.name}: {one.text}",
        at=question.asked_at,
        conduit=question.conduit,
        decision=one.decision,
        score=one.value,
        threshold=one.expected,
        point=point.name,
        client=question.client,
        flow=question.flow,
        transaction=question.number,
        facts={"value": one.value, "expected": one.expected},
    )


def deviation(one: Deviation, *, conduit: str, point: Point, client: str, flow: int, number: int, at: int) -> Finding:
    """Return the finding on a device that contradicts the image."""
    text = _DEVIATION_TEXTS[one.code].format(name=point.name, seen=one.seen, expected=one.expected)
    return _finding(
        one.code,
        "image",
        Layer.IMAGE,
        text,
        at=at,
        conduit=conduit,
        decision=Decision.ALERT,
        score=one.seen,
        threshold=one.expected,
        point=point.name,
        client=client,
        flow=flow,
        transaction=number,
        since=one.since,
        contributions=(Contribution(point.name, 1.0, one.seen, one.expected, point.unit),),
    )


def repeated(*, conduit: str, client: str, flow: int, number: int, at: int, length: int) -> Finding:
    """Return the finding on answers that came in just this order before."""
    text = f"the last {length} answers to one question came in exactly this order before: a recording may be replayed"
    return _finding(
        "exact-repeat",
        "image",
        Layer.IMAGE,
        text,
        at=at,
        conduit=conduit,
        decision=Decision.ALERT,
        client=client,
        flow=flow,
        transaction=number,
        facts={"answers": float(length)},
    )


def answers(one: Oddity, *, conduit: str, client: str, flow: int, number: int, at: int) -> Finding:
    """Return the finding on answers that do not fit, come late, not at all, or differ by reader."""
    return _finding(
        one.code,
        "answers",
        Layer.IMAGE,
        one.text,
        at=at,
        conduit=conduit,
        decision=Decision.ALERT,
        score=one.number,
        threshold=one.limit,
        point=one.point,
        client=client,
        flow=flow,
        transaction=number,
        since=one.since,
    )


def conduct(one: Conduct, *, conduit: str, number: int) -> Finding:
    """Return the finding on a client's conduct."""
    return _finding(
        one.code,
        "conduct",
        Layer.RESOURCES if one.code == "flood" else Layer.SEQUENCE,
        f"{one.client}: {one.text}",
        at=one.since,
        conduit=conduit,
        decision=Decision.ALERT,
        score=one.number,
        threshold=one.limit,
        client=one.client,
        flow=one.flow,
        transaction=number,
        facts={"count": one.number, "limit": one.limit},
    )


def implausible(one: Strange, *, conduit: str, calibration: Calibration, drift: bool) -> Finding:
    """Return the finding on values that the process cannot have."""
    worst = one.contributions[0] if one.contributions else Contribution("", 0.0)
    ratio = one.score / calibration.threshold if calibration.threshold else 0.0
    seen = f"{worst.name} is {worst.seen:.4g}, expected {worst.expected:.4g}" if worst.seen is not None else ""
    text = f"measured values do not fit the process ({one.stream}, {ratio:.1f} times the alarm threshold); {seen}"
    if drift:
        text = f"measured values have been a little wrong for many minutes ({one.stream}); {seen}"
    return _finding(
        "implausible-drift" if drift else "implausible",
        f"twin-{one.stream.partition('-')[0]}",
        Layer.TWIN,
        text,
        at=one.at,
        conduit=conduit,
        decision=Decision.ALERT,
        score=one.score,
        threshold=calibration.threshold,
        point=worst.name,
        contributions=one.contributions,
        facts={"alarms_per_day_bound": calibration.per_day, "blocks": float(len(calibration.blocks))},
    )


LOOKS: Final = {
    "shifted": "a value that is shown too high or too low",
    "drifting": "a value that is slowly led away",
    "frozen": "a value that stands still",
    "replayed": "an older recording played again",
}


def looks_like(found: Finding, named: Named) -> Finding:
    """Return an alarm with the name that triage gives it; unchanged where that is too unsure to be told."""
    if named.chance < SURE:
        return found
    text = f"{found.text}; it looks like {LOOKS[named.name]} (probability {named.chance:.2f})"
    return replace(found, text=text, facts={**found.facts, f"looks_{named.name}": round(named.chance, 3)})


def unusual_flow(
    *,
    conduit: str,
    client: str,
    flow: int,
    at: int,
    score: float,
    calibration: Calibration,
    contributions: tuple[Contribution, ...],
) -> Finding:
    """Return the finding on a flow window that the model finds strange."""
    names = ", ".join(one.name for one in contributions[:2])
    ratio = score / calibration.threshold if calibration.threshold else 0.0
    return _finding(
        "unusual-flow",
        "flow-model",
        Layer.MODEL,
        f"{client} talks unlike before, {ratio:.1f} times the alarm threshold: {names}",
        at=at,
        conduit=conduit,
        decision=Decision.ALERT,
        score=score,
        threshold=calibration.threshold,
        client=client,
        flow=flow,
        contributions=contributions,
        facts={"alarms_per_day_bound": calibration.per_day, "blocks": float(len(calibration.blocks))},
    )


def _finding(  # noqa: PLR0913 - the one place that fills every field of a finding
    code: str,
    detector: str,
    layer: Layer,
    text: str,
    *,
    at: int,
    conduit: str,
    decision: Decision,
    score: float = 0.0,
    threshold: float = 0.0,
    point: str = "",
    client: str = "",
    flow: int = 0,
    transaction: int = 0,
    since: int = 0,
    contributions: tuple[Contribution, ...] = (),
    facts: dict[str, float] | None = None,
) -> Finding:
    known = kind(code)
    told = {name: value for name, value in (facts or {}).items() if isfinite(value)}  # an unknown number is not told
    return Finding(
        detector=detector,
        layer=layer,
        code=code,
        text=text,
        at=at,
        conduit=conduit,
        decision=decision,
        score=score,
        threshold=threshold,
        technique=known.technique,
        point=point,
        client=client,
        flow=flow,
        transaction=transaction,
        since=since,
        contributions=contributions,
        harmless_cause=known.harmless,
        facts=told,
    )
