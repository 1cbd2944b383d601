"""What was learnt of one conduit's process, as plain values: written to disk, signed, loaded, rolled out.

Everything is in engineering units and in the order of `columns`. A model fits one point list: other scales, addresses
or types make another process (`points_digest`).
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

import msgspec
import numpy as np

from icsguard.core.point import Point
from icsguard.inference.api import Array, ModelRefusedError, Scorer
from icsguard.twin.api import Twin
from icsguard.twin.dynamics import Law, Term, Tie

SCHEMA: Final = "icsguard.site/3"
MAX_SITE: Final = 32 << 20  # bytes; 512 points with their Gram matrix take 5 MB. Beyond: refused
STREAMS: Final = 6
"""Of each moving column: temporal and spatial residuals at three speeds (`detect.residuals`)."""
HORIZONS: Final = (1, 2, 5, 10, 20, 40, 60)
"""Steps at which forecasts are judged (facts: 1, 10, 60; the rest for the shape of the band)."""


@dataclass(frozen=True, slots=True)
class Column:
    """One point as the model knows it."""

    name: str
    mean: float
    scale: float
    low: float
    """Lowest and highest value that a roll-out gives it."""
    high: float
    quantum: float
    """Smallest difference that the wire carries."""
    kind: str
    """`moving`, `command`, or `still` (never changed while learning)."""
    fresh_ns: int
    """How old its value may be for the model to speak."""
    seen_low: float
    """Lowest and highest value while learning."""
    seen_high: float
    keeps: bool = False
    by_writes_only: bool = False
    longest_run: int = 0
    band: tuple[float, ...] = ()
    """Half width that held 97.5 % of forecast errors, at each of HORIZONS."""
    coverage: tuple[float, ...] = ()
    """Share of forecasts inside the band on blocks that did not make it."""
    trusted_steps: int = 0
    """How far forecasts of it may refuse or hold: the fidelity gate."""
    sigma_space: float = 1.0
    """Standard deviation of the spatial residual, and of the one-step residual."""
    sigma_time: float = 1.0
    max_step: float = 0.0
    """Largest change between two rows while learning; 0 where that is not known."""


@dataclass(frozen=True, slots=True)
class Writing:
    """How clients wrote one point while learning."""

    point: str
    count: int
    low: float
    high: float
    max_step: float
    min_gap_ns: int
    """Shortest time between two writes that changed it; 0 where fewer than two did."""
    max_travel: float
    """Largest sum of changes within a travel window."""
    max_changes: int
    """Most writes that changed it within a travel window."""
    clients: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Calibration:
    """What a score of one kind was on clean blocks."""

    blocks: tuple[float, ...] = ()
    """Block maxima, sorted; at most MAX_BLOCKS."""
    block_ns: int = 60_000_000_000
    threshold: float = 0.0
    rank: int = 0
    """The threshold is the rank-th largest block; 0 where there are too few for a guarantee."""
    per_day: float = 0.0
    """95 % upper bound of false alarms a day that the blocks can vouch for."""
    drift_limit: float = 0.0
    """Level of the slow path that clean blocks, in their order, stayed below; 0: the slow path has nothing to say."""


@dataclass(frozen=True, slots=True)
class Unrest:
    """How far the step ahead usually misses: a lasting change of it ends the guarantee."""

    usual: tuple[float, ...] = ()
    """Median size of each moving column's residual, standard deviations, by kind of row as in `stream_scale`."""
    highest: float = 0.0
    """What the mean over a window of clean blocks passed once a week at most; 0 where too few blocks say so."""


NO_UNREST: Final = Unrest()


@dataclass(frozen=True, slots=True)
class Moment:
    """A switch that operators moved while learning, and how long it stood so at most."""

    bit: int
    """Column."""
    value: int
    rows: int
    harms: bool
    """It mostly would do harm if it stayed."""


@dataclass(frozen=True, slots=True)
class Holding:
    """What wrong holds the forecasts would have cost while learning, and what a hold must therefore show."""

    certainty: float = 0.0
    """Bands by which a forecast's mean must pass a limit to hold or refuse."""
    expected: float = 0.0
    """Wrong holds a week that are expected at that."""
    writes: int = 0
    """Rows with writes of operators that say so."""
    moments: tuple[Moment, ...] = ()


