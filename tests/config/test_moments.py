from datetime import UTC, datetime

import pytest

from icsguard.config.moments import parse_moment, parse_rate, parse_window, zone_shifts
from icsguard.core.clock import HOUR, MINUTE, SECOND
from icsguard.policy.rules import Rate, Window


@pytest.mark.parametrize(
    ("text", "rate"),
    [
        ("10/s", Rate(10, SECOND)),
        ("6 / min", Rate(6, MINUTE)),
        ("100/h", Rate(100, HOUR)),
        ("3/20s", Rate(3, 20 * SECOND)),
    ],
)
def test_rates_are_read_as_they_are_written(text, rate):
    assert rate == parse_rate(text)


@pytest.mark.parametrize("text", ["10", "0/s", "10/0s", "1.5/s", "10/d", ""])
def test_what_is_no_rate_says_what_to_write(text):
    with pytest.raises(ValueError, match="as in 10/s"):
        parse_rate(text)


@pytest.mark.parametrize(
    ("text", "window"),
    [
        ("Mon-Fri 06:00-18:00", Window((0, 1, 2, 3, 4), 360, 1080)),
        ("Sat,Sun 00:00-24:00", Window((5, 6), 0, 1440)),
        ("fri-mon 22:00-06:00", Window((0, 4, 5, 6), 1320, 360)),
        ("06:00-07:30", Window((0, 1, 2, 3, 4, 5, 6), 360, 450)),
    ],
)
def test_windows_are_read_as_they_are_written(text, window):
    assert window == parse_window(text)


@pytest.mark.parametrize(
    "text", ["Mo 6-7", "Mon 25:00-26:00", "Mon 06:60-07:00", "Mon 06:00-06:00", "Mon-Foo 06:00-07:00", ""]
)
def test_what_is_no_window_is_an_error(text):
    with pytest.raises(ValueError, match=r"window|hours|days"):
        parse_window(text)


def test_moments_have_a_time_zone():
    assert 1_795_284_000 * SECOND == parse_moment("2026-11-21T18:00:00Z")
    assert 1_795_284_000 * SECOND == parse_moment("2026-11-21T19:00:00+01:00")
    assert 1_795_284_000 * SECOND == parse_moment(datetime(2026, 11, 21, 18, tzinfo=UTC))
    with pytest.raises(ValueError, match="no time zone"):
        parse_moment("2026-11-21T18:00:00")
    with pytest.raises(ValueError, match="is no time"):
        parse_moment("tomorrow")


def test_a_zone_without_shifts_has_one_offset():
    assert () == zone_shifts("UTC")
    assert [19_800] == [shift.offset_s for shift in zone_shifts("Asia/Kolkata")]


@pytest.mark.parametrize("name", ["Europe/Berlinn", "../etc/passwd", "", "/etc/localtime", "a\0b"])
def test_an_unknown_zone_is_an_error(name):
    with pytest.raises(ValueError, match="no time zone"):
        zone_shifts(name)
