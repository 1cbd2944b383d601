import pytest
from hypothesis import given
from hypothesis import strategies as st

from icsguard.control.codec import MAX_REPLY, read_reply, read_request, reply_line, request_line
from icsguard.control.replies import Done, Failure, FailureCode, Records
from icsguard.control.requests import AddGrant, GetRecords, Isolate, SetMode
from icsguard.core.decision import Decision, Layer, Mode
from icsguard.core.finding import Contribution, Finding
from icsguard.core.isolation import Scope
from icsguard.core.record import Record, RecordKind, Severity
from icsguard.core.verdict import Reason

REQUESTS = [
    Isolate(client="10.0.0.9", conduit="plc1", scope=Scope.WRITES, seconds=60, reason="why not"),
    SetMode(conduit="plc1", mode=Mode.ENFORCE, reason='with "quotes" and\nlines'),
    GetRecords(last=5, kind=RecordKind.GAP),
    AddGrant(conduit="plc1", client="10.0.0.0/24", seconds=60, ranges=("holding 0..9",), reason="x"),
]


@pytest.mark.parametrize("request_", REQUESTS, ids=lambda request: type(request).__name__)
def test_a_request_survives_its_line(request_):
    line = request_line(request_)
    assert line.count(b"\n") == 1
    assert request_ == read_request(line)


def test_a_complete_record_survives_the_way_to_the_operator():
    finding = Finding(
        "what-if", Layer.CONSEQUENCE, "unsafe", "too high", 5, "plc1", Decision.REFUSE,
        contributions=(Contribution("LT101", 0.7, 4.9, 4.5, "m"),), facts={"reach_s": 38.0},
    )  # fmt: skip
    record = Record(
        "r1-1", RecordKind.VERDICT, 7, Severity.HIGH, "refused", findings=(finding,),
        reasons=(Reason(Layer.POLICY, "c", "t", Decision.REFUSE),), facts={"a": 1, "b": "x", "c": 0.5},
    )  # fmt: skip
    reply = Records(now=1, wall_shift=2, records=(record,))
    assert reply == read_reply(reply_line(reply))


@pytest.mark.parametrize(
    "line",
    [
        b"",
        b"{}",
        b"null",
        b'{"do":"reboot"}',
        b'{"do":"get-status","x":1}',
        b"[" * 100_000,
        b'{"do":"set-mode"}',
        b"\xff",
    ],
)
def test_what_is_no_request_is_a_failure_with_a_hint(line):
    failure = read_request(line)
    assert isinstance(failure, Failure)
    assert failure.code is FailureCode.INVALID
    assert failure.hint


@given(st.binary(max_size=200))
def test_no_bytes_make_the_reader_of_requests_raise(line):
    assert read_request(line) is not None


def test_an_answer_that_is_too_long_becomes_a_failure_that_says_so():
    reply = read_reply(reply_line(Done(text="x" * MAX_REPLY)))
    assert isinstance(reply, Failure)
    assert str(MAX_REPLY) in reply.text


def test_an_answer_of_another_version_is_named_as_such():
    with pytest.raises(ValueError, match="differ in version"):
        read_reply(b'{"is":"poem"}')
