import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from icsguard.inference import wire
from icsguard.inference.api import ModelRefusedError


def test_a_number_field_reads_back_as_it_was_written():
    assert [wire.Field(5, wire.VARINT, 300, b"")] == list(wire.fields(wire.number(5, 300)))


def test_a_block_field_reads_back_as_it_was_written():
    assert [wire.Field(2, wire.BYTES, 0, b"abc")] == list(wire.fields(wire.block(2, "abc")))


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (b"\x12\x05ab", "onnx-length"),  # five bytes announced, two there
        (b"\x0b", "onnx-wire"),  # group start: a wire type that protobuf gave up
        (b"\x08\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff", "onnx-varint"),  # more than 64 bits
        (b"\x08", "onnx-varint"),
        (b"\x02\x00", "onnx-length"),  # field number 0
    ],
)
def test_bytes_that_are_no_protobuf_are_refused(data, code):
    with pytest.raises(ModelRefusedError) as refused:
        list(wire.fields(data))
    assert code == refused.value.code


def test_a_message_with_too_many_fields_is_refused():
    with pytest.raises(ModelRefusedError, match="more than"):
        list(wire.fields(wire.number(1, 1) * (wire.MAX_FIELDS + 1)))


def test_a_negative_number_is_read_as_one():
    assert wire.signed((1 << 64) - 5) == -5
    assert wire.signed(7) == 7


def test_packed_numbers_are_read_one_by_one():
    assert wire.varints(b"\x01\xac\x02\x03") == [1, 300, 3]


@given(st.binary(max_size=200))
def test_any_bytes_are_read_or_refused_and_nothing_else(data):
    with contextlib.suppress(ModelRefusedError):
        list(wire.fields(data))
