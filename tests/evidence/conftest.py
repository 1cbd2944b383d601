"""Records for the tests of evidence: one that says everything, one from hell."""

from collections.abc import Callable

import pytest

from icsguard.core.decision import Decision, Layer
from icsguard.core.finding import Contribution, Finding
from icsguard.core.record import Record, RecordKind, Severity
from icsguard.core.transaction import Transaction
from icsguard.core.verdict import Reason

HOSTILE = 'a"b]c\\d|e\r\nf\x00g\x1b[2Jh\u202ei\udc80j\x7fk\U0001f600' + "x" * 65_536


@pytest.fixture
def full_record() -> Record:
    reason = Reason(Layer.POLICY, "value-above-max", "80.5 Hz is above 60 Hz", Decision.REFUSE, rule="pump", value=80.5)
    contribution = Contribution("LT101", 0.75, seen=4.9, expected=4.1, unit="m")
    finding = Finding(
        "what-if",
        Layer.CONSEQUENCE,
        "unsafe-consequence",
        "LT101 reaches 4.9 m",
        1_000,
        "plc1",
        Decision.REFUSE,
        contributions=(contribution,),
        facts={"reach_s": 38.0, "margin": 0.0},
    )
    return Record(
        "r5f3a-000012",
        RecordKind.VERDICT,
        1_000,
        Severity.HIGH,
        "10.0.0.66 tried to write 80.5 Hz",
        conduit="plc1",
        client="10.0.0.66",
        unit=0,
        function=6,
        sub=-1,
        target="holding 100 (40101)",
        decision="refuse",
        reasons=(reason,),
        findings=(finding,),
        reply=3,
        request="00010000000611060064ffff",
        facts={"zero": 0},
    )


@pytest.fixture
def hostile_record() -> Record:
    reason = Reason(Layer.POLICY, HOSTILE, HOSTILE, Decision.REFUSE, value=float("nan"))
    finding = Finding(
        HOSTILE,
        Layer.TWIN,
        HOSTILE,
        HOSTILE,
        5,
        HOSTILE,
        Decision.HOLD,
        contributions=tuple(Contribution(HOSTILE, float("inf")) for _ in range(100)),
        facts={f"{HOSTILE}{n}": 1.0 for n in range(100)},
    )
    return Record(
        HOSTILE,
        RecordKind.VERDICT,
        2**70,
        Severity.CRITICAL,
        HOSTILE,
        client=HOSTILE,
        conduit=HOSTILE,
        target=HOSTILE,
        reasons=(reason,) * 100,
        findings=(finding,) * 100,
        request="f" * 100_000,
        facts={HOSTILE: HOSTILE, "big": 2**80, "nan": float("nan")},
    )


@pytest.fixture
def transaction() -> Callable[..., Transaction]:
    def make(number: int = 1, *, conduit: str = "plc1", function: int = 3, **changes: object) -> Transaction:
        request = bytes((0, number & 255, 0, 0, 0, 6, 1, function, 0, 0, 0, 1))
        plain = Transaction(number, conduit, 1, "10.0.0.5", 1_000_000, 3_000_000, request, b"answer", 0, 0)
        return plain._replace(**changes)

    return make
