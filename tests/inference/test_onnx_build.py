import numpy as np
import onnx
from onnx.reference import ReferenceEvaluator


def test_the_file_passes_the_checker_of_the_onnx_package(small):
    onnx.checker.check_model(onnx.load_from_string(small.data()), full_check=True)


def test_the_file_calculates_what_was_meant(small):
    row = np.array([[0.1, -0.2]], np.float32)
    (answer,) = ReferenceEvaluator(onnx.load_from_string(small.data())).run(None, {"x": row})
    np.testing.assert_allclose(np.tanh(row @ small.weights + small.bias), answer, rtol=1e-6, atol=1e-7)


def test_the_same_numbers_give_the_same_file(small):
    assert small.data() == small.data()
