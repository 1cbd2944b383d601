import numpy as np
import pytest

from icsguard.inference import signature
from icsguard.inference.manifest import Manifest, Port, digest
from icsguard.inference.onnx_build import Op, model


class Small:
    """A two-number model with its manifest, and ways to spoil either."""

    def __init__(self):
        self.weights = np.array([[1.0, 2.0], [3.0, 4.0]])
        self.bias = np.array([0.5, -0.5])

    def data(self, ops=None, constants=None, inputs=None, outputs=None):
        return model(
            ops or (Op("Gemm", ("x", "w", "b"), "s"), Op("Tanh", ("s",), "y")),
            constants or {"w": self.weights, "b": self.bias},
            inputs or {"x": (1, 2)},
            outputs or {"y": (1, 2)},
            name="small",
        )

    def manifest(self, data, **changes):
        fields = {
            "name": "small",
            "kind": "flow-autoencoder",
            "files": {"small.onnx": digest(data)},
            "inputs": (Port("x", (1, 2)),),
            "outputs": (Port("y", (1, 2)),),
            "features": ("a", "b"),
            "feature_digest": "00",
            "mean": (0.0, 0.0),
            "scale": (1.0, 1.0),
            "data_digest": "00",
            "rows": 1,
            "thresholds": {},
            "metrics": {},
            "command": "none",
        }
        return Manifest(**(fields | changes))


@pytest.fixture
def small():
    return Small()


@pytest.fixture(scope="session")
def key():
    return signature.new_key()
