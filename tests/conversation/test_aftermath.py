import pytest

from icsguard.conversation import aftermath
from icsguard.conversation.aftermath import Fault
from icsguard.conversation.course import Course
from icsguard.core.clock import MS
from icsguard.core.decision import Decision, FailurePolicy, Layer
from icsguard.core.flow import Client
from icsguard.core.record import RecordKind, Severity
from icsguard.core.transaction import Outcome
from icsguard.core.verdict import Reason

HMI = Client("10.0.0.21", 4000, "hmi")
NOW = 1_700_000_000_000_000_000
MALFORMED = {"malformed": True}
REFUSED = {"decision": Decision.REFUSE, "would_be": Decision.REFUSE}
FAILED = {"failover": FailurePolicy.POLICY_ALONE}
SILENT = Reason(Layer.FAILOVER, "shadow-silent", "the shadow is silent", Decision.ALLOW)
LATE = Reason(Layer.RESOURCES, "no-valid-answer", "it came too late", Decision.ALLOW)
ABOVE = Reason(Layer.POLICY, "value-above-max", "above its maximum", Decision.REFUSE, technique="T0836")


def course(**facts):
    one = Course(7, NOW, changes=True, malformed=facts.pop("malformed", False))
    for name, value in facts.items():
        setattr(one, name, value)
    return one


@pytest.mark.parametrize(
    ("facts", "kind"),
    [
        ({"outcome": Outcome.ANSWERED}, None),
        (MALFORMED, RecordKind.MALFORMED),
        (REFUSED | {"reasons": (ABOVE,)}, RecordKind.VERDICT),
        ({"approved": True}, RecordKind.VERDICT),
        ({"would_be": Decision.HOLD}, RecordKind.VERDICT),
        (FAILED | {"reasons": (SILENT,)}, RecordKind.FAILOVER),
        (FAILED | REFUSED | {"reasons": (SILENT,)}, RecordKind.FAILOVER),
        (FAILED | REFUSED | {"reasons": (SILENT, ABOVE)}, RecordKind.VERDICT),
        ({"outcome": Outcome.UNKNOWN}, RecordKind.DEVICE),
        ({"reasons": (LATE,), "outcome": Outcome.ANSWERED}, RecordKind.DEVICE),
    ],
)
def test_the_kind_of_record_follows_from_what_weighs_most(facts, kind):
    assert kind is aftermath.kind_of(course(**facts))


@pytest.mark.parametrize(
    ("facts", "deed"),
    [
        (REFUSED, "refused"),
        ({"decision": Decision.HOLD}, "held"),
        ({"approved": True, "would_be": Decision.HOLD}, "approved"),
        ({"would_be": Decision.HOLD}, "passed, would be held"),
        ({"would_be": Decision.ISOLATE}, "passed, would be refused"),
        ({"would_be": Decision.ALERT}, "passed with an alert"),
        ({"outcome": Outcome.TIMED_OUT}, "not answered"),
        ({"outcome": Outcome.EXCEPTION}, "passed"),
    ],
)
def test_what_was_done_is_said_in_a_word(facts, deed):
    assert deed == aftermath.deed(course(**facts))


@pytest.mark.parametrize(
    ("facts", "counted"),
    [
        ({}, {}),
        (MALFORMED, {"malformed": 1}),
        (REFUSED, {"refused": 1}),
        ({"decision": Decision.HOLD}, {"held": 1}),
        ({"decision": Decision.ALERT, "would_be": Decision.ALERT}, {"alerted": 1}),
        ({"would_be": Decision.REFUSE}, {"would_be": 1}),
        ({"would_be": Decision.HOLD, "approved": True}, {}),
    ],
)
def test_each_decision_is_counted_once_for_what_it_is(new_guard, facts, counted):
    guard = new_guard()
    aftermath.count_decision(guard, course(**facts))
    names = ("malformed", "refused", "held", "alerted", "would_be")
    assert counted == {name: getattr(guard.counters, name) for name in names if getattr(guard.counters, name)}


def test_the_mirror_gets_the_bytes_it_is_given_and_the_counts_what_became_of_them(new_guard):
    guard = new_guard()
    aftermath.mirror(guard, HMI, 3, course(outcome=Outcome.TIMED_OUT, response_at=NOW + 1), b"asked", b"")
    (row,) = guard.run.mirror
    assert (7, guard.name, 3, HMI.address, NOW, NOW + 1, b"asked", b"", 0, int(Outcome.TIMED_OUT)) == tuple(row)
    counters = guard.counters
    assert (1, 1, 1, 0) == (counters.cold, counters.writes, counters.timed_out, counters.unreachable)


