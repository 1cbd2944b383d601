import pytest

from icsguard.runtime.in_turns import AT_ONCE, PAUSE_S, InTurns


class Loop:
    """Timers that a test lets ring."""

    def __init__(self):
        self.timers = []

    def call_later(self, seconds, callback):
        assert PAUSE_S == seconds
        self.timers.append(callback)

    def ring(self):
        timers, self.timers = self.timers, []
        for callback in timers:
            callback()


@pytest.fixture
def loop():
    return Loop()


@pytest.fixture
def turns(loop):
    return InTurns(loop)


def test_a_few_steps_are_done_at_once(turns):
    done = []
    for number in range(AT_ONCE):
        turns.take(lambda number=number: done.append(number))
    assert list(range(AT_ONCE)) == done


def test_more_wait_for_the_next_turns_and_keep_their_order(turns, loop):
    done, many = [], 3 * AT_ONCE + 1
    for number in range(many):
        turns.take(lambda number=number: done.append(number))
    for turn in range(1, 5):
        assert list(range(min(many, turn * AT_ONCE))) == done
        loop.ring()
    assert list(range(many)) == done
    loop.ring()
    assert [] == loop.timers


@pytest.mark.parametrize("many", range(1, 4 * AT_ONCE))
def test_whoever_comes_after_any_number_of_steps_is_not_forgotten(turns, loop, many):
    done = []
    for number in range(many):
        turns.take(lambda number=number: done.append(number))
    while len(done) < many:
        loop.ring()
    turns.take(lambda: done.append("later"))
    loop.ring()
    assert "later" == done[-1]


def test_a_step_that_fails_keeps_nobody(turns, loop):
    def fail():
        raise RuntimeError(why)

    done, why = [], "a step fails"
    for number in range(AT_ONCE):
        turns.take(lambda number=number: done.append(number))
    turns.take(fail)
    turns.take(lambda: done.append("next"))
    with pytest.raises(RuntimeError, match=why):
        loop.ring()
    loop.ring()
    assert "next" == done[-1]


def test_a_step_does_not_overtake_those_that_wait(turns, loop):
    done = []
    for number in range(AT_ONCE + 1):
        turns.take(lambda number=number: done.append(number))
    turns._done = 0
    turns.take(lambda: done.append("last"))
    loop.ring()
    assert [*range(AT_ONCE + 1), "last"] == done


def test_after_a_pause_steps_are_done_at_once_again(turns, loop):
    done = []
    for number in range(AT_ONCE):
        turns.take(lambda number=number: done.append(number))
    loop.ring()
    turns.take(lambda: done.append("new"))
    assert "new" == done[-1]


def test_in_a_hurry_nothing_waits(turns, loop):
    done = []
    for number in range(3 * AT_ONCE):
        turns.take(lambda number=number: done.append(number))
    turns.hurry()
    assert list(range(3 * AT_ONCE)) == done
    turns.take(lambda: done.append("late"))
    assert "late" == done[-1]
    loop.ring()
    assert [] == loop.timers


def test_who_needs_room_does_steps_ahead_of_their_turn_and_no_more_than_that(turns):
    done = []
    for number in range(3 * AT_ONCE):
        turns.take(lambda number=number: done.append(number))
    turns.until(lambda: len(done) >= AT_ONCE + 2)
    assert list(range(AT_ONCE + 2)) == done
