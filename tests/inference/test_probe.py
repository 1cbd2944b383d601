import io

import numpy as np
import pytest

from icsguard.inference import probe
from icsguard.inference.api import ModelRefusedError
from icsguard.inference.manifest import encode
from icsguard.inference.onnx_build import Op


def _ask(small, data):
    return probe.run(io.BytesIO(probe.request(encode(small.manifest(data)), data)))


def test_an_honest_model_passes(small):
    assert _ask(small, small.data()).startswith(probe.PASSED)


def test_a_model_that_answers_with_infinity_is_refused(small):
    data = small.data(ops=(Op("Gemm", ("x", "w", "b"), "y"),), constants={"w": np.eye(2), "b": np.array([np.inf, 0])})
    with pytest.raises(ModelRefusedError, match="no numbers"):
        _ask(small, data)


def test_the_probe_passes_the_gate_again(small):
    data = small.data()
    with pytest.raises(ModelRefusedError):
        probe.run(io.BytesIO(probe.request(encode(small.manifest(data)), data + b"\0")))
