"""RSA work of OPC UA channels, in threads: an operation takes a millisecond, and the loop has other clients to serve.

Sessions hand out `Job` commands; the result returns to them as an event on the loop.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TYPE_CHECKING, Final

from icsguard.runtime.log import get_logger

if TYPE_CHECKING:
    from icsguard.conversation.opcua.api import Work

MAX_THREADS: Final = 2  # signing holds a core; more would only take the loop's
MAX_WAITING: Final = 512  # jobs of all sessions, some 0.5 s of work; a session beyond gets no result and ends

_LOG: Final = get_logger("icsguard.opcua")


class Jobs:
    """The threads of one gateway and what they have to do."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self.waiting = 0
        """Jobs handed in whose result was not delivered yet, at most MAX_WAITING."""
        self._loop = loop
        self._pool = ThreadPoolExecutor(MAX_THREADS, thread_name_prefix="rsa")

    def start(self, work: Work, done: Callable[[object], None]) -> None:
        """Have `work` done; `done` is called on the loop with its result, None where it failed."""
        if self.waiting >= MAX_WAITING:
            self._loop.call_soon(done, None)
            return
        self.waiting += 1
        self._pool.submit(work.run).add_done_callback(
            lambda future: self._loop.call_soon_threadsafe(self._deliver, future, done)
        )

    def _deliver(self, future: Future[object], done: Callable[[object], None]) -> None:
        self.waiting -= 1
        error = None if future.cancelled() else future.exception()
        if error is not None:
            _LOG.error("job failed", error=f"{type(error).__name__}: {error}")
        done(None if future.cancelled() or error is not None else future.result())

    def close(self) -> None:
        """Stop; what has not begun is not done any more."""
        self._pool.shutdown(wait=False, cancel_futures=True)
