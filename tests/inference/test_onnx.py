import numpy as np
import pytest

from icsguard.inference.gate import Passed, admit
from icsguard.inference.onnx import OnnxScorer


def test_the_model_answers_what_numpy_answers(small):
    data = small.data()
    scorer = OnnxScorer(admit("small.onnx", data, small.manifest(data)))
    row = np.array([0.3, -1.2])
    (answer,) = scorer.score(row)
    np.testing.assert_allclose(np.tanh(row @ small.weights + small.bias)[None], answer, atol=1e-6)


def test_answers_do_not_change_when_the_next_one_is_asked(small):
    data = small.data()
    scorer = OnnxScorer(admit("small.onnx", data, small.manifest(data)))
    (first,) = scorer.score(np.zeros(2))
    kept = first.copy()
    scorer.score(np.ones(2))
    np.testing.assert_array_equal(kept, first)


def test_an_input_of_another_shape_is_an_error(small):
    data = small.data()
    scorer = OnnxScorer(admit("small.onnx", data, small.manifest(data)))
    with pytest.raises(ValueError, match="reshape"):
        scorer.score(np.zeros(3))


def test_the_digest_is_that_of_the_file(small):
    data = small.data()
    passed = admit("small.onnx", data, small.manifest(data))
    assert passed.digest == OnnxScorer(passed).digest
    assert isinstance(passed, Passed)
