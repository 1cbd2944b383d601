import math

import pytest

from icsguard.learn.bounds import upper_bound


def exact_tail(hits: int, count: int, share: float) -> float:
    return sum(math.comb(count, k) * share**k * (1 - share) ** (count - k) for k in range(hits + 1))


@pytest.mark.parametrize(("hits", "count"), [(0, 1), (0, 10), (1, 10), (3, 50), (49, 50), (7, 400), (200, 400)])
def test_at_the_bound_so_few_hits_are_seen_in_one_of_twenty_trials(hits, count):
    assert 0.05 == pytest.approx(exact_tail(hits, count, upper_bound(hits, count)), rel=1e-6)


def test_without_a_hit_it_is_the_rule_of_three():
    assert 3 / 100_000 == pytest.approx(upper_bound(0, 100_000), rel=0.01)


def test_large_counts_are_no_trouble():
    assert 0.5 < upper_bound(5_000_000, 10_000_000) < 0.501
    assert upper_bound(1, 10**9) == pytest.approx(4.744e-9, rel=1e-3)


@pytest.mark.parametrize(("hits", "count"), [(0, 0), (5, 5)])
def test_where_nothing_is_known_everything_is_possible(hits, count):
    assert 1.0 == upper_bound(hits, count)
