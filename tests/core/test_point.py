"""Points know how many elements they take, and survive the way between processes."""

import msgspec
import pytest

from icsguard.core.meaning import Table
from icsguard.core.point import DataType, Limits, Point

SIZES = {
    "bool": 1,
    "u16": 1,
    "i16": 1,
    "bcd16": 1,
    "u32": 2,
    "i32": 2,
    "f32": 2,
    "bcd32": 2,
    "u64": 4,
    "i64": 4,
    "f64": 4,
}


@pytest.mark.parametrize("kind", list(DataType))
def test_a_point_takes_as_many_elements_as_its_type(kind):
    assert SIZES[kind.value] == kind.words == Point("p", 1, Table.HOLDING, 0, kind).words


def test_a_point_has_no_limits_until_someone_says_so():
    assert Limits() == Point("p", 1, Table.HOLDING, 0).limits


def test_a_point_survives_msgpack():
    point = Point(
        "level", 17, Table.INPUT, 4, DataType.F32, limits=Limits(0.0, 5.0, allowed=(1.0, 2.0)), overlaps=("x",)
    )
    assert point == msgspec.msgpack.decode(msgspec.msgpack.encode(point), type=Point)


def test_the_last_address_of_a_point_is_that_of_its_last_word():
    assert Point("p", 1, Table.HOLDING, 100, DataType.F32).last_address == 101
