"""The seam of this package: what a model is to the rest of icsguard, and how a refused one is told.

`twin` and `detect` know `Scorer` only; `inference.onnx` is the one implementation that runs foreign files, and it
takes none that `inference.gate` has not passed.
"""

from __future__ import annotations

from typing import Protocol, TypeAlias

import numpy as np
from numpy.typing import NDArray

Array: TypeAlias = NDArray[np.float64]
"""What twin and detect calculate with."""


class Scorer(Protocol):
    """A loaded model: a pure function of its inputs with a digest that names it in records."""

    @property
    def digest(self) -> str:
        """First 12 hex digits of the SHA-256 of the model file."""

    def score(self, *inputs: Array) -> tuple[Array, ...]:
        """Return one array per output of the model; raise ValueError where an input has another shape."""


class ModelRefusedError(Exception):
    """A model file may not be run: `code` is stable and machine-readable, the text says what to do about it."""

    def __init__(self, code: str, text: str) -> None:
        super().__init__(text)
        self.code = code
