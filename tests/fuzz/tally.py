"""Counts what a target did: inputs, time, the slowest input, memory that stayed, promises that were broken."""

import resource
import sys
import time
import traceback
from collections import Counter
from pathlib import Path

MAX_FAILURES = 20  # kept per target and process; more are counted
CALLS = 3  # a slow input is tried so often; the shortest time counts, for the others had a guest


def resident_kib():
    """Return the resident memory of this process."""
    pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
    return pages * resource.getpagesize() // 1024


class Tally:
    """The figures of one target in one process."""

    def __init__(self, target):
        self.target = target
        self.inputs = 0
        self.cpu_ns = 0
        self.slowest_ns = 200_000  # below, no clock is asked twice
        self.slowest = ""
        self.growth_kib = 0
        self.failed = 0
        self.failures = []
        self.seen = Counter()

    def run(self, number, *, is_warm):
        """Make batch `number` and check each of its inputs."""
        memory, began = resident_kib(), time.process_time_ns()
        batch = self.target.batch(number)
        clock = time.perf_counter_ns
        longest = getattr(self.target, "longest_event_ns", None)
        check, seen, before = self.target.check, self.seen, clock()
        for place, one in enumerate(batch):
            try:
                check(one, seen)
            except Exception as error:  # noqa: BLE001 - whatever is raised is what the campaign looks for
                self._fail(error, number, place, one)
            after = clock()
            if (longest() if longest else after - before) > self.slowest_ns:
                self._time(one, f"{number} {place}")
                after = clock()
            before = after
        self.inputs += len(batch)
        self.cpu_ns += time.process_time_ns() - began
        if is_warm:
            self.growth_kib += resident_kib() - memory

    def _fail(self, error, number, place, one):
        self.failed += 1
        if len(self.failures) < MAX_FAILURES:
            where = traceback.extract_tb(error.__traceback__)[-1]
            what = f"{type(error).__name__}: {error} ({Path(where.filename).name}:{where.lineno})"
            self.failures.append((f"{self.target.name} {number} {place}", what, self.target.show(one)))
            sys.stderr.write(f"{what}: --replay {self.target.name} {number} {place}\n")  # at once: the end may be far

    def _time(self, one, where):
        """Find out how much of the time was the input's own."""
        spent = min(self._spent(one) for _ in range(CALLS))
        if spent > self.slowest_ns:
            self.slowest_ns, self.slowest = spent, where

    def _spent(self, one):
        longest = getattr(self.target, "longest_event_ns", None)
        began = time.thread_time_ns()
        try:
            self.target.check(one, Counter())
        except Exception:  # noqa: BLE001 - it is counted already
            return 0
        return time.thread_time_ns() - began if longest is None else longest()

    def figures(self):
        """Return all as plain values."""
        return {
            "inputs": self.inputs,
            "cpu_s": self.cpu_ns / 1e9,
            "slowest_ms": self.slowest_ns / 1e6,
            "slowest": self.slowest,
            "growth_kib": self.growth_kib,
            "failed": self.failed,
            "failures": self.failures,
            "seen": dict(self.seen),
        }


def added(one, other):
    """Return the sum of two processes' figures for one target."""
    slower = max(one, other, key=lambda figures: figures["slowest_ms"])
    return {
        **{key: one[key] + other[key] for key in ("inputs", "cpu_s", "growth_kib", "failed", "failures")},
        **{key: slower[key] for key in ("slowest_ms", "slowest")},
        "seen": dict(Counter(one["seen"]) + Counter(other["seen"])),
    }
