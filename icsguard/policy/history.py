"""What a conduit did to one point lately: when it was written last and how far it was moved in the last minute."""

from __future__ import annotations

from collections import deque
from typing import Final

from icsguard.core.clock import MINUTE
from icsguard.policy.law import Raw

MAX_STEPS: Final = 64  # more writes a minute than that: the two oldest are counted as one, at the later time


class History:
    """Writes to one point."""

    __slots__ = ("_steps", "written_at")

    def __init__(self) -> None:
        self.written_at = 0
        """When a write was last handed to the device; 0 for never."""
        self._steps: deque[tuple[int, Raw]] = deque()

    def add(self, distance: Raw, now: int) -> None:
        """Count a step of `distance` raw numbers."""
        if len(self._steps) >= MAX_STEPS:
            _, oldest = self._steps.popleft()
            at, next_oldest = self._steps.popleft()
            self._steps.appendleft((at, oldest + next_oldest))
        self._steps.append((now, distance))

    def moved(self, now: int) -> Raw:
        """Return how far the point was moved in the last minute, ups and downs added."""
        while self._steps and now - self._steps[0][0] >= MINUTE:
            self._steps.popleft()
        return sum(distance for _, distance in self._steps)
