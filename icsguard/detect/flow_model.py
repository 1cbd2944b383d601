"""The flow model: an autoencoder says how unlike ordinary Modbus conversations a window was, and by which features.

Its score is an addition to the deterministic layers, never their replacement. The shipped model knows SCADA traffic in
general; what counts as much is calibrated on the site's own clean windows.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from icsguard.core.finding import Contribution
from icsguard.detect.flow_features import DEFINITION, FEATURES
from icsguard.inference.api import Array, ModelRefusedError, Scorer
from icsguard.inference.manifest import Manifest, digest

KIND: Final = "flow-autoencoder"
CLIP: Final = 8.0
"""Standardised features are cut off here: beyond it a feature is simply strange."""
_SHOWN: Final = 4


def feature_digest() -> str:
    """Return the digest that a model must carry to speak of these features."""
    return digest("\n".join((DEFINITION, *FEATURES)).encode())


@dataclass(frozen=True, slots=True)
class FlowModel:
    """The model with its scaler."""

    scorer: Scorer
    mean: Array
    scale: Array
    threshold: float
    """The manifest's: highest score of the clean windows it was tried on. A site's own replaces it."""

    @property
    def digest(self) -> str:
        """First 12 hex digits of the model file's SHA-256."""
        return self.scorer.digest

    def score(self, features: Sequence[float], scale: Sequence[float] = ()) -> tuple[float, Array]:
        """Return the score and each feature's part of it. `scale`: the site's own error of each feature."""
        standard = np.clip((np.array(features) - self.mean) / self.scale, -CLIP, CLIP)
        (back,) = self.scorer.score(standard)
        errors = (back.ravel() - standard) ** 2
        if len(scale) == len(errors):
            errors = errors / np.maximum(np.array(scale), _LEAST_ERROR)
        return float(errors.mean()), errors


_LEAST_ERROR: Final = 0.02
"""Floor of a feature's usual error: a feature that never erred while learning must not alarm at once."""


def open_model(scorer: Scorer, manifest: Manifest) -> FlowModel:
    """Return the model for use; raise ModelRefusedError where it was made for other features."""
    if manifest.kind != KIND or manifest.features != FEATURES or manifest.feature_digest != feature_digest():
        raise ModelRefusedError("features", f"{manifest.name!r:.40} was made for other features than this version's")
    return FlowModel(scorer, np.array(manifest.mean), np.array(manifest.scale), manifest.thresholds["score"])


def contributions(features: Sequence[float], errors: Array, model: FlowModel) -> tuple[Contribution, ...]:
    """Return the features that made most of a score."""
    total = float(errors.sum()) or 1.0
    order = np.argsort(errors)[::-1][:_SHOWN]
    return tuple(
        Contribution(FEATURES[index], float(errors[index]) / total, float(features[index]), float(model.mean[index]))
        for index in order
    )
