"""Pieces of an evaluation shared out over processes, told about as they begin and end, with the time that is left.

Every piece follows from its arguments alone, so what comes out does not depend on how many processes there are.
"""

from __future__ import annotations

import time
import traceback
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from multiprocessing import get_context
from pathlib import Path
from typing import Final, NamedTuple

Progress = Callable[[str], None]
MAX_WORKERS: Final = 64  # processes; each takes half a gigabyte for a plant with its recording
_MINUTE_S: Final = 60.0


class Job(NamedTuple):
    """One piece of work."""

    title: str
    seconds: float
    """About how long it takes on a quiet core: only for the order and for the time that is left."""
    call: Callable[..., object]
    """Called with the arguments and, last, with whom to tell progress."""
    arguments: tuple[object, ...]


class Failed(NamedTuple):
    """A job that gave nothing."""

    title: str
    why: str


def work(jobs: Sequence[Job], workers: int, progress: Progress) -> list[object]:
    """Do all jobs, the longest first; return what they gave in the order of `jobs`.

    A job that fails gives a `Failed`, and the others go on: an hour's work is not lost for one of them.
    """
    clock = Clock(sum(job.seconds for job in jobs), len(jobs), min(workers, MAX_WORKERS), progress)
    order = sorted(range(len(jobs)), key=lambda place: -jobs[place].seconds)
    done: dict[int, object] = {}
    if workers <= 1 or len(jobs) <= 1:
        for place in order:
            clock.begins(jobs[place])
            done[place] = _done(jobs[place], progress)
            clock.ended(jobs[place])
    else:
        _shared(jobs, deque(order), clock, done)
    return [done[place] for place in range(len(jobs))]


def _shared(jobs: Sequence[Job], waiting: deque[int], clock: Clock, done: dict[int, object]) -> None:
    # processes of their own from the start: the threads of the numeric libraries do not survive a fork
    with ProcessPoolExecutor(clock.workers, mp_context=get_context("spawn")) as pool:
        under_way: dict[Future[object], int] = {}
        try:
            while waiting or under_way:
                while waiting and len(under_way) < clock.workers:
                    place = waiting.popleft()
                    clock.begins(jobs[place])
                    under_way[pool.submit(_done, jobs[place], _silent)] = place
                for future in wait(under_way, return_when=FIRST_COMPLETED).done:
                    place = under_way.pop(future)
                    done[place] = future.result()
                    clock.ended(jobs[place])
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            raise


def _done(job: Job, progress: Progress) -> object:
    try:
        return job.call(*job.arguments, progress)
    except Exception as error:  # noqa: BLE001 - the edge of a job: it is told, and the others go on
        place = traceback.extract_tb(error.__traceback__)[-1]
        return Failed(job.title, f"{type(error).__name__}: {error} ({Path(place.filename).name}:{place.lineno})")


def _silent(_text: str) -> None:
    """Tell nobody."""


class Clock:
    """Tells what begins and ends, and how long the rest will take at the pace so far."""

    def __init__(self, seconds: float, count: int, workers: int, progress: Progress) -> None:
        self.workers = max(workers, 1)
        self._left, self._count, self._ended = seconds, count, 0
        self._did = 0.0
        self._began = time.monotonic()
        self._progress = progress

    def begins(self, job: Job) -> None:
        """Tell that a job begins."""
        self._progress(f"{job.title} ...")

    def ended(self, job: Job) -> None:
        """Tell that a job has ended."""
        self._ended += 1
        self._did += job.seconds
        self._left -= job.seconds
        passed = time.monotonic() - self._began
        self._progress(
            f"{job.title}: done ({self._ended} of {self._count}, {_minutes(passed)} passed, about "
            f"{_minutes(self.left_s(passed))} left)"
        )

    def left_s(self, passed_s: float) -> float:
        """Return how long the rest takes, in seconds, if it goes on as it went."""
        pace = self._did / passed_s if passed_s > 0 and self._did > 0 else self.workers
        return max(self._left, 0.0) / pace


def _minutes(seconds: float) -> str:
    return f"{seconds:.0f} s" if seconds < 2 * _MINUTE_S else f"{seconds / _MINUTE_S:.0f} min"
