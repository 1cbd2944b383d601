"""Python's garbage collector at a steady pace: what is young is looked at while there is little of it.

By itself Python looks at young objects when some hundred more were made than freed. Where clients come while others
leave, as many are freed as are made: the young ones pile up unseen, and one look at twenty thousand of them took three
milliseconds.
"""

from __future__ import annotations

import asyncio
import gc
from typing import Final

EVERY_S: Final = 0.05
"""Between two looks: at a thousand new clients a second three thousand objects, a quarter of a millisecond."""
COLLECT: Final = (400, 4, 1200)
"""Thresholds of the three generations for what comes faster than that. The third, everything, counts the looks: at most
once a minute, and by Python's own rule only where a quarter of all is new. Conversations leave no circles behind."""


class Collector:
    """Has the young looked at again and again. On the running loop."""

    def __init__(self) -> None:
        self._timer: asyncio.TimerHandle | None = None

    def start(self) -> None:
        """Keep what is there now out of the collector's sight, and begin."""
        gc.freeze()
        gc.set_threshold(*COLLECT)
        gc.enable()
        self._arm()

    def stop(self) -> None:
        """Leave it to Python."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _arm(self) -> None:
        self._timer = asyncio.get_running_loop().call_later(EVERY_S, self._turn)

    def _turn(self) -> None:
        if gc.isenabled():  # a reload has it rest
            gc.collect(1)
        self._arm()
