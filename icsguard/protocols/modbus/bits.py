"""Bits to bytes and back: the first element is the lowest bit of the first byte (AP §6.1)."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import chain
from typing import Final

_BITS: Final = tuple(tuple(byte >> bit & 1 for bit in range(8)) for byte in range(256))


def bytes_for(count: int) -> int:
    """Return how many bytes `count` bits take."""
    return (count + 7) >> 3


def unpacked(packed: bytes, count: int) -> tuple[int, ...]:
    """Return the first `count` bits of `packed`, which holds at least as many."""
    return tuple(chain.from_iterable([_BITS[byte] for byte in packed]))[:count]


def packed(values: Sequence[int]) -> bytes:
    """Return the bits `values` (0 or not 0) in as few bytes as hold them, the rest filled with 0."""
    number = sum(1 << place for place, value in enumerate(values) if value)
    return number.to_bytes(bytes_for(len(values)), "little")


def has_padding(packed: bytes, count: int) -> bool:
    """Say whether a bit beyond the first `count` is set in the last byte."""
    used = count & 7
    return bool(used and packed[-1] >> used)
