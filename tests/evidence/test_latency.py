import pytest
from hypothesis import given
from hypothesis import strategies as st

from icsguard.evidence.latency import MAX_US, Latency


def test_nothing_counted_is_zero():
    assert 0 == Latency().percentile(99)


def test_a_hundred_durations_have_their_percentiles():
    latency = Latency()
    for micro in range(1, 101):
        latency.add(micro)
    assert 100 == latency.count
    assert latency.percentile(50) == pytest.approx(50, rel=1 / 16)
    assert latency.percentile(99) == pytest.approx(99, rel=1 / 16)


def test_durations_beyond_every_bound_count_as_the_bound():
    latency = Latency()
    latency.add(-5)
    latency.add(10**30)
    assert 0 == latency.percentile(50)
    assert MAX_US == latency.percentile(100)


@given(st.integers(0, MAX_US))
def test_a_percentile_is_never_below_and_at_most_a_sixteenth_above(micro):
    latency = Latency()
    latency.add(micro)
    assert micro <= latency.percentile(50) <= micro * 17 / 16 + 1


@given(st.lists(st.integers(0, MAX_US), max_size=500))
def test_memory_is_bounded_whatever_is_counted(durations):
    latency = Latency()
    for micro in durations:
        latency.add(micro)
    assert len(latency._buckets) <= 32 * 32
