"""Findings survive the way between processes with all that an explanation needs."""

import msgspec

from icsguard.core.decision import Decision, Layer
from icsguard.core.finding import Contribution, Finding

FINDING = Finding(
    detector="what-if",
    layer=Layer.CONSEQUENCE,
    code="unsafe-consequence",
    text="LT101 reaches 4.9 m (limit 4.5) in 38 s.",
    at=1_700_000_000_000_000_000,
    conduit="plc1",
    decision=Decision.REFUSE,
    contributions=(Contribution("LT101", 0.8, 4.9, 4.5, "m"),),
    facts={"reach_s": 38.0},
)


def test_a_finding_survives_msgpack():
    assert FINDING == msgspec.msgpack.decode(msgspec.msgpack.encode(FINDING), type=Finding)


def test_a_finding_survives_json():
    assert FINDING == msgspec.json.decode(msgspec.json.encode(FINDING), type=Finding)


def test_findings_do_not_share_their_facts():
    one, other = (Finding("d", Layer.TWIN, "c", "t", 0, "p", Decision.ALERT) for _ in range(2))
    assert one.facts is not other.facts
