"""The load generator's command line and its answer as values."""

from __future__ import annotations

import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import msgspec

GRACE_S: Final = 40.0  # connecting (20 s at most), draining, and printing


@dataclass(frozen=True, slots=True)
class Latency:
    """One histogram, in microseconds."""

    count: int
    mean: float
    p50: float
    p90: float
    p99: float
    p999: float
    max: float


@dataclass(frozen=True, slots=True)
class Fate:
    """What became of forbidden requests, as their client saw it."""

    sent: int
    passed: int
    exception: int
    reset: int
    silent: int


@dataclass(frozen=True, slots=True)
class Errors:
    """What went wrong with permitted requests."""

    total: int
    wrong: int
    reset: int
    timed_out: int
    exception: int
    unsolicited: int
    not_connected: int


@dataclass(frozen=True, slots=True)
class Cost:
    """What a group of processes used during exactly the measured interval."""

    cpu_ns: int
    rss_kb: int


@dataclass(frozen=True, slots=True)
class Result:
    """One measured interval."""

    connections: int
    depth: int
    loop: str
    rate: float
    seconds: float
    seed: int
    completed: int
    per_second: float
    reads: Latency
    writes: Latency
    refusals: Latency
    forbidden: Fate
    harmed: int
    reconnects: int
    errors: Errors
    told: tuple[str, ...] = ()
    usage: dict[str, Cost] = field(default_factory=dict)

    def cpu_us(self, group: str) -> float | None:
        """Return the CPU microseconds of one group per completed transaction; None where it was not watched."""
        cost = self.usage.get(group)
        return None if cost is None or self.completed == 0 else cost.cpu_ns / 1e3 / self.completed

    def rss_mb(self, *groups: str) -> float:
        """Return the resident memory of these groups together, in MB (10^6 bytes)."""
        return sum(self.usage[group].rss_kb for group in groups if group in self.usage) * 1024 / 1e6


class LoadFailedError(Exception):
    """The generator could not run at all."""


@dataclass(frozen=True, slots=True)
class Load:
    """What to ask for: see `build/bench/load` without arguments."""

    connections: int = 1
    depth: int = 1
    rate: float = 0.0
    """Requests a second and connection; 0: closed loop."""
    storm: bool = False
    seconds: float = 3.0
    warm_up: float = 1.0
    timeout_ms: int = 1000
    poll_set: int = 64
    writes: float = 0.1
    forbidden: float = 0.0
    plant: bool = False
    """Operate the device's small plant instead of the mix: what the twin judges."""
    first_connection: int = 0
    seed: int = 1

    def arguments(self, port: int, watch: Mapping[str, Sequence[int]]) -> list[str]:
        """Return the generator's arguments."""
        words = ["--port", port, "--connections", self.connections, "--depth", self.depth, "--seconds", self.seconds]
        words += ["--warm-up", self.warm_up, "--timeout-ms", self.timeout_ms, "--poll-set", self.poll_set]
        words += ["--writes", self.writes, "--forbidden", self.forbidden, "--seed", self.seed]
        words += ["--first-connection", self.first_connection]
        words += ["--rate", self.rate] if self.rate else []
        words += ["--storm"] if self.storm else []
        words += ["--plant"] if self.plant else []
        for name, pids in watch.items():
            words += ["--watch", f"{name}={','.join(map(str, pids))}"] if pids else []
        return [str(word) for word in words]


def begin(
    program: Path,
    load: Load,
    port: int,
    *,
    prefix: Sequence[str] = (),
    watch: Mapping[str, Sequence[int]] | None = None,
) -> subprocess.Popen[bytes]:
    """Start the generator; `finish` waits for it."""
    command = [*prefix, str(program), *load.arguments(port, watch or {})]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE)


def finish(process: subprocess.Popen[bytes], load: Load) -> Result:
    """Wait for the generator's result. Raises LoadFailedError."""
    try:
        out, err = process.communicate(timeout=load.seconds + load.warm_up + load.timeout_ms / 1000 + GRACE_S)
    except subprocess.TimeoutExpired as error:
        process.kill()
        process.wait()
        raise LoadFailedError("the load generator did not end") from error
    if process.returncode not in {0, 1}:
        raise LoadFailedError(f"the load generator ended with {process.returncode}: {err.decode(errors='replace')}")
    return msgspec.json.decode(out, type=Result)


def run(
    program: Path,
    load: Load,
    port: int,
    *,
    prefix: Sequence[str] = (),
    watch: Mapping[str, Sequence[int]] | None = None,
) -> Result:
    """Run the generator to its end. Raises LoadFailedError."""
    return finish(begin(program, load, port, prefix=prefix, watch=watch), load)
