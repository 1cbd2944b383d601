import pytest

from icsguard.core.clock import MS, SECOND
from icsguard.core.transaction import Outcome, Transaction
from icsguard.detect.answers import AGAIN_NS, MAX_QUESTIONS, RECENT, STREAK, AnswerWatch, ReaderWatch
from icsguard.protocols.modbus import build
from icsguard.protocols.modbus.pdu import parse_request
from icsguard.twin.traffic import event

READ = build.read(3, 0, 1)


def _done(took_ms=2, outcome=Outcome.ANSWERED, pdu=READ, said=None, at=SECOND):
    answered = outcome == Outcome.ANSWERED
    said = build.answer(parse_request(1, pdu), (7,)) if said is None else said
    response = build.adu(1, 1, said) if answered else b""
    return Transaction(
        1, "c", 1, "a", at, at + took_ms * MS if answered else 0, build.adu(1, 1, pdu), response, 0, outcome
    )


def _codes(watch, transactions):
    told = []
    for one in transactions:
        told += watch.take(event(one), one, one.response_at or one.request_at)
    return [oddity.code for oddity in told]


def test_an_echo_that_was_changed_on_the_way_is_told():
    forged = _done(pdu=build.write_register(5, 100), said=build.write_register(5, 101))
    assert ["wrong-answer"] == _codes(AnswerWatch(0), [forged])
    assert [] == _codes(AnswerWatch(0), [_done(pdu=build.write_register(5, 100), said=build.write_register(5, 100))])


def test_most_answers_late_are_told_once_and_a_single_one_is_not():
    watch = AnswerWatch(2 * MS)
    assert [] == _codes(watch, [_done()] * 20 + [_done(90)] + [_done()] * 20)
    assert ["slow-answers"] == _codes(watch, [_done(90)] * 30)
    assert ["slow-answers"] == _codes(watch, [_done(90, at=SECOND + AGAIN_NS)])


def test_without_a_learnt_time_nothing_is_late():
    assert [] == _codes(AnswerWatch(0), [_done(900)] * 30)


@pytest.mark.parametrize("outcome", [Outcome.TIMED_OUT, Outcome.UNKNOWN, Outcome.UNREACHABLE])
def test_answers_that_do_not_come_are_told(outcome):
    assert ["no-answers"] == _codes(AnswerWatch(0), [_done(outcome=outcome)] * RECENT)


def test_refusals_say_nothing_about_the_device():
    assert [] == _codes(AnswerWatch(0), [_done(outcome=Outcome.REFUSED)] * 30)


def test_one_silence_is_told_once_and_the_next_one_again():
    watch = AnswerWatch(0)
    (told,) = watch.old(["level", "flow"], 90 * SECOND, 100 * SECOND)
    assert ("stale", "level", 10 * SECOND) == (told.code, told.point, told.since)
    assert "level, flow: not seen for 90 s" in told.text
    assert [] == watch.old(["level"], 900 * SECOND, 1000 * SECOND)
    assert [] == watch.old([], 0, 1001 * SECOND)
    assert 1 == len(watch.old(["level"], 90 * SECOND, 2000 * SECOND))


def _reads(watch, pairs, apart=SECOND // 10):
    told, now = [], 0
    for client, value in pairs:
        now += apart
        told += watch.take("q", client, (value, 5.0), (0.1, 0.1), now)
    return told


def test_a_client_that_is_shown_something_else_again_and_again_is_told():
    assert [0] == _reads(ReaderWatch(SECOND), [("a", 1.0), ("b", 2.0)] * STREAK)


def test_a_value_that_moves_between_two_reads_is_no_contradiction():
    moving = [("ab"[at % 2], 0.15 * at) for at in range(20)]
    assert [] == _reads(ReaderWatch(SECOND), moving)


def test_reads_far_apart_and_those_of_one_client_are_not_compared():
    assert [] == _reads(ReaderWatch(SECOND), [("a", 1.0), ("b", 2.0)] * 9, apart=2 * SECOND)
    assert [] == _reads(ReaderWatch(SECOND), [("a", 1.0), ("a", 2.0)] * 9)


def test_points_without_a_learnt_step_are_not_compared():
    watch = ReaderWatch(SECOND)
    told = [
        watch.take("q", client, (value,), (0.0,), at) for at, (client, value) in enumerate([("a", 1), ("b", 9)] * 9)
    ]
    assert [] == [place for one in told for place in one]


def test_questions_are_bounded():
    watch = ReaderWatch(SECOND)
    for number in range(3 * MAX_QUESTIONS):
        watch.take(number, "a", (1.0,), (0.1,), 0)
    assert len(watch._questions) == MAX_QUESTIONS
