"""The shadow kept warm while questions come: the way of an answer is gone again and again, for nobody.

What has not run for some milliseconds has left the processor's caches, and then an answer takes ten times as long as it
needs (300 us instead of 30, measured). So while questions come often the last one is answered again every two
milliseconds: two percent of a core. Where none comes nothing is done.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Final

from icsguard.control import links
from icsguard.core.clock import SECOND
from icsguard.core.transaction import Opinion, Question

OFTEN_NS: Final = SECOND
"""Two questions within this time, and it is kept warm for as long after the second."""
EVERY_S: Final = 0.002
"""Between two rehearsals: after five milliseconds of rest most is cold again."""
MOST: Final = round(OFTEN_NS / SECOND / EVERY_S)  # rehearsals after a question; then it stays cold until two more come


class Warmth:
    """Rehearses the last question while questions come often. On the running loop."""

    def __init__(self, answer: Callable[[Question], Opinion]) -> None:
        """`answer` returns the opinion on a question and changes nothing."""
        self._answer = answer
        self._body = b""
        self._last = 0
        self._left = 0
        self._is_warm = False
        self._timer: asyncio.TimerHandle | None = None

    def asked(self, question: Question) -> None:
        """Take note that a question was answered a moment ago."""
        often, self._last = question.asked_at - self._last < OFTEN_NS, question.asked_at
        if not often:
            return
        self._left, self._is_warm = MOST, True
        self._body = links.encode(links.Ask(question))[links.PREFIX :]
        if self._timer is None:
            self._arm()

    def stop(self) -> None:
        """Rehearse no more."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _arm(self) -> None:
        self._timer = asyncio.get_running_loop().call_later(EVERY_S, self._turn)

    def _turn(self) -> None:
        self._timer = None
        if not self._is_warm:
            self._left -= 1
            self._rehearse()
        self._is_warm = False
        if self._left > 0:
            self._arm()

    def _rehearse(self) -> None:
        message = links.decode(self._body)
        if not isinstance(message, links.Ask):
            return
        try:
            opinion = self._answer(message.question)
        except Exception:  # noqa: BLE001 - the edge of the process: the real answer has told of it already
            self._left = 0
            return
        links.encode(links.Answer(opinion))
