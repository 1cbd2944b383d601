"""Address ranges hold only what exists: 65536 elements, both ends included."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from icsguard.core.ids import MAX_ADDRESS, AddressRange

ADDRESSES = st.integers(0, MAX_ADDRESS)
RANGES = st.tuples(ADDRESSES, ADDRESSES).map(lambda ends: AddressRange(min(ends), max(ends)))


def test_a_range_includes_both_ends():
    assert AddressRange(500, 600) == AddressRange.of(500, 101)
    assert AddressRange(500, 600).count == 101


def test_a_range_may_be_the_whole_table():
    assert AddressRange(0, MAX_ADDRESS) == AddressRange.of(0, 65536)


def test_a_range_of_one_needs_no_count():
    assert AddressRange(7, 7) == AddressRange.of(7)


@pytest.mark.parametrize(("first", "count"), [(-1, 1), (0, 0), (0, -5), (65536, 1), (65535, 2), (0, 65537)])
def test_a_range_that_does_not_exist_cannot_be_built(first, count):
    with pytest.raises(ValueError, match=f"no address range of {count} elements starts at {first}"):
        AddressRange.of(first, count)


@given(RANGES, RANGES)
def test_ranges_overlap_where_they_share_an_element(one, other):
    shared = max(one.first, other.first) <= min(one.last, other.last)
    assert shared == one.overlaps(other) == other.overlaps(one)


@given(RANGES, RANGES)
def test_a_range_covers_what_has_no_element_outside_of_it(one, other):
    outside = other.first < one.first or other.last > one.last
    assert (not outside) == one.covers(other)


@given(RANGES)
def test_every_range_covers_and_overlaps_itself(span):
    assert span.covers(span)
    assert span.overlaps(span)
