"""The traffic journal: whole transactions of conduits in learn mode, kept for `icsguard learn`.

One file a conduit: a first line that names the format, then entries, each a 4-byte length and msgpack. Bounded: a full
journal says so and takes no more, because losing the newest traffic of a learning phase is better than losing the
oldest unseen. All of it blocks; the recorder calls it from its writer thread.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Final
from urllib.parse import quote

import msgspec

from icsguard.core.record import Record
from icsguard.core.transaction import Transaction
from icsguard.runtime.rotating import write_all

MAGIC: Final = b"icsguard-journal/1\n"
MODE: Final = 0o640
MAX_ENTRY: Final = 4_194_304  # bytes: one message of the link between gateway and recorder
_PREFIX: Final = 4


class JournalError(Exception):
    """A file that should be a journal is none."""


class Entry(msgspec.Struct, frozen=True, array_like=True):
    """What arrived at once."""

    run: str
    """The gateway's run: flow numbers are unique in it alone."""
    wall_shift: int
    """Add it to a moment to get the wall clock, ns."""
    transactions: list[Transaction]
    records: list[Record]
    """Isolations, grants and incidents of the conduit: what happened under them is not learned."""
    lost: int = 0
    """Transactions that never arrived before these."""


_DECODER: Final = msgspec.msgpack.Decoder(Entry)


def journal_path(state_dir: Path, conduit: str) -> Path:
    """Return where the journal of a conduit lies, whatever characters its name has."""
    return state_dir / "journal" / f"{quote(conduit, safe='').replace('.', '%2E')}.journal"


class JournalWriter:
    """Appends entries to one journal, up to `max_bytes`."""

    def __init__(self, path: Path, max_bytes: int) -> None:
        self._path = path
        self._max_bytes = max_bytes
        self._descriptor: int | None = None
        self.size = 0
        self.is_full = False
        """True once an entry did not fit; nothing is taken from then on."""

    def append(self, entry: Entry) -> bool:
        """Write one entry; False where the journal is full. Raises OSError, and then nothing of it is in the file."""
        body = msgspec.msgpack.encode(entry)
        if self._descriptor is None:
            self._open()
        if self.is_full or self.size + _PREFIX + len(body) > self._max_bytes:
            self.is_full = True
            return False
        block = len(body).to_bytes(_PREFIX, "big") + body
        descriptor = self._descriptor or 0
        try:
            write_all(descriptor, block)
        except OSError:
            os.ftruncate(descriptor, self.size)
            raise
        self.size += len(block)
        return True

    def close(self) -> None:
        """Close the file, if it is open."""
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None

    def _open(self) -> None:
        """Open for appending behind the last whole entry. Raises OSError; JournalError where it is another file."""
        self._path.parent.mkdir(mode=0o750, parents=True, exist_ok=True)
        self._descriptor = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_APPEND, MODE)
        try:
            whole = whole_bytes(self._path)
        except JournalError:
            self.close()
            raise
        os.ftruncate(self._descriptor, whole)
        if not whole:
            os.write(self._descriptor, MAGIC)
        self.size = max(whole, len(MAGIC))


def whole_bytes(path: Path) -> int:
    """Return how many bytes of a journal are whole entries; 0 for an empty or hardly begun file.

    Raises JournalError where the file is no journal.
    """
    with path.open("rb") as stream:
        head = stream.read(len(MAGIC))
        if not MAGIC.startswith(head):
            raise JournalError(f"{path} is no icsguard journal; move it away")
        if head != MAGIC:
            return 0
        size = os.fstat(stream.fileno()).st_size
        end = len(MAGIC)
        while len(prefix := stream.read(_PREFIX)) == _PREFIX:
            length = int.from_bytes(prefix, "big")
            if length > MAX_ENTRY or end + _PREFIX + length > size:
                break
            end += _PREFIX + length
            stream.seek(end)
        return end


def entries(path: Path) -> Iterator[Entry]:
    """Yield the whole entries of a journal; a torn or damaged end is left out.

    Raises JournalError where the file is no journal, OSError where it cannot be read.
    """
    end = whole_bytes(path)
    with path.open("rb") as stream:
        at = stream.seek(len(MAGIC))
        while at < end:
            length = int.from_bytes(stream.read(_PREFIX), "big")
            at += _PREFIX + length
            try:
                yield _DECODER.decode(stream.read(length))
            except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
                return
