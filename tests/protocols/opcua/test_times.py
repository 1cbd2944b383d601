"""Ticks and nanoseconds."""

import pytest

from icsguard.protocols.opcua.times import MAX_TICKS, ns_of, ticks_of


def test_the_epoch_has_its_ticks():
    assert 116_444_736_000_000_000 == ticks_of(0)
    assert 0 == ns_of(ticks_of(0))


def test_a_moment_survives_to_100_ns():
    assert 1_790_000_000_123_456_700 == ns_of(ticks_of(1_790_000_000_123_456_789))


@pytest.mark.parametrize("ticks", [None, 0, -5, MAX_TICKS])
def test_what_names_no_moment_is_none(ticks):
    assert ns_of(ticks) is None


def test_no_moment_lies_outside_of_the_type():
    assert (0, MAX_TICKS) == (ticks_of(-(10**30)), ticks_of(10**30))
