from itertools import pairwise

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from icsguard.control import links
from icsguard.core.decision import Decision, Layer
from icsguard.core.finding import Contribution, Finding
from icsguard.core.isolation import IsolationRequest, Scope
from icsguard.core.live import PointState
from icsguard.core.record import Record, RecordKind, Severity
from icsguard.core.transaction import Opinion, Question, Transaction
from icsguard.core.verdict import Reason

FINDING = Finding(
    "what-if",
    Layer.CONSEQUENCE,
    "unsafe",
    "é",
    5,
    "c",
    Decision.HOLD,
    contributions=(Contribution("p", 0.5),),
    facts={"reach_s": 38.0},
)
RECORD = Record(
    "r1-1",
    RecordKind.VERDICT,
    7,
    Severity.HIGH,
    "text",
    unit=1,
    reasons=(Reason(Layer.POLICY, "x", "y", Decision.REFUSE, value=1.5),),
    findings=(FINDING,),
    facts={"a": 1, "b": "c", "d": 0.5},
)
TRANSACTION = Transaction(1, "c", 2, "10.0.0.1", 3, 4, b"\x00\xff", b"", 0, 5)
MESSAGES = [
    links.Hello("shadow", 1, "0.1", "m"),
    links.Configure(b"\x80", -5, "r1", (("c", "enforce"),)),
    links.Batch([TRANSACTION], [RECORD], 3, 4),
    links.Ask(Question(1, "c", 2, "10.0.0.1", 3, b"\x01")),
    links.Answer(Opinion(1, Decision.REFUSE, (FINDING,), "m")),
    links.Found((FINDING,), (IsolationRequest("10.0.0.1", "c", Scope.WRITES, "why", "d", 60),)),
    links.Ping(1),
    links.Pong(1),
    links.Status("recorder", {"a": 1, "b": "x", "c": 0.5}),
    links.PointsRequest(1, "c"),
    links.PointsReply(1, (PointState("c", "p", "m", 1.5, 10, "good"),)),
    links.LinkRecords((RECORD,)),
]


@pytest.mark.parametrize("message", MESSAGES, ids=[type(message).__name__ for message in MESSAGES])
def test_every_message_survives_the_link(message):
    (body,) = links.FrameSplitter().feed(links.encode(message))
    assert message == links.decode(body)


def test_transactions_arrive_as_transactions_even_if_sent_as_plain_tuples():
    body = links.encode(links.Batch([tuple(TRANSACTION)], []))[links.PREFIX :]
    (got,) = links.decode(body).transactions
    assert isinstance(got, Transaction)
    assert TRANSACTION == got


@given(st.lists(st.integers(0, 2000), max_size=30))
def test_any_chopping_gives_the_same_messages(cuts):
    stream = b"".join(map(links.encode, MESSAGES))
    edges = sorted({0, len(stream), *(cut % len(stream) for cut in cuts)})
    splitter = links.FrameSplitter()
    bodies = [body for start, end in pairwise(edges) for body in splitter.feed(stream[start:end])]
    assert MESSAGES == [links.decode(body) for body in bodies]


def test_a_length_above_the_bound_is_refused_before_the_body_is_kept():
    with pytest.raises(ValueError, match="above the bound"):
        links.FrameSplitter().feed((links.MAX_FRAME + 1).to_bytes(4, "big"))


def test_a_message_above_the_bound_is_never_sent():
    with pytest.raises(ValueError, match="Configure of"):
        links.encode(links.Configure(bytes(links.MAX_FRAME), 0))


def test_a_message_that_is_nested_without_end_is_refused():
    body = links.encode(links.Hello("shadow", 1, "0.1", "m"))[links.PREFIX :]
    deep = bytes([body[0] + 1]) + body[1:] + b"\x91" * 100_000  # one more field than is known, an array of arrays
    with pytest.raises(ValueError, match="nested too deeply"):
        links.decode(deep)


def test_what_is_no_message_is_refused():
    with pytest.raises(msgspec.MsgspecError):
        links.decode(msgspec.msgpack.encode(["Nonsense", 1]))


@pytest.mark.parametrize("size", [0, 8, 200, 300, 70_000, 2_000_000])
@pytest.mark.parametrize("kind", [bytes, bytearray])
def test_the_parts_of_a_configuration_are_its_message_and_hold_the_settings_uncopied(kind, size):
    settings = kind(size)
    message = links.Configure(settings, 5, "r1", (("plc1", "enforce"),))
    parts = links.parts(message)
    (body,) = links.FrameSplitter().feed(b"".join(parts))
    assert links.Configure(bytes(size), 5, "r1", (("plc1", "enforce"),)) == links.decode(body)
    assert any(part is settings for part in parts)


def test_a_configuration_above_the_bound_has_no_parts():
    with pytest.raises(ValueError, match="Configure of"):
        links.parts(links.Configure(bytes(links.MAX_FRAME), 0))
