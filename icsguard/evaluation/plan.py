"""What an evaluation consists of: a job for each plant, for each plant's studies and for each recorded set.

A job's call and arguments cross process borders, so they are plain: names, numbers, the form.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

from icsguard.detect.limits import undetectable
from icsguard.evaluation import captures, clean, commands, conduct, cost, disturbances, recorded
from icsguard.evaluation.bench import prepare
from icsguard.evaluation.form import FULL, Form
from icsguard.evaluation.jobs import Job, Progress
from icsguard.evaluation.lies import LieTrial
from icsguard.evaluation.loaded import DataMissingError, folder
from icsguard.evaluation.plant_result import PlantResult
from icsguard.evaluation.spoofs import SpoofTrial
from icsguard.evaluation.studies import STUDIES
from icsguard.evaluation.tables import Table, Trace
from icsguard.lab.plants.catalog import FROZEN, PLANTS

PLANT_S: Final = 170.0
"""A plant of the full form, about, on a quiet core; only for the time that is left."""
SECONDS: Final = {"batadal": 12.0, "wdt": 8.0, "tep_pasad": 10.0, "skab": 2.0, "lemay": 4.0, "modbus_benign": 3.0}
_EVERYWHERE: Final = "every plant"


@dataclass(frozen=True, slots=True)
class Studied:
    """What the studies found on one plant."""

    plant: str
    found: dict[str, object]


@dataclass(frozen=True, slots=True)
class Recorded:
    """What one recorded set gave."""

    tables: tuple[Table, ...]
    traces: tuple[Trace, ...] = ()
    captures: dict[str, list[captures.Judged]] = field(default_factory=dict)


def plan(form: Form, only: Sequence[str], seed: int) -> tuple[list[Job], list[str]]:
    """Return the jobs and, one sentence each, what had to be left out.

    Plants that are frozen take part in studies only where everything is run, or where they are named.
    """
    plants = [one for one in (only or form.plants) if one in PLANTS]
    studies = [one for one in (only or form.studies) if one in STUDIES]
    jobs = [Job(name, _plant_seconds(form), measure_plant, (name, form, seed)) for name in plants]
    studied = [name for name in PLANTS if not is_frozen(name) or name in only] if only else plants
    jobs += _study_jobs(studies, studied, seed)
    sets = [one for one in (only or form.real) if one not in PLANTS and one not in STUDIES]
    try:
        if sets:
            folder()
    except DataMissingError as error:
        return jobs, [f"{name}: left out, {error}" for name in sets]
    return [*jobs, *(Job(name, SECONDS.get(name, 5.0), measure_recorded, (name,)) for name in sets)], []


def is_frozen(name: str) -> bool:
    """Say whether no method was tuned on this plant."""
    return any(plant.name == name for plant in FROZEN)


def _plant_seconds(form: Form) -> float:
    return PLANT_S * (form.learn_polls + form.clean_polls) / (FULL.learn_polls + FULL.clean_polls)


def _study_jobs(studies: Sequence[str], plants: Sequence[str], seed: int) -> list[Job]:
    """Return one job a plant: its studies share what was learnt. Those that are the same everywhere are one job."""
    once = [name for name in studies if STUDIES[name].once]
    each = [name for name in studies if not STUDIES[name].once]
    jobs = [Job(name, STUDIES[name].seconds, measure_studies, (plants[0], (name,), seed)) for name in once]
    if each:
        seconds = sum(STUDIES[name].seconds for name in each)
        title = ", ".join(each)
        jobs += [Job(f"{name}: {title}", seconds, measure_studies, (name, tuple(each), seed)) for name in plants]
    return jobs


def measure_studies(plant: str, names: Sequence[str], seed: int, progress: Progress) -> Studied:
    """Carry out studies on one plant."""
    found = {name: STUDIES[name].of(PLANTS[plant], seed, progress) for name in names}
    return Studied(_EVERYWHERE if all(STUDIES[name].once for name in names) else plant, found)


def measure_recorded(name: str, progress: Progress) -> Recorded:
    """Judge a recorded set."""
    progress(f"{name}: recorded data")
    if name in recorded.PROCESSES:
        done = [recorded.evaluate(study) for study in recorded.studies(name)]
        return Recorded(tuple(table for table, _ in done), tuple(one for _, traces in done for one in traces))
    table, judged = {"lemay": captures.lemay, "modbus_benign": captures.benign}[name]()
    return Recorded((table,), captures={name: judged})


def measure_plant(name: str, form: Form, seed: int, progress: Progress) -> PlantResult:
    """Learn a plant and try everything on it."""
    progress(f"{name}: learning {form.learn_polls} polls")
    bench = prepare(PLANTS[name], form.learn_polls, seed)
    progress(f"{name}: {form.clean_polls} polls of normal operation")
    quiet = clean.measure(bench, form.clean_polls)
    progress(f"{name}: false telemetry")
    lies = LieTrial(bench)
    lies.run(form.lies)
    progress(f"{name}: hidden lies")
    spoofs = SpoofTrial(bench)
    spoofs.run(form.lies)
    progress(f"{name}: commands")
    tried = commands.measure(bench, form.commands, form.ramps, form.harmful)
    progress(f"{name}: requests outside the policy")
    played = conduct.measure(bench, form.requests)
    progress(f"{name}: somebody on the path")
    disturbed = disturbances.measure(bench, form.lies)
    site = bench.taught.site
    return PlantResult(
        name=name,
        frozen=is_frozen(name),
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
        spoofs=spoofs.found,
        spoof_rows=tuple(spoofs.rows_of_table()),
    )
