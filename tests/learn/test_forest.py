"""Forest and machine: they learn what can be learnt, the same each time, and ONNX says what numpy says."""

import numpy as np
import pytest

from icsguard.inference.gate import admit
from icsguard.inference.manifest import Manifest, Port, digest
from icsguard.inference.onnx import OnnxScorer
from icsguard.learn.forest import DEPTH, grow, margins, separate, to_onnx, vote


@pytest.fixture(scope="module")
def examples():
    """Three classes: a ring that no line separates, and two halves outside of it."""
    noise = np.random.default_rng(1)
    rows = noise.normal(size=(600, 5))
    radius = np.hypot(rows[:, 0], rows[:, 1])
    labels = np.where(radius < 0.8, 0, np.where(rows[:, 0] > 0, 1, 2)).astype(np.int64)
    return rows, labels


@pytest.fixture(scope="module")
def forest(examples):
    return grow(*examples, 3, seed=1, trees=15)


@pytest.fixture(scope="module")
def machine(examples):
    return separate(*examples, 3)


def test_a_forest_learns_what_no_line_separates(examples, forest):
    fresh = np.random.default_rng(2).normal(size=(300, 5))
    radius = np.hypot(fresh[:, 0], fresh[:, 1])
    labels = np.where(radius < 0.8, 0, np.where(fresh[:, 0] > 0, 1, 2))
    assert (vote(forest, fresh).argmax(axis=1) == labels).mean() > 0.85


def test_a_machine_separates_what_a_line_separates(examples, machine):
    rows, labels = examples
    outside = labels > 0
    assert (margins(machine, rows[outside])[:, 1:].argmax(axis=1) + 1 == labels[outside]).mean() > 0.95


def test_probabilities_are_probabilities(examples, forest, machine):
    for one in (vote(forest, examples[0][:50]), margins(machine, examples[0][:50])):
        np.testing.assert_allclose(np.ones(50), one.sum(axis=1))
        assert (one >= 0).all()


def test_the_same_seed_gives_the_same_file(examples, machine):
    files = {to_onnx(grow(*examples, 3, seed=1, trees=3), machine, 5) for _ in range(2)}
    assert 1 == len(files)
    assert files != {to_onnx(grow(*examples, 3, seed=2, trees=3), machine, 5)}


def test_trees_are_no_deeper_than_they_may_be(forest):
    def depth(tree, place):
        return 0 if place < 0 else 1 + max(depth(tree, tree.splits[place].left), depth(tree, tree.splits[place].right))

    assert max(depth(tree, 0) for tree in forest) <= DEPTH


def test_the_gate_lets_the_file_pass_and_onnx_says_what_numpy_says(examples, forest, machine):
    data = to_onnx(forest, machine, 5)
    card = Manifest(
        name="t", kind="triage", files={"t.onnx": digest(data)}, inputs=(Port("features", (1, 5)),),
        outputs=(Port("forest", (1, 3)), Port("machine", (1, 3))), features=tuple("abcde"), feature_digest="",
        mean=(0.0,) * 5, scale=(1.0,) * 5, data_digest="", rows=600, thresholds={}, metrics={}, command="",
    )  # fmt: skip
    scorer = OnnxScorer(admit("t.onnx", data, card))
    rows = np.random.default_rng(3).normal(size=(200, 5)).astype(np.float32).astype(np.float64)
    by_forest, by_machine = vote(forest, rows), margins(machine, rows)
    apart = []
    for index, row in enumerate(rows):
        one, other = (part.ravel() for part in scorer.score(row))
        apart.append(float(np.abs(by_forest[index] - one).max()))
        np.testing.assert_allclose(by_machine[index], other / other.sum(), atol=1e-4)
    assert np.median(apart) < 1e-6
    assert (np.array(apart) < 1e-4).mean() > 0.97  # a value beside a split's very threshold may be in between
