"""The units of time are whole nanoseconds and fit into each other."""

from icsguard.core import clock


def test_each_unit_is_made_of_whole_smaller_ones():
    assert (1_000, 1_000, 1_000) == (clock.US, clock.MS // clock.US, clock.SECOND // clock.MS)
    assert (60, 60, 24) == (clock.MINUTE // clock.SECOND, clock.HOUR // clock.MINUTE, clock.DAY // clock.HOUR)


def test_units_are_integers_so_that_no_time_is_ever_rounded():
    units = (clock.US, clock.MS, clock.SECOND, clock.MINUTE, clock.HOUR, clock.DAY)
    assert {int} == {type(unit) for unit in units}
