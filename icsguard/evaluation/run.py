"""One whole evaluation: plants, recorded sets, goals. Everything follows from the form and one seed."""

from __future__ import annotations

import platform
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from importlib.metadata import PackageNotFoundError, version

from icsguard import __version__
from icsguard.detect.limits import undetectable
from icsguard.evaluation import captures, clean, commands, conduct, cost, disturbances, goals, recorded
from icsguard.evaluation.bench import prepare
from icsguard.evaluation.form import Form
from icsguard.evaluation.lies import LieTrial
from icsguard.evaluation.loaded import DataMissingError, folder
from icsguard.evaluation.plant_result import PlantResult
from icsguard.evaluation.studies import STUDIES, study
from icsguard.evaluation.tables import Result, Row, Table, Trace
from icsguard.lab.plants.catalog import FROZEN, PLANTS, TUNED

Progress = Callable[[str], None]
PACKAGES = ("numpy", "onnxruntime", "msgspec", "scapy")


@dataclass(slots=True)
class _Found:
    """What has been measured so far."""

    plants: list[PlantResult] = field(default_factory=list)
    recorded: list[Table] = field(default_factory=list)
    traces: list[Trace] = field(default_factory=list)
    captures: dict[str, list[captures.Judged]] = field(default_factory=dict)
    absent: list[str] = field(default_factory=list)


def evaluate(form: Form, only: Sequence[str], seed: int, progress: Progress) -> Result:
    """Run an evaluation; `only` names plants and recorded sets, empty for those of the form."""
    found = _Found()
    for name in [one for one in (only or form.plants) if one in PLANTS]:
        found.plants.append(_plant(name, form, seed, progress))
    for name in [one for one in (only or form.studies) if one in STUDIES]:
        found.recorded.append(study(name, seed, progress))
    for name in [one for one in (only or form.real) if one not in PLANTS and one not in STUDIES]:
        try:
            folder()
        except DataMissingError as error:
            found.absent.append(f"{name}: {error}")
            progress(f"{name}: left out, {error}")
            continue
        _recorded(name, found, progress)
    tables = (*_plant_tables(found.plants), *found.recorded)
    return Result(
        form.name,
        seed,
        tables,
        goals.judge(found.plants, found.recorded, found.captures),
        tuple(found.traces),
        _facts(found),
    )


def _plant(name: str, form: Form, seed: int, progress: Progress) -> PlantResult:
    progress(f"{name}: learning {form.learn_polls} polls")
    bench = prepare(PLANTS[name], form.learn_polls, seed)
    progress(f"{name}: {form.clean_polls} polls of normal operation")
    quiet = clean.measure(bench, form.clean_polls)
    progress(f"{name}: false telemetry")
    lies = LieTrial(bench)
    lies.run(form.lies)
    progress(f"{name}: commands")
    tried = commands.measure(bench, form.commands, form.ramps)
    progress(f"{name}: requests outside the policy")
    played = conduct.measure(bench, form.requests)
    progress(f"{name}: somebody on the path")
    disturbed = disturbances.measure(bench, form.lies)
    site = bench.taught.site
    return PlantResult(
        name=name,
        frozen=any(plant.name == name for plant in FROZEN),
        clean=quiet,
        lies=lies.found,
        lie_rows=tuple(lies.rows_of_table()),
        areas=tuple(lies.areas()),
        first_seen_by=dict(lies.by),
        commands=tried,
        conduct=played,
        data_digest=bench.taught.model.data_digest[:12],
        trusted_polls=max((column.trusted_steps for column in bench.taught.model.columns), default=0),
        disturbances=disturbed,
        cost=cost.measure(bench),
        limits=undetectable(site.model, site.scorer) if site.scorer else (),
    )


def _recorded(name: str, found: _Found, progress: Progress) -> None:
    progress(f"{name}: recorded data")
    if name in recorded.PROCESSES:
        for study in recorded.studies(name):
            table, traces = recorded.evaluate(study)
            found.recorded.append(table)
            found.traces += traces
        return
    table, judged = {"lemay": captures.lemay, "modbus_benign": captures.benign}[name]()
    found.recorded.append(table)
    found.captures[name] = judged


def _plant_tables(plants: Sequence[PlantResult]) -> list[Table]:
    if not plants:
        return []
    lies: list[Row] = [row for one in plants for row in one.lie_rows]
    return [
        Table("clean", "Normal operation: false alarms and holds", tuple(one.clean.row(one.name) for one in plants)),
        Table("telemetry", "False telemetry (rows 7 to 9, 24), found within 60 polls", tuple(lies)),
        Table("areas", "Scores of rows under false telemetry", tuple(row for one in plants for row in one.areas)),
        Table(
            "commands", "Harmful but permitted writes (rows 3 to 5)", tuple(r for p in plants for r in p.command_rows())
        ),
        Table("conduct", "Requests outside the learnt policy", tuple(r for p in plants for r in p.conduct_rows())),
        Table("refusals", "The learnt policy on normal operation", tuple(one.refusal_row() for one in plants)),
        Table(
            "disturbances",
            "Somebody on the path (rows 10 to 12)",
            tuple(r for p in plants for r in p.disturbance_rows()),
        ),
        Table("limits", "Largest deviation that goes unnoticed", tuple(r for p in plants for r in p.limit_rows())),
        Table("cost", "What the shadow costs", tuple(one.cost_row() for one in plants)),
    ]


def _facts(found: _Found) -> dict[str, str]:
    facts = {
        "icsguard": __version__,
        "python": platform.python_version(),
        "plants to tune on": ", ".join(plant.name for plant in TUNED),
        "frozen plants": ", ".join(plant.name for plant in FROZEN),
        "command": " ".join(["icsguard", *sys.argv[1:]]),
    }
    for package in PACKAGES:
        try:
            facts[package] = version(package)
        except PackageNotFoundError:
            facts[package] = "absent"
    facts |= {f"data of {one.name}": one.data_digest for one in found.plants}
    facts |= {f"left out {number}": text for number, text in enumerate(found.absent, 1)}
    return facts
