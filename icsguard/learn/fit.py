"""Traffic becomes a site model: laws of motion, neighbours, bands, habits and calibrated thresholds.

Everything that says how good the model is comes from rows that did not fit its weights: the recording is cut into
blocks of time, and each is judged by the weights that the others give. Which terms the laws have is chosen once, by
simulations on blocks likewise held out.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Final

import numpy as np
from numpy.typing import NDArray

from icsguard.config.settings import Conduit
from icsguard.core.meaning import Table
from icsguard.core.point import DataType, Point
from icsguard.core.transaction import Transaction
from icsguard.detect.flow_model import FlowModel
from icsguard.inference.api import Array
from icsguard.learn import habits
from icsguard.learn.calibrated import Residuals, as_shown, calibrate_flows, calibrate_residuals
from icsguard.learn.holds import holding
from icsguard.learn.recorded import Recorded, Rows, Ways, record, rows
from icsguard.twin import course_search, fitting
from icsguard.twin.bands import Errors, fidelity, forecast_errors, written
from icsguard.twin.dynamics import Law
from icsguard.twin.scoring import Ahead, Matrices, ahead_of, matrices, spatial_weights
from icsguard.twin.site_model import Column, SiteModel, points_digest

MAX_FIT_ROWS: Final = 20_000  # rows that fit laws; of a longer recording, evenly spread stretches
STRETCH: Final = 250
FOLDS: Final = 3
VALUES_PART: Final = 0.75
"""Of the budget of false alarms; the rest is that of flows, which alarm more rarely where nobody attacks."""
_READ: Final = 0.05  # shares of the whole work, for the progress bar
_FITTED: Final = 0.8
LEAST_ROWS: Final = 120
"""Fewer rows make no twin at all."""
MAX_MODES: Final = 8  # bit patterns with a spatial fit of their own; the most frequent
MODE_ROWS: Final = 200
_MARGIN: Final = 0.1  # a roll-out leaves the range seen by at most this share, where no safe envelope is declared
_WRITES_LEAST: Final = 2
_READS_STILL: Final = 500  # a point that did not change in so many reads changes by writes only
_MIDDLE: Final = 0.95  # of normally distributed residuals lie within 1.96 standard deviations
_MIDDLE_SIGMAS: Final = 1.96
_RUN_SHARE: Final = 0.25  # a point that stood still for a quarter of its reads may do so


class NothingToLearnError(Exception):
    """The traffic does not hold what a twin needs; the text says what is missing."""


@dataclass(frozen=True, slots=True)
class Fitted:
    """A site model with the spatial weights that only its ONNX file carries."""

    model: SiteModel
    matrices: Matrices


Progress = Callable[[float, str], None]


def _silent(_share: float, _text: str) -> None:
    """Tell nobody."""


def fit(
    transactions: Iterable[Transaction],
    conduit: Conduit,
    *,
    horizon_s: float = 60.0,
    window_s: float = 5.0,
    alarms_per_day: float = 1.0,
    flow_model: FlowModel | None = None,
    progress: Progress = _silent,
) -> Fitted:
    """Return what the conduit's transactions teach; raise NothingToLearnError where they teach too little."""
    points = conduit.policy.points
    if not points:
        raise NothingToLearnError(f"conduit {conduit.name} has no point list: a twin needs to know what the values are")
    progress(0.0, "reading the traffic")
    recorded = record([one for one in transactions if one.conduit == conduit.name], points)
    grid = rows(recorded, horizon_s)
    count = sum(len(run) for run in grid.runs)
    if count < LEAST_ROWS:
        seconds = LEAST_ROWS * grid.step_ns / 1e9
        raise NothingToLearnError(
            f"conduit {conduit.name} has {count} whole rows of its points, a twin needs {LEAST_ROWS}: "
            f"poll all of them together for at least {seconds:.0f} s"
        )
    return _Fit(recorded, grid, conduit.name, points).run(
        progress, window_s=window_s, alarms_per_day=alarms_per_day, flow_model=flow_model
    )


