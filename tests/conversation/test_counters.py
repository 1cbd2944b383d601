from hypothesis import given
from hypothesis import strategies as st

from icsguard.conversation.counters import BUCKETS, Counters


def test_nothing_measured_is_zero():
    assert 0 == Counters().p99_added_us()


def test_the_99th_of_a_hundred_counts_not_the_hundredth():
    counters = Counters()
    for _ in range(99):
        counters.note_added(3_000)
    counters.note_added(900_000_000)
    assert 4 == counters.p99_added_us()


def test_two_slow_ones_in_a_hundred_show():
    counters = Counters()
    for ns in [3_000] * 98 + [20_000_000] * 2:
        counters.note_added(ns)
    assert 32768 == counters.p99_added_us()


def test_any_span_has_a_bucket():
    counters = Counters()
    for ns in (-5, 0, 1, 10**18):
        counters.note_added(ns)
    assert 4 == sum(counters.added)
    assert BUCKETS == len(counters.added)


def test_the_hot_path_counts_in_the_percentile():
    counters = Counters()
    counters.note_added(20_000_000)
    counters.hot = 1000
    assert 16 == counters.p99_added_us()
    assert 1000 == counters.transactions


@given(st.lists(st.integers(0, 10**10), min_size=1, max_size=300))
def test_at_least_99_of_100_are_below_the_percentile(spans):
    counters = Counters()
    for ns in spans:
        counters.note_added(ns)
    bound = counters.p99_added_us()
    above = sum(ns // 1000 >= bound for ns in spans if ns // 1000 < 1 << (BUCKETS - 1))
    assert above <= len(spans) / 100
