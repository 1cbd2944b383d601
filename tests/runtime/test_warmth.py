import asyncio

import pytest

from icsguard.core.clock import SECOND
from icsguard.core.decision import Decision
from icsguard.core.transaction import Opinion, Question
from icsguard.runtime import warmth as module
from icsguard.runtime.warmth import OFTEN_NS, Warmth

TURN_S = 0.003


def question(number, at=0):
    return Question(number, "cell", 1, "127.0.0.1", at, b"request")


class Answering:
    """Counts what is rehearsed."""

    def __init__(self) -> None:
        self.seen: list[Question] = []

    def __call__(self, asked: Question) -> Opinion:
        self.seen.append(asked)
        return Opinion(asked.number, Decision.ALLOW, (), "")


@pytest.fixture
def answering():
    return Answering()


@pytest.fixture
async def warmth(answering, monkeypatch):
    monkeypatch.setattr(module, "EVERY_S", 0.0)
    made = Warmth(answering)
    yield made
    made.stop()


async def turns(count):
    for _ in range(count):
        await asyncio.sleep(TURN_S)


async def test_one_question_alone_is_no_reason_to_keep_warm(warmth, answering):
    warmth.asked(question(1, 10 * SECOND))
    await turns(3)
    assert [] == answering.seen


async def test_questions_a_second_apart_are_not_often(warmth, answering):
    warmth.asked(question(1, 10 * SECOND))
    warmth.asked(question(2, 10 * SECOND + OFTEN_NS))
    await turns(3)
    assert [] == answering.seen


async def test_the_last_of_many_questions_is_rehearsed_while_none_comes(warmth, answering, wait_until):
    for number in (1, 2, 3):
        warmth.asked(question(number, 10 * SECOND + number))
    await wait_until(lambda: len(answering.seen) > 1)
    assert {question(3, 10 * SECOND + 3)} == set(answering.seen)


async def test_rehearsing_ends_when_no_more_questions_come(warmth, answering, wait_until, monkeypatch):
    monkeypatch.setattr(module, "MOST", 5)
    warmth.asked(question(1, 10 * SECOND))
    warmth.asked(question(2, 10 * SECOND + 1))
    await wait_until(lambda: len(answering.seen) == 5)
    await turns(3)
    assert 5 == len(answering.seen)
    warmth.asked(question(3, 10 * SECOND + 2))
    await wait_until(lambda: len(answering.seen) == 10)


async def test_what_was_just_asked_is_not_rehearsed_as_well(warmth, answering):
    warmth.asked(question(1, 10 * SECOND))
    warmth.asked(question(2, 10 * SECOND + 1))
    await asyncio.sleep(0)
    assert [] == answering.seen


async def test_an_answer_that_fails_is_not_rehearsed_again(answering, warmth, wait_until):
    failed = []

    def fail(asked):
        failed.append(asked)
        raise RuntimeError("a bug while judging")

    warmth = Warmth(fail)
    warmth.asked(question(1, 10 * SECOND))
    warmth.asked(question(2, 10 * SECOND + 1))
    await wait_until(lambda: failed)
    await turns(3)
    assert 1 == len(failed)


async def test_after_the_stop_nothing_is_rehearsed(warmth, answering):
    warmth.asked(question(1, 10 * SECOND))
    warmth.asked(question(2, 10 * SECOND + 1))
    warmth.stop()
    await turns(3)
    assert [] == answering.seen
