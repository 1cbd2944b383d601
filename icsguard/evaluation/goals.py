"""What was promised, beside what was measured: on the frozen plants where they were run, with fixed thresholds."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from icsguard.evaluation.captures import Judged
from icsguard.evaluation.metrics import Tally, interval
from icsguard.evaluation.plant_result import PlantResult
from icsguard.evaluation.tables import Goal, Table, shown
from icsguard.evaluation.tampering import PROMISED

STOPPED: Final = 0.90
HOLDS_A_WEEK: Final = 1.0
FOUND: Final = 0.85
F1: Final = 0.95
RATES: Final = (0.5, 2.0)
S: Final = 0.935
EVENTS: Final = 7
ALARMS_A_DAY: Final = 0.1
ALERTED: Final = 0.005
SEEING_US: Final = 60.0
ASKING_US: Final = 300.0


def judge(
    plants: Sequence[PlantResult], tables: Sequence[Table], captures: Mapping[str, Sequence[Judged]]
) -> tuple[Goal, ...]:
    """Return all goals with their verdicts."""
    judged = [one for one in plants if one.frozen] or list(plants)
    return (
        *(_of_plants(judged) if judged else ()),
        *[_batadal(table) for table in tables if table.name == "batadal"],
        *[_lemay(found[0]) for name, found in captures.items() if name == "lemay"],
    )


def _of_plants(plants: Sequence[PlantResult]) -> list[Goal]:
    names = ", ".join(one.name for one in plants)
    return [
        _deterministic(plants, names),
        _harmful(plants, names),
        _holds(plants, names),
        _telemetry(plants, names),
        _weakest(plants, names),
        _f1(plants, names),
        _rates(plants, names),
        _cost(plants, names),
    ]


def _deterministic(plants: Sequence[PlantResult], names: str) -> Goal:
    tallies = [tally for one in plants for tally in one.conduct.kinds.values()]
    count, hits = sum(one.count for one in tallies), sum(one.hits for one in tallies)
    refused = sum(one.conduct.clean_refused for one in plants)
    benign = sum(one.conduct.clean_requests for one in plants)
    text = f"{hits} of {count} stopped; {refused} of {benign} benign requests refused"
    return Goal(f"deterministic violations ({names})", "all, and no false refusal", text, hits == count and not refused)


def _harmful(plants: Sequence[PlantResult], names: str) -> Goal:
    total = _sum([t for one in plants for t in (one.commands.jumps, one.commands.switches, one.commands.ramps)])
    return Goal(
        f"harmful writes stopped before delivery ({names})", f">= {STOPPED}", _share(total), _least(total, STOPPED)
    )


def _holds(plants: Sequence[PlantResult], names: str) -> Goal:
    worst = max(one.clean.holds_a_week for one in plants)
    text = f"{worst:.2f} on the worst plant"
    return Goal(f"wrong holds of operators' writes ({names})", "<= 1 a week", text, worst <= HOLDS_A_WEEK)


def _telemetry(plants: Sequence[PlantResult], names: str) -> Goal:
    total = _sum([one.lies[kind] for one in plants for kind in PROMISED if kind in one.lies])
    return Goal(
        f"false telemetry found within 60 samples ({names})", f">= {FOUND}", _share(total), _least(total, FOUND)
    )


def _weakest(plants: Sequence[PlantResult], names: str) -> Goal:
    """No detector here was taught any attack, so every class is one that was never seen."""
    kinds = {kind: _sum([one.lies[kind] for one in plants if kind in one.lies]) for kind in PROMISED}
    name, tally = min(kinds.items(), key=lambda item: item[1].recall or 0.0)
    return Goal(
        f"weakest class of false telemetry ({names})", ">= 0.75", f"{name}: {_share(tally)}", _least(tally, 0.75)
    )


def _f1(plants: Sequence[PlantResult], names: str) -> Goal:
    """Event F1 where attacks come ten a day: precision then follows from recall and false alarms a day."""
    total = _sum([one.lies[kind] for one in plants for kind in PROMISED if kind in one.lies])
    alarms = sum(one.clean.alarms + one.clean.others for one in plants)  # whatever may find a lie may also cry wolf
    recall, false = total.recall or 0.0, alarms / sum(one.clean.days for one in plants)
    precision = 10 * recall / (10 * recall + false) if recall else 0.0
    value = 2 * precision * recall / (precision + recall) if precision + recall else 0.0
    text = f"{value:.3f} (ten attacks a day; {false:.2f} false alarms a day)"
    return Goal(f"event F1 ({names})", f">= {F1} at <= 1 a day", text, value >= F1 and false <= 1.0)


def _rates(plants: Sequence[PlantResult], names: str) -> Goal:
    """What was counted over what the threshold makes likely; where it is above, the status must have said so."""
    low, high = RATES
    told = [f"{one.name} {shown(one.clean.ratio)}" for one in plants]
    sure = [one.clean for one in plants if one.clean.ratio is not None]
    kept = [
        one.ratio is not None and (low <= one.ratio <= high or (one.ratio > high and one.suspended > 0)) for one in sure
    ]
    reached = all(kept) if kept else None
    return Goal(
        f"realised / expected rate of false alarms ({names})",
        f"{low} to {high}, or suspended",
        ", ".join(told),
        reached,
    )


def _cost(plants: Sequence[PlantResult], names: str) -> Goal:
    seeing, asking = max(one.cost.seeing_us for one in plants), max(one.cost.asking_us for one in plants)
    text = f"{seeing:.0f} us a transaction, {asking:.0f} us a judged write on the worst plant"
    reached = seeing <= SEEING_US and asking <= ASKING_US
    return Goal(f"CPU of the shadow ({names})", f"<= {SEEING_US:.0f} us, <= {ASKING_US:.0f} us", text, reached)


def _batadal(table: Table) -> Goal:
    own = next(row for row in table.rows if row["score"] == "icsguard")
    score, false = own["S"], own["a day"]
    reached = (
        isinstance(score, float)
        and isinstance(false, float)
        and score >= S
        and false <= ALARMS_A_DAY
        and own["events"] == f"{EVENTS}/{EVENTS}"
    )
    text = f"S {shown(score)}, {own['events']} events, {shown(false)} false alarms a day"
    return Goal("BATADAL dataset04, fitted and calibrated on dataset03", f"S >= {S}, 7/7, <= 0.1 a day", text, reached)


def _lemay(found: Judged) -> Goal:
    stopped = found.attacks - found.reached
    share = found.alerted / max(found.benign, 1)
    text = (
        f"{stopped} of {found.attacks} attack requests stopped; {found.stopped} of {found.benign} benign requests "
        f"refused, {found.alerted} alerted"
    )
    reached = stopped == found.attacks and not found.stopped and share <= ALERTED
    return Goal("Lemay: role change and scan", "caught, no false refusal, <= 0.5 % alerts", text, reached)


def _sum(tallies: Sequence[Tally]) -> Tally:
    return Tally(sum(one.count for one in tallies), sum(one.hits for one in tallies))


def _share(tally: Tally) -> str:
    low, high = interval(tally.hits, tally.count)
    return f"{tally.hits} of {tally.count} = {shown(tally.recall)} ({low:.3f}-{high:.3f})"


def _least(tally: Tally, least: float) -> bool | None:
    return None if tally.recall is None else tally.recall >= least
