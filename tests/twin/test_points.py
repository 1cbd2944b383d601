from icsguard.core.meaning import Table
from icsguard.core.point import DataType, Point
from icsguard.twin.points import MAX_POINTS, MAX_SHAPES, Hit, PointBook

POINTS = (
    Point("a", 1, Table.HOLDING, 10),
    Point("wide", 1, Table.HOLDING, 11, DataType.F32),
    Point("far", 1, Table.HOLDING, 100, DataType.U64),
    Point("bit", 1, Table.COIL, 10, DataType.BOOL),
)


def test_a_run_finds_the_points_in_it():
    book = PointBook(POINTS)
    assert (Hit(0, 0, 0, 1), Hit(1, 0, 1, 2)) == book.hits(1, Table.HOLDING, 10, 3)


def test_a_run_that_holds_half_a_point_says_which_half():
    book = PointBook(POINTS)
    assert (Hit(1, 1, 0, 1),) == book.hits(1, Table.HOLDING, 12, 1)
    assert (Hit(2, 2, 0, 2),) == book.hits(1, Table.HOLDING, 102, 5)


def test_another_unit_or_table_has_its_own_points():
    book = PointBook(POINTS)
    assert book.hits(2, Table.HOLDING, 0, 125) == ()
    assert (Hit(3, 0, 10, 1),) == book.hits(1, Table.COIL, 0, 20)


def test_a_scan_of_many_shapes_does_not_grow_the_book():
    book = PointBook(POINTS)
    for first in range(3 * MAX_SHAPES):
        book.hits(1, Table.HOLDING, first, 1)
    assert len(book._shapes) <= MAX_SHAPES


def test_a_list_beyond_the_bound_is_cut_and_said():
    book = PointBook([Point(f"p{i}", 1, Table.INPUT, i) for i in range(MAX_POINTS + 3)])
    assert MAX_POINTS == len(book.points)
    assert book.left_out == 3
