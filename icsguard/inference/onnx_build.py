"""The inverse of `inference.onnx_file`: writes the small graphs that icsguard learns, byte for byte reproducible.

The same numbers always give the same file, whatever version of whatever package is installed: the digest in a record
then names a model and not a tool chain.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final, NamedTuple

import numpy as np

from icsguard.inference import wire
from icsguard.inference.api import Array
from icsguard.inference.onnx_file import FLOAT

OPSET: Final = 17
IR_VERSION: Final = 8


class Op(NamedTuple):
    """One operation without attributes (a Gemm then means a x b + c)."""

    op: str
    inputs: tuple[str, ...]
    output: str


Shape = tuple[int, ...]


def model(
    ops: Sequence[Op],
    constants: Mapping[str, Array],
    inputs: Mapping[str, Shape],
    outputs: Mapping[str, Shape],
    *,
    name: str,
) -> bytes:
    """Return the bytes of an ONNX file with float32 tensors of fixed shapes."""
    graph = b"".join(wire.block(1, _node(op)) for op in ops) + wire.block(2, name)
    graph += b"".join(wire.block(5, _constant(key, value)) for key, value in constants.items())
    graph += b"".join(wire.block(11, _value_info(key, shape)) for key, shape in inputs.items())
    graph += b"".join(wire.block(12, _value_info(key, shape)) for key, shape in outputs.items())
    opset = wire.block(1, "") + wire.number(2, OPSET)
    return wire.number(1, IR_VERSION) + wire.block(2, "icsguard") + wire.block(7, graph) + wire.block(8, opset)


def _node(op: Op) -> bytes:
    return b"".join(wire.block(1, name) for name in op.inputs) + wire.block(2, op.output) + wire.block(4, op.op)


def _constant(name: str, value: Array) -> bytes:
    dims = b"".join(wire.number(1, size) for size in value.shape)
    raw = np.ascontiguousarray(value, dtype="<f4").tobytes()
    return dims + wire.number(2, FLOAT) + wire.block(8, name) + wire.block(9, raw)


def _value_info(name: str, shape: Shape) -> bytes:
    sizes = b"".join(wire.block(1, wire.number(1, size)) for size in shape)
    tensor = wire.number(1, FLOAT) + wire.block(2, sizes)
    return wire.block(1, name) + wire.block(2, wire.block(1, tensor))
