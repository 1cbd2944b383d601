"""The product's own twin on recorded processes: rows become Modbus reads, fitted as `learn` does, scored as the shadow.

A row of the table stands for one minute, which is the block that thresholds count in; so a budget is told in rows per
false alarm. Thresholds come from clean rows alone; nothing is adjusted; recovery after an attack is reported apart.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from icsguard.core.clock import DAY, MS, SECOND
from icsguard.core.meaning import Table as ModbusTable
from icsguard.core.point import DataType, Point
from icsguard.core.transaction import Outcome, Transaction
from icsguard.detect.calibration import BLOCK_NS
from icsguard.detect.residuals import ResidualWatch
from icsguard.evaluation import metrics
from icsguard.evaluation.baselines import all_of, threshold
from icsguard.evaluation.loaded import Recording, digest, process
from icsguard.evaluation.metrics import Flags
from icsguard.evaluation.tables import Cell, Row, Table, Trace
from icsguard.evaluation.taught import Taught, teach
from icsguard.inference.api import Array
from icsguard.protocols.modbus import build
from icsguard.twin.grid import Row as GridRow

STEP_NS: Final = BLOCK_NS
START: Final = 1_700_000_000 * SECOND
SEED: Final = 7
_WORDS: Final = 2  # a number of the table is a 32-bit float on the wire
_MOST_TAGS: Final = 62  # two registers each, 125 registers a read (AP §6.4)
_A_DAY: Final = DAY // STEP_NS
LEAST_NORMAL: Final = 100
"""Fewer normal rows in a judged part say nothing about false alarms."""


@dataclass(frozen=True, slots=True)
class Study:
    """One set: what teaches, what is judged, how often a false alarm may come."""

    name: str
    title: str
    clean: Recording
    judged: tuple[Recording, ...]
    row_s: float
    """Seconds between two rows in reality."""
    budget_rows: float
    """Clean rows for each false alarm that is permitted."""
    recovery: int = 0
    """Rows after an attack that count as its recovery in the second false-alarm figure."""
    notes: tuple[str, ...] = ()


def points(tags: Sequence[str]) -> tuple[Point, ...]:
    """Return the point list of a table: 32-bit floats in input registers."""
    return tuple(
        Point(tag, 1, ModbusTable.INPUT, _WORDS * index, DataType.F32) for index, tag in enumerate(tags[:_MOST_TAGS])
    )


def transactions(values: Array, conduit: str) -> Iterator[Transaction]:
    """Yield the rows as answered reads, a block apart."""
    width = min(values.shape[1], _MOST_TAGS)
    request = build.adu(1, 1, build.read(4, 0, _WORDS * width))
    for number, row in enumerate(values):
        at = START + number * STEP_NS
        answer = build.adu(1, 1, bytes((4, 2 * _WORDS * width)) + struct.pack(f">{width}f", *row[:width]))
        yield Transaction(number + 1, conduit, 1, "10.0.0.21", at, at + MS, request, answer, 0, Outcome.ANSWERED)


def scores(taught: Taught, values: Array, tags: Sequence[str]) -> Array:
    """Return the residual score of each row in units of the threshold, through ONNX as the shadow computes it."""
    scorer = taught.site.scorer
    if scorer is None:
        raise ValueError("the site has no scorer")
    watch = ResidualWatch(taught.model, scorer)
    places = [list(tags).index(column.name) for column in taught.model.columns]
    carried = values.astype(np.float32).astype(np.float64)[:, places]
    found = np.zeros(len(values))
    for number, row in enumerate(carried):
        strange = watch.feed(GridRow(START + number * STEP_NS, tuple(row.tolist()), number > 0))
        found[number] = strange.score if strange else 0.0
    scaled: Array = found / max(taught.threshold, 1e-9)
    return scaled


def evaluate(study: Study) -> tuple[Table, list[Trace]]:
    """Return the table of a set, with the score over time of each judged part."""
    per_day = _A_DAY / study.budget_rows
    taught = teach(
        tuple(transactions(study.clean.values, study.name)),
        conduit=study.name,
        points=points(study.clean.tags),
        poll_s=STEP_NS / SECOND,
        per_day=per_day,
        with_flows=False,
    )
    baselines = [
        (one, threshold(one, study.clean.values, block_rows=1, block_ns=STEP_NS, per_day=per_day))
        for one in all_of(SEED)
    ]
    rows: list[Row] = []
    traces: list[Trace] = []
    for part in study.judged:
        own = scores(taught, part.values, part.tags)
        traces.append(_trace(study, part, own))
        rows.append(_row(study, part, "icsguard", own) | {"guarantee": "yes" if taught.model.residuals.rank else "no"})
        rows += [_row(study, part, one.name, one.score(part.values) / limit) for one, limit in baselines]
    calibration = taught.model.residuals
    guarantee = (
        f"threshold: the {calibration.rank}-th largest of {len(calibration.blocks)} clean rows"
        if calibration.rank
        else f"threshold: the largest of {len(calibration.blocks)} clean rows with a margin; no guarantee"
    )
    notes = (f"Fitted and calibrated on {study.clean.name} only ({digest(study.clean.values)}); {guarantee}.",)
    return Table(study.name, study.title, tuple(rows), (*notes, *study.notes)), traces


def _row(study: Study, part: Recording, name: str, score: Array) -> Row:
    alarm, label = score > 1.0, part.label
    normal = ~label
    days = float(normal.sum()) * study.row_s / 86_400.0
    judges_normal = int(normal.sum()) >= LEAST_NORMAL
    false, spared = metrics.false_alarms(alarm, label), metrics.false_alarms(alarm, label, study.recovery)
    wanted = float(normal.sum()) / study.budget_rows
    return {
        "part": part.name,
        "score": name,
        **_detection(study, alarm, label),
        "S": metrics.batadal(alarm, label) if judges_normal else None,
        "TPR": float(alarm[label].mean()) if label.any() else None,
        "TNR": float((~alarm[normal]).mean()) if judges_normal else None,
        "false alarms": false if judges_normal else None,
        "a day": false / days if judges_normal else None,
        "without recovery": spared if judges_normal else None,
        "realised / nominal": false / wanted if judges_normal else None,
        "AUC": metrics.auc(score, label) if judges_normal else None,
        "VUS-PR": metrics.vus_pr(score, label, _width(label)) if judges_normal else None,
    }


def _detection(study: Study, alarm: Flags, label: Flags) -> dict[str, Cell]:
    delays = metrics.first_alarms(alarm, label)
    found = [delay for delay in delays if delay is not None]
    low, high = metrics.interval(len(found), len(delays))
    return {
        "events": f"{len(found)}/{len(delays)}",
        "95 % interval": f"{low:.2f}-{high:.2f}",
        "median delay, s": metrics.median([one * study.row_s for one in found]),
        "p95 delay, s": metrics.late([one * study.row_s for one in found]),
    }


def _width(label: Flags) -> int:
    lengths = [last - first for first, last in metrics.runs(label)]
    return max(int(np.median(lengths)) // 2, 2) if lengths else 2


def _trace(study: Study, part: Recording, own: Array) -> Trace:
    return Trace(study.name, f"{study.title}: {part.name}", tuple(own.tolist()), tuple(metrics.runs(part.label)))


def batadal() -> Study:
    """Fit and calibrate on the year without attack; judge the seven attacks."""
    return Study(
        "batadal",
        "BATADAL, water network C-Town (hourly, 43 tags)",
        process("batadal", "dataset03", decimals=2),
        (process("batadal", "dataset04", decimals=2),),
        3600.0,
        240.0,
        recovery=24,
        notes=("The budget is one false alarm in ten days. All figures are of the whole of dataset04.",),
    )


def wdt() -> Study:
    """Fit on 57 minutes of normal operation; judge two runs with attacks."""
    return Study(
        "wdt",
        "Water distribution testbed (1 Hz, 40 tags)",
        process("wdt", "norm"),
        (process("wdt", "att_1"), process("wdt", "att_3")),
        1.0,
        3_428.0,
        recovery=60,
        notes=("57 minutes of normal data cannot vouch for any number of false alarms a day.",),
    )


def tep_pasad(name: str) -> Study:
    """Each scenario alone: 40 hours of normal operation, then eight of attack."""
    whole = process("tep_pasad", name)
    return Study(
        f"tep_pasad {name}",
        f"Tennessee Eastman under attack, {name} (36 s, 41 sensors)",
        whole.part(0, 4_000),
        (whole.part(4_000, len(whole.values)),),
        36.0,
        2_400.0,
        notes=("Rows 0 to 3 999 teach and calibrate; the month-long normal file is absent, so no false-alarm rate.",),
    )


def skab() -> Study:
    """Valve faults, not attacks: reported as upsets of the process."""
    return Study(
        "skab",
        "SKAB, water loop (1 Hz, 8 sensors): faults, not attacks",
        process("skab", "anomaly-free"),
        (joined("skab/valve1/8..15", [process("skab", f"valve1/{number}") for number in range(8, 16)]),),
        1.0,
        9_405.0,
        recovery=60,
        notes=("Faults. Each file is a run of its own after a pause: ranges differ from the anomaly-free run.",),
    )


def joined(name: str, parts: Sequence[Recording]) -> Recording:
    """Return recordings laid end to end; the jump between two of them is scored like everything else."""
    return Recording(
        name, parts[0].tags, np.vstack([one.values for one in parts]), np.concatenate([one.label for one in parts])
    )


def studies(name: str) -> list[Study]:
    """Return the studies of a set; raise DataMissingError or KeyError."""
    if name == "tep_pasad":
        return [tep_pasad(one) for one in ("DA1", "SA1", "SA2")]
    return [{"batadal": batadal, "wdt": wdt, "skab": skab}[name]()]


PROCESSES: Final = ("batadal", "wdt", "tep_pasad", "skab")
