"""How soon an ended process is started again: at once when that may help, ever slower when it does not."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from icsguard.core.clock import MS, SECOND

STEADY_NS: Final = 30 * SECOND
"""Whoever ran this long before it ended is not in a crash loop: the count of failures starts anew."""


@dataclass(frozen=True, slots=True)
class Pace:
    """Pauses before the first, second, … restart in a row; the last one holds for all that follow."""

    pauses_ns: tuple[int, ...]

    def pause(self, failures: int) -> int:
        """Return the pause before the restart after so many failures in a row (at least one)."""
        return self.pauses_ns[min(failures, len(self.pauses_ns)) - 1]


GATEWAY: Final = Pace((0, 100 * MS, 250 * MS, 500 * MS, SECOND, 2 * SECOND))
"""The plant cannot be operated while it is down: at once, and never slower than every two seconds."""
BESIDE: Final = Pace((200 * MS, 400 * MS, 800 * MS, 2 * SECOND, 5 * SECOND))
"""Shadow and recorder: the failure policy bridges the gap; a crash loop must not eat the gateway's processor time."""


class Failures:
    """Counts failures in a row of one process."""

    def __init__(self, pace: Pace) -> None:
        self._pace = pace
        self._in_a_row = 0

    def ended(self, started: int, now: int) -> int:
        """Take note that the process of `started` ended; return at which `now` to start it again."""
        self._in_a_row = 1 if now - started >= STEADY_NS else self._in_a_row + 1
        return now + self._pace.pause(self._in_a_row)
