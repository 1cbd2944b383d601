"""What is trained is signed, passes the gate, and says how good it is on plants that taught nothing."""

import runpy

import numpy as np
import pytest

from icsguard.detect.triage import CLASSES, FEATURES, open_triage
from icsguard.evaluation import train_triage
from icsguard.evaluation.triage import Examples
from icsguard.inference import signature
from icsguard.inference.gate import admit
from icsguard.inference.manifest import decode
from icsguard.inference.onnx import OnnxScorer


@pytest.fixture
def found():
    """Three plants whose first feature tells the class."""
    made = {}
    for seed, name in enumerate(("a", "b", "c")):
        noise = np.random.default_rng(seed)
        labels = noise.integers(0, len(CLASSES), 60)
        rows = noise.normal(size=(60, len(FEATURES)))
        rows[:, 0] = labels + 0.1 * noise.normal(size=60)
        made[name] = Examples(rows, labels)
    return made


def test_model_manifest_and_signature_fit_each_other(found, tmp_path):
    manifest = train_triage.write(found, tmp_path / "models", tmp_path / "key.py")
    key = runpy.run_path(str(tmp_path / "key.py"))["TRIAGE_KEY"]
    text = (tmp_path / "models" / "triage.json").read_bytes()
    signature.check(key, text, (tmp_path / "models" / "triage.sig").read_bytes())
    assert decode(text) == manifest
    assert manifest.metrics["all.forest"] > 0.9
    scorer = OnnxScorer(admit("triage.onnx", (tmp_path / "models" / "triage.onnx").read_bytes(), manifest))
    features = np.zeros(len(FEATURES))
    features[0] = 2.0
    assert CLASSES[2] == open_triage(scorer, manifest).name(features).name


def test_the_command_collects_from_every_plant_and_prints_the_table(found, tmp_path, monkeypatch, capsys):
    asked = []

    def collect(plant, polls, each, seed, progress):
        asked.append(plant.name)
        progress(plant.name)
        return found["abc"[len(asked) % 3]]

    monkeypatch.setattr(train_triage, "collect", collect)
    assert 0 == train_triage.main([str(tmp_path)])
    assert {"water", "boiler"} <= set(asked)
    assert "each plant left out" in capsys.readouterr().out
    assert (tmp_path / "triage.onnx").exists()