@dataclass(frozen=True, slots=True)
class SiteModel:
    """The learnt process of one conduit."""

    conduit: str
    points_digest: str
    step_ns: int
    columns: tuple[Column, ...]
    terms: tuple[Term, ...]
    ties: tuple[Tie, ...]
    tracks: tuple[tuple[int, int], ...]
    """(set-point, measured point) pairs: the control loop makes the second follow the first."""
    modes: tuple[tuple[int, ...], ...]
    """Bit patterns (columns in `mode_bits`) that were seen often enough for a spatial fit of their own."""
    mode_bits: tuple[int, ...]
    known_modes: tuple[tuple[int, ...], ...]
    """All bit patterns seen."""
    writings: tuple[Writing, ...]
    travel_ns: int
    """Length of the window over which travel is summed."""
    stream_scale: tuple[float, ...]
    """What residuals are divided by: a high clean percentile of each column's own, in each stream, first while
    settled, then the shorter ago a command changed (yardsticks x streams x moving columns)."""
    settling: tuple[int, ...]
    """Rows since a command changed below which the second, third ... yardstick holds, falling; empty: there is one."""
    residuals: Calibration
    flow: Calibration
    flow_feature_scale: tuple[float, ...]
    symbols: tuple[int, ...]
    """Digests of (unit, function, start, count) seen while learning."""
    shapes: tuple[str, ...]
    """Clients seen while learning."""
    peak_rate: float
    """Most transactions a second of one client, over two seconds."""
    repeats: bool
    """Stretches of answers repeated exactly while learning: the plant does so by itself."""
    rows: int
    seconds: float
    data_digest: str
    gram: bytes
    """Packed upper triangle of the standardised rows' Gram matrix with their count: additive, for later learning."""
    notes: tuple[str, ...] = ()
    """What the operator should know of the fit, in sentences."""
    drifts: tuple[tuple[int, int], ...] = ()
    """(column, rows): points that a load moves which nobody measures, and over how many rows that is averaged."""
    answer_ns: int = 0
    """What 99.9 % of the device's answers took at most; 0 where that is not known."""
    unrest: Unrest = NO_UNREST
    holding: Holding = Holding()
    schema: str = SCHEMA

    def law(self) -> Law:
        """Return the law of motion, ready to step."""
        tied = sorted({tie.target for tie in self.ties})
        moving = [index for index, column in enumerate(self.columns) if column.kind == "moving"]
        return Law(
            np.array([column.mean for column in self.columns]),
            np.array([column.scale for column in self.columns]),
            np.array([column.low for column in self.columns]),
            np.array([column.high for column in self.columns]),
            tuple(Term(*term) for term in self.terms),
            tuple(Tie(*tie) for tie in self.ties),
            np.array(moving, dtype=np.intp),
            np.array(tied, dtype=np.intp),
            np.array(sorted({bit for term in self.terms for bit, _ in term[3]}), dtype=np.intp),
            self.drifts,
        )

    def bands(self, steps: int) -> Array:
        """Return the half width of each column's band at steps 1 to `steps` (rows); infinite where not measured."""
        table = np.full((steps, len(self.columns)), np.inf)
        for index, column in enumerate(self.columns):
            if column.band:
                known = HORIZONS[: len(column.band)]
                table[:, index] = np.interp(np.arange(1, steps + 1), known, column.band, right=np.inf)
            elif column.kind != "moving":
                table[:, index] = 0.0
        return table


@dataclass(frozen=True, slots=True)
class Site:
    """A site model with the scorer that runs its residuals, as loaded."""

    model: SiteModel
    scorer: Scorer | None
    digest: str = ""
    """First 12 hex digits of the manifest's SHA-256."""
    facts: dict[str, str] = field(default_factory=dict)
    engineering: Twin | None = None
    """An engineer's own model of the process, for the sandbox."""


def points_digest(points: Sequence[Point]) -> str:
    """Return a digest of all that makes a value of a raw word: other scales, another process."""
    lines = [
        f"{p.name}|{p.unit_id}|{p.table.word}|{p.address}|{p.type}|{p.order}|{p.scale!r}|{p.offset!r}" for p in points
    ]
    return hashlib.sha256("\n".join(sorted(lines)).encode()).hexdigest()


def encode(model: SiteModel) -> bytes:
    """Return the model as JSON."""
    return msgspec.json.encode(model)


def decode(data: bytes) -> SiteModel:
    """Return the model; raise ModelRefusedError where the text holds none."""
    if len(data) > MAX_SITE:
        raise ModelRefusedError("site-size", f"the site model has {len(data)} bytes, at most {MAX_SITE} are read")
    try:
        model = msgspec.json.decode(data, type=SiteModel)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise ModelRefusedError("site-form", f"the site model cannot be read: {error}") from error
    if model.schema != SCHEMA:
        raise ModelRefusedError(
            "site-version", f"the site model is {model.schema!r:.40}, expected {SCHEMA}: learn again"
        )
    moving = sum(column.kind == "moving" for column in model.columns)
    kinds = len(model.settling) + 1
    usual = kinds * moving if model.unrest.highest else len(model.unrest.usual)
    if len(model.stream_scale) != kinds * STREAMS * moving or len(model.unrest.usual) != usual:
        raise ModelRefusedError("site-form", "the site model has not the yardsticks that its columns need: learn again")
    return model
