from collections import Counter

import pytest

from icsguard.core.transaction import Outcome
from icsguard.learn.direction import Wire
from icsguard.learn.pairing import MAX_PENDING, Pairing, numbered
from icsguard.protocols.modbus import build

HMI, PLC = ("10.0.0.21", 40_001), ("10.1.0.5", 502)
READ = build.adu(1, 1, build.read(3, 0, 1))
READ_ANSWER = build.adu(1, 1, bytes((3, 2, 0, 7)))
WRITE = build.adu(2, 1, build.write_register(5, 9))


@pytest.fixture
def counts():
    return Counter()


@pytest.fixture
def pairing(counts):
    return Pairing("plc1", counts)


def play(pairing, *parts):
    """Play (from the client?, data) pairs and return the finished transactions."""
    wires = [Wire(at, 1, HMI, PLC, who, data) for at, (who, data) in enumerate(parts, 1)]
    return numbered([one for wire in wires for one in pairing.feed(wire)] + pairing.rest())


def test_a_request_and_its_answer_are_one_transaction(pairing, counts):
    (one,) = play(pairing, (True, READ), (False, READ_ANSWER))
    assert (1, "plc1", 1, "10.0.0.21", 1, 2, READ, READ_ANSWER, 0, Outcome.ANSWERED) == one
    assert {"adus": 2, "requests": 1, "responses": 1} == counts
    assert {PLC: 1} == pairing.devices


def test_answers_find_their_requests_in_any_order(pairing):
    first, second = play(pairing, (True, READ + WRITE), (False, WRITE), (False, READ_ANSWER))
    assert (READ, READ_ANSWER, WRITE, WRITE) == (first.request, first.response, second.request, second.response)


def test_equal_identifiers_pair_first_in_first_out(pairing):
    other = build.adu(1, 1, bytes((3, 2, 0, 8)))
    first, second = play(pairing, (True, READ), (True, READ), (False, READ_ANSWER), (False, other))
    assert (READ_ANSWER, other) == (first.response, second.response)


def test_an_exception_is_an_answer_of_its_own_kind(pairing):
    (one,) = play(pairing, (True, READ), (False, build.adu(1, 1, build.exception(3, 2))))
    assert Outcome.EXCEPTION == one.outcome


@pytest.mark.parametrize(
    ("request_adu", "outcome"),
    [
        (READ, Outcome.TIMED_OUT),
        (WRITE, Outcome.UNKNOWN),
        (build.adu(3, 1, build.diagnostic(4)), Outcome.NO_ANSWER_DUE),
    ],
)
def test_without_an_answer_the_outcome_depends_on_what_was_asked(pairing, request_adu, outcome):
    (one,) = play(pairing, (True, request_adu))
    assert (outcome, 0, b"") == (one.outcome, one.response_at, one.response)


def test_an_answer_to_nothing_is_counted(pairing, counts):
    assert () == play(pairing, (False, READ_ANSWER), (True, WRITE[:3]))
    assert 1 == counts["unsolicited"]


def test_any_chopping_gives_the_same_transactions(pairing, counts):
    whole = play(Pairing("plc1", Counter()), (True, READ + WRITE), (False, READ_ANSWER + WRITE))
    parts = [(True, bytes((byte,))) for byte in READ + WRITE] + [
        (False, bytes((byte,))) for byte in READ_ANSWER + WRITE
    ]
    chopped = play(pairing, *parts)
    assert [one[6:] for one in whole] == [one[6:] for one in chopped]


def test_bytes_that_can_not_be_framed_cost_only_themselves(pairing, counts):
    (one,) = play(pairing, (True, b"GET / HTTP/1.1\r\n\r\n"), (True, READ), (False, READ_ANSWER))
    assert READ == one.request
    assert 18 == counts["skipped_bytes"]
    (two,) = play(pairing, (True, READ[:4]), (True, b"\xff\xff"), (True, WRITE), (False, WRITE))
    assert WRITE == two.request
    assert 1 == counts["unreadable"]


def test_another_protocol_inside_a_good_frame_is_counted_and_passed_over(pairing, counts):
    foreign = READ[:2] + b"\0\1" + READ[4:]
    (one,) = play(pairing, (True, READ), (True, foreign), (False, READ_ANSWER))
    assert READ == one.request
    assert 1 == counts["not_modbus"]


def test_after_a_gap_half_a_frame_is_not_completed_with_another(pairing, counts):
    wires = [
        Wire(1, 1, HMI, PLC, from_client=True, data=READ[:9]),
        Wire(2, 1, HMI, PLC, from_client=True, data=WRITE, broken=True),
    ]
    found = [one for wire in wires for one in pairing.feed(wire)] + pairing.rest()
    assert [WRITE] == [one.request for one in found]


def test_what_waits_is_bounded(pairing, counts):
    found = play(pairing, *[(True, READ)] * (MAX_PENDING + 5))
    assert MAX_PENDING + 5 == len(found)
    assert MAX_PENDING + 5 == counts["unanswered"]


def test_numbers_follow_the_requests_not_the_answers(pairing):
    found = play(pairing, (True, READ), (True, WRITE), (False, WRITE), (False, READ_ANSWER))
    assert [(1, READ), (2, WRITE)] == [(one.number, one.request) for one in found]
