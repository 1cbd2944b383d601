"""A lesson keeps statistics by the hour, survives its file, and refuses one that is not a lesson."""

import numpy as np
import pytest

from icsguard.core.clock import HOUR
from icsguard.inference.api import ModelRefusedError
from icsguard.learn.lesson import MAX_BYTES, MAX_SEGMENTS, Taught, decode, encode, lesson_of, segment_ns
from icsguard.twin.grams import distance

START = 1_700_000 * HOUR // 1_000
STEP = HOUR // 60


@pytest.fixture
def taught():
    noise = np.random.default_rng(1)
    rows = np.column_stack([noise.normal(50, 5, 300), noise.normal(-3, 0.1, 300), noise.integers(0, 2, 300)])
    begin = START - START % HOUR
    times = [begin + number * STEP for number in range(300)]
    return Taught(
        ("level", "flow", "pump"), ("level", "flow"), (2,), [rows[:150], rows[150:]], [times[:150], times[150:]]
    )


def test_each_hour_has_its_rows_by_mode(taught):
    lesson = lesson_of(taught)
    assert [60] * 5 == [one.rows for one in lesson.segments]
    assert {(0,), (1,)} == set(lesson.segments[0].grams)
    assert 300 == lesson.total().rows


def test_segments_are_found_by_time(taught):
    lesson = lesson_of(taught)
    first = lesson.segments[0].begin
    assert lesson.segments[1:3] == lesson.within(first + HOUR, first + 2 * HOUR + 1)
    assert () == lesson.within(first - HOUR, first)


def test_a_lesson_survives_its_file(taught):
    lesson = lesson_of(taught)
    again = decode(encode(lesson))
    assert (lesson.names, lesson.measured) == (again.names, again.measured)
    for one, other in zip(lesson.segments, again.segments, strict=True):
        assert (one.begin, one.end, one.grams.keys()) == (other.begin, other.end, other.grams.keys())
        assert distance(lesson.total([one]), again.total([other])) == 0.0


@pytest.mark.parametrize("data", [b"", b"\x90", b"\x93\xa1x\x90\xc4\x00", b"x" * 100])
def test_what_is_no_lesson_is_refused(data):
    with pytest.raises(ModelRefusedError):
        decode(data)


def test_a_lesson_of_another_version_or_of_another_size_is_refused(taught, monkeypatch):
    data = encode(lesson_of(taught))
    with pytest.raises(ModelRefusedError, match="expected"):
        decode(data.replace(b"icsguard.lesson/1", b"icsguard.lesson/9"))
    monkeypatch.setattr("icsguard.learn.lesson.MAX_BYTES", 10)
    with pytest.raises(ModelRefusedError, match="at most"):
        decode(data)
    assert MAX_BYTES > 10


def test_a_long_recording_has_longer_segments():
    assert HOUR == segment_ns(0, 100 * HOUR)
    length = segment_ns(0, 10_000 * HOUR)
    assert length % HOUR == 0
    assert 10_000 * HOUR / length <= MAX_SEGMENTS
