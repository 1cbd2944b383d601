"""Reads the recorder's own files again, line after line, for shipping: across rotation, from any place on.

The files are the spool: a receiver that was away for hours gets what rotation still keeps, and nothing is held in
memory for it. What rotation took shows as a hole in the numbers.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Final, NamedTuple

from icsguard.runtime.rotating import seq_of, series

CHUNK: Final = 262_144  # bytes read at once; the longest line fits
"""Also the most that is held of a line without end; such a line is none of ours and is passed over."""


class Line(NamedTuple):
    """One line and its number."""

    seq: int
    data: bytes
    """Without its line feed."""


class RecordTail:
    """A place in the series of files at `path`. All methods block and raise OSError like a file's."""

    def __init__(self, path: Path, keep: int) -> None:
        self._path = path
        self._keep = keep
        self._descriptor: int | None = None
        self._offset = 0
        self._rest = b""
        self.after = 0
        """Number of the last line that was returned."""

    def seek(self, after: int) -> None:
        """Go on with the first line whose number is above `after`."""
        self.close()
        self.after = after

    def read(self) -> list[Line]:
        """Return the next lines, about CHUNK bytes; none where the end is reached."""
        lines = self._read_chunk()
        if not lines and self._is_rotated():
            self.close()
            lines = self._read_chunk()
        return lines

    def bytes_left(self) -> int:
        """Return how many bytes of the series lie before the reader."""
        left = 0
        here = None if self._descriptor is None else os.fstat(self._descriptor)
        for file in series(self._path, self._keep):
            status = file.stat()
            if here is not None and status.st_ino == here.st_ino:
                return left + status.st_size - self._offset
            left += status.st_size
        return left

    def close(self) -> None:
        """Forget the open file; the place in the series stays."""
        if self._descriptor is not None:
            os.close(self._descriptor)
        self._descriptor, self._offset, self._rest = None, 0, b""

    def _read_chunk(self) -> list[Line]:
        if self._descriptor is None and not self._open():
            return []
        lines: list[Line] = []
        while not lines:
            data = os.pread(self._descriptor or 0, CHUNK, self._offset)
            if not data:
                break
            self._offset += len(data)
            lines = self._cut(data)
        return lines

    def _cut(self, data: bytes) -> list[Line]:
        *whole, rest = (self._rest + data).split(b"\n")
        self._rest = rest if len(rest) <= 2 * CHUNK else b""
        found = [Line(seq, line) for line in whole if (seq := seq_of(line)) is not None and seq > self.after]
        if found:
            self.after = found[-1].seq
        return found

    def _open(self) -> bool:
        """Open the newest file that begins at or before the wanted line, else the oldest; False where there is none."""
        wanted = None
        for file in series(self._path, self._keep):
            first = _first_seq(file)
            if first is None:
                continue
            wanted = file
            if first <= self.after + 1:
                break
        if wanted is not None:
            self._descriptor = os.open(wanted, os.O_RDONLY | os.O_CLOEXEC)
        return wanted is not None

    def _is_rotated(self) -> bool:
        """Say whether the file that is open is no longer the newest."""
        if self._descriptor is None:
            return False
        try:
            return self._path.stat().st_ino != os.fstat(self._descriptor).st_ino
        except FileNotFoundError:
            return True


def _first_seq(file: Path) -> int | None:
    try:
        with file.open("rb") as stream:
            for _ in range(3):  # the first line may be one that a crash tore
                line = stream.readline(2 * CHUNK)
                seq = seq_of(line.rstrip(b"\n"))
                if seq is not None:
                    return seq
    except OSError:
        pass
    return None
