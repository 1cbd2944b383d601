"""Naming an alarm that was already raised: what kind of false telemetry does it look like, and how sure is that?

Triage never raises, lowers or ends an alarm. It looks at the last rows of the point that made most of it, and how many
others moved with it, by features that mean the same on every plant, and asks a forest and a machine (ONNX) for a name.
"""

from __future__ import annotations

from collections import deque
from typing import Final, NamedTuple

import numpy as np

from icsguard.detect.residuals import SPANS, STREAMS, Levels
from icsguard.inference.api import Array, ModelRefusedError, Scorer
from icsguard.inference.manifest import Manifest, digest

KIND: Final = "triage"
CLASSES: Final = ("shifted", "drifting", "frozen", "replayed")
"""What a sensor's answers may have been changed into; `shifted` is a constant offset or a wrong scale."""
MEMORY: Final = 30
"""Rows that are looked at."""
MANY: Final = 1.0
"""A point with a stream above its yardstick by this much moves with the alarm."""
SURE: Final = 0.5
"""A name of less probability is not told."""
FEATURES: Final = (
    *(f"level_{name}" for name in STREAMS),
    "share_of_points",
    "points_at_once",
    "still",
    "longest_still",
    "rise_of_residual",
    "straightness",
    "same_sign",
    "jump",
    "jump_age",
    "spread_now_to_before",
    "temporal_to_spatial",
    "others_still",
)
_LEAST: Final = 1e-9
_MOST: Final = 8.0  # features are cut off at so many standard deviations


class Named(NamedTuple):
    """What an alarm looks like."""

    name: str
    """One of CLASSES."""
    chance: float
    forest: str
    """What each of the two says by itself."""
    machine: str


def feature_digest() -> str:
    """Return the digest that a model must carry to speak of these features."""
    return digest("\n".join(("triage/1", *CLASSES, *FEATURES)).encode())


class TriageMemory:
    """The last rows of one site."""

    def __init__(self) -> None:
        self._rows: deque[Levels] = deque(maxlen=MEMORY)

    def take(self, levels: Levels | None) -> None:
        """Take the next scored row; None for a gap, which forgets what was before."""
        if levels is None:
            self._rows.clear()
        else:
            self._rows.append(levels)

    def features(self) -> Array | None:
        """Return the features of an alarm in the last row; None where there are too few rows."""
        if len(self._rows) < MEMORY // 3:
            return None
        streams = np.array([one.streams for one in self._rows])
        worst = int(np.argmax(streams[-3:].max(axis=(0, 1))))
        seen = np.array([one.seen for one in self._rows])
        beside = np.array([one.beside for one in self._rows])[:, worst]
        found = [
            *np.log1p(streams[-3:, :, worst].max(axis=0)),
            float((streams[-3:].max(axis=(0, 1)) > MANY).mean()),
            float(np.log1p((streams[:, 0] > MANY).sum(axis=1).max())),
            *_stillness(seen[:, worst]),
            *_shape(beside),
            *_jump(streams[:, 0, worst]),
            _spread(seen[:, worst]),
            float(np.log1p(streams[-3:, 0, worst].max()) - np.log1p(streams[-3:, len(SPANS), worst].max())),
            float((np.abs(np.diff(seen[-10:], axis=0)) < _LEAST).all(axis=0).mean()),
        ]
        return np.array(found)


def _stillness(seen: Array) -> tuple[float, float]:
    """Return the share of rows in which the point did not move, and the longest run of them up to now."""
    still = np.abs(np.diff(seen)) < _LEAST
    run = 0
    for one in still[::-1]:
        if not one:
            break
        run += 1
    return float(still.mean()), run / len(seen)


def _shape(rest: Array) -> tuple[float, float, float]:
    """Return how the residual rises, how straight that is, and how long it has had its sign."""
    time = np.arange(len(rest)) - (len(rest) - 1) / 2
    slope = float(time @ rest / (time @ time))
    total = float(((rest - rest.mean()) ** 2).sum())
    straight = slope * slope * float(time @ time) / total if total > _LEAST else 0.0
    same = float((np.sign(rest[-10:]) == np.sign(rest[-1])).mean())
    return float(np.arcsinh(abs(slope) * len(rest))), straight, same


def _jump(level: Array) -> tuple[float, float]:
    """Return the size of the largest sudden move, and how long ago it was."""
    place = int(np.argmax(level))
    return float(np.log1p(level[place])), (len(level) - 1 - place) / len(level)


def _spread(seen: Array) -> float:
    """Return how lively the point is lately, beside before."""
    half = len(seen) // 2
    now, before = float(np.diff(seen[-half:]).std()), float(np.diff(seen[:half]).std())
    return float(np.log((now + _LEAST) / (before + _LEAST)).clip(-5, 5))


class Triage:
    """The loaded models: a forest and a machine in one file, and their vote."""

    def __init__(self, scorer: Scorer, manifest: Manifest) -> None:
        self.digest = scorer.digest
        self._scorer = scorer
        self._mean, self._scale = np.array(manifest.mean), np.array(manifest.scale)

    def name(self, features: Array) -> Named:
        """Return the class that both together find likeliest, with its probability."""
        row = standard(features, self._mean, self._scale)
        forest, machine = (one.ravel() / max(float(one.sum()), _LEAST) for one in self._scorer.score(row))
        vote = (forest + machine) / 2
        best = int(np.argmax(vote))
        return Named(
            CLASSES[best], float(vote[best]), CLASSES[int(np.argmax(forest))], CLASSES[int(np.argmax(machine))]
        )


def standard(features: Array, mean: Array, scale: Array) -> Array:
    """Return features as the models take them."""
    row: Array = np.clip((features - mean) / scale, -_MOST, _MOST)
    return row


def open_triage(scorer: Scorer, manifest: Manifest) -> Triage:
    """Return the models for use; raise ModelRefusedError where they were made for other features or classes."""
    if manifest.kind != KIND or manifest.features != FEATURES or manifest.feature_digest != feature_digest():
        raise ModelRefusedError("features", f"{manifest.name!r:.40} was made for other features than this version's")
    return Triage(scorer, manifest)
