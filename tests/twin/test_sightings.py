"""What a server says of its values beside the values: quality, and time."""

import pytest

from icsguard.core.clock import SECOND
from icsguard.core.live import PointState
from icsguard.protocols.opcua.builtin import DataValue, Variant
from icsguard.protocols.opcua.times import MAX_TICKS, ticks_of
from icsguard.twin.sightings import REMIND_NS, Sightings

NOW = 1_794_800_000 * SECOND
SHIFT = 3600 * SECOND
"""The wall clock was set forward since the gateway started."""


@pytest.fixture
def sightings():
    return Sightings()


def value(seconds, status=None):
    """Return a value whose source took it so many seconds from now."""
    return DataValue(Variant(11, 1.0), status, ticks_of(NOW + SHIFT + int(seconds * SECOND)))


def state(quality="good"):
    return PointState("mixer", "speed", "rpm", 1.0, 100, quality)


@pytest.mark.parametrize(("seconds", "at"), [(-5, -5), (-1.5, -1.5), (0, 0), (5, 5), (-3600, 0), (5.1, 0)])
def test_a_source_is_believed_while_it_is_near(sightings, seconds, at):
    sightings.saw("speed", value(seconds), NOW, SHIFT)
    assert NOW + int(at * SECOND) == sightings.of("speed").at


@pytest.mark.parametrize("ticks", [None, 0, MAX_TICKS])
def test_without_a_source_time_the_arrival_counts(sightings, ticks):
    sightings.saw("speed", DataValue(None, None, ticks), NOW, SHIFT)
    assert (0, NOW) == sightings.of("speed")
    assert sightings.skew() is None


def test_a_source_ahead_is_told_and_an_old_value_is_not(sightings):
    sightings.saw("speed", value(-3600), NOW, SHIFT)
    assert sightings.skew() is None
    sightings.saw("speed", value(8), NOW, SHIFT)
    sightings.saw("level", value(6), NOW, SHIFT)
    assert (8 * SECOND, "speed", NOW) == sightings.skew()


@pytest.mark.parametrize(("seconds", "told"), [(4, False), (-4, False), (7, True), (-7, True)])
def test_the_clock_of_a_server_is_in_the_header_of_its_answers(sightings, seconds, told):
    sightings.heard(ticks_of(NOW + SHIFT + seconds * SECOND), NOW, SHIFT)
    found = sightings.skew()
    assert (seconds * SECOND if told else None) == (found and found.offset_ns)


def test_a_skew_is_told_once_a_minute(sightings):
    told = 0
    for second in range(150):
        now = NOW + second * SECOND
        sightings.heard(ticks_of(now - 60 * SECOND), now, 0)
        told += sightings.skew() is not None
    assert 3 == told
    assert 60 * SECOND == REMIND_NS


def test_the_bound_is_configured():
    sightings = Sightings(20 * SECOND)
    sightings.saw("speed", value(15), NOW, SHIFT)
    assert (NOW + 15 * SECOND, None) == (sightings.of("speed").at, sightings.skew())


@pytest.mark.parametrize(
    ("status", "before", "after"),
    [
        (0, "good", "good"),
        (0, "stale", "stale"),
        (0x80050000, "good", "bad: 0x80050000 BadCommunicationError"),
        (0x80310000, "unknown", "bad: 0x80310000"),
        (0x40920000, "good", "uncertain: 0x40920000"),
        (0x40920000, "frozen", "frozen"),
    ],
)
def test_what_the_server_says_of_a_value_is_shown_with_its_raw_code(sightings, status, before, after):
    sightings.saw("speed", value(-2, status), NOW, SHIFT)
    shown = sightings.qualified(state(before), NOW + SECOND)
    assert (after, status, 3000) == (shown.quality, shown.status, shown.source_age_ms)


def test_of_points_never_seen_nothing_is_said(sightings):
    assert state() == sightings.qualified(state(), NOW)


def test_a_value_is_younger_only_where_its_source_says_so(sightings):
    assert not sightings.is_younger("speed", value(1), SHIFT)
    sightings.saw("speed", value(0), NOW, SHIFT)
    assert [True, False, False] == [sightings.is_younger("speed", value(seconds), SHIFT) for seconds in (1, 0, -1)]
    assert not sightings.is_younger("speed", DataValue(), SHIFT)


def test_points_that_left_the_list_are_forgotten(sightings):
    sightings.saw("speed", value(0), NOW, SHIFT)
    sightings.keep_only(["level"])
    assert sightings.of("speed") is None
