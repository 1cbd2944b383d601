"""The only module that runs onnxruntime: one thread, no spinning, preallocated arrays, nothing that the gate refused.

Shapes are fixed, so every call writes into the same memory: 3 to 5 microseconds for the models of icsguard.
"""

from __future__ import annotations

import numpy as np
import onnxruntime as ort
from numpy.typing import NDArray

from icsguard.inference.api import Array, ModelRefusedError
from icsguard.inference.gate import Passed


def _options() -> ort.SessionOptions:
    options = ort.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    options.add_session_config_entry("session.inter_op.allow_spinning", "0")
    options.log_severity_level = 4  # fatal only: a refusal reaches the operator as our own sentence
    return options


class OnnxScorer:
    """A model in onnxruntime. See `inference.api.Scorer`."""

    def __init__(self, passed: Passed) -> None:
        self.digest = passed.digest
        self.manifest = passed.manifest
        try:
            self._session = ort.InferenceSession(passed.data, _options(), providers=["CPUExecutionProvider"])
        except Exception as error:  # onnxruntime raises its own kinds, none of them with a common base
            raise ModelRefusedError("onnx-load", f"onnxruntime does not load the model: {error!s:.200}") from error
        self._inputs: list[NDArray[np.float32]] = [np.zeros(port.shape, np.float32) for port in self.manifest.inputs]
        self._outputs: list[NDArray[np.float32]] = [np.zeros(port.shape, np.float32) for port in self.manifest.outputs]
        self._binding = self._bind()

    def score(self, *inputs: Array) -> tuple[Array, ...]:
        """Return the model's outputs for one set of inputs, as fresh float64 arrays of the manifest's shapes."""
        for held, given in zip(self._inputs, inputs, strict=True):
            held[...] = given.reshape(held.shape)
        self._session.run_with_iobinding(self._binding)
        return tuple(output.astype(np.float64) for output in self._outputs)

    def _bind(self) -> ort.IOBinding:
        binding = self._session.io_binding()
        for port, held in zip(self.manifest.inputs, self._inputs, strict=True):
            binding.bind_input(port.name, "cpu", 0, np.float32, port.shape, held.ctypes.data)
        for port, held in zip(self.manifest.outputs, self._outputs, strict=True):
            binding.bind_output(port.name, "cpu", 0, np.float32, port.shape, held.ctypes.data)
        return binding
