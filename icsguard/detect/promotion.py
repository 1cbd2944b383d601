"""May a challenger take the champion's place? One rule a line, each with what was wanted and what was measured.

Golden attacks must not be found worse, clean traffic must not alarm more, no threshold may be loosened beyond a factor,
no guarded point may lose its forecast, and the challenger must have stood beside the champion for a while on live
traffic. A human confirms after that; nothing here acts.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Final

import numpy as np

from icsguard.detect.residuals import STREAMS
from icsguard.twin.site_model import SiteModel

LOOSEST: Final = 1.25
"""A point's smallest deviation that alarms may grow by this factor at most."""
LIVE_HOURS: Final = 24.0
"""So long a challenger runs beside the champion before it may replace it."""
LEAST_ATTACKS: Final = 10
"""Fewer golden attacks say nothing."""


@dataclass(frozen=True, slots=True)
class Trial:
    """What one model did with the golden attacks and the clean traffic between them. Both models see the same."""

    attacks: int
    found: int
    kinds: dict[str, tuple[int, int]]
    """Found and carried out, by kind of attack."""
    clean_hours: float
    false_alarms: int
    writes: int
    """Writes of operators in the clean traffic."""
    holds: int
    """Those of them that would have been held or refused, rightly or not."""

    @property
    def recall(self) -> float:
        """Share of the attacks that were found."""
        return self.found / max(self.attacks, 1)


@dataclass(frozen=True, slots=True)
class LiveRun:
    """What both did on live traffic, as the shadow counted it."""

    hours: float
    champion_alarms: int
    challenger_alarms: int
    champion_holds: int
    challenger_holds: int


@dataclass(frozen=True, slots=True)
class Candidate:
    """One model with its trial."""

    model: SiteModel
    trial: Trial


@dataclass(frozen=True, slots=True)
class Rule:
    """One condition of a promotion."""

    text: str
    wanted: str
    measured: str
    held: bool


@dataclass(frozen=True, slots=True)
class Ruling:
    """All conditions; the challenger may be promoted where every one of them held."""

    rules: tuple[Rule, ...] = field(default_factory=tuple)

    @property
    def may_promote(self) -> bool:
        """Say whether every rule held."""
        return all(rule.held for rule in self.rules)


def judge(
    champion: Candidate,
    challenger: Candidate,
    live: LiveRun | None,
    *,
    hours: float = LIVE_HOURS,
    has_new_points: bool = False,
) -> Ruling:
    """Return all rules with their verdicts. `hours`: how long the live run must have been; 0 asks for none.

    `has_new_points`: a human has just put another point list in force. The champion does not know it, so there can be
    no live run beside it, and points that are gone cannot get worse.
    """
    one, other = champion.trial, challenger.trial
    hours = 0.0 if has_new_points else hours
    names = {column.name for column in challenger.model.columns} if has_new_points else None
    before, after = champion.model.points_digest, challenger.model.points_digest
    rules = [
        Rule("the point list is the same, or was reviewed", before[:12], after[:12], has_new_points or before == after),
        Rule(
            "enough golden attacks were carried out",
            f">= {LEAST_ATTACKS}",
            str(other.attacks),
            other.attacks >= LEAST_ATTACKS,
        ),
        Rule(
            "golden attacks are found no worse",
            f">= {one.found} of {one.attacks}",
            f"{other.found} of {other.attacks}",
            other.found * max(one.attacks, 1) >= one.found * max(other.attacks, 1),
        ),
        _kinds(one, other),
        Rule(
            "clean traffic alarms no more",
            f"<= {one.false_alarms} in {one.clean_hours:.1f} h",
            str(other.false_alarms),
            other.false_alarms <= one.false_alarms,
        ),
        Rule(
            "operators' writes are held no more",
            f"<= {one.holds} of {one.writes}",
            str(other.holds),
            other.holds <= one.holds,
        ),
        _thresholds(champion.model, challenger.model, names),
        _forecasts(champion.model, challenger.model, names),
    ]
    if hours > 0:
        rules += _live(live, hours)
    return Ruling(tuple(rules))


def sharpness(model: SiteModel) -> dict[str, float]:
    """Return the smallest sudden deviation of each measured point that alarms at once, engineering units."""
    moving = [column for column in model.columns if column.kind == "moving"]
    if not moving or model.residuals.threshold <= 0.0:
        return {}
    scale = np.array(model.stream_scale).reshape(-1, len(STREAMS), len(moving))[0]  # of a settled plant
    half = len(scale) // 2
    sigma = np.array(
        [[column.sigma_time for column in moving]] * half
        + [[column.sigma_space for column in moving]] * (len(scale) - half)
    )
    least = (scale * sigma).min(axis=0) * model.residuals.threshold
    return {column.name: float(value) for column, value in zip(moving, least, strict=True)}


def _kinds(one: Trial, other: Trial) -> Rule:
    worse = [
        f"{kind} {other.kinds.get(kind, (0, 0))[0]} of {count}"
        for kind, (found, count) in sorted(one.kinds.items())
        if other.kinds.get(kind, (0, 0))[0] < found - max(1, count // 50)
    ]
    return Rule(
        "no kind of golden attack is found clearly worse", "none", "; ".join(worse) if worse else "none", not worse
    )


def _thresholds(champion: SiteModel, challenger: SiteModel, names: Collection[str] | None) -> Rule:
    before, after = sharpness(champion), sharpness(challenger)
    before = {name: value for name, value in before.items() if names is None or name in names}
    factors = _factors(before, after)
    name, worst = max(factors.items(), key=lambda item: item[1], default=("", 1.0))
    text = f"{worst:.2f} ({name})" if name else "no thresholds"
    return Rule("no threshold is loosened much", f"<= {LOOSEST:g} times", text, worst <= LOOSEST)


def _factors(before: Mapping[str, float], after: Mapping[str, float]) -> dict[str, float]:
    """Return by how much each point's threshold grew; a point that lost its threshold lost all of it."""
    return {name: after.get(name, float("inf")) / value for name, value in before.items() if value > 0.0}


def _forecasts(champion: SiteModel, challenger: SiteModel, names: Collection[str] | None) -> Rule:
    now = {column.name: column.trusted_steps for column in challenger.columns}
    lost = [
        column.name
        for column in champion.columns
        if (names is None or column.name in names)
        and column.trusted_steps
        and 2 * now.get(column.name, 0) < column.trusted_steps
    ]
    return Rule("no forecast is trusted less than half as far", "none", ", ".join(lost) or "none", not lost)


def _live(live: LiveRun | None, hours: float) -> list[Rule]:
    if live is None:
        return [Rule("it ran beside the champion", f">= {hours:g} h", "not at all", held=False)]
    return [
        Rule("it ran beside the champion", f">= {hours:g} h", f"{live.hours:.1f} h", live.hours >= hours),
        Rule(
            "it alarmed no more on live traffic",
            f"<= {live.champion_alarms}",
            str(live.challenger_alarms),
            live.challenger_alarms <= live.champion_alarms,
        ),
        Rule(
            "it held no more on live traffic",
            f"<= {live.champion_holds}",
            str(live.challenger_holds),
            live.challenger_holds <= live.champion_holds,
        ),
    ]
