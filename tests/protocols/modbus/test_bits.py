"""Bits to bytes and back."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from icsguard.protocols.modbus.bits import bytes_for, has_padding, packed, unpacked


def test_the_first_element_is_the_lowest_bit_of_the_first_byte():
    assert packed([1, 0, 1, 1, 0, 0, 1, 1, 1, 0]) == b"\xcd\x01"
    assert unpacked(b"\xcd\x01", 10) == (1, 0, 1, 1, 0, 0, 1, 1, 1, 0)


@given(st.lists(st.integers(0, 1), max_size=2000))
def test_bits_survive_the_way_to_bytes_and_back(bits):
    assert len(packed(bits)) == bytes_for(len(bits))
    assert unpacked(packed(bits), len(bits)) == tuple(bits)
    if bits:
        assert not has_padding(packed(bits), len(bits))


@pytest.mark.parametrize(("data", "count", "due"), [(b"\x02", 1, True), (b"\x01", 1, False), (b"\xff", 8, False)])
def test_padding_is_what_lies_beyond_the_last_element(data, count, due):
    assert due == has_padding(data, count)
