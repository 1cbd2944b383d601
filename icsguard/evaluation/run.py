"""One whole evaluation: plants, recorded sets, goals. Everything follows from the form and one seed."""

from __future__ import annotations

import platform
import sys
from collections.abc import Sequence
from dataclasses import dataclass, field
from importlib.metadata import PackageNotFoundError, version

from icsguard import __version__
from icsguard.evaluation import captures, goals, rows
from icsguard.evaluation.form import Form
from icsguard.evaluation.jobs import Failed, Progress, work
from icsguard.evaluation.plan import Recorded, Studied, plan
from icsguard.evaluation.plant_result import PlantResult
from icsguard.evaluation.studies import STUDIES
from icsguard.evaluation.tables import Result, Row, Table, Trace
from icsguard.lab.plants.catalog import FROZEN, TUNED

PACKAGES = ("numpy", "onnxruntime", "msgspec", "scapy")


@dataclass(slots=True)
class _Found:
    """What has been measured."""

    plants: list[PlantResult] = field(default_factory=list)
    studies: dict[str, dict[str, object]] = field(default_factory=dict)
    """By study, then by plant."""
    recorded: list[Table] = field(default_factory=list)
    traces: list[Trace] = field(default_factory=list)
    captures: dict[str, list[captures.Judged]] = field(default_factory=dict)
    failed: list[str] = field(default_factory=list)

    def take(self, part: object) -> None:
        """Put away what one job gave."""
        if isinstance(part, PlantResult):
            self.plants.append(part)
        elif isinstance(part, Studied):
            for name, one in part.found.items():
                self.studies.setdefault(name, {})[part.plant] = one
        elif isinstance(part, Recorded):
            self.recorded += part.tables
            self.traces += part.traces
            self.captures |= part.captures
        elif isinstance(part, Failed):
            self.failed.append(f"{part.title}: {part.why}")

    def study_tables(self) -> list[Table]:
        """Return a table of each study, in their order."""
        return [STUDIES[name].table(self.studies[name]) for name in STUDIES if name in self.studies]


def evaluate(form: Form, only: Sequence[str], seed: int, progress: Progress, workers: int = 1) -> Result:
    """Run an evaluation; `only` names plants, recorded sets and studies, empty for those of the form.

    What comes out does not depend on `workers`, the number of processes, but for what things cost.
    """
    jobs, absent = plan(form, only, seed)
    for text in absent:
        progress(text)
    found = _Found()
    for part in work(jobs, workers, progress):
        found.take(part)
    studied = found.study_tables()
    tables = [*_plant_tables(found.plants), *studied, *found.recorded]
    judged = goals.judge(found.plants, (*studied, *found.recorded), found.captures)
    if found.plants:
        tables.append(rows.table(found.plants, tables, found.captures))
    facts = _facts(found.plants, absent) | {"processes": str(workers)}
    for text in found.failed:
        progress(f"FAILED: {text}")
    return Result(form.name, seed, tuple(tables), judged, tuple(found.traces), facts, tuple(found.failed))


def _plant_tables(plants: Sequence[PlantResult]) -> list[Table]:
    if not plants:
        return []
    lies: list[Row] = [row for one in plants for row in one.lie_rows]
    return [
        Table("clean", "Normal operation: false alarms and holds", tuple(one.clean.row(one.name) for one in plants)),
        Table("telemetry", "False telemetry (rows 7 to 9), found within 60 polls", tuple(lies)),
        Table(
            "spoofs",
            "Lies hidden by who controls half of the sensors (row 24), found within 60 polls",
            tuple(row for one in plants for row in one.spoof_rows),
            ("Nothing of this is promised: somebody who controls what explains a point can hide a lie about it.",),
        ),
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


def _facts(plants: Sequence[PlantResult], absent: Sequence[str]) -> dict[str, str]:
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
    facts |= {f"data of {one.name}": one.data_digest for one in plants}
    facts |= {f"left out {number}": text for number, text in enumerate(absent, 1)}
    return facts
