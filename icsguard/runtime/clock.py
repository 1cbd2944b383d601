"""The one real clock: steady nanoseconds that read as a date (see core/clock.py for why).

The gateway anchors the machine's monotonic clock to the wall clock at its start and tells the anchor to shadow and
recorder, so that `now` means the same in all three processes even if the wall clock was stepped between their starts.
"""

from __future__ import annotations

import time


class Clock:
    """A steady clock. `anchor` is what it adds to the machine's monotonic nanoseconds."""

    __slots__ = ("anchor",)

    def __init__(self, anchor: int | None = None) -> None:
        self.anchor = _wall() - time.monotonic_ns() if anchor is None else anchor

    def now(self) -> int:
        """Return ns since the Unix epoch as the anchor saw it; never goes back, never jumps."""
        return time.monotonic_ns() + self.anchor

    def wall_shift(self) -> int:
        """Return what to add to `now` to get the wall clock's present reading, in ns."""
        return _wall() - self.now()


def _wall() -> int:
    return time.time_ns()  # noqa: TID251 - this module is the one home of the wall clock
