"""What a twin was taught, in segments of time: statistics of each, kept beside the model so that any can be taken out.

A segment is an hour of rows, or more where the recording is long. Its statistics are split by mode (the pattern of the
command bits), because that is how neighbours are fitted.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

import msgspec
import numpy as np

from icsguard.core.clock import HOUR
from icsguard.inference.api import Array, ModelRefusedError
from icsguard.twin.grams import Gram, gram_of, nothing

MAX_SEGMENTS: Final = 336  # hours of two weeks; of a longer recording, longer segments
MAX_BYTES: Final = 64 << 20  # of a lesson's file: 60 points, 8 modes, two weeks take 50 MB. Beyond: not kept
SCHEMA: Final = "icsguard.lesson/1"
Mode = tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Segment:
    """Rows of one stretch of time, `begin` to `end` (excluded)."""

    begin: int
    end: int
    grams: dict[Mode, Gram]

    @property
    def rows(self) -> int:
        """How many rows that were."""
        return sum(gram.rows for gram in self.grams.values())


@dataclass(frozen=True, slots=True)
class Lesson:
    """All segments with the reference that makes them add up."""

    names: tuple[str, ...]
    measured: tuple[str, ...]
    """Those of them that nobody wrote."""
    mean: Array
    scale: Array
    segments: tuple[Segment, ...]

    def total(self, segments: Iterable[Segment] | None = None) -> Gram:
        """Return the statistics of all rows, or of some segments'."""
        total = nothing(len(self.names))
        for one in self.segments if segments is None else segments:
            for gram in one.grams.values():
                total += gram
        return total

    def within(self, since: int, until: int) -> tuple[Segment, ...]:
        """Return the segments that a span touches."""
        return tuple(one for one in self.segments if one.begin < until and since < one.end)


@dataclass(frozen=True, slots=True)
class Taught:
    """Rows at equal steps with their moments: what a lesson is made of."""

    names: tuple[str, ...]
    measured: tuple[str, ...]
    bits: tuple[int, ...]
    """Columns whose pattern is the mode."""
    runs: Sequence[Array]
    times: Sequence[Sequence[int]]


def lesson_of(taught: Taught, reference: tuple[Array, Array] | None = None) -> Lesson:
    """Return the statistics of the rows; `reference`: mean and scale of another lesson, to be added or compared."""
    every = np.vstack(taught.runs)
    mean, scale = reference or (every.mean(axis=0), np.where(every.std(axis=0) > 0, every.std(axis=0), 1.0))
    times = np.concatenate([np.array(one, dtype=np.int64) for one in taught.times])
    length = segment_ns(int(times[0]), int(times[-1]))
    standard = (every - mean) / scale
    patterns = (every[:, list(taught.bits)] != 0).astype(np.int64)
    places = times // length
    segments = []
    for place in np.unique(places):
        inside = places == place
        segments.append(
            Segment(int(place) * length, (int(place) + 1) * length, _by_mode(standard[inside], patterns[inside]))
        )
    return Lesson(taught.names, taught.measured, mean, scale, tuple(segments))


def segment_ns(first: int, last: int) -> int:
    """Return the length of a segment: whole hours, as many as keep the number of segments bounded."""
    return HOUR * max(1, -(-(last - first) // (MAX_SEGMENTS * HOUR)))


def _by_mode(standard: Array, patterns: np.ndarray[tuple[int, ...], np.dtype[np.int64]]) -> dict[Mode, Gram]:
    found = {}
    for mode in np.unique(patterns, axis=0):
        chosen = (patterns == mode).all(axis=1)
        found[tuple(int(bit) for bit in mode)] = gram_of(standard[chosen])
    return found


class _Packed(msgspec.Struct, frozen=True, array_like=True):
    schema: str
    names: tuple[str, ...]
    measured: tuple[str, ...]
    reference: bytes
    segments: list[tuple[int, int, list[tuple[Mode, int, bytes]]]]


def encode(lesson: Lesson) -> bytes:
    """Return the lesson as bytes: upper triangles, little-endian float64."""
    upper = np.triu_indices(len(lesson.names) + 1)
    segments = [
        (
            one.begin,
            one.end,
            [(mode, gram.rows, gram.table[upper].astype("<f8").tobytes()) for mode, gram in one.grams.items()],
        )
        for one in lesson.segments
    ]
    reference = np.concatenate([lesson.mean, lesson.scale]).astype("<f8").tobytes()
    return msgspec.msgpack.encode(_Packed(SCHEMA, lesson.names, lesson.measured, reference, segments))


def decode(data: bytes) -> Lesson:
    """Return the lesson; raise ModelRefusedError where the bytes hold none."""
    if len(data) > MAX_BYTES:
        raise ModelRefusedError("lesson-size", f"the lesson has {len(data)} bytes, at most {MAX_BYTES} are read")
    try:
        packed = msgspec.msgpack.decode(data, type=_Packed)
        if packed.schema != SCHEMA:
            raise ModelRefusedError("lesson-version", f"the lesson is {packed.schema!r:.40}, expected {SCHEMA}")
        mean, scale = np.frombuffer(packed.reference, "<f8").reshape(2, len(packed.names))
        segments = tuple(
            Segment(begin, end, {tuple(mode): _unpacked(rows, raw, len(packed.names)) for mode, rows, raw in grams})
            for begin, end, grams in packed.segments
        )
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError, ValueError) as error:
        raise ModelRefusedError("lesson-form", f"the lesson cannot be read: {error}") from error
    return Lesson(packed.names, packed.measured, mean.astype(np.float64), scale.astype(np.float64), segments)


def _unpacked(rows: int, raw: bytes, columns: int) -> Gram:
    table = np.zeros((columns + 1, columns + 1))
    upper = np.triu_indices(columns + 1)
    table[upper] = np.frombuffer(raw, "<f8")
    table.T[upper] = table[upper]
    return Gram(rows, table)
