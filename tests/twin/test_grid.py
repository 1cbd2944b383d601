from icsguard.core.clock import SECOND
from icsguard.core.meaning import Table
from icsguard.core.point import Point
from icsguard.twin.grid import MAX_CATCH_UP, NEVER, Grid
from icsguard.twin.image import Image

POINTS = (Point("a", 1, Table.INPUT, 0), Point("b", 1, Table.HOLDING, 0))


def _fed(image, grid, at_s, value):
    now = int(at_s * SECOND)
    rows = grid.advance(image, now)
    image.read(1, Table.INPUT, 0, (value,), asked=now, now=now)
    image.read(1, Table.HOLDING, 0, (7,), asked=now, now=now)
    return rows


def test_rows_hold_what_was_known_at_their_moment():
    image, grid = Image(POINTS), Grid(SECOND, (0, 1), (10 * SECOND, 10 * SECOND))
    rows = [row for at in range(10) for row in _fed(image, grid, 100.5 + at, at)]
    assert [0.0, 1.0, 2.0] == [row.values[0] for row in rows[:3]]
    assert [101, 102, 103] == [row.at // SECOND for row in rows[:3]]
    assert [False, True, True] == [row.follows for row in rows[:3]]


def test_no_row_is_made_of_a_value_that_is_too_old():
    image, grid = Image(POINTS), Grid(SECOND, (0, 1), (2 * SECOND, NEVER))
    _fed(image, grid, 100.5, 1)
    rows = grid.advance(image, int(104.5 * SECOND))
    assert [101, 102] == [row.at // SECOND for row in rows]


def test_a_silence_is_a_gap():
    image, grid = Image(POINTS), Grid(SECOND, (0, 1), (NEVER, NEVER))
    for at in (100.5, 101.5, 102.5):
        _fed(image, grid, at, 1)
    rows = _fed(image, grid, 103 + 5 * MAX_CATCH_UP, 2)
    assert len(rows) <= 1
    assert all(not row.follows for row in rows)


def test_an_unknown_point_makes_no_rows():
    image, grid = Image(POINTS), Grid(SECOND, (0, 1), (NEVER, NEVER))
    image.read(1, Table.INPUT, 0, (1,), asked=SECOND, now=SECOND)
    grid.advance(image, SECOND)
    assert grid.advance(image, 3 * SECOND) == []
