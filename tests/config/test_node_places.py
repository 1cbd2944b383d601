from itertools import combinations

import pytest

from icsguard.config.node_places import PER_UNIT, placed
from icsguard.core.ids import AddressRange
from icsguard.core.meaning import Table
from icsguard.core.point import NO_REGISTER, DataType, Limits, Point


def alone(number, **more):
    return Point(f"p{number}", 0, Table.HOLDING, NO_REGISTER, node=f"nsu=u;i={number}", **more)


def test_points_of_nodes_get_places_that_nobody_shares():
    real = Point("r", 1, Table.INPUT, 7, DataType.U16, scale=0.1, node="nsu=u;s=R")
    made = placed([alone(1), real, alone(2, limits=Limits(maximum=5)), Point("bare", 1, Table.COIL, 3)])
    assert ["p1", "r", "p2"] == [point.name for point in made]
    assert real == made[1]
    assert all(point.in_registers and point.type is DataType.F64 for point in (made[0], made[2]))
    assert (5, 2) == (made[2].limits.maximum, made[2].unit_id)
    spans = [(p.unit_id, p.table, AddressRange.of(p.address, p.words)) for p in made]
    assert not any(a[:2] == b[:2] and a[2].overlaps(b[2]) for a, b in combinations(spans, 2))


def test_a_long_list_goes_over_several_units():
    made = placed(alone(number) for number in range(PER_UNIT + 1))
    assert (1, 65_532) == (made[-2].unit_id, made[-2].address)
    assert (2, 0) == (made[-1].unit_id, made[-1].address)


@pytest.mark.parametrize("count", [0, 1])
def test_the_map_is_the_same_for_the_same_list(count):
    points = [alone(number) for number in range(count)]
    assert placed(points) == placed(points)
