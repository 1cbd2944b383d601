"""A sum over a window that slides."""

import math

from hypothesis import given
from hypothesis import strategies as st

from icsguard.detect.sliding import SlidingSum

STEPS = st.lists(st.tuples(st.integers(0, 5), st.integers(-100, 100), st.booleans()), max_size=80)


def test_what_is_older_than_the_window_no_longer_counts():
    window = SlidingSum(10)
    for at in range(5):
        window.add(at, 1.0)
    window.expire(before=3)
    assert 2.0 == window.total
    assert 2 == len(window)


def test_the_oldest_leaves_early_where_too_many_are_held():
    window = SlidingSum(3)
    for at in range(1, 6):
        window.add(at, float(at))
    assert 3 == len(window)
    assert 3.0 + 4.0 + 5.0 == window.total


def test_an_infinite_amount_leaves_nothing_behind():
    window = SlidingSum(10)
    window.add(0, math.inf)
    window.add(1, 1e300)
    window.add(2, 0.25)
    assert math.inf == window.total
    window.expire(before=2)
    assert 0.25 == window.total


def test_nothing_held_sums_to_nothing():
    window = SlidingSum(1)
    window.expire(before=7)
    assert 0.0 == window.total
    assert not window


@given(STEPS)
def test_it_is_the_sum_of_what_a_plain_list_would_hold(steps):
    window, plain, now = SlidingSum(20), [], 0
    for later, amount, expires in steps:
        now += later
        if expires:
            window.expire(now - 6)
            plain = [held for held in plain if held[0] >= now - 6]
        window.add(now, float(amount))
        plain = [*plain, (now, amount)][-20:]
        assert sum(amount for _, amount in plain) == window.total
        assert len(plain) == len(window)
