"""Folding: of many equal events within a second one record is written at once, and one more with the count.

A flood of refusals must not become a flood of records, and none may vanish: the `repeated` of all records adds up to
the number of events.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Final, NamedTuple

from icsguard.conversation.run import Run
from icsguard.core.clock import SECOND
from icsguard.core.record import Record

FOLD_NS: Final = SECOND
"""Equal events this close to the first one are folded. Short, so that the count is on record soon."""
MAX_EXACT: Final = 128
"""Different events within a second that are told apart by their exact request. Beyond, only client, function and reason
count: a scan of 65536 registers is a hundred records and one sum, not 65536 records."""
MAX_FOLDS: Final = 256
"""Folds at a time, the coarse ones included. When full, all are written out and folding begins anew."""


class FoldKey(NamedTuple):
    """What makes two events equal."""

    kind: str
    client: str
    code: str
    function: int
    what: str
    """The exact request in hex, or another detail; empty where details no longer count: see `is_crowded`."""
    decision: str


class _Fold:
    __slots__ = ("count", "first", "last", "until")

    def __init__(self, first: Record, until: int) -> None:
        self.first = first
        self.until = until
        self.count = 0
        self.last = 0


class Folder:
    """The folds of one conduit."""

    __slots__ = ("_folds", "_run")

    def __init__(self, run: Run) -> None:
        self._run = run
        self._folds: dict[FoldKey, _Fold] = {}

    def __bool__(self) -> bool:
        return bool(self._folds)

    @property
    def is_crowded(self) -> bool:
        """Say whether so much happens that requests are no longer told apart."""
        return len(self._folds) >= MAX_EXACT

    def counts(self, key: FoldKey, now: int) -> Record | None:
        """Count one more event like `key` if it is folded; return the record that stands for it, None if none does."""
        fold = self._folds.get(key)
        if fold is None:
            return None
        if fold.until <= now:
            self._close(key)
            return None
        fold.count += 1
        fold.last = now
        return fold.first

    def put(self, key: FoldKey, record: Record, now: int) -> None:
        """Write `record` and fold what equals it from now on."""
        if len(self._folds) >= MAX_FOLDS:
            self.flush()
        self._folds[key] = _Fold(record, now + FOLD_NS)
        self._run.put(record)

    def expire(self, now: int) -> None:
        """Write the counts of folds whose time is over."""
        for key in [key for key, fold in self._folds.items() if fold.until <= now]:
            self._close(key)

    def flush(self) -> None:
        """Write all counts now."""
        for key in list(self._folds):
            self._close(key)

    def _close(self, key: FoldKey) -> None:
        fold = self._folds.pop(key)
        if fold.count:
            again = replace(fold.first, id=self._run.next_record_id(), at=fold.last, repeated=fold.count, ticket="")
            self._run.put(again if key.what or not again.request else _summed(again))


def _summed(record: Record) -> Record:
    """Return a record of requests that differ: it names no single one."""
    text = (
        f"{record.repeated} more requests of this kind within a second, to one or several elements; like: {record.text}"
    )
    return replace(record, text=text, target="", request="", response="")
