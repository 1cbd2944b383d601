"""On what the figures were measured: without it they mean nothing."""

from __future__ import annotations

import os
import platform
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Machine:
    """The machine and the moment."""

    date: str
    cpu: str
    cores: int
    governor: str
    kernel: str
    python: str
    memory_mb: int
    load: float
    """Average number of runnable processes in the minute before the run: foreign work disturbs."""

    def words(self) -> str:
        """Say it in one line."""
        return (
            f"{self.date}, {self.cpu} x {self.cores} (governor {self.governor}), {self.memory_mb} MB, "
            f"Linux {self.kernel}, Python {self.python}, load {self.load:.2f} before the run"
        )


def this_machine() -> Machine:
    """Return what this machine says of itself."""
    pages = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    return Machine(
        date=datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC"),  # noqa: TID251 - the date of a measurement is its point
        cpu=_line(Path("/proc/cpuinfo"), "model name"),
        cores=len(os.sched_getaffinity(0)),
        governor=_text(Path("/sys/devices/system/cpu/cpu0/cpufreq/scaling_governor")),
        kernel=platform.release(),
        python=platform.python_version(),
        memory_mb=pages // 10**6,
        load=os.getloadavg()[0],
    )


def _text(path: Path) -> str:
    try:
        return path.read_text().strip()
    except OSError:
        return "not told"


def _line(path: Path, key: str) -> str:
    for line in path.read_text().splitlines():
        name, _, value = line.partition(":")
        if name.strip() == key:
            return value.strip()
    return platform.machine()
