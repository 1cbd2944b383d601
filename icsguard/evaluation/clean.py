"""Nothing but normal operation: how often icsguard cries wolf, and how often it would stop what operators need."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import Final

import numpy as np

from icsguard.core.decision import Decision
from icsguard.core.finding import Finding
from icsguard.detect.alarms import REMIND_NS
from icsguard.detect.guarantee import Guarantee
from icsguard.evaluation import louder, truth
from icsguard.evaluation.bench import BLOCK_POLLS, CLEAN, Bench, scores
from icsguard.evaluation.louder import Louder
from icsguard.evaluation.metrics import Flags, rate_interval, runs
from icsguard.evaluation.tables import Row
from icsguard.lab.plants.api import POLL_S

STATISTICAL = frozenset({"implausible", "implausible-drift", "unusual-flow"})
"""Findings for which a number of false alarms a day is promised."""
UNUSUAL = frozenset({"first-write"})
"""Findings on writes that are news and no alarm; they do not count as having found a lie either."""
HOUR_POLLS: Final = int(3600 / POLL_S)
_DAY_S = 86_400.0
_ONE_ALARM_NS = 2 * REMIND_NS
"""An alarm that is told again so soon is the same one, still going on: baselines are counted so too."""


@dataclass(slots=True)
class Clean:
    """What happened while nobody attacked."""

    days: float
    findings: Counter[str] = field(default_factory=Counter)
    writes: int = 0
    held: int = 0
    """Writes of operators that would have been held or refused."""
    right: int = 0
    """Those of them that would really have left the safe range, had nobody undone them."""
    why: Counter[str] = field(default_factory=Counter)
    promised: float = 0.0
    """Upper bound of false alarms a day that the calibration gives."""
    expected: float = 0.0
    """What the calibration makes likely: the threshold's rank among clean blocks."""
    hours: int = 0
    suspended: int = 0
    """Of these hours, at whose end the status said "guarantee suspended"."""
    has_guarantee: bool = False
    louder: tuple[Louder, ...] = ()
    """How soon the status said "guarantee suspended" where residuals grew; empty without a guarantee."""
    told: dict[str, int] = field(default_factory=dict)
    """When each kind of statistical alarm was told last."""
    baselines: dict[str, int] = field(default_factory=dict)
    """Alarms of each baseline."""

    @property
    def alarms(self) -> int:
        """Statistical alarms: every one of them false."""
        return sum(count for code, count in self.findings.items() if code in STATISTICAL)

    @property
    def a_day(self) -> float:
        """False alarms a day."""
        return self.alarms / self.days

    @property
    def others(self) -> int:
        """Findings that need no calibration, all false: told beside, and counted where precision is."""
        return sum(count for code, count in self.findings.items() if code not in STATISTICAL and code not in UNUSUAL)

    @property
    def ratio(self) -> float | None:
        """Realised rate over the one that the calibration expects; None without a guarantee."""
        return self.a_day / self.expected if self.expected else None

    @property
    def holds_a_week(self) -> float:
        """Wrong holds a week: the write would have done no harm."""
        return (self.held - self.right) / self.days * 7

    def row(self, plant: str) -> Row:
        """Return the row of the table."""
        low, high = rate_interval(self.alarms)
        return {
            "plant": plant,
            "days": self.days,
            "false alarms": self.alarms,
            "a day": self.a_day,
            "95 % interval": _span(low, high, self.days),
            "promised a day, at most": self.promised,
            "expected a day": self.expected or None,
            "realised / expected": self.ratio,
            "95 % interval of that": _span(low, high, self.days * self.expected) if self.expected else None,
            "realised / promised": self.a_day / self.promised if self.promised else None,
            "guarantee": "yes" if self.has_guarantee else "no",
            "hours suspended": f"{self.suspended} of {self.hours}",
            **{name: cell for one in self.louder for name, cell in one.cells().items()},
            "exact findings": self.others,
            "writes": self.writes,
            "held": self.held,
            "of these wrongly": self.held - self.right,
            "wrong holds a week": self.holds_a_week,
            **{f"{name} a day": count / self.days for name, count in self.baselines.items()},
        }


def _span(low: float, high: float, unit: float) -> str:
    return f"{low / unit:.2f}-{high / unit:.2f}"


def measure(bench: Bench, polls: int, *, is_alone: bool = True) -> Clean:
    """Let the plant be worked with the shadow beside it; `is_alone`: and find out how soon its promise ends."""
    site, shift, guard = bench.site(CLEAN), bench.shift(CLEAN), bench.taught.guard()
    model = bench.taught.model
    found = Clean(polls * POLL_S / _DAY_S, has_guarantee=bool(model.residuals.rank))
    for one in (model.residuals, model.flow):  # alarms of both are counted
        rates = Guarantee(one).rates()
        found.promised += rates.budget if one.blocks else 0.0
        found.expected += rates.expected
    rows: list[list[float]] = []
    for poll in range(1, polls + 1):
        _count(found, guard.see(site.poll()))
        if poll % HOUR_POLLS == 0:
            found.hours += 1
            found.suspended += guard.fact("guarantee_suspended_since") > 0
        rows.append(bench.row(site.shown))
        for name, value in shift.due():
            found.writes += 1
            opinion = guard.ask(site.question(name, value))
            if opinion.decision >= Decision.HOLD:
                found.held += 1
                found.right += truth.leaves_safe_range(site, name, value) is not None
                found.why[f"{opinion.findings[0].code} ({name})"] += 1
            _count(found, guard.see([site.write(name, value)]))
    if found.has_guarantee and is_alone:
        found.louder = louder.measure(bench)
    found.baselines = {name: len(runs(_blocked(score > 1.0))) for name, score in scores(bench, rows)}
    return found


def _count(found: Clean, findings: list[Finding]) -> None:
    for one in findings:
        again = one.code in STATISTICAL and one.at - found.told.get(one.code, -_ONE_ALARM_NS) < _ONE_ALARM_NS
        found.told[one.code] = one.at
        found.findings[one.code] += not again


def _blocked(alarm: Flags) -> Flags:
    """Return alarms by block: what the calibration counts."""
    whole = len(alarm) // BLOCK_POLLS * BLOCK_POLLS
    blocks: Flags = np.repeat(alarm[:whole].reshape(-1, BLOCK_POLLS).any(axis=1), 1)
    return blocks
