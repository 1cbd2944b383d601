import math
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from icsguard.core.meaning import Table
from icsguard.core.point import DataType, Limits, Point, PointKind
from icsguard.core.registers import words_of
from icsguard.policy.law import PointLaw, exact_raw, type_range


def law(kind=DataType.U16, scale=1.0, offset=0.0, **limits):
    return PointLaw(Point("p", 1, Table.HOLDING, 0, kind, scale=scale, offset=offset, limits=Limits(**limits)))


def test_engineering_limits_become_whole_raw_numbers():
    assert (0, 800) == (law(scale=0.1, minimum=0, maximum=80).low, law(scale=0.1, minimum=0, maximum=80).high)


def test_limits_between_two_raw_numbers_are_rounded_to_the_inside():
    bounds = law(scale=0.5, minimum=0.3, maximum=1.7)

    assert (1, 3) == (bounds.low, bounds.high)


def test_a_negative_scale_swaps_the_ends():
    bounds = law(DataType.I16, scale=-0.1, minimum=-5, maximum=10)

    assert (-100, 50) == (bounds.low, bounds.high)


def test_steps_and_rates_are_raw_distances():
    ramp = law(scale=0.1, max_step=5, max_rate=0.5)

    assert (50, 300) == (ramp.step, ramp.budget)
    assert ramp.ramps
    assert ramp.is_limited
    assert not ramp.bounds


def test_float_limits_are_those_that_the_type_can_hold():
    bounds = law(DataType.F32, maximum=0.1, max_step=0.5)

    assert words_of(bounds.point, 0.1)
    assert bounds.decode(words_of(bounds.point, 0.1)) <= bounds.high
    assert 0.5 == bounds.step
    assert 0.1 == law(DataType.F64, maximum=0.1).high


@given(
    st.decimals(min_value=-1000, max_value=1000, places=3, allow_nan=False),
    st.sampled_from([0.001, 0.01, 0.1, 0.25, 0.5, 1.0, 2.0, 10.0]),
    st.sampled_from([-10.5, 0.0, 0.1, 273.15]),
)
def test_a_limit_that_the_wire_can_carry_passes_itself(value, scale, offset):
    value = float(value)
    raw = (Fraction(str(value)) - Fraction(str(offset))) / Fraction(str(scale))
    if raw.denominator == 1:
        bounds = law(DataType.I64, scale, offset, minimum=value, maximum=value)
        assert raw == bounds.low == bounds.high


def test_an_allowed_value_must_be_one_that_the_wire_can_carry():
    assert 75 == exact_raw(law(scale=0.1).point, 7.5)
    with pytest.raises(ValueError, match="whole multiple"):
        exact_raw(law(scale=0.1).point, 7.55)
    assert frozenset({75, 80}) == law(scale=0.1, allowed=(7.5, 8.0)).allowed
    assert {0.5} == law(DataType.F32, allowed=(0.5,)).allowed


def test_a_limit_beyond_a_float_is_an_error():
    with pytest.raises(ValueError, match="does not fit"):
        law(DataType.F32, maximum=1e300)


@pytest.mark.parametrize(
    ("kind", "scale", "ends"),
    [
        (DataType.U16, 0.1, (0.0, 6553.5)),
        (DataType.I16, -1.0, (-32767.0, 32768.0)),
        (DataType.BCD16, 1.0, (0.0, 9999.0)),
        (DataType.F64, 1.0, (-math.inf, math.inf)),
    ],
)
def test_a_type_has_a_range_in_engineering_units(kind, scale, ends):
    assert ends == type_range(law(kind, scale).point)


def test_a_float_whose_engineering_value_overflows_is_no_number():
    assert None is law(DataType.F64, scale=1e10).decode(words_of(law(DataType.F64).point, 1e300))


def test_a_safety_point_is_known_as_such(speed):
    assert not PointLaw(speed).is_safety
    assert PointLaw(Point("t", 1, Table.COIL, 0, DataType.BOOL, kind=PointKind.SAFETY)).is_safety
