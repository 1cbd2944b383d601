"""The files that records are kept in: whole lines or nothing, rotated by size, repaired after a crash.

A write that fails half way (disk full) is taken back, so a file never ends inside a line but after a power cut; `open`
then closes that line. All methods block; the recorder calls them from its writer thread.
"""

from __future__ import annotations

import contextlib
import os
import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final, NamedTuple

MODE: Final = 0o640
"""Records tell of addresses and values: readable by the owner and its group alone."""
TAIL: Final = 1_048_576  # bytes read from a file's end to find its last whole line; a line has at most 256 KiB
_SEQ: Final = re.compile(rb'"seq":(\d{1,19})[,}]')
_HEAD: Final = 128  # bytes of a line in which its number stands


class Opened(NamedTuple):
    """What `open` found."""

    last_seq: int
    """Number of the last line ever written, torn ones included; 0 for none."""
    torn: int
    """Bytes of a line that a crash left without its end; it has been closed."""
    last: bytes
    """The last whole line, without its end; empty where there is none."""


class RotatingLines:
    """Appends lines to `path`; a full file becomes `path.1`, that one `path.2`, up to `keep` of them."""

    def __init__(self, path: Path, max_bytes: int, keep: int) -> None:
        self.path = path
        self._max_bytes = max_bytes
        self._keep = keep
        self._descriptor: int | None = None
        self._size = 0

    def open(self) -> Opened:
        """Open for appending, repair a torn line. Raises OSError where the place cannot be written."""
        self.close()
        self.path.parent.mkdir(mode=0o750, parents=True, exist_ok=True)
        self._open_file()
        torn = self._close_torn_line()
        last = next((found for file in series(self.path, self._keep) if (found := last_line(file))), b"")
        return Opened((seq_of(last) or 0) + (1 if torn else 0), torn, last)

    def append(self, lines: Sequence[bytes]) -> None:
        """Write whole lines and have them on disk when it returns.

        Raises OSError, and then none of `lines` is in the file.
        """
        block = b"".join(lines)
        if self._descriptor is None:
            self._open_file()
            self._close_torn_line()  # a failed write may have failed to take itself back
        if self._size and self._size + len(block) > self._max_bytes:
            self._rotate()
        descriptor = self._descriptor
        if descriptor is None:
            raise OSError(f"{self.path} could not be opened")
        try:
            write_all(descriptor, block)
            os.fsync(descriptor)
        except OSError:
            with contextlib.suppress(OSError):
                os.ftruncate(descriptor, self._size)
            self.close()  # the next try opens anew: the file may have been moved, the disk mounted again
            raise
        self._size += len(block)

    def close(self) -> None:
        """Close the file, if it is open."""
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None

    def _open_file(self) -> None:
        flags = os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW
        self._descriptor = os.open(self.path, flags, MODE)
        self._size = os.fstat(self._descriptor).st_size

    def _close_torn_line(self) -> int:
        descriptor, size = self._descriptor, self._size
        if descriptor is None or not size or os.pread(descriptor, 1, size - 1) == b"\n":
            return 0
        tail = os.pread(descriptor, min(size, TAIL), max(0, size - TAIL))
        write_all(descriptor, b"\n")
        os.fsync(descriptor)
        self._size += 1
        return len(tail) - (tail.rfind(b"\n") + 1)

    def _rotate(self) -> None:
        self.close()
        for number in range(self._keep, 0, -1):
            older = numbered(self.path, number)
            newer = numbered(self.path, number - 1)
            if newer.exists():
                newer.replace(older)
        self.path.unlink(missing_ok=True)  # only there where nothing is kept
        self._open_file()
        _sync_folder(self.path.parent)


def numbered(path: Path, number: int) -> Path:
    """Return the name of the file that was rotated so many times."""
    return path if number == 0 else path.with_name(f"{path.name}.{number}")


def series(path: Path, keep: int) -> Iterator[Path]:
    """Yield the files that exist, newest first."""
    for number in range(keep + 1):
        file = numbered(path, number)
        if file.is_file():
            yield file


def seq_of(line: bytes) -> int | None:
    """Return the number that a line carries; None for a torn or foreign one."""
    found = _SEQ.search(line, 0, _HEAD)
    return int(found[1]) if found and line.endswith(b"}") else None


def last_line(file: Path) -> bytes:
    """Return the last whole line of a file without its end; empty where it has none or cannot be read."""
    try:
        with file.open("rb") as stream:
            size = stream.seek(0, os.SEEK_END)
            stream.seek(max(0, size - TAIL))
            lines = stream.read().split(b"\n")
    except OSError:
        return b""
    return next((line for line in reversed(lines) if seq_of(line)), b"")


def write_all(descriptor: int, block: bytes) -> None:
    """Write every byte. Raises OSError where only a part could be written."""
    left = memoryview(block)
    while left:
        left = left[os.write(descriptor, left) :]


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
