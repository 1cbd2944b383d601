from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from icsguard.config.moments import zone_shifts
from icsguard.core.clock import MINUTE, SECOND
from icsguard.policy.rules import Window
from icsguard.policy.windows import FOREVER, Calendar, Hours


def ns(text):
    return int(datetime.fromisoformat(text).timestamp()) * SECOND


def hours(*windows, zone="UTC"):
    return Hours(windows, Calendar(zone_shifts(zone)))


WORK = Window((0, 1, 2, 3, 4), 360, 1080)
NIGHT = Window((6,), 1320, 360)


@pytest.mark.parametrize(
    ("moment", "is_open"),
    [
        ("2026-11-20T05:59:59+00:00", False),
        ("2026-11-20T06:00:00+00:00", True),
        ("2026-11-20T17:59:59+00:00", True),
        ("2026-11-20T18:00:00+00:00", False),
        ("2026-11-21T12:00:00+00:00", False),
    ],
)
def test_a_window_opens_on_its_days_and_hours(moment, is_open):
    assert is_open is hours(WORK).is_open(ns(moment))


def test_a_window_over_midnight_belongs_to_the_day_on_which_it_opens():
    assert hours(NIGHT).is_open(ns("2026-11-22T23:00:00+00:00"))
    assert hours(NIGHT).is_open(ns("2026-11-23T05:59:00+00:00"))
    assert not hours(NIGHT).is_open(ns("2026-11-22T05:00:00+00:00"))


def test_local_time_follows_daylight_saving():
    berlin = hours(WORK, zone="Europe/Berlin")

    assert berlin.is_open(ns("2026-07-06T04:00:00+00:00"))
    assert not berlin.is_open(ns("2026-12-07T04:00:00+00:00"))
    assert berlin.is_open(ns("2026-12-07T05:00:00+00:00"))


def test_the_next_edge_is_never_beyond_a_shift_of_local_time():
    before = ns("2026-10-24T20:00:00+00:00")

    assert ns("2026-10-25T01:00:00+00:00") == hours(WORK, zone="Europe/Berlin").next_edge(before)


@given(st.integers(ns("2026-01-01T00:00:00+00:00"), ns("2027-01-01T00:00:00+00:00")), st.sampled_from([WORK, NIGHT]))
def test_nothing_changes_before_the_next_edge(wall, window):
    found = hours(window, zone="Europe/Berlin")
    edge = found.next_edge(wall)

    assert edge > wall
    step = max((edge - wall) // 50, MINUTE)
    assert {found.is_open(wall)} == {found.is_open(at) for at in range(wall, edge, step)}


@given(st.integers(ns("2021-01-01T00:00:00+00:00"), ns("2059-12-01T00:00:00+00:00")))
def test_the_table_of_shifts_agrees_with_the_time_zone_database(wall):
    local = datetime.fromtimestamp(wall // SECOND, UTC).astimezone(ZoneInfo("America/New_York"))
    minute = local.weekday() * 1440 + local.hour * 60 + local.minute

    assert minute == Calendar(zone_shifts("America/New_York")).minute_of_week(wall)


def test_utc_never_shifts():
    assert FOREVER == Calendar().shift_after(0)
