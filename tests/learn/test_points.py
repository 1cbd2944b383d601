import pytest

from icsguard.core.clock import SECOND
from icsguard.core.meaning import Table
from icsguard.core.point import DataType, Limits, Point, PointKind
from icsguard.learn import points as points_module
from icsguard.learn.points import PointBook
from icsguard.learn.seen import Element, Evidence, Habit, Seen, Values

HABIT = Habit("10.0.0.21", 1, 6, -1)


@pytest.fixture
def seen():
    return Seen(SECOND)


@pytest.fixture
def write(seen):
    def take(address: int, *values: int, table: Table = Table.HOLDING) -> None:
        element = Element(1, table, address)
        seen.writes[HABIT, element] = Evidence()
        for value in values:
            seen.written.setdefault(element, Values()).add(value)

    return take


def test_every_element_that_was_written_or_reported_gets_a_point(seen, write):
    write(5, 10, 20)
    seen.values[Element(1, Table.INPUT, 3)] = Values(7, 9, 7, 9, 0, 2)
    first, second = PointBook((), seen, 0.0).points()
    assert [("u1_input_3", Table.INPUT), ("u1_holding_5", Table.HOLDING)] == [
        (one.point.name, one.point.table) for one in (first, second)
    ]
    assert "seen, not named; the device reported 7 to 9" == first.note
    assert "seen, not named, values 10 to 20" == second.note


def test_limits_are_proposed_from_what_was_written_with_a_margin_inside_the_type(seen, write):
    write(5, 100, 200)
    write(6, 0, 30_000, 65_535)
    write(7, 50)
    first, second, third = (one.point.limits for one in PointBook((), seen, 0.1).points())
    assert [(90, 210), (0, 65_535), (50, 50)] == [(one.minimum, one.maximum) for one in (first, second, third)]


def test_small_numbers_around_zero_are_taken_as_signed(seen, write):
    write(5, 65_530, 4)
    (one,) = PointBook((), seen, 0.0).points()
    assert (DataType.I16, -6, 4) == (one.point.type, one.point.limits.minimum, one.point.limits.maximum)


def test_a_point_of_the_engineer_keeps_everything_and_gets_limits_only_where_it_has_none(seen, write):
    write(5, 100, 300)
    write(6, 7)
    scaled = Point("speed", 1, Table.HOLDING, 5, scale=0.1, unit="Hz", max_age_ns=5)
    limited = Point("level", 1, Table.HOLDING, 6, limits=Limits(maximum=3.0))
    first, second = PointBook((scaled, limited), seen, 0.0).points()
    assert (10.0, 30.0, "Hz", 5) == (
        first.point.limits.minimum,
        first.point.limits.maximum,
        first.point.unit,
        first.point.max_age_ns,
    )
    assert "min and max proposed, values 10 to 30 Hz: check them against the process" == first.note
    assert (limited, "") == (second.point, second.note)


def test_both_words_of_a_long_value_belong_to_its_point(seen, write):
    write(5, 1)
    write(6, 2)
    book = PointBook((Point("flow", 1, Table.HOLDING, 5, DataType.F32),), seen, 0.0)
    assert ["flow", "flow"] == [book.name_of(Element(1, Table.HOLDING, address)) for address in (5, 6)]
    assert [""] == [one.note for one in book.points()]


def test_a_coil_is_a_bit_without_limits(seen, write):
    write(5, 0, 1, table=Table.COIL)
    (one,) = PointBook((), seen, 0.5).points()
    assert (DataType.BOOL, Limits()) == (one.point.type, one.point.limits)


def test_a_name_that_is_taken_is_not_given_twice(seen, write):
    write(5, 1)
    book = PointBook((Point("u1_holding_5", 1, Table.COIL, 9),), seen, 0.0)
    assert ["u1_holding_5", "u1_holding_5_"] == [one.point.name for one in book.points()]


def test_the_number_of_new_points_is_bounded_but_never_for_written_ones(seen, write, monkeypatch):
    monkeypatch.setattr(points_module, "MAX_POINTS", 3)
    for address in range(5):
        write(address, 1)
        seen.values[Element(1, Table.INPUT, address)] = Values()
    assert 5 == len(PointBook((), seen, 0.0).points())


def test_where_the_engineer_has_a_list_only_written_elements_are_added_to_it(seen, write):
    write(5, 1)
    seen.values[Element(1, Table.INPUT, 3)] = Values()
    found = PointBook((Point("own", 1, Table.HOLDING, 9),), seen, 0.0).points()
    assert ["own", "u1_holding_5"] == [one.point.name for one in found]


def test_the_values_of_a_secret_point_are_told_to_nobody(seen, write):
    write(5, 100, 300)
    book = PointBook((Point("code", 1, Table.HOLDING, 5, kind=PointKind.SECRET),), seen, 0.0)
    assert "" == book.written("code")
    assert [("", None)] == [(one.note, one.point.limits.maximum) for one in book.points()]
