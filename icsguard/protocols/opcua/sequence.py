"""Sequence numbers: one more with each chunk of a direction, by two laws of wrapping (P6 §6.7.2.4), and renumbering.

Legacy numbering belongs to None and the RSA policies: after 4 294 966 271 a number below 1024 may follow, and it must
before the numbers end. The newer law starts at 0 and uses all numbers. A gap ends a channel in every stack, so whoever
takes out or puts in a chunk must renumber all that follow.
"""

from __future__ import annotations

from struct import Struct
from typing import Final

MAX_SEQUENCE: Final = 0xFFFFFFFF
LEGACY_WRAP: Final = 4_294_966_271
"""UInt32.MaxValue - 1024: the last number that needs no wrap."""
LEGACY_RESTART: Final = 1024
"""A wrapped number is below it."""
_LONG: Final = Struct("<I")


def following(number: int, *, legacy: bool) -> int:
    """Return the number that a sender gives after `number`."""
    if legacy:
        return 1 if number >= LEGACY_WRAP else number + 1
    return number + 1 & MAX_SEQUENCE


def follows(number: int, last: int, *, legacy: bool) -> bool:
    """Say whether a receiver takes `number` after `last`."""
    wrapped = legacy and last >= LEGACY_WRAP and number < LEGACY_RESTART
    return wrapped or number == (last + 1 & MAX_SEQUENCE)


class Numbering:
    """The numbers of one direction of one channel, across all its tokens."""

    __slots__ = ("last", "legacy")

    def __init__(self, *, legacy: bool = True, last: int | None = None) -> None:
        self.legacy = legacy
        self.last = last
        """Number of the latest chunk; None before the first."""

    def take(self) -> int:
        """Return the number of the next chunk that we send."""
        first = 1 if self.legacy else 0
        self.last = first if self.last is None else following(self.last, legacy=self.legacy)
        return self.last

    def accept(self, number: int) -> bool:
        """Take the number of a received chunk; False where it is not the next. The first one under legacy is free."""
        first = self.last is None and (self.legacy or number == 0)
        right = first or (self.last is not None and follows(number, self.last, legacy=self.legacy))
        if right:
            self.last = number
        return right

    @property
    def due(self) -> str:
        """The number that is due, for people."""
        return "any first one" if self.last is None else f"{following(self.last, legacy=self.legacy)}"


class Relay:
    """Numbers of one direction that passes through us under policy None: bytes stay until the first edit.

    Before anything was taken out or put in, every chunk leaves with its own number, hence its own bytes. Afterwards all
    numbers are ours.
    """

    __slots__ = ("_edited", "_out")

    def __init__(self, *, legacy: bool = True) -> None:
        self._edited = False
        self._out = Numbering(legacy=legacy)

    def passed(self, raw: bytes, at: int) -> bytes:
        """Return a received chunk as it must leave; `at` is the offset of its sequence number."""
        if not self._edited:
            self._out.last = _LONG.unpack_from(raw, at)[0]
            return raw
        return raw[:at] + _LONG.pack(self._out.take()) + raw[at + 4 :]

    def dropped(self) -> None:
        """Note that a received chunk does not leave."""
        self._edited = True

    def inserted(self, raw: bytes, at: int) -> bytes:
        """Return a chunk of our own with the next number."""
        self._edited = True
        return raw[:at] + _LONG.pack(self._out.take()) + raw[at + 4 :]
