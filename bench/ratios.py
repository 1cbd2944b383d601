"""Figures from rows: ratios inside one round, then minimum, median and maximum over the rounds. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from statistics import median

from bench.load import Result
from bench.rounds import Row

Figure = Callable[[Result], float | None]


@dataclass(frozen=True, slots=True)
class Spread:
    """One figure over the rounds."""

    low: float
    middle: float
    high: float
    rounds: int

    def words(self, form: str = ".2f") -> str:
        """Return `median (low..high)`."""
        return f"{self.middle:{form}} ({self.low:{form}}..{self.high:{form}})"


def spread(values: Iterable[float | None]) -> Spread | None:
    """Return the spread of what is there; None where nothing is."""
    found = [value for value in values if value is not None]
    return Spread(min(found), median(found), max(found), len(found)) if found else None


def figures(rows: Sequence[Row], contender: str, scenario: str, figure: Figure) -> dict[int, float | None]:
    """Return the figure of each round whose row counts."""
    return {
        row.round: figure(row.result)
        for row in rows
        if row.contender == contender and row.scenario == scenario and row.counts and row.result is not None
    }


def over(rows: Sequence[Row], contender: str, scenario: str, figure: Figure) -> Spread | None:
    """Return the figure's spread over the rounds."""
    return spread(figures(rows, contender, scenario, figure).values())


def ratio(rows: Sequence[Row], contender: str, against: str, scenario: str, figure: Figure) -> Spread | None:
    """Return the spread of the ratios that each round has by itself."""
    ours, theirs = (figures(rows, name, scenario, figure) for name in (contender, against))
    return spread(_quotient(ours[number], theirs[number]) for number in ours.keys() & theirs.keys())


def _quotient(one: float | None, other: float | None) -> float | None:
    return one / other if one is not None and other else None


def throughput(result: Result) -> float:
    """Completed transactions a second."""
    return result.per_second


def own_cpu(result: Result) -> float | None:
    """CPU microseconds of the data path's own processes per transaction."""
    return result.cpu_us("own")


def p50(result: Result) -> float:
    """Median latency of permitted reads, us."""
    return result.reads.p50


def p99(result: Result) -> float:
    """99 of 100 permitted reads, us."""
    return result.reads.p99


def p999(result: Result) -> float:
    """999 of 1000 permitted reads, us."""
    return result.reads.p999
