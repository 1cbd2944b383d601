"""Trains the models that name alarms: `python -m icsguard.evaluation.train_triage models` (minutes; six plants).

Makes alarms on the simulated plants, measures forest and machine on each plant that the others taught, trains on all,
and signs the file with a key that it forgets at once; `--key` says where the public half goes.
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
from icsguard.inference import signature
from icsguard.inference.manifest import Manifest, Port, digest, encode
from icsguard.lab.plants.catalog import SEEN
from icsguard.learn.forest import grow, separate, to_onnx

COMMAND: Final = "python -m icsguard.evaluation.train_triage models"
POLLS: Final = 5_000
EACH: Final = 25
_KEY_FILE: Final = '''"""The public half of the key that signed the shipped triage models; the private half is gone.

Written by `{command} --key icsguard/inference/triage_key.py`.
"""

from typing import Final

TRIAGE_KEY: Final = bytes.fromhex("{key}")
'''


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
    text, private = encode(manifest), signature.new_key()
    folder.mkdir(parents=True, exist_ok=True)
    for name, content in (("onnx", data), ("json", text), ("sig", signature.sign(private, text))):
        (folder / f"triage.{name}").write_bytes(content)
    if key_file is not None:
        public = signature.public_key(private).hex()
        key_file.write_text(_KEY_FILE.format(command=COMMAND, key=public), encoding="utf-8")
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