class _Fit:
    """One fit, step by step."""

    def __init__(self, recorded: Recorded, grid: Rows, conduit: str, points: Sequence[Point]) -> None:
        self._recorded, self._grid, self._conduit, self._all_points = recorded, grid, conduit, points
        self._points = [recorded.points[index] for index in grid.columns]
        self._ways = [recorded.ways[index] for index in grid.columns]
        self._everything = np.vstack(grid.runs)
        self._bits = np.array([point.type is DataType.BOOL for point in self._points])
        self._columns = [self._column(index) for index in range(len(self._points))]
        self._commands = [i for i, column in enumerate(self._columns) if column.kind == "command"]
        self._all_runs = [_aligned(run, self._commands) for run in grid.runs]
        self._runs = _thinned(self._all_runs)
        self._parts = self._parts_of_law()

    def run(
        self, progress: Progress, *, window_s: float, alarms_per_day: float, flow_model: FlowModel | None
    ) -> Fitted:
        """Return the fitted model."""
        errors: list[Errors] = []
        after_writes: list[Errors] = []
        residuals: list[Residuals] = []
        progress(_READ, "fitting the twin")
        structure = self._structure()
        law = structure.law
        for fold in range(FOLDS):
            progress(_FITTED + (1 - _FITTED) * fold / (FOLDS + 1), f"judging the twin, part {fold + 1} of {FOLDS}")
            self._judge(fold, structure, errors, after_writes, residuals)
        modes = self._modes(self._everything)
        parts = matrices(law, *self._spatial(self._everything, modes), self._ahead(self._all_runs))
        progress(_FITTED + (1 - _FITTED) * FOLDS / (FOLDS + 1), "calibrating thresholds")
        columns = self._judged(errors, residuals)
        part = 1.0 if flow_model is None else VALUES_PART
        calibrated = calibrate_residuals(residuals, columns, step_ns=self._grid.step_ns, per_day=part * alarms_per_day)
        flow = calibrate_flows(
            self._recorded, flow_model, window_s=window_s, per_day=(1.0 - VALUES_PART) * alarms_per_day
        )
        travel = habits.travel_window(self._recorded.seconds)
        writings = [
            habits.writing(*pair, travel) for pair in zip(self._recorded.points, self._recorded.ways, strict=True)
        ]
        model = SiteModel(
            conduit=self._conduit,
            points_digest=points_digest(self._all_points),
            step_ns=self._grid.step_ns,
            columns=tuple(columns),
            terms=law.terms,
            ties=law.ties,
            drifts=law.drifts,
            tracks=habits.tracks(self._points, columns, self._everything),
            modes=modes,
            mode_bits=self._mode_bits,
            known_modes=tuple(sorted({tuple(row) for row in self._patterns(self._everything).tolist()})),
            writings=tuple(one for one in writings if one is not None),
            travel_ns=travel,
            stream_scale=calibrated.stream_scale,
            settling=calibrated.settling,
            residuals=calibrated.calibration,
            unrest=calibrated.unrest,
            flow=flow.calibration,
            flow_feature_scale=flow.scale,
            symbols=tuple(sorted(self._recorded.symbols)),
            shapes=tuple(sorted(self._recorded.clients)),
            peak_rate=self._recorded.peak_rate,
            repeats=self._recorded.repeats,
            rows=len(self._everything),
            seconds=self._recorded.seconds,
            data_digest=self._recorded.digest,
            gram=_packed(self._standard(self._everything)),
            answer_ns=habits.answer_time(self._recorded.transactions),
            notes=self._notes(columns),
        )
        held = holding(model, self._all_points, self._all_runs, after_writes, self._commands)
        progress(1.0, "done")
        return Fitted(replace(model, holding=held), parts)

    def _column(self, index: int) -> Column:
        point, ways, values = self._points[index], self._ways[index], self._everything[:, index]
        seen_low, seen_high = float(values.min()), float(values.max())
        kind = _kind(point, ways, changed=seen_high > seen_low)
        wire_low, wire_high, quantum = _wire(point, seen_low, seen_high)
        margin = _MARGIN * (seen_high - seen_low)
        free = point.safe_min is not None or point.safe_max is not None
        bit = point.type is DataType.BOOL
        own = bool(ways.own_changes or ways.ignored_writes)
        return Column(
            name=point.name,
            mean=0.0 if bit else float(values.mean()),
            scale=1.0 if bit else max(float(values.std()), quantum),
            low=wire_low if free else max(wire_low, seen_low - margin),
            high=wire_high if free else min(wire_high, seen_high + margin),
            quantum=quantum,
            kind=kind,
            fresh_ns=self._grid.fresh_ns[index],
            seen_low=seen_low,
            seen_high=seen_high,
            keeps=len(ways.writes) >= _WRITES_LEAST and not ways.ignored_writes,
            by_writes_only=point.table in {Table.COIL, Table.HOLDING}
            and not own
            and (len(ways.writes) >= _WRITES_LEAST or (ways.reads >= _READS_STILL and not ways.changed)),
            max_step=max(
                (float(np.abs(np.diff(run[:, index])).max()) for run in self._grid.runs if len(run) > 1), default=0.0
            ),
            longest_run=ways.longest_run if kind == "moving" and ways.longest_run <= _RUN_SHARE * ways.reads else 0,
        )

    def _structure(self) -> course_search.Improved:
        """Return the law that rolls commands out; without any command seen there is no course to look for."""
        plain = fitting.fit(self._runs, self._parts)
        if not self._commands:
            return course_search.Improved(plain.law, plain, ())
        return course_search.improve(plain, self._runs, self._parts)

    def _parts_of_law(self) -> fitting.Columns:
        kinds = [column.kind for column in self._columns]
        moving = tuple(i for i, kind in enumerate(kinds) if kind == "moving")
        numbers = tuple(i for i in (*moving, *self._commands) if not self._bits[i])
        free = tuple(i for i in moving if self._points[i].safe_min is None and self._points[i].safe_max is None)
        return fitting.Columns(
            mean=np.array([column.mean for column in self._columns]),
            scale=np.array([column.scale for column in self._columns]),
            low=np.array([column.low for column in self._columns]),
            high=np.array([column.high for column in self._columns]),
            moving=moving,
            free=free,
            numbers=numbers,
            bits=tuple(i for i in self._commands if self._bits[i]),
            acts_on=self._acts_on(),
        )

    def _acts_on(self) -> NDArray[np.bool_]:
        """Say which column may explain which: measured ones all, commands those of their own loop if both have one."""
        size = len(self._points)
        acts = np.ones((size, size), dtype=np.bool_)
        for source in self._commands:
            loop = self._points[source].loop
            for target, point in enumerate(self._points):
                acts[source, target] = not loop or not point.loop or loop == point.loop
        return acts

    @property
    def _mode_bits(self) -> tuple[int, ...]:
        return tuple(i for i in self._commands if self._bits[i])

    def _patterns(self, table: Array) -> NDArray[np.int64]:
        found: NDArray[np.int64] = (table[:, list(self._mode_bits)] != 0).astype(np.int64)
        return found

    def _modes(self, table: Array) -> tuple[tuple[int, ...], ...]:
        """Return the bit patterns that have enough rows for neighbours of their own, most frequent first."""
        if not self._mode_bits:
            return ()
        found, counts = np.unique(self._patterns(table), axis=0, return_counts=True)
        order = [index for index in np.argsort(counts)[::-1] if counts[index] >= max(MODE_ROWS, 4 * table.shape[1])]
        return tuple(tuple(int(bit) for bit in found[index]) for index in order[:MAX_MODES])

    def _standard(self, table: Array) -> Array:
        standard: Array = (table - self._parts.mean) / self._parts.scale
        return standard

    def _spatial(self, table: Array, modes: Sequence[tuple[int, ...]]) -> tuple[Array, Array]:
        """Return ridge weights and biases: of all rows, then of each mode's."""
        patterns = self._patterns(table)
        chosen = [table, *(table[(patterns == np.array(mode)).all(axis=1)] for mode in modes)]
        weights, biases = [], []
        for part in chosen:
            standard = self._standard(part)
            centre = standard.mean(axis=0)
            centred = standard - centre
            found = spatial_weights(centred.T @ centred, len(part))
            weights.append(found)
            biases.append(centre - centre @ found)
        return np.stack(weights), np.stack(biases)

    def _ahead(self, runs: Sequence[Array]) -> Ahead | None:
        return ahead_of([self._standard(run) for run in runs])

    def _judge(
        self,
        fold: int,
        structure: course_search.Improved,
        errors: list[Errors],
        after_writes: list[Errors],
        residuals: list[Residuals],
    ) -> None:
        """Fit without one block of time and judge it with that: every row, as a guarantee wants many blocks."""
        total = sum(len(run) for run in self._all_runs)
        first, last = total * fold // FOLDS, total * (fold + 1) // FOLDS
        teach, judge, offset = _without(self._all_runs, first, last)
        if not teach or not judge:
            return
        law = course_search.refit(structure, _thinned(teach))
        raw = np.vstack([as_shown(run, self._commands) for run in teach])
        modes = self._modes(raw)
        parts = matrices(law, *self._spatial(raw, modes), self._ahead(teach))
        for run in judge:
            errors.append(forecast_errors(law, run, self._commands, offset))
            after_writes.append(forecast_errors(law, run, self._commands, offset, written(run, self._commands)))
            residuals.append(self._residuals(law, parts, modes, run))
            offset += len(run)

    def _residuals(self, law: Law, parts: Matrices, modes: Sequence[tuple[int, ...]], run: Array) -> Residuals:
        return Residuals.of(
            law,
            parts,
            run,
            patterns=self._patterns(run),
            modes=modes,
            moving=self._parts.moving,
            commands=self._commands,
        )

    def _judged(self, errors: Sequence[Errors], residuals: Sequence[Residuals]) -> list[Column]:
        """Return the columns with band, reach and residual scale."""
        found = list(self._columns)
        temporal = np.vstack([one.temporal for one in residuals])
        spatial = np.vstack([one.spatial for one in residuals])
        for place, index in enumerate(self._parts.moving):
            column = found[index]
            floor = max(column.quantum, 0.02 * column.scale)
            known = fidelity(errors, index, column.quantum, self._span(index))
            found[index] = replace(
                column,
                band=known.band,
                coverage=known.coverage,
                trusted_steps=known.trusted_steps,
                sigma_time=max(_spread(temporal[:, place]), floor),
                sigma_space=max(_spread(spatial[:, place]), floor),
            )
        return found

    def _span(self, index: int) -> float:
        point, column = self._points[index], self._columns[index]
        if point.safe_min is not None and point.safe_max is not None:
            return point.safe_max - point.safe_min
        return max(column.seen_high - column.seen_low, column.quantum)

    def _notes(self, columns: Sequence[Column]) -> tuple[str, ...]:
        notes = []
        names = {point.name for point in self._points}
        missing = [point.name for point in self._all_points if point.name not in names]
        if missing:
            notes.append(f"{len(missing)} points were neither read nor written: {', '.join(missing[:8])}")
        for column, point in zip(columns, self._points, strict=True):
            guarded = point.safe_min is not None or point.safe_max is not None
            if guarded and column.kind == "moving" and not column.trusted_steps:
                notes.append(
                    f"forecasts of {column.name} are below the fidelity gate: they alert, never hold or refuse"
                )
            if guarded and column.kind != "moving":
                notes.append(f"{column.name} has a safe range but did not move while learning: it is not forecast")
        return tuple(notes)


