"""The recurrent challenger: its gradients are right, it learns what has a memory, and ONNX says what numpy says."""

import numpy as np
import pytest

from icsguard.inference.gate import admit
from icsguard.inference.manifest import Manifest, Port, digest
from icsguard.inference.onnx import OnnxScorer
from icsguard.learn import sequence
from icsguard.learn.sequence import HIDDEN, features_of, new, run, step, to_onnx, train


def loss(net, features, targets):
    state, total = np.zeros((len(features), len(net.state))), 0.0
    for time in range(features.shape[1]):
        said, state, _ = step(net, features[:, time], state)
        total += float(((said - targets[:, time]) ** 2).sum())
    return total / targets.size


@pytest.mark.parametrize("name", ["inputs", "state", "bias", "out", "straight", "out_bias"])
def test_gradients_are_those_of_differences(name, monkeypatch):
    monkeypatch.setattr(sequence, "_MOST_SLOPE", 1e9)
    noise = np.random.default_rng(1)
    net = new(3, 2, noise, hidden=4)
    features, targets = noise.normal(size=(5, 6, 3)), noise.normal(size=(5, 6, 2))
    slope = sequence._slopes(net, features, targets)[name]
    weights = getattr(net, name)
    for index in [tuple(noise.integers(0, size) for size in weights.shape) for _ in range(5)]:
        before = weights[index]
        weights[index] = before + 1e-6
        above = loss(net, features, targets)
        weights[index] = before - 1e-6
        below = loss(net, features, targets)
        weights[index] = before
        assert (above - below) / 2e-6 == pytest.approx(slope[index], rel=1e-4, abs=1e-7)


def test_it_learns_what_only_a_memory_can_know():
    noise = np.random.default_rng(2)
    features = noise.choice([-1.0, 1.0], size=(1500, 1))
    targets = np.vstack([np.zeros((3, 1)), features[:-3]])  # what was said three rows ago
    net = train(features, targets, seed=1, steps=500)
    rest = run(net, features[:300])[10:] - targets[10:300]
    assert float((rest**2).mean()) < 0.2


def test_the_same_seed_gives_the_same_weights():
    rows = np.random.default_rng(3).normal(size=(100, 2))
    first, second = (train(rows, rows, seed=5, steps=5) for _ in range(2))
    assert to_onnx(first) == to_onnx(second)


def test_features_have_the_commands_of_the_step_ahead():
    standard = np.array([[1.0, 0.0], [2.0, 1.0], [3.0, 1.0]])
    assert [[1.0, 1.0, 0.0, 0.0], [2.0, 1.0, 1.0, 0.0]] == features_of(standard, [1]).tolist()


def test_the_gate_lets_a_step_pass_and_onnx_says_what_numpy_says():
    noise = np.random.default_rng(4)
    net = new(6, 3, noise)
    net.straight = noise.normal(size=(6, 3))
    data = to_onnx(net)
    card = Manifest(
        name="g", kind="gru", files={"g.onnx": digest(data)},
        inputs=(Port("features", (1, 6)), Port("hidden", (1, HIDDEN))),
        outputs=(Port("forecast", (1, 3)), Port("next", (1, HIDDEN))), features=("a",), feature_digest="",
        mean=(0.0,), scale=(1.0,), data_digest="", rows=1, thresholds={}, metrics={}, command="",
    )  # fmt: skip
    scorer, hidden, state = OnnxScorer(admit("g.onnx", data, card)), np.zeros(HIDDEN), np.zeros((1, HIDDEN))
    for row in noise.normal(size=(40, 6)):
        said, hidden = scorer.score(row, hidden)
        expected, state, _ = step(net, row[None], state)
        np.testing.assert_allclose(expected, said, atol=1e-4)
