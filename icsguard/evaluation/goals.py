"""What was promised, beside what was measured: on the frozen plants where they were run, with fixed thresholds.

The same is told of the plants whose results were looked at before: they are no untouched test, and say what changed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Final, NamedTuple

from icsguard.evaluation import poison
from icsguard.evaluation.captures import Judged
from icsguard.evaluation.metrics import Tally, interval, rate_interval
from icsguard.evaluation.plant_result import PlantResult
from icsguard.evaluation.tables import Cell, Goal, Table, shown
from icsguard.evaluation.tampering import PROMISED

STOPPED: Final = (0.90, 0.97)
"""The must, and the aim; so everywhere below."""
EACH_CLASS: Final = 300
"""Harmful commands of each class, over all plants that are judged."""
HOLDS_A_WEEK: Final = 1.0
FOUND: Final = (0.85, 0.95)
F1: Final = (0.95, 0.98)
WEAKEST: Final = (0.75, 0.90)
RATES: Final = ((0.5, 2.0), (0.7, 1.4))
S: Final = (0.935, 0.96)
EVENTS: Final = 7
ALARMS_A_DAY: Final = 0.1
ALERTED: Final = (0.005, 0.001)
SEEING_US: Final = (60.0, 30.0)
ASKING_US: Final = (300.0, 150.0)
LOST: Final = (2.0, 0.0)
"""Points of recall that attacked hours in the learning data may cost."""

Plants = Sequence[PlantResult]


class _Verdict(NamedTuple):
    measured: str
    reached: bool | None
    aimed: bool | None = None


_Judge = Callable[[Plants], _Verdict]


def judge(plants: Plants, tables: Sequence[Table], captures: Mapping[str, Sequence[Judged]]) -> tuple[Goal, ...]:
    """Return all goals with their verdicts."""
    frozen, seen = [one for one in plants if one.frozen], [one for one in plants if not one.frozen]
    judged = frozen or seen
    beside = seen if frozen else []
    found = [_of_plants(goal, judged, beside) for goal in _PLANT_GOALS] if judged else []
    if any(one.clean.louder for one in judged):
        found.append(_of_plants(_LOUDER, judged, beside))
    found += [_batadal(table) for table in tables if table.name == "batadal"]
    found += _real_rates(tables)
    found += [_opcua(table) for table in tables if table.name == "opcua"]
    found += [_lemay(known[0]) for name, known in captures.items() if name == "lemay"]
    found += [_poison(table, {one.name for one in frozen}) for table in tables if table.name == "poison"]
    return tuple(found)


def _of_plants(goal: tuple[str, str, str, _Judge], judged: Plants, beside: Plants) -> Goal:
    text, must, aim, of = goal
    one, other = of(judged), of(beside) if beside else _Verdict("", None)
    names = ", ".join(plant.name for plant in judged)
    return Goal(f"{text} ({names})", must, one.measured, one.reached, aim, one.aimed, other.measured, other.reached)


def _deterministic(plants: Plants) -> _Verdict:
    tallies = [tally for one in plants for tally in one.conduct.kinds.values()]
    count, hits = sum(one.count for one in tallies), sum(one.hits for one in tallies)
    refused = sum(one.conduct.clean_refused for one in plants)
    benign = sum(one.conduct.clean_requests for one in plants)
    text = f"{hits} of {count} stopped; {refused} of {benign} benign requests refused"
    return _Verdict(text, hits == count and not refused)


def _harmful(plants: Plants) -> _Verdict:
    """Every class must reach it, with as many tries as were promised; rhythms count as a class of their own."""
    classes = {
        "set-points and drives": _sum([one.commands.jumps for one in plants]),
        "switches": _sum([one.commands.switches for one in plants]),
        "ramps": _sum([one.commands.ramps for one in plants]),
        "toggling": _sum([one.commands.toggles for one in plants]),
    }
    total = _sum(list(classes.values())[:3])
    parts = "; ".join(f"{name} {tally.hits}/{tally.count}" for name, tally in classes.items())
    few = [name for name, tally in classes.items() if tally.count < EACH_CLASS]
    text = f"{_share(total)}: {parts}" + (f"; fewer than {EACH_CLASS}: {', '.join(few)}" if few else "")
    return _Verdict(text, *_least(total, STOPPED))


def _holds(plants: Plants) -> _Verdict:
    worst = max(plants, key=lambda one: one.clean.holds_a_week)
    parts = ", ".join(f"{one.name} {shown(one.clean.holds_a_week)}" for one in plants)
    return _Verdict(parts, worst.clean.holds_a_week <= HOLDS_A_WEEK, worst.clean.holds_a_week <= 0)


def _telemetry(plants: Plants) -> _Verdict:
    total = _sum([one.lies[kind] for one in plants for kind in PROMISED if kind in one.lies])
    return _Verdict(_share(total), *_least(total, FOUND))


def _weakest(plants: Plants) -> _Verdict:
    """No detector here was taught any attack, so every class is one that was never seen."""
    kinds = {kind: _sum([one.lies[kind] for one in plants if kind in one.lies]) for kind in PROMISED}
    name, tally = min(kinds.items(), key=lambda item: item[1].recall or 0.0)
    return _Verdict(f"{name}: {_share(tally)}", *_least(tally, WEAKEST))


def _f1(plants: Plants) -> _Verdict:
    """Event F1 where attacks come ten a day: precision then follows from recall and false alarms a day."""
    total = _sum([one.lies[kind] for one in plants for kind in PROMISED if kind in one.lies])
    alarms = sum(one.clean.alarms + one.clean.others for one in plants)  # whatever may find a lie may also cry wolf
    recall, false = total.recall or 0.0, alarms / sum(one.clean.days for one in plants)
    precision = 10 * recall / (10 * recall + false) if recall else 0.0
    value = 2 * precision * recall / (precision + recall) if precision + recall else 0.0
    text = f"{value:.3f} (ten attacks a day; {false:.2f} false alarms a day)"
    return _Verdict(text, value >= F1[0] and false <= 1.0, value >= F1[1] and false <= 1.0)


def _rates(plants: Plants) -> _Verdict:
    """What was counted over what the threshold makes likely; where it is above, the status must have said so."""
    told = [_rate(one) for one in plants]
    sure = [one.clean for one in plants if one.clean.ratio is not None]
    kept = [_is_kept(one.ratio, RATES[0]) or ((one.ratio or 0.0) > RATES[0][1] and one.suspended > 0) for one in sure]
    closely = [_is_kept(one.ratio, RATES[1]) for one in sure]
    return _Verdict(", ".join(told), all(kept) if kept else None, all(closely) if closely else None)


def _rate(one: PlantResult) -> str:
    clean = one.clean
    if clean.ratio is None:
        return f"{one.name} -"
    low, high = (end / (clean.expected * clean.days) for end in rate_interval(clean.alarms))
    return f"{one.name} {shown(clean.ratio)} ({low:.2f}-{high:.2f})"


def _louder(plants: Plants) -> _Verdict:
    """Every trial counts: a plant that is no longer what was learnt must be told within the hour."""
    by_factor: dict[float, Tally] = {}
    for one in plants:
        for grown in one.clean.louder:
            before = by_factor.get(grown.factor, Tally())
            by_factor[grown.factor] = Tally(before.count + len(grown.minutes), before.hits + grown.in_time)
    text = "; ".join(f"residuals x {factor:g}: {tally.hits} of {tally.count}" for factor, tally in by_factor.items())
    return _Verdict(text, all(tally.hits == tally.count for tally in by_factor.values()) if by_factor else None)


def _is_kept(ratio: float | None, bounds: tuple[float, float]) -> bool:
    return ratio is not None and bounds[0] <= ratio <= bounds[1]


def _cost(plants: Plants) -> _Verdict:
    seeing, asking = max(one.cost.seeing_us for one in plants), max(one.cost.asking_us for one in plants)
    text = f"{seeing:.0f} us a transaction, {asking:.0f} us a judged write on the worst plant"
    must, aim = (seeing <= SEEING_US[at] and asking <= ASKING_US[at] for at in (0, 1))
    return _Verdict(text, must, aim)


_PLANT_GOALS: Final[tuple[tuple[str, str, str, _Judge], ...]] = (
    ("deterministic violations", "all, and no false refusal", "the same under fuzzing", _deterministic),
    (
        f"harmful writes stopped before delivery, {EACH_CLASS} a class",
        f">= {STOPPED[0]}",
        f">= {STOPPED[1]}",
        _harmful,
    ),
    ("wrong holds of operators' writes", "<= 1 a week", "none", _holds),
    ("false telemetry found within 60 samples", f">= {FOUND[0]}", f">= {FOUND[1]}", _telemetry),
    ("weakest class of false telemetry", f">= {WEAKEST[0]}", f">= {WEAKEST[1]}", _weakest),
    ("event F1", f">= {F1[0]} at <= 1 a day", f">= {F1[1]}", _f1),
    ("realised / expected rate of false alarms", "0.5 to 2, or suspended", "0.7 to 1.4", _rates),
    ("CPU of the shadow", "<= 60 us, <= 300 us", "<= 30 us, <= 150 us", _cost),
)
"""(goal, must, aim, judge)."""
_LOUDER: Final[tuple[str, str, str, _Judge]] = (
    "residuals that grow: suspended within the hour",
    "every time",
    "",
    _louder,
)


def _batadal(table: Table) -> Goal:
    own = _own(table)
    score, false = own["S"], own["a day"]
    quiet = isinstance(false, float) and false <= ALARMS_A_DAY and own["events"] == f"{EVENTS}/{EVENTS}"
    reached, aimed = (quiet and isinstance(score, float) and score >= least for least in S)
    text = f"S {shown(score)}, {own['events']} events, {shown(false)} false alarms a day"
    must = f"S >= {S[0]}, 7/7, <= 0.1 a day"
    return Goal("BATADAL dataset04, fitted and calibrated on dataset03", must, text, reached, f"S >= {S[1]}", aimed)


def _own(table: Table) -> Mapping[str, Cell]:
    return next(row for row in table.rows if row["score"] == "icsguard")


def _real_rates(tables: Sequence[Table]) -> list[Goal]:
    """What real sets say about the rate; without a guarantee nothing was promised, and the status says so."""
    told: list[str] = []
    kept: list[bool] = []
    for table in tables:
        for row in table.rows:
            rate = row.get("realised / nominal")
            if row.get("score") != "icsguard" or not isinstance(rate, float | int):
                continue
            is_sure = row.get("guarantee") == "yes"
            told.append(f"{table.name} {row['part']} {shown(rate)}" + ("" if is_sure else " (no guarantee, and said)"))
            kept.append(not is_sure or _is_kept(rate, RATES[0]))
    text = "realised / nominal rate of false alarms, recorded sets"
    return [Goal(text, "0.5 to 2, or suspended", ", ".join(told), all(kept), "0.7 to 1.4")] if told else []


def _opcua(table: Table) -> Goal:
    count, hits = (sum(int(row[name] or 0) for row in table.rows) for name in ("attacks", "stopped"))
    text = f"{hits} of {count} stopped. {' '.join(table.notes)}"
    is_quiet = all("; 0 were denied" in note for note in table.notes)
    return Goal("deterministic violations on OPC UA", "all, and nothing denied", text, hits == count and is_quiet)


def _lemay(found: Judged) -> Goal:
    stopped = found.attacks - found.reached
    share = found.alerted / max(found.benign, 1)
    text = (
        f"{stopped} of {found.attacks} attack requests stopped; {found.stopped} of {found.benign} benign requests "
        f"refused, {found.alerted} alerted"
    )
    reached, aimed = (stopped == found.attacks and not found.stopped and share <= most for most in ALERTED)
    must = "caught, no false refusal, <= 0.5 % alerts"
    return Goal("Lemay: role change and scan", must, text, reached, "<= 0.1 % alerts", aimed)


def _poison(table: Table, frozen: set[str]) -> Goal:
    """Judge the worst plant: of the frozen ones where they were run."""
    lost = poison.points_lost(table)
    judged = {name: points for name, points in lost.items() if name in frozen} or lost
    beside = {name: points for name, points in lost.items() if name not in judged}
    text = "poisoned learning data, points of recall lost"
    worst, other = max(judged.values()), max(beside.values(), default=0.0)
    seen_reached = other <= LOST[0] if beside else None
    return Goal(
        f"{text} ({', '.join(judged)})",
        f"<= {LOST[0]:g}",
        _listed(judged.items()),
        worst <= LOST[0],
        f"{LOST[1]:g}",
        worst <= LOST[1],
        _listed(beside.items()),
        seen_reached,
    )


def _listed(values: Iterable[tuple[str, float]]) -> str:
    return ", ".join(f"{name} {points:.1f}" for name, points in values)


def _sum(tallies: Sequence[Tally]) -> Tally:
    return Tally(sum(one.count for one in tallies), sum(one.hits for one in tallies))


def _share(tally: Tally) -> str:
    low, high = interval(tally.hits, tally.count)
    return f"{tally.hits} of {tally.count} = {shown(tally.recall)} ({low:.3f}-{high:.3f})"


def _least(tally: Tally, wanted: tuple[float, float]) -> tuple[bool | None, bool | None]:
    if tally.recall is None:
        return None, None
    return tally.recall >= wanted[0], tally.recall >= wanted[1]
