"""Which traffic goes into which journal: that of conduits in learn mode, with what was isolated or granted meanwhile.

`modes` and `add` belong to the event loop, `flush` and `close` to the recorder's writer thread.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Final, NamedTuple

from icsguard.core.decision import Mode
from icsguard.core.record import Record, RecordKind
from icsguard.core.transaction import Transaction
from icsguard.runtime.journal import Entry, JournalWriter, journal_path

MAX_PENDING: Final = 20_000
"""Transactions that wait for the disk, below 15 MB; further ones are counted as lost in the journal itself."""
MAX_ENTRY_TRANSACTIONS: Final = 2_000  # an entry of largest ADUs stays below 1.5 MB
_MARKS: Final = frozenset({RecordKind.ISOLATION, RecordKind.OPERATOR, RecordKind.VERDICT, RecordKind.FINDING})
"""Records that say under which conditions traffic ran; learning leaves out what ran under an isolation."""


class _Piece(NamedTuple):
    transactions: list[Transaction]
    records: list[Record]
    lost: int


class Journals:
    """The journals of all conduits."""

    def __init__(self, state_dir: Path, max_bytes: int) -> None:
        self._state_dir = state_dir
        self._max_bytes = max_bytes
        self._writers: dict[str, JournalWriter] = {}
        self._pending: dict[str, deque[_Piece]] = {}
        self._count = 0

    @property
    def sizes(self) -> dict[str, int]:
        """Bytes of each journal in use."""
        return {name: writer.size for name, writer in self._writers.items()}

    @property
    def full(self) -> list[str]:
        """Names of the conduits whose journal takes no more."""
        return [name for name, writer in self._writers.items() if writer.is_full]

    def modes(self, modes: Iterable[tuple[str, Mode]]) -> None:
        """Keep the journals of conduits in learn mode, leave the others alone."""
        learning = {name for name, mode in modes if mode is Mode.LEARN}
        for name in [name for name in self._pending if name not in learning]:
            self._count -= sum(len(piece.transactions) for piece in self._pending.pop(name))
        for name in sorted(learning):
            self._pending.setdefault(name, deque())

    def add(self, transactions: Sequence[Transaction], records: Sequence[Record], lost: int) -> None:
        """Queue what belongs to a journal. What was lost on the way here may have belonged to any of them."""
        for name, pieces in self._pending.items():
            mine = [transaction for transaction in transactions if transaction.conduit == name]
            marks = [record for record in records if record.kind in _MARKS and record.conduit in {name, "*", ""}]
            missing = lost
            if mine and self._count + len(mine) > MAX_PENDING:
                missing += len(mine)
                mine = []
            if mine or marks or missing:
                pieces.append(_Piece(mine, marks, missing))
                self._count += len(mine)

    def flush(self, run: str, shift: int) -> None:
        """Write what is queued. Blocks; raises OSError or JournalError, what was not written then stays queued."""
        for name in [name for name in self._writers if name not in self._pending]:
            self._writers.pop(name).close()
        for name, pieces in list(self._pending.items()):
            while pieces:
                group = _group(pieces)
                entry = Entry(
                    run,
                    shift,
                    [transaction for piece in group for transaction in piece.transactions],
                    [record for piece in group for record in piece.records],
                    sum(piece.lost for piece in group),
                )
                self._writer(name).append(entry)
                for _ in group:
                    self._count -= len(pieces.popleft().transactions)

    def _writer(self, name: str) -> JournalWriter:
        writer = self._writers.get(name)
        if writer is None:
            writer = self._writers[name] = JournalWriter(journal_path(self._state_dir, name), self._max_bytes)
        return writer

    def close(self) -> None:
        """Close all files."""
        for writer in self._writers.values():
            writer.close()


def _group(pieces: deque[_Piece]) -> list[_Piece]:
    """Return the first pieces that make one entry."""
    group: list[_Piece] = []
    size = 0
    for piece in list(pieces):
        size += len(piece.transactions)
        if group and size > MAX_ENTRY_TRANSACTIONS:
            break
        group.append(piece)
    return group
