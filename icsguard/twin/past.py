"""What twins without a memory of their own keep: the last rows, and how they are written down."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final

import msgspec
import numpy as np

from icsguard.inference.api import Array
from icsguard.twin.api import Move
from icsguard.twin.grid import Row

MAX_KEPT: Final = 512  # rows in a snapshot; the longest memory of a load is some dozens


class _Snapshot(msgspec.Struct, frozen=True, array_like=True):
    names: tuple[str, ...]
    rows: list[tuple[int, tuple[float, ...], bool]]


class Past:
    """The last rows of one process."""

    def __init__(self, names: tuple[str, ...], length: int) -> None:
        self._names, self._length = names, min(length, MAX_KEPT)
        self.rows: list[Row] = []

    def take(self, row: Row) -> None:
        """Take the next row; raise ValueError where it has not one value for each column."""
        if len(row.values) != len(self._names):
            raise ValueError(f"a row of {len(row.values)} values for {len(self._names)} columns")
        self.rows = [*(self.rows if row.follows else []), row][-self._length :]

    def last(self) -> tuple[Array, Array]:
        """Return the last row and the one before (the same one where there is none); ValueError without any."""
        if not self.rows:
            raise ValueError("no row was seen yet")
        now = np.array(self.rows[-1].values)
        return now, np.array(self.rows[-2].values) if len(self.rows) > 1 else now.copy()

    def snapshot(self) -> bytes:
        """Return the rows as bytes."""
        rows = [(one.at, one.values, one.follows) for one in self.rows]
        return msgspec.msgpack.encode(_Snapshot(self._names, rows))

    def read(self, snapshot: bytes) -> list[Row]:
        """Return the rows of a snapshot; raise ValueError where it is none of this process."""
        try:
            found = msgspec.msgpack.decode(snapshot, type=_Snapshot)
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
            raise ValueError(f"this is no snapshot of a twin: {error}") from error
        if found.names != self._names or len(found.rows) > MAX_KEPT:
            raise ValueError("the snapshot is of another process")
        return [Row(at, values, follows) for at, values, follows in found.rows]


def known(moves: Iterable[Move], columns: int) -> Sequence[Move]:
    """Return the moves of columns that there are."""
    return [one for one in moves if 0 <= one.column < columns]


def at_step(moves: Iterable[Move], state: Array, step: int) -> None:
    """Put the commanded columns of a state to where they are at a step (counted from 1)."""
    for one in moves:
        state[one.column] = min(max(one.value + one.per_step * (step - 1), one.low), one.high)
