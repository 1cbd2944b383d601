"""Sets of address ranges: does what a rule reaches cover what a request touches?"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable

from icsguard.core.ids import AddressRange
from icsguard.core.meaning import Access, Table
from icsguard.policy.rules import Target


def bank(table: Table, file: int = 0) -> int:
    """Return one small number for a table, or for one file of the file table."""
    return table | file << 3


class Spans:
    """Merged, ordered ranges per table; what is asked most is answered by one bisection."""

    __slots__ = ("_runs",)

    def __init__(self, targets: Iterable[Target] = ()) -> None:
        loose: dict[int, list[AddressRange]] = {}
        for table, span, file in targets:
            loose.setdefault(bank(table, file), []).append(span)
        self._runs = {key: _merged(spans) for key, spans in loose.items()}

    def __bool__(self) -> bool:
        return bool(self._runs)

    def covers(self, access: Access) -> bool:
        """Say whether every element of the access lies inside."""
        runs = self._runs.get(access.table | access.file << 3)
        if runs is None:
            return False
        first, last = access.span
        at = bisect_right(runs[0], first) - 1
        return at >= 0 and last <= runs[1][at]

    def meets(self, access: Access) -> bool:
        """Say whether any element of the access lies inside."""
        return self.first_inside(access.table, access.span, access.file) is not None

    def first_inside(self, table: Table, span: AddressRange, file: int = 0) -> int | None:
        """Return the lowest element of `span` that lies inside, None where none does."""
        runs = self._runs.get(bank(table, file))
        if runs is None:
            return None
        at = max(bisect_right(runs[0], span.first) - 1, 0)
        for low, high in zip(runs[0][at : at + 2], runs[1][at : at + 2], strict=True):
            if low <= span.last and high >= span.first:
                return max(low, span.first)
        return None

    def end_of_cover(self, table: Table, start: int, file: int = 0) -> int | None:
        """Return the last element of the unbroken run inside that holds `start`, None where `start` is outside."""
        runs = self._runs.get(bank(table, file))
        if runs is None:
            return None
        at = bisect_right(runs[0], start) - 1
        return runs[1][at] if at >= 0 and start <= runs[1][at] else None

    def targets(self) -> list[Target]:
        """Return the merged ranges, in order of table and address."""
        found = []
        for key in sorted(self._runs):
            for first, last in zip(*self._runs[key], strict=True):
                found.append(Target(Table(key & 7), AddressRange(first, last), key >> 3))
        return found


def _merged(spans: list[AddressRange]) -> tuple[list[int], list[int]]:
    starts: list[int] = []
    ends: list[int] = []
    for first, last in sorted(spans):
        if ends and first <= ends[-1] + 1:
            ends[-1] = max(ends[-1], last)
        else:
            starts.append(first)
            ends.append(last)
    return starts, ends