def _spread(residuals: Array) -> float:
    """Return the standard deviation that the middle 95 % speak of: a few jumps must not make everything else small."""
    return float(np.quantile(np.abs(residuals), _MIDDLE)) / _MIDDLE_SIGMAS


def _kind(point: Point, ways: Ways, *, changed: bool) -> str:
    writable = point.table in {Table.COIL, Table.HOLDING}
    if writable and ways.moves and ways.own_changes <= len(ways.moves):
        return "command"
    if not changed:
        return "still"
    return "state" if point.type is DataType.BOOL else "moving"


def _wire(point: Point, low: float, high: float) -> tuple[float, float, float]:
    """Return the lowest and highest value that the wire can carry, and its quantum, in engineering units."""
    bits = 16 * point.type.words
    if point.type is DataType.BOOL:
        return 0.0, 1.0, 1.0
    if point.type in {DataType.F32, DataType.F64}:
        span = max(high - low, abs(high), 1e-9)
        return low - 10 * span, high + 10 * span, 1e-3 * span
    if point.type in {DataType.BCD16, DataType.BCD32}:
        ends: tuple[int, int] = (0, 10 ** (4 * point.type.words) - 1)
    elif point.type in {DataType.I16, DataType.I32, DataType.I64}:
        ends = (-(1 << (bits - 1)), (1 << (bits - 1)) - 1)
    else:
        ends = (0, (1 << bits) - 1)
    first, last = (end * point.scale + point.offset for end in ends)
    return min(first, last), max(first, last), abs(point.scale)


