from datetime import UTC

from icsguard.cli.moments import date_and_time, time_of_day
from icsguard.core.clock import HOUR, SECOND

AT = 1_795_171_327 * SECOND


def test_a_moment_reads_as_the_wall_clock_shows_it():
    assert ("10:42:07", "2026-11-20 10:42:07") == (time_of_day(AT, 0, UTC), date_and_time(AT, 0, UTC))


def test_the_shift_between_the_clocks_is_added():
    assert "11:42:07" == time_of_day(AT, HOUR, UTC)