def test_a_record_has_what_every_protocol_can_tell(new_guard):
    one = course(**REFUSED, reasons=(LATE, ABOVE), outcome=Outcome.REFUSED, reply=3, model_digest="m1")
    record = aftermath.record_of(new_guard(), HMI, 3, one, RecordKind.VERDICT, "refused: a write", NOW + 5 * MS)
    assert (7, 3, HMI.address, "refuse", "") == (
        record.transaction,
        record.flow,
        record.client,
        record.decision,
        record.would_be,
    )
    assert ("policy", "T0836", "refused", 3, 5_000) == (
        record.layer,
        record.technique,
        record.outcome,
        record.reply,
        record.latency_us,
    )
    assert {"client_port": 4000} == record.facts


@pytest.mark.parametrize(
    ("kind", "facts", "severity"),
    [
        (RecordKind.VERDICT, REFUSED, Severity.MEDIUM),
        (RecordKind.VERDICT, {"decision": Decision.ISOLATE}, Severity.HIGH),
        (RecordKind.VERDICT, {"would_be": Decision.REFUSE}, Severity.LOW),
        (RecordKind.DEVICE, {"outcome": Outcome.TIMED_OUT}, Severity.LOW),
        (RecordKind.DEVICE, {"outcome": Outcome.UNKNOWN}, Severity.HIGH),
        (RecordKind.FAILOVER, FAILED, Severity.MEDIUM),
    ],
)
def test_how_soon_somebody_should_look(new_guard, kind, facts, severity):
    assert severity is aftermath.record_of(new_guard(), HMI, 3, course(**facts), kind, "text", NOW).severity


def test_a_sentence_says_what_why_and_what_became_of_it():
    one = course(reasons=(LATE, ABOVE), outcome=Outcome.UNKNOWN)
    said = aftermath.sentence(one, "passed: a write", aftermath.OUTCOME_WORDS, "the end")
    expected = "handed to the device, which gave no valid answer: it may have happened"
    assert f"passed: a write; above its maximum; {expected}; the end" == said
    assert "passed: a read" == aftermath.sentence(course(), "passed: a read", aftermath.OUTCOME_WORDS)


def test_records_are_alike_by_their_weightiest_reason_else_by_their_outcome():
    assert "value-above-max" == aftermath.code_of(course(reasons=(LATE, ABOVE)))
    assert "unknown" == aftermath.code_of(course(outcome=Outcome.UNKNOWN))
    assert not aftermath.code_of(course())


@pytest.mark.parametrize(
    ("kind", "decision", "request_", "response"),
    [(RecordKind.MALFORMED, "refuse", "ff00", ""), (RecordKind.DEVICE, "", "", "ff00")],
)
def test_a_fault_is_recorded_with_the_bytes_of_whose_it_is(new_guard, kind, decision, request_, response):
    guard = new_guard()
    known = aftermath.note_fault(guard, HMI, 3, Fault(kind, "no Modbus", "not-modbus", raw=b"\xff\x00"), NOW)
    record = guard.run.recent[-1]
    assert (known, decision, request_, response) == (record.id, record.decision, record.request, record.response)
    assert ("grammar", {"code": "not-modbus"}) == (record.layer, record.facts)


def test_a_fault_of_the_same_kind_within_the_second_is_folded(new_guard):
    guard = new_guard()
    fault = Fault(RecordKind.VERDICT, "cut off", "channel-policy", Layer.POLICY, answer="BadSecurityPolicyRejected")
    first = aftermath.note_fault(guard, HMI, 3, fault, NOW)
    assert first == aftermath.note_fault(guard, HMI, 4, fault, NOW + MS)
    assert 1 == len(guard.run.recent)
    assert "BadSecurityPolicyRejected" == guard.run.recent[-1].facts["answer"]


def test_a_ticket_names_the_first_record_that_explains_it(scene):
    scene.play("client 0001 0000 0006 11 06 0096 0001")
    guard = scene.guard
    first = guard.tickets.find("t1").record
    record = aftermath.record_of(guard, HMI, 1, course(ticket="t1"), RecordKind.VERDICT, "again", NOW)
    aftermath.link_ticket(guard, course(ticket="t1"), record)
    assert first == guard.tickets.find("t1").record
    guard.tickets.find("t1").record = ""
    aftermath.link_ticket(guard, course(ticket="t1"), record)
    assert record.id == guard.tickets.find("t1").record
