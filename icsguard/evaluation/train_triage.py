"""Trains the models that name alarms: `python -m icsguard.evaluation.train_triage models` (minutes; six plants).

Makes alarms on the simulated plants but the frozen ones, measures forest and machine on each plant that the others
taught, trains on all, and signs the file with a key that it forgets at once; `--key` says where the public half goes.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Final

import numpy as np

from icsguard.detect.triage import CLASSES, FEATURES, KIND, feature_digest, standard
from icsguard.evaluation.tables import as_text
from icsguard.evaluation.triage import SEED, Examples, collect, left_out
from icsguard.inference.manifest import Manifest, Port, digest, encode
from icsguard.lab.plants.catalog import SEEN
from icsguard.learn.forest import grow, separate, to_onnx
from icsguard.learn.shipping import KeyFile, ship

COMMAND: Final = "python -m icsguard.evaluation.train_triage models"
POLLS: Final = 5_000
EACH: Final = 25


def main(arguments: list[str] | None = None) -> int:
    """Train and write the models."""
    parser = argparse.ArgumentParser(prog="train_triage", description=__doc__)
    parser.add_argument("folder", type=Path, help="where triage.onnx, triage.json and triage.sig go")
    parser.add_argument("--key", type=Path, help="also write the public key to this Python file")
    options = parser.parse_args(arguments)
    found = {plant.name: collect(plant, POLLS, EACH, 1, _tell) for plant in SEEN}
    sys.stdout.write(as_text(left_out(found)))
    write(found, options.folder, options.key)
    return 0


def write(found: Mapping[str, Examples], folder: Path, key_file: Path | None) -> Manifest:
    """Train on all examples and write model, manifest and signature; return the manifest."""
    data, manifest = train(found)
    key = KeyFile(key_file, "TRIAGE_KEY", f"{COMMAND} --key icsguard/inference/triage_key.py") if key_file else None
    is_new = ship(folder, manifest.name, data, encode(manifest), key)
    _tell(f"{manifest.name}: {'written and signed' if is_new else 'the same as before, nothing written'}")
    return manifest


def train(found: Mapping[str, Examples]) -> tuple[bytes, Manifest]:
    """Return the model file and its manifest."""
    rows = np.vstack([one.rows for one in found.values()])
    labels = np.concatenate([one.labels for one in found.values()])
    mean, scale = rows.mean(axis=0), np.maximum(rows.std(axis=0), 1e-6)
    taught = standard(rows, mean, scale)
    data = to_onnx(grow(taught, labels, len(CLASSES), seed=SEED), separate(taught, labels, len(CLASSES)), len(FEATURES))
    judged = left_out(found)
    metrics = {
        f"{row['plant']}.{column}".replace(" ", "_"): round(float(row[column] or 0.0), 4)
        for row in judged.rows
        for column in ("forest", "machine", "vote", "surely named", "of these right")
    }
    return data, Manifest(
        name="triage",
        kind=KIND,
        files={"triage.onnx": digest(data)},
        inputs=(Port("features", (1, len(FEATURES))),),
        outputs=tuple(Port(name, (1, len(CLASSES))) for name in ("forest", "machine")),
        features=FEATURES,
        feature_digest=feature_digest(),
        mean=tuple(mean.tolist()),
        scale=tuple(scale.tolist()),
        data_digest=digest(rows.astype("<f8").tobytes() + labels.astype("<i8").tobytes()),
        rows=len(rows),
        thresholds={},
        metrics=metrics,
        command=COMMAND,
        note="Names alarms that were raised; metrics are of plants whose alarms taught nothing.",
    )


def _tell(text: str) -> None:
    sys.stderr.write(f"{text}\n")


if __name__ == "__main__":
    sys.exit(main())
