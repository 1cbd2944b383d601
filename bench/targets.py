"""What icsguard must reach and aims for, and what the rows of this run say to it. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from bench import ratios
from bench.ratios import Spread
from bench.rounds import Row
from bench.trials import Trial

OURS = "icsguard"


@dataclass(frozen=True, slots=True)
class Target:
    """One line of the closing table."""

    name: str
    must: float
    aim: float
    is_floor: bool
    """True: at least; False: at most."""
    unit: str
    measured: Spread | None
    missing: str = ""
    """Why there is no figure."""

    @property
    def verdict(self) -> str:
        """Say where the median stands."""
        if self.measured is None:
            return f"not measured: {self.missing}"
        value = self.measured.middle if self.is_floor else -self.measured.middle
        sign = 1 if self.is_floor else -1
        if value >= sign * self.aim:
            return "aim"
        return "must" if value >= sign * self.must else "MISSED"


def targets(rows: Sequence[Row], trials: Sequence[Trial], absent: dict[str, str]) -> list[Target]:
    """Return every target with what was measured."""
    return [*_speed(rows, absent), *_tails(rows, trials), *_costs(rows, trials)]


def _speed(rows: Sequence[Row], absent: dict[str, str]) -> list[Target]:
    found = []
    for against, must, aim in (("nginx", 0.75, 0.90), ("suricata+log", 1.0, 1.2), ("modbus-proxy", 2.0, 2.5)):
        for scenario in ("c16", "c128"):
            measured = ratios.ratio(rows, OURS, against, scenario, ratios.throughput)
            why = absent.get(against) or _why_not(rows, against, scenario)
            found.append(Target(f"throughput {scenario} / {against}", must, aim, True, "x", measured, why))  # noqa: FBT003 - the field says it
    return found


def _why_not(rows: Sequence[Row], against: str, scenario: str) -> str:
    there = {row.contender for row in rows if row.scenario == scenario}
    return "no round of both without errors" if {OURS, against} <= there else "not in this run"


def _tails(rows: Sequence[Row], trials: Sequence[Trial]) -> list[Target]:
    quiet = _thousandths(ratios.over(rows, OURS, "open50", ratios.p999))
    found = [_most("p99.9 at 50 x 10/s", 2.0, 1.0, "ms", quiet, "no row without errors")]
    played = [
        trial for trial in trials if trial.kind == "event" and trial.contender == OURS and trial.name != "nothing"
    ]
    for name in dict.fromkeys(trial.name for trial in played):
        rounds = [trial for trial in played if trial.name == name]
        tails = [trial.result.reads.p999 for trial in rounds if trial.result is not None]
        problem = next((trial.problem for trial in rounds if trial.problem), "")
        measured = None if problem or not tails else _thousandths(ratios.spread(tails))
        found.append(_most(f"p99.9 during: {name}", 2.0, 1.0, "ms", measured, problem))
    return found


def _costs(rows: Sequence[Row], trials: Sequence[Trial]) -> list[Target]:
    cpu = ratios.ratio(rows, OURS, "nginx", "c16", ratios.own_cpu)
    found = [_most("gateway CPU a transaction, c16 / nginx", 1.6, 1.2, "x", cpu, "no row of both without errors")]
    named = {trial.name: trial for trial in trials if trial.kind == "figure"}
    for name, must, aim, unit in (
        ("write judged by the twin, added p50", 0.6, 0.3, "ms"),
        ("write judged by the twin, added p99", 3.0, 1.0, "ms"),
        ("shadow on / off, gateway CPU", 1.20, 1.08, "x"),
    ):
        trial = named.get(name)
        why = "not run" if trial is None else trial.problem
        found.append(_most(name, must, aim, unit, None if trial is None else trial.figure, why))
    gateway = ratios.over(rows, OURS, "c16", lambda result: result.rss_mb("own"))
    everyone = ratios.over(rows, OURS, "c16", lambda result: result.rss_mb("own", "shadow", "recorder"))
    found.append(_most("RSS gateway", 45, 35, "MB", gateway, "no row without errors"))
    found.append(_most("RSS all three, models loaded", 160, 120, "MB", everyone, "no row without errors"))
    return found


def _most(name: str, must: float, aim: float, unit: str, measured: Spread | None, why: str) -> Target:
    return Target(name, must, aim, is_floor=False, unit=unit, measured=measured, missing=why)


def _thousandths(one: Spread | None) -> Spread | None:
    return None if one is None else Spread(one.low / 1e3, one.middle / 1e3, one.high / 1e3, one.rounds)
