"""Trains the flow model that icsguard ships: `python -m icsguard.learn.train_flow models` (`make models`).

Makes its own traffic from one seed, trains, measures on sites that it was not trained on, writes the model with its
manifest, and signs both with a key that it forgets at once; `--key` says where the public half goes (part of the
package, so that no file beside a model can vouch for it).
"""

from __future__ import annotations

import argparse
import random
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Final

import numpy as np

from icsguard.detect.flow_features import FEATURES
from icsguard.detect.flow_model import CLIP, KIND, feature_digest
from icsguard.inference.api import Array
from icsguard.inference.manifest import Manifest, Port, digest, encode
from icsguard.learn import autoencoder
from icsguard.learn.flow_traffic import ATTACKS, Site, attack_window, clean_window, site
from icsguard.learn.shipping import KeyFile, ship

COMMAND: Final = "python -m icsguard.learn.train_flow models"
SEED: Final = 20_260
SITES: Final = 700
WINDOWS: Final = 8
HELD_OUT: Final = 0.25
EPOCHS: Final = 120
_QUANTILE: Final = 0.99
_LEAST_SCALE: Final = 0.05
"""Floor of a feature's spread: a share that is nearly always 0 must not become infinitely strange at 0.01."""


def main(arguments: list[str] | None = None) -> int:
    """Train and write the model."""
    parser = argparse.ArgumentParser(prog="train_flow", description=__doc__)
    parser.add_argument("folder", type=Path, help="where flow_ae.onnx, flow_ae.json and flow_ae.sig go")
    parser.add_argument("--key", type=Path, help="also write the public key to this Python file")
    options = parser.parse_args(arguments)
    data, manifest = train()
    text = encode(manifest)
    key = KeyFile(options.key, "RELEASE_KEY", f"{COMMAND} --key icsguard/inference/release_key.py")
    is_new = ship(options.folder, manifest.name, data, text, key if options.key else None)
    sys.stdout.write(text.decode())
    sys.stderr.write(f"{manifest.name}: {'written and signed' if is_new else 'the same as before, nothing written'}\n")
    return 0


def train(*, sites: int = SITES, epochs: int = EPOCHS) -> tuple[bytes, Manifest]:
    """Return the model file and its manifest."""
    noise = random.Random(SEED)
    places = [site(noise) for _ in range(sites)]
    held = int(sites * HELD_OUT)
    taught = _windows(places[held:], clean_window)
    tried = _windows(places[:held], clean_window)
    mean, scale = taught.mean(axis=0), np.maximum(taught.std(axis=0), _LEAST_SCALE)
    layers = autoencoder.train(_standard(taught, mean, scale), seed=SEED, epochs=epochs)
    scores = _scores(layers, tried, mean, scale)
    made, clean = scores[: len(scores) // 2], scores[len(scores) // 2 :]  # other sites make it than judge it
    threshold = float(np.quantile(made, _QUANTILE))
    metrics = {"clean_windows": float(len(clean)), "clean_above_threshold": float((clean > threshold).mean())}
    for name in ATTACKS:
        bad = _scores(layers, _windows(places[:held], partial(attack_window, name=name)), mean, scale)
        metrics[f"auc_{name}"] = _auc(clean, bad)
        metrics[f"found_{name}"] = float((bad > threshold).mean())
    data = autoencoder.to_onnx(layers)
    return data, Manifest(
        name="flow_ae",
        kind=KIND,
        files={"flow_ae.onnx": digest(data)},
        inputs=(Port("features", (1, len(FEATURES))),),
        outputs=(Port("reconstruction", (1, len(FEATURES))),),
        features=FEATURES,
        feature_digest=feature_digest(),
        mean=tuple(mean.tolist()),
        scale=tuple(scale.tolist()),
        data_digest=digest(taught.astype("<f8").tobytes()),
        rows=len(taught),
        thresholds={"score": threshold},
        metrics={key: round(value, 4) for key, value in metrics.items()},
        command=COMMAND,
        note="Trained on generated traffic of made-up sites; measured on sites and attacks that it was not trained on.",
    )


def _windows(places: list[Site], make: Callable[[Site], tuple[float, ...] | None]) -> Array:
    rows = [row for place in places for _ in range(WINDOWS) if (row := make(place)) is not None]
    return np.array(rows)


def _standard(rows: Array, mean: Array, scale: Array) -> Array:
    clipped: Array = np.clip((rows - mean) / scale, -CLIP, CLIP)
    return clipped


def _scores(layers: list[autoencoder.Layer], rows: Array, mean: Array, scale: Array) -> Array:
    standard = _standard(rows, mean, scale)
    errors: Array = ((autoencoder.forward(layers, standard)[-1] - standard) ** 2).mean(axis=1)
    return errors


def _auc(clean: Array, bad: Array) -> float:
    """Return the chance that a bad window scores above a clean one."""
    above = (bad[:, None] > clean[None, :]).mean() + 0.5 * (bad[:, None] == clean[None, :]).mean()
    return float(above)


if __name__ == "__main__":
    sys.exit(main())
