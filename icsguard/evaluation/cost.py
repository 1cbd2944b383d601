"""What the shadow costs: CPU of this process for each mirrored transaction and for each write that it judges.

The same polls are fed twice, the second time with a question after each; reading the clock once for all of them, as
that costs more than a transaction on some machines.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Final, NamedTuple

from icsguard.core.transaction import Question, Transaction
from icsguard.evaluation.bench import COSTS, Bench

POLLS: Final = 1_500
_US: Final = 1e3


class Cost(NamedTuple):
    """CPU time in microseconds."""

    transactions: int
    seeing_us: float
    """For each transaction: image, twin, flows, alarms."""
    questions: int
    asking_us: float
    """For each judged write."""


NOT_MEASURED: Final = Cost(0, 0.0, 0, 0.0)


def measure(bench: Bench, polls: int = POLLS) -> Cost:
    """Let the plant be worked for so many polls, a command being asked about at each."""
    site, shift, noise = bench.site(COSTS), bench.shift(COSTS), bench.noise(COSTS)
    commands = bench.plant.commands
    turns: list[tuple[list[Transaction], Question]] = []
    for _ in range(polls):
        made = [*site.poll(), *(site.write(*write) for write in shift.due())]
        tag = commands[int(noise.integers(len(commands)))]
        low, high = tag.writable or (0.0, 1.0)
        turns.append((made, site.question(tag.name, float(noise.uniform(low, high)))))
    count = sum(len(made) for made, _ in turns)
    seeing = _fed(bench, turns, asked=False)
    both = _fed(bench, turns, asked=True)
    return Cost(count, seeing / count / _US, polls, max(both - seeing, 0) / polls / _US)


def _fed(bench: Bench, turns: Sequence[tuple[list[Transaction], Question]], *, asked: bool) -> int:
    """Return the CPU time, ns."""
    guard = bench.taught.guard()
    began = time.process_time_ns()
    for made, question in turns:
        guard.see(made)
        if asked:
            guard.ask(question)
    return time.process_time_ns() - began