def _aligned(run: Array, commands: Sequence[int]) -> Array:
    """Return the rows with the commands of the row after: what was written in between acts from then on."""
    moved = run[:-1].copy()
    moved[:, list(commands)] = run[1:, list(commands)]
    return moved


def _thinned(runs: Sequence[Array]) -> list[Array]:
    """Return all rows, or evenly spread stretches of at most MAX_FIT_ROWS in all."""
    total = sum(len(run) for run in runs)
    if total <= MAX_FIT_ROWS:
        return list(runs)
    pieces = [run[at : at + STRETCH] for run in runs for at in range(0, len(run), STRETCH)]
    chosen = np.linspace(0, len(pieces) - 1, MAX_FIT_ROWS // STRETCH).astype(int)
    return [pieces[index] for index in sorted(set(chosen.tolist())) if len(pieces[index]) > 2]  # noqa: PLR2004 - a past, a row and what came of it


def _without(runs: Sequence[Array], first: int, last: int) -> tuple[list[Array], list[Array], int]:
    """Return the stretches outside and inside rows `first` to `last`, and where the inside begins."""
    teach: list[Array] = []
    judge: list[Array] = []
    offset, begin = 0, first
    for run in runs:
        here = slice(max(0, first - offset), max(0, min(len(run), last - offset)))
        for part, into in ((run[: here.start], teach), (run[here.stop :], teach), (run[here], judge)):
            if len(part) > 3:  # noqa: PLR2004 - fewer rows have no forecast
                into.append(part)
        offset += len(run)
    return teach, judge, begin


def _packed(standard: Array) -> bytes:
    """Return the upper triangle of the Gram matrix (with a column of ones) as little-endian float64."""
    wide = np.column_stack([np.ones(len(standard)), standard])
    gram = wide.T @ wide
    return gram[np.triu_indices(len(gram))].astype("<f8").tobytes()
