"""The bounded reader and the shapes: what is read is what was written, and nothing is allocated on a promise."""

from typing import NamedTuple

import pytest
from hypothesis import given
from hypothesis import strategies as st

from icsguard.core.defect import Defect
from icsguard.protocols.opcua import codec
from icsguard.protocols.opcua.codec import (
    BYTE_STRING,
    INT32,
    MAX_ARRAY,
    MAX_ELEMENTS,
    MAX_STRING,
    STRING,
    U8,
    Array,
    Reader,
    Text,
    array,
    decoded,
    encoded,
    shape_of,
)


class Pair(NamedTuple):
    number: U8
    texts: Array[Text]


class Nest(NamedTuple):
    pair: Pair
    pairs: Array[Pair]


def code(found):
    assert isinstance(found, Defect), found
    return found.code


@given(st.integers(0, 255), st.none() | st.lists(st.none() | st.text(max_size=9), max_size=5).map(tuple))
def test_a_structure_is_read_as_it_was_written(number, texts):
    value = Nest(Pair(number, texts), (Pair(1, None),))
    assert value == decoded(shape_of(Nest), encoded(shape_of(Nest), value))


@pytest.mark.parametrize("name", ["BOOLEAN", "SBYTE", "BYTE", "INT16", "UINT16", "INT32", "UINT32", "INT64", "UINT64"])
def test_a_number_that_ends_too_early_is_short(name):
    shape = getattr(codec, name)
    raw = encoded(shape, 1)
    assert 1 == decoded(shape, raw)
    assert "codec-short" == code(decoded(shape, raw[:-1]))


def test_numbers_are_little_endian():
    assert b"\x01\0\0\0" == encoded(INT32, 1)
    assert b"\0\0\0\0\0\0\xf0\x3f" == encoded(codec.DOUBLE, 1.0)


def test_null_and_empty_differ():
    assert (None, "") == (decoded(STRING, b"\xff" * 4), decoded(STRING, b"\0" * 4))
    assert (None, ()) == (decoded(array(STRING), b"\xff" * 4), decoded(array(STRING), b"\0" * 4))


@pytest.mark.parametrize(
    ("shape", "raw", "due"),
    [
        (STRING, b"\xfe\xff\xff\xff", "codec-length"),
        (array(INT32), b"\x00\x00\x00\x80", "codec-length"),
        (STRING, b"\x02\0\0\0a", "codec-short"),
        (STRING, b"\x02\0\0\0\xc3\x28", "codec-utf8"),
        (STRING, b"\x03\0\0\0\xed\xa0\x80", "codec-utf8"),
        (STRING, b"\x02\0\0\0\xc0\x80", "codec-utf8"),
        (BYTE_STRING, (MAX_STRING + 1).to_bytes(4, "little") + bytes(9), "codec-string"),
        (BYTE_STRING, b"\xff\xff\xff\x7f" + bytes(9), "codec-string"),
        (array(INT32), b"\xff\xff\xff\x7f" + bytes(9), "codec-count"),
        (array(INT32), b"\x03\0\0\0ab", "codec-count"),
        (array(codec.BYTE), (MAX_ARRAY + 1).to_bytes(4, "little") + bytes(MAX_ARRAY + 1), "codec-count"),
        (INT32, bytes(5), "codec-trailing"),
        (codec.BYTE, b"", "codec-short"),
    ],
)
def test_a_breach_is_a_defect_with_its_code(shape, raw, due):
    assert due == code(decoded(shape, raw))


def test_the_elements_of_all_arrays_of_a_message_are_bounded_together():
    block = array(array(codec.BYTE))
    size = MAX_ARRAY - 1
    row = size.to_bytes(4, "little") + bytes(size)
    rows = MAX_ELEMENTS // size + 1
    assert "codec-count" == code(decoded(block, rows.to_bytes(4, "little") + row * rows))


def test_a_byte_is_due_where_none_is_left():
    with pytest.raises(codec.Malformed) as caught:
        Reader(b"").byte()
    assert "codec-short" == caught.value.defect.code


@pytest.mark.parametrize(
    ("shape", "value"),
    [
        (INT32, 2**31),
        (INT32, "1"),
        (STRING, 5),
        (BYTE_STRING, "text"),
        (array(INT32), [1]),
        (shape_of(Pair), (1, None)),
        (shape_of(Pair), Pair(256, None)),
    ],
)
def test_what_no_bytes_hold_cannot_be_written(shape, value):
    with pytest.raises(ValueError, match="holds"):
        encoded(shape, value)


def test_a_field_without_shape_is_our_own_fault():
    class Wrong(NamedTuple):
        number: "list[int]"

    with pytest.raises(TypeError, match="has no shape"):
        shape_of(Wrong)
