import pytest
from hypothesis import given
from hypothesis import strategies as st

from icsguard.core.clock import SECOND
from icsguard.core.meaning import Change, Table
from icsguard.core.point import DataType, Point
from icsguard.twin.image import FROZEN_LEAST, Habit, Image

POINTS = (
    Point("level", 1, Table.INPUT, 0, scale=0.001),
    Point("setpoint", 1, Table.HOLDING, 0, scale=0.1),
    Point("dose", 1, Table.HOLDING, 10, DataType.F32),
    Point("pump", 1, Table.COIL, 3, DataType.BOOL),
)
LEVEL, SETPOINT, DOSE, PUMP = range(4)


@pytest.fixture
def image():
    return Image(POINTS, {SETPOINT: Habit(keeps=True, by_writes_only=True), LEVEL: Habit(longest_run=3)})


def _read(image, table, first, values, at=1, asked=None):
    now = at * SECOND
    return image.read(1, table, first, values, asked=now if asked is None else asked * SECOND, now=now)


def test_a_read_sets_value_and_age(image):
    _read(image, Table.INPUT, 0, (1500,))
    assert image.cells[LEVEL].value == pytest.approx(1.5)
    assert image.age(LEVEL, 4 * SECOND) == 3 * SECOND
    assert image.quality(LEVEL, 4 * SECOND) == "good"
    assert image.quality(LEVEL, 400 * SECOND) == "stale"


def test_what_nobody_read_is_unknown(image):
    assert image.age(PUMP, SECOND) is None
    assert image.quality(PUMP, SECOND) == "unknown"


def test_a_point_is_known_when_all_its_words_are(image):
    _read(image, Table.HOLDING, 10, (0x3F80,))
    assert image.cells[DOSE].value is None
    _read(image, Table.HOLDING, 11, (0,))
    assert image.cells[DOSE].value == 1.0


def test_words_that_hold_no_number_leave_the_value_as_it_was(image):
    _read(image, Table.HOLDING, 10, (0x3F80, 0))
    _read(image, Table.HOLDING, 10, (0x7FC0, 0))
    assert image.cells[DOSE].value == 1.0


def test_a_write_that_is_kept_is_no_deviation(image):
    image.written(1, Change(Table.HOLDING, 0, (200,)), SECOND)
    assert _read(image, Table.HOLDING, 0, (200,), at=2) == []


def test_a_write_that_the_device_ignores_is_told(image):
    _read(image, Table.HOLDING, 0, (100,))
    image.written(1, Change(Table.HOLDING, 0, (200,)), 2 * SECOND)
    (found,) = _read(image, Table.HOLDING, 0, (100,), at=3)
    assert ("write-not-effective", 10.0, 20.0) == (found.code, found.seen, found.expected)


def test_a_read_asked_before_the_write_proves_nothing(image):
    _read(image, Table.HOLDING, 0, (100,))
    image.written(1, Change(Table.HOLDING, 0, (200,)), 3 * SECOND)
    assert _read(image, Table.HOLDING, 0, (100,), at=4, asked=2) == []


def test_a_change_without_a_write_is_told(image):
    _read(image, Table.HOLDING, 0, (100,))
    (found,) = _read(image, Table.HOLDING, 0, (150,), at=2)
    assert found.code == "changed-without-write"
    assert image.quality(SETPOINT, 2 * SECOND) == "changed-without-write"


def test_after_a_write_of_unknown_outcome_anything_may_be_read(image):
    _read(image, Table.HOLDING, 0, (100,))
    image.unknown(1, Change(Table.HOLDING, 0, (200,)))
    assert image.quality(SETPOINT, SECOND) == "unknown"
    assert _read(image, Table.HOLDING, 0, (170,), at=2) == []


def test_a_point_without_such_habits_may_change_by_itself(image):
    _read(image, Table.COIL, 3, (0,))
    assert _read(image, Table.COIL, 3, (1,), at=2) == []


@pytest.mark.parametrize(
    ("longest", "reads", "told"), [(0, 1000, 0), (3, 30_000, FROZEN_LEAST), (20, 30_000, 31), (20, 300, 39)]
)
def test_the_longest_run_of_a_short_recording_says_less(longest, reads, told):
    assert told == Habit(longest_run=longest, reads=reads).frozen_after


def test_a_sensor_that_stands_still_far_too_long_is_told_once(image):
    told = []
    for at in range(1, 3 * FROZEN_LEAST):
        told += _read(image, Table.INPUT, 0, (1500,), at=at)
    assert ["frozen"] == [one.code for one in told]
    assert image.quality(LEVEL, 3 * FROZEN_LEAST * SECOND) == "frozen"
    _read(image, Table.INPUT, 0, (1501,), at=100)
    assert image.quality(LEVEL, 100 * SECOND) == "good"


def test_a_mask_write_keeps_the_bits_that_it_keeps(image):
    _read(image, Table.HOLDING, 0, (0x12,))
    image.written(1, Change(Table.HOLDING, 0, (0x25,), keep=0xF2), SECOND)
    assert image.cells[SETPOINT].words == [0x17]


def test_a_mask_write_on_an_unknown_word_has_no_known_result(image):
    assert [(SETPOINT, None)] == image.preview(1, Change(Table.HOLDING, 0, (0x25,), keep=0xF2))


def test_a_preview_changes_nothing(image):
    _read(image, Table.HOLDING, 0, (100,))
    assert [(SETPOINT, 50.0)] == image.preview(1, Change(Table.HOLDING, 0, (500,)))
    assert image.cells[SETPOINT].value == 10.0


@given(
    st.lists(
        st.tuples(
            st.sampled_from([Table.COIL, Table.INPUT, Table.HOLDING]),
            st.integers(0, 40),
            st.lists(st.integers(0, 0xFFFF), min_size=1, max_size=20),
            st.booleans(),
        ),
        max_size=30,
    )
)
def test_any_traffic_keeps_the_image_whole(events):
    image = Image(POINTS, dict.fromkeys(range(4), Habit(keeps=True, by_writes_only=True, longest_run=1)))
    for at, (table, first, values, write) in enumerate(events):
        if write:
            image.written(1, Change(table, first, tuple(values)), at)
        else:
            image.read(1, table, first, values, asked=at, now=at)
    for cell, point in zip(image.cells, POINTS, strict=True):
        assert len(cell.words) == point.words
