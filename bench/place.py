"""Who runs where: the data path on one core with real-time priority, shadow and recorder on the other.

On one core a context switch costs what it costs and no cross-core wake-up (40 to 60 us in a guest) hides the rest.
Without real-time rights everything still runs, but its rows are called not steady.
"""

from __future__ import annotations

import os
import subprocess
from dataclasses import dataclass
from typing import Final

PRIORITY: Final = 5
SIDE_PRIORITY: Final = 3


@dataclass(frozen=True, slots=True)
class Place:
    """The cores and the priority of one run."""

    data_core: int
    side_core: int
    """Another core than `data_core`, or the same one where there is only one."""
    realtime: bool
    side_realtime: bool = False
    """Shadow and recorder too are safe from foreign processes: for a machine that others use meanwhile."""

    @property
    def is_steady(self) -> bool:
        """Say whether foreign processes can neither take the data core nor share it with the side processes."""
        return self.realtime and self.data_core != self.side_core

    @property
    def data(self) -> list[str]:
        """Prefix of a command of the data path."""
        return [*_on(self.data_core), *(["chrt", "-f", str(PRIORITY)] if self.realtime else [])]

    @property
    def gateway(self) -> list[str]:
        """Like `data`; what it forks (the check of new settings) falls back to ordinary priority."""
        return [*_on(self.data_core), *(["chrt", "-R", "-f", str(PRIORITY)] if self.realtime else [])]

    @property
    def side(self) -> list[str]:
        """Prefix of shadow and recorder: the other core, ordinary priority unless asked otherwise."""
        lifted = self.realtime and self.side_realtime
        return [*_on(self.side_core), *(["chrt", "-f", str(SIDE_PRIORITY)] if lifted else [])]

    @property
    def disturber(self) -> list[str]:
        """Prefix of a generator that makes an event: on the other core, but on time."""
        return [*_on(self.side_core), *(["chrt", "-f", str(PRIORITY)] if self.realtime else [])]

    def words(self) -> str:
        """Say it in one line."""
        if self.is_steady:
            side = f"SCHED_FIFO {SIDE_PRIORITY}" if self.side_realtime else "ordinary priority"
            return f"core {self.data_core} (SCHED_FIFO {PRIORITY}); shadow, recorder: core {self.side_core} ({side})"
        why = "one core only" if self.data_core == self.side_core else "no real-time rights"
        return f"core {self.data_core}: not steady ({why})"


def choose(*, realtime: bool = True, side_realtime: bool = False) -> Place:
    """Return the place this machine allows."""
    cores = sorted(os.sched_getaffinity(0))
    return Place(cores[0], cores[-1], realtime=realtime and _may_be_realtime(), side_realtime=side_realtime)


def _on(core: int) -> list[str]:
    return ["taskset", "-c", str(core)]


def _may_be_realtime() -> bool:
    try:
        done = subprocess.run(["chrt", "-f", str(PRIORITY), "true"], capture_output=True, check=False)
    except FileNotFoundError:
        return False
    return done.returncode == 0
