"""What an ONNX file says, read strictly and without running, loading or allocating anything that it asks for.

Only the part of the format that the gate allows is understood; whatever else stands in the file (functions, training
information, sparse or external tensors, nested graphs) is reported as a fact for `inference.gate` to refuse.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import prod
from typing import Final

from icsguard.inference import wire
from icsguard.inference.api import ModelRefusedError

FLOAT: Final = 1
"""onnx.proto TensorProto.DataType.FLOAT: the only element type in use."""
_FLOAT_BYTES: Final = 4

# Field numbers of onnx.proto (ONNX IR version 8).
_MODEL_GRAPH, _MODEL_OPSET, _MODEL_TRAINING, _MODEL_FUNCTIONS = 7, 8, 20, 25
_ATTRIBUTE_NAME, _ATTRIBUTE_FLOAT, _ATTRIBUTE_INT, _ATTRIBUTE_TYPE = 1, 2, 3, 20
_TENSOR_DIMS, _TENSOR_TYPE, _TENSOR_NAME, _TENSOR_RAW, _TENSOR_EXTERNAL, _TENSOR_LOCATION = 1, 2, 8, 9, 13, 14
_PLAIN_ATTRIBUTES: Final = frozenset({_ATTRIBUTE_NAME, _ATTRIBUTE_FLOAT, _ATTRIBUTE_INT, _ATTRIBUTE_TYPE})


@dataclass(frozen=True, slots=True)
class Tensor:
    """A named array: an input, an output or a constant. A dimension of -1 is not static."""

    name: str
    shape: tuple[int, ...]
    type: int
    raw_bytes: int = 0
    """Bytes of data inside the file (constants)."""
    external: bool = False
    """Data outside the file."""

    @property
    def elements(self) -> int:
        """How many numbers the array holds."""
        return prod(self.shape)

    @property
    def is_whole(self) -> bool:
        """Say whether a constant's data are exactly its shape's."""
        return self.raw_bytes == self.elements * _FLOAT_BYTES


@dataclass(frozen=True, slots=True)
class Node:
    """One operation."""

    op: str
    domain: str
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    attributes: dict[str, int | None]
    """Whole-number attributes by name; None for a float one."""
    nested: bool
    """It carries a graph, a tensor or a list as an attribute."""


@dataclass(frozen=True, slots=True)
class OnnxFile:
    """The facts of one file."""

    opsets: tuple[tuple[str, int], ...]
    nodes: tuple[Node, ...]
    constants: tuple[Tensor, ...]
    inputs: tuple[Tensor, ...]
    outputs: tuple[Tensor, ...]
    extras: tuple[str, ...]
    """Parts that no allowed model has: functions, training information, sparse constants."""


def read(data: bytes) -> OnnxFile:
    """Return what the file says; raise ModelRefusedError where it is no ONNX file."""
    graphs: list[bytes] = []
    opsets: list[tuple[str, int]] = []
    extras: list[str] = []
    for field in wire.fields(data):
        if field.number == _MODEL_GRAPH:
            graphs.append(field.data)
        elif field.number == _MODEL_OPSET:
            opsets.append(_opset(field.data))
        elif field.number in {_MODEL_TRAINING, _MODEL_FUNCTIONS}:
            extras.append("training information" if field.number == _MODEL_TRAINING else "functions")
    if len(graphs) != 1:
        raise ModelRefusedError("onnx-graph", f"the model file has {len(graphs)} graphs, not one: it is no ONNX file")
    return _graph(graphs[0], tuple(opsets), extras)


def _graph(data: bytes, opsets: tuple[tuple[str, int], ...], extras: list[str]) -> OnnxFile:
    nodes: list[Node] = []
    constants: list[Tensor] = []
    inputs: list[Tensor] = []
    outputs: list[Tensor] = []
    for field in wire.fields(data):
        match field.number:
            case 1:  # GraphProto.node
                nodes.append(_node(field.data))
            case 5:  # GraphProto.initializer
                constants.append(_constant(field.data))
            case 11:  # GraphProto.input
                inputs.append(_value_info(field.data))
            case 12:  # GraphProto.output
                outputs.append(_value_info(field.data))
            case 15:  # GraphProto.sparse_initializer
                extras.append("sparse constants")
    return OnnxFile(opsets, tuple(nodes), tuple(constants), tuple(inputs), tuple(outputs), tuple(extras))


def _opset(data: bytes) -> tuple[str, int]:
    domain, version = "", 0
    for field in wire.fields(data):
        if field.number == 1:
            domain = _text(field.data)
        else:
            version = field.value
    return domain, version


def _node(data: bytes) -> Node:
    inputs, outputs, op, domain = [], [], "", ""
    attributes: dict[str, int | None] = {}
    nested = False
    for field in wire.fields(data):
        match field.number:
            case 1:  # NodeProto.input
                inputs.append(_text(field.data))
            case 2:  # NodeProto.output
                outputs.append(_text(field.data))
            case 4:  # NodeProto.op_type
                op = _text(field.data)
            case 5:  # NodeProto.attribute
                name, value, plain = _attribute(field.data)
                attributes[name] = value
                nested = nested or not plain
            case 7:  # NodeProto.domain
                domain = _text(field.data)
    return Node(op, domain, tuple(inputs), tuple(outputs), attributes, nested)


def _attribute(data: bytes) -> tuple[str, int | None, bool]:
    name, value, plain = "", None, True
    for field in wire.fields(data):
        plain = plain and field.number in _PLAIN_ATTRIBUTES
        if field.number == _ATTRIBUTE_NAME:
            name = _text(field.data)
        elif field.number == _ATTRIBUTE_INT:
            value = wire.signed(field.value)
    return name, value, plain


def _constant(data: bytes) -> Tensor:
    shape: list[int] = []
    name, kind, size, external = "", 0, 0, False
    for field in wire.fields(data):
        if field.number == _TENSOR_DIMS:
            shape += [field.value] if field.wire == wire.VARINT else wire.varints(field.data)
        elif field.number == _TENSOR_TYPE:
            kind = field.value
        elif field.number == _TENSOR_NAME:
            name = _text(field.data)
        elif field.number == _TENSOR_RAW:
            size += len(field.data)
        elif field.number in {_TENSOR_EXTERNAL, _TENSOR_LOCATION}:
            external = True
    return Tensor(name, tuple(shape), kind, size, external)


def _value_info(data: bytes) -> Tensor:
    name, kind = "", 0
    shape: tuple[int, ...] = (-1,)
    for field in wire.fields(data):
        if field.number == 1:
            name = _text(field.data)
        elif field.number == 2:  # noqa: PLR2004 - ValueInfoProto.type
            kind, shape = _tensor_type(field.data)
    return Tensor(name, shape, kind)


def _tensor_type(data: bytes) -> tuple[int, tuple[int, ...]]:
    kind = 0
    shape: tuple[int, ...] = (-1,)
    for outer in wire.fields(data):
        if outer.number != 1:  # TypeProto.tensor_type; sequences, maps and optionals have no static shape
            return 0, (-1,)
        for field in wire.fields(outer.data):
            if field.number == 1:
                kind = field.value
            elif field.number == 2:  # noqa: PLR2004 - TypeProto.Tensor.shape
                shape = tuple(_dimension(one.data) for one in wire.fields(field.data))
    return kind, shape


def _dimension(data: bytes) -> int:
    known = [field.value for field in wire.fields(data) if field.number == 1]
    return known[0] if len(known) == 1 else -1  # a symbolic dimension is not static


def _text(data: bytes) -> str:
    try:
        return data.decode()
    except UnicodeDecodeError as error:
        raise ModelRefusedError("onnx-text", "a name in the model file is no text: it is no ONNX file") from error
