import numpy as np
from onnx import load_from_string
from onnx.reference import ReferenceEvaluator

from icsguard.learn.autoencoder import WIDTHS, forward, to_onnx, train


def _rows(count, seed=1):
    noise = np.random.default_rng(seed)
    return np.tanh(noise.normal(size=(count, 3)) @ noise.normal(size=(3, WIDTHS[0])))


def test_training_learns_to_give_rows_back():
    rows = _rows(400)
    before = train(rows, seed=1, epochs=0)
    after = train(rows, seed=1, epochs=40)
    errors = [((forward(layers, rows)[-1] - rows) ** 2).mean() for layers in (before, after)]
    assert errors[1] < 0.2 * errors[0]


def test_the_same_seed_gives_the_same_weights():
    first, second = train(_rows(100), seed=4, epochs=3), train(_rows(100), seed=4, epochs=3)
    for one, other in zip(first, second, strict=True):
        np.testing.assert_array_equal(one.weights, other.weights)


def test_the_exported_file_calculates_the_same():
    layers, row = train(_rows(100), seed=4, epochs=3), _rows(1, seed=9)
    (answer,) = ReferenceEvaluator(load_from_string(to_onnx(layers))).run(None, {"features": row.astype(np.float32)})
    np.testing.assert_allclose(forward(layers, row)[-1], answer, atol=1e-5)
