"""Between raw 16-bit words (or bits) and a point's engineering value, both ways."""

from __future__ import annotations

import math
import struct
from collections.abc import Sequence
from typing import Final

from icsguard.core.point import DataType, Point, WordOrder

_FORMATS: Final = {
    DataType.U16: ">H",
    DataType.I16: ">h",
    DataType.U32: ">I",
    DataType.I32: ">i",
    DataType.U64: ">Q",
    DataType.I64: ">q",
    DataType.F32: ">f",
    DataType.F64: ">d",
}
_BCD_DIGITS: Final = {DataType.BCD16: 4, DataType.BCD32: 8}
_BCD_RADIX: Final = 10


def ordered(words: Sequence[int], order: WordOrder) -> bytes:
    """Return the bytes of `words` in big-endian order of significance. The same turn leads back."""
    if order in {WordOrder.CDAB, WordOrder.DCBA}:
        words = words[::-1]
    raw = struct.pack(f">{len(words)}H", *words)
    if order in {WordOrder.BADC, WordOrder.DCBA}:
        swapped = bytearray(raw)
        swapped[0::2], swapped[1::2] = raw[1::2], raw[0::2]
        return bytes(swapped)
    return raw


def raw_value(words: Sequence[int], kind: DataType, order: WordOrder) -> float | int | None:
    """Return the number that `words` hold; None where they hold none (NaN, infinity, a BCD nibble above 9)."""
    if kind is DataType.BOOL:
        return 1 if words[0] else 0
    if kind is DataType.U16 and order is WordOrder.ABCD:  # nearly every point there is: three times as fast
        return words[0]
    raw = ordered(words, order)
    if kind in _BCD_DIGITS:
        digits = raw.hex()
        return int(digits) if digits.isdecimal() else None
    number: float | int = struct.unpack(_FORMATS[kind], raw)[0]
    return number if math.isfinite(number) else None


def engineering(point: Point, words: Sequence[int]) -> float | None:
    """Return the value of `words` in the point's engineering unit; None where they hold no number."""
    raw = raw_value(words, point.type, point.order)
    return None if raw is None else raw * point.scale + point.offset


def words_of(point: Point, value: float) -> tuple[int, ...]:
    """Return the words that hold `value` (engineering units), rounded to the wire's quantum.

    Raises ValueError when the type cannot hold it.
    """
    raw = (value - point.offset) / point.scale
    if not math.isfinite(raw):
        raise _unfit(point, value)
    if point.type is DataType.BOOL:
        return (1 if raw else 0,)
    if point.type in _BCD_DIGITS:
        return _bcd_words(point, value, round(raw))
    number: float | int = raw if point.type in {DataType.F32, DataType.F64} else round(raw)
    try:
        packed = struct.pack(_FORMATS[point.type], number)
    except (struct.error, OverflowError) as error:
        raise _unfit(point, value) from error
    return _words_from(packed, point.order)


def _unfit(point: Point, value: float) -> ValueError:
    number = f"{value} {point.unit}".rstrip()
    return ValueError(f"{point.name}: {number} does not fit {point.type}")


def _bcd_words(point: Point, value: float, number: int) -> tuple[int, ...]:
    digits = _BCD_DIGITS[point.type]
    if not 0 <= number < _BCD_RADIX**digits:
        raise _unfit(point, value)
    return _words_from(bytes.fromhex(f"{number:0{digits}d}"), point.order)


def _words_from(packed: bytes, order: WordOrder) -> tuple[int, ...]:
    words: tuple[int, ...] = struct.unpack(f">{len(packed) // 2}H", packed)
    return struct.unpack(f">{len(words)}H", ordered(words, order))
