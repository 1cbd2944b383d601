"""The last check before a model is believed: it runs once, in a child process that may neither eat nor linger.

Started by `runtime.model_store` as `python -m icsguard.inference.probe`; reads the manifest and the model from standard
input, sets its own limits, passes the gate again, runs the model and says `ok` with the outputs' digest, so that the
parent loads only what ran to its end within the bounds.
"""

from __future__ import annotations

import resource
import sys
from typing import BinaryIO, Final

import numpy as np

from icsguard.inference import manifest as cards
from icsguard.inference.api import ModelRefusedError
from icsguard.inference.gate import admit

MAX_CPU_S: Final = 5  # a load and two runs take 0.1 s. Beyond: the kernel kills the probe, the model is refused
MAX_MEMORY: Final = 1 << 30  # address space for heap and stack; onnxruntime itself maps about 300 MB
PASSED: Final = "ok"


def run(stream: BinaryIO) -> str:
    """Return `ok` and a digest of what the model answers, or the reason for refusing it."""
    from icsguard.inference.onnx import OnnxScorer  # noqa: PLC0415 - after the limits are set

    head = stream.read(8)
    manifest = cards.decode(stream.read(int.from_bytes(head, "big")))
    scorer = OnnxScorer(admit(next(iter(sorted(manifest.files, key=_is_other))), stream.read(), manifest))
    answers = [scorer.score(*(np.full(port.shape, level) for port in manifest.inputs)) for level in (0.0, 1.0)]
    if not all(np.isfinite(part).all() for answer in answers for part in answer):
        raise ModelRefusedError("probe-values", "the model answers with values that are no numbers")
    return f"{PASSED} {cards.digest(b''.join(part.tobytes() for answer in answers for part in answer))}"


def request(manifest: bytes, model: bytes) -> bytes:
    """Return what the parent writes to the probe's standard input."""
    return len(manifest).to_bytes(8, "big") + manifest + model


def _is_other(name: str) -> bool:
    return not name.endswith(".onnx")


def limit() -> None:
    """Bound this process: CPU seconds, memory, no files written, no core left behind."""
    resource.setrlimit(resource.RLIMIT_CPU, (MAX_CPU_S, MAX_CPU_S))
    resource.setrlimit(resource.RLIMIT_DATA, (MAX_MEMORY, MAX_MEMORY))
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def main() -> int:
    """Judge the model on standard input."""
    limit()
    try:
        answer = run(sys.stdin.buffer)
    except ModelRefusedError as error:
        sys.stdout.write(f"{error.code} {error}")
        return 1
    sys.stdout.write(answer)
    return 0


if __name__ == "__main__":
    sys.exit(main())
