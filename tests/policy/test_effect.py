"""One law for all encodings: what is let through can never leave the limits, whatever the device holds."""

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from icsguard.core.meaning import Change, Table
from icsguard.core.point import DataType, Limits, Point, WordOrder
from icsguard.policy.effect import Effect, effect_of, needs_present_value, overlap_bit, results_within
from icsguard.policy.law import PointLaw

words = st.integers(0, 0xFFFF)


def law(kind=DataType.U16, address=10, atomic=True, order=WordOrder.ABCD, **limits):  # noqa: FBT002 - a knob of the bench
    return PointLaw(Point("p", 1, Table.HOLDING, address, kind, order, atomic=atomic, limits=Limits(**limits)))


def masked(keep, put, address=10):
    return Change(Table.HOLDING, address, (put,), keep)


def apply(change, memory):
    """A device that does what the specification says (AP §6.16 for masks)."""
    after = dict(memory)
    for index, value in enumerate(change.values):
        old = memory[change.start + index]
        after[change.start + index] = (old & change.keep) | (value & ~change.keep & 0xFFFF)
    return after


@given(words, words, words, st.sampled_from([DataType.U16, DataType.I16]))
def test_the_extremes_of_a_mask_write_hold_every_real_result(before, keep, put, kind):
    point = law(kind)
    found = effect_of(masked(keep, put), point, [], variant=False)
    result = point.decode((apply(masked(keep, put), {10: before})[10],))

    assert found.results[0] <= result <= found.results[-1]


@given(words, words, words)
def test_the_extremes_of_a_device_with_its_own_masks_hold_both_ways(before, keep, put):
    point = law(DataType.I16)
    found = effect_of(masked(keep, put), point, [], variant=True)

    for result in ((before & keep) | (put & ~keep & 0xFFFF), (before & keep) | put):
        assert found.results[0] <= point.decode((result,)) <= found.results[-1]


@given(words, words, words)
def test_a_mask_write_on_a_known_register_has_one_result(before, keep, put):
    found = effect_of(masked(keep, put), law(), [(before,)], variant=False)

    assert (apply(masked(keep, put), {10: before})[10],) == found.results
    assert found.exact


def test_the_known_extremes_of_the_specification_page():
    assert (0x80, 0xFFFF) == effect_of(masked(0xFF7F, 0x80), law(), [], variant=False).results
    assert (-0x8000, 0x7F7F) == effect_of(masked(0xFF7F, 0x00), law(DataType.I16), [], variant=False).results
    assert (5,) == effect_of(masked(0, 5), law(), [], variant=False).results


@given(words, words, st.frozensets(st.integers(0, 15), max_size=6), words)
def test_allowed_values_are_compared_with_every_result_of_a_mask_write(keep, put, allowed, before):
    point = law(allowed=tuple(float(value) for value in allowed) or (1.0,))
    found = effect_of(masked(keep, put), point, [], variant=False)
    result = apply(masked(keep, put), {10: before})[10]

    if results_within(found, point.allowed):
        assert result in point.allowed


def test_a_mask_write_whose_every_result_is_allowed_passes():
    found = effect_of(masked(0x0001, 0x0004), law(allowed=(4.0, 5.0)), [], variant=False)

    assert results_within(found, frozenset({4, 5}))
    assert not results_within(found, frozenset({4, 6}))
    assert not results_within(found, frozenset({4}))


@given(
    st.sampled_from([DataType.U32, DataType.I32, DataType.F32]), st.sampled_from(list(WordOrder)), words, words, words
)
def test_a_part_of_a_loose_value_is_judged_with_the_rest_of_it(kind, order, one, two, new):
    point = law(kind, atomic=False, order=order)
    found = effect_of(Change(Table.HOLDING, 11, (new,)), point, [(one, two)], variant=False)
    result = point.decode((one, new))

    assert ((result,) if result is not None else ()) == found.results


def test_a_part_of_an_atomic_value_is_a_fault():
    for change in (Change(Table.HOLDING, 10, (1,)), Change(Table.HOLDING, 11, (1,)), masked(0xFF, 1)):
        assert "partial" == effect_of(change, law(DataType.U32), [(1, 2)], variant=False).fault


def test_a_part_of_an_unknown_loose_value_is_unknown():
    assert (
        "unknown"
        == effect_of(Change(Table.HOLDING, 10, (1,)), law(DataType.U32, atomic=False), [], variant=False).fault
    )


def test_a_mask_write_on_digits_needs_the_present_value():
    assert "unknown" == effect_of(masked(0xFF00, 1), law(DataType.BCD16), [], variant=False).fault
    assert (1201,) == effect_of(masked(0xFF00, 1), law(DataType.BCD16), [(0x1234,)], variant=False).results


@pytest.mark.parametrize("order", WordOrder)
def test_a_whole_float_inside_a_block_is_decoded_in_its_order(order):
    point = law(DataType.F32, order=order)
    big = struct.unpack(">HH", struct.pack(">f", 2.5))
    swapped = {
        WordOrder.ABCD: big,
        WordOrder.CDAB: big[::-1],
        WordOrder.BADC: tuple((w & 0xFF) << 8 | w >> 8 for w in big),
        WordOrder.DCBA: tuple((w & 0xFF) << 8 | w >> 8 for w in big[::-1]),
    }[order]

    assert Effect(point, (2.5,)) == effect_of(Change(Table.HOLDING, 9, (7, *swapped, 7)), point, [], variant=False)


def test_only_masks_and_parts_need_the_present_value():
    assert needs_present_value(masked(1, 1), law())
    assert needs_present_value(Change(Table.HOLDING, 11, (1,)), law(DataType.U32))
    assert not needs_present_value(Change(Table.HOLDING, 9, (1, 2, 3)), law())


def test_a_bit_is_named_by_the_coil():
    coil = Point("c", 1, Table.COIL, 0, DataType.BOOL, overlaps=("other", "reg.7"))

    assert 7 == overlap_bit(coil, "reg")
    assert None is overlap_bit(coil, "other")
