from icsguard.core.ids import AddressRange
from icsguard.core.meaning import Change, Table
from icsguard.core.point import DataType, Limits, Point
from icsguard.policy.index import Points, merged, seen_through
from icsguard.policy.law import PointLaw
from icsguard.policy.rules import Policy
from icsguard.policy.units import Units

REGISTER = Point("reg", 1, Table.HOLDING, 20, limits=Limits(maximum=5))
COIL = Point("coil", 1, Table.COIL, 3, DataType.BOOL, overlaps=("reg.7",))
LONG = Point("long", 1, Table.HOLDING, 30, DataType.F64)
OTHER = Point("other", 2, Table.HOLDING, 20)


def points(*found):
    policy = Policy(points=found)
    return Points(policy, Units(policy))


def names(laws):
    return [law.point.name for law in laws]


def test_every_point_that_shares_an_element_is_touched():
    index = points(REGISTER, LONG, OTHER, COIL)

    assert ["reg", "long"] == names(index.touching(1, Table.HOLDING, AddressRange(20, 33)))
    assert ["long"] == names(index.touching(1, Table.HOLDING, AddressRange(33, 40)))
    assert [] == names(index.touching(1, Table.HOLDING, AddressRange(34, 40)))
    assert [] == names(index.touching(3, Table.HOLDING, AddressRange(0, 99)))


def test_points_are_found_as_targets_of_their_unit():
    index = points(REGISTER, OTHER, COIL, Point("level", 1, Table.INPUT, 0))

    assert [(Table.COIL, 3), (Table.HOLDING, 20)] == [(t.table, t.span.first) for t in index.targets(1)]
    assert [(Table.INPUT, 0)] == [(t.table, t.span.first) for t in index.targets(1, ("level", "other"))]


def test_overlaps_hold_in_both_directions():
    index = points(REGISTER, COIL)
    register, coil = (law for _, law in index.all)

    assert ["coil"] == names(index.sharing(register))
    assert ["reg"] == names(index.sharing(coil))


def test_a_broadcast_reaches_the_units_that_have_a_point_there():
    assert [1, 2] == points(REGISTER, OTHER).units_with(Table.HOLDING, AddressRange(20, 20))
    assert [] == points(REGISTER, OTHER).units_with(Table.HOLDING, AddressRange(21, 21))


def test_a_coil_is_a_mask_write_of_its_register():
    through = seen_through(Change(Table.COIL, 2, (0, 1)), PointLaw(COIL), PointLaw(REGISTER))

    assert Change(Table.HOLDING, 20, (0x80,), keep=0xFF7F) == through


def test_a_register_write_is_a_write_of_its_coil_unless_the_mask_spares_it():
    register, coil = PointLaw(REGISTER), PointLaw(COIL)

    assert Change(Table.COIL, 3, (1,)) == seen_through(Change(Table.HOLDING, 20, (0x80,)), register, coil)
    assert None is seen_through(Change(Table.HOLDING, 20, (0x80,), keep=0x80), register, coil)


def test_bits_of_one_register_are_joined():
    bits = [Change(Table.HOLDING, 20, (1,), keep=0xFFFE), Change(Table.HOLDING, 20, (0,), keep=0xFFFD)]

    assert [Change(Table.HOLDING, 20, (1,), keep=0xFFFC)] == merged(bits)


def test_an_overlap_with_nobody_links_nothing():
    index = points(Point("coil", 1, Table.COIL, 3, DataType.BOOL, overlaps=("gone", "coil")))

    assert [] == index.sharing(index.all[0][1])
