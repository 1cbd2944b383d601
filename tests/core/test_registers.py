"""Raw words to engineering values and back, in every type and word order."""

import math
import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from icsguard.core.meaning import Table
from icsguard.core.point import DataType, Point, WordOrder
from icsguard.core.registers import engineering, ordered, raw_value, words_of

INTEGERS = {
    DataType.U16: (0, 2**16 - 1),
    DataType.I16: (-(2**15), 2**15 - 1),
    DataType.U32: (0, 2**32 - 1),
    DataType.I32: (-(2**31), 2**31 - 1),
    DataType.BCD16: (0, 9999),
    DataType.BCD32: (0, 99_999_999),
}


def point(kind, order=WordOrder.ABCD, scale=1.0, offset=0.0):
    return Point("p", 1, Table.HOLDING, 0, kind, order, scale, offset)


@pytest.mark.parametrize(
    ("order", "words"),
    [("ABCD", (0x0102, 0x0304)), ("CDAB", (0x0304, 0x0102)), ("BADC", (0x0201, 0x0403)), ("DCBA", (0x0403, 0x0201))],
)
def test_each_word_order_reads_the_same_number(order, words):
    assert raw_value(words, DataType.U32, WordOrder(order)) == 0x01020304
    assert words == words_of(point(DataType.U32, WordOrder(order)), 0x01020304)


@given(st.lists(st.integers(0, 0xFFFF), min_size=1, max_size=4), st.sampled_from(WordOrder))
def test_the_same_turn_leads_back(words, order):
    turned = struct.unpack(f">{len(words)}H", ordered(words, order))
    assert struct.pack(f">{len(words)}H", *words) == ordered(turned, order)


@given(st.sampled_from(sorted(INTEGERS)), st.sampled_from(WordOrder), st.data())
def test_every_integer_survives_the_way_to_words_and_back(kind, order, data):
    number = data.draw(st.integers(*INTEGERS[kind]))
    p = point(kind, order)
    assert number == engineering(p, words_of(p, number))


@given(st.floats(allow_nan=False, allow_infinity=False, width=32), st.sampled_from(WordOrder))
def test_every_finite_float_survives_the_way_to_words_and_back(number, order):
    for kind in (DataType.F32, DataType.F64):
        p = point(kind, order)
        assert number == engineering(p, words_of(p, number))


@pytest.mark.parametrize("number", [math.nan, math.inf, -math.inf])
def test_what_is_no_number_has_no_value(number):
    assert raw_value(struct.unpack(">2H", struct.pack(">f", number)), DataType.F32, WordOrder.ABCD) is None
    assert engineering(point(DataType.F64), struct.unpack(">4H", struct.pack(">d", number))) is None


def test_a_nibble_above_nine_is_no_decimal():
    assert raw_value((0x1A00,), DataType.BCD16, WordOrder.ABCD) is None
    assert raw_value((0x1234, 0x5678), DataType.BCD32, WordOrder.ABCD) == 12345678


def test_scale_and_offset_lead_to_engineering_units():
    celsius = point(DataType.I16, scale=0.1, offset=-40.0)
    assert engineering(celsius, (650,)) == pytest.approx(25.0)
    assert words_of(celsius, 25.0) == (650,)


def test_a_written_value_is_rounded_to_the_wires_quantum():
    assert words_of(point(DataType.U16, scale=0.5), 1.6) == (3,)


def test_a_bit_is_on_or_off_whatever_its_number():
    assert [(0,), (1,), (1,)] == [words_of(point(DataType.BOOL), value) for value in (0, 1, 7)]
    assert [0, 1, 1] == [raw_value((value,), DataType.BOOL, WordOrder.ABCD) for value in (0, 1, 0xFF00)]


@pytest.mark.parametrize(
    ("kind", "value"),
    [("u16", -1), ("u16", 65536), ("i16", 40000), ("bcd16", 10_000), ("bcd32", -1), ("f32", 1e39), ("u64", 2.0**64)],
)
def test_what_the_type_cannot_hold_is_an_error_that_names_the_point(kind, value):
    with pytest.raises(ValueError, match=r"^p: .* does not fit"):
        words_of(point(DataType(kind)), value)


@pytest.mark.parametrize("value", [math.nan, math.inf])
@pytest.mark.parametrize("kind", list(DataType))
def test_what_is_no_number_cannot_be_written(kind, value):
    with pytest.raises(ValueError, match=r"^p: .* does not fit"):
        words_of(point(kind), value)
