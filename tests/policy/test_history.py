from hypothesis import given
from hypothesis import strategies as st

from icsguard.core.clock import MINUTE, SECOND
from icsguard.policy.history import MAX_STEPS, History


def test_steps_are_forgotten_after_a_minute():
    history = History()
    history.add(5, 0)
    history.add(7, 30 * SECOND)

    assert [12, 7, 0] == [history.moved(MINUTE - 1), history.moved(MINUTE), history.moved(2 * MINUTE)]


@given(st.lists(st.integers(0, 100), max_size=200))
def test_a_flood_of_steps_stays_bounded_and_is_never_counted_short(distances):
    history = History()
    for at, distance in enumerate(distances):
        history.add(distance, at)

    assert len(history._steps) <= MAX_STEPS
    assert sum(distances) == history.moved(len(distances))


def test_the_oldest_of_many_steps_are_counted_as_one():
    history = History()
    for at in range(MAX_STEPS + 3):
        history.add(1, at)

    assert MAX_STEPS == len(history._steps)
    assert MAX_STEPS + 3 == history.moved(MAX_STEPS)
