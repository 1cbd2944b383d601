"""Many small things that come at once, done a few at a time: clients that all leave in the same moment.

Each end of a conversation costs some fifty microseconds. When a thousand clients vanish together, the loop would have
time for nobody else; here they are let go over the next tenth of a second.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from typing import Final

AT_ONCE: Final = 8
"""Steps in a row: less than half a millisecond."""
PAUSE_S: Final = 0.001
"""No shorter one is to be had from the loop's timers."""


class InTurns:
    """Steps in their order, AT_ONCE in each turn; at most two wait for each client (its half-close and its end)."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._steps: deque[Callable[[], None]] = deque()
        self._done = 0
        self._armed = False
        self._hurries = False

    def take(self, step: Callable[[], None]) -> None:
        """Do the step now, or after those that wait already."""
        if self._hurries or (self._done < AT_ONCE and not self._steps):
            self._done += 1
            self._arm()
            step()
        else:
            self._steps.append(step)

    def until(self, is_enough: Callable[[], bool]) -> None:
        """Do steps ahead of their turn until that is so, or none is left: somebody needs the room."""
        while self._steps and not is_enough():
            self._steps.popleft()()

    def hurry(self) -> None:
        """Do everything now, and whatever still comes at once: it is the end."""
        self._hurries = True
        while self._steps:
            self._steps.popleft()()

    def _arm(self) -> None:
        if not self._armed and not self._hurries:
            self._armed = True
            self._loop.call_later(PAUSE_S, self._turn)

    def _turn(self) -> None:
        self._armed, self._done = False, 0
        try:
            while self._steps and self._done < AT_ONCE:
                self._done += 1
                self._steps.popleft()()
        finally:  # a step that fails keeps nobody; where none is left somebody still has to set the count back
            if self._done:
                self._arm()
