"""The gate: a model file is judged as data, and only a `Passed` one can reach the foreign runtime.

An onnxruntime session runs whatever a file says: a 235-byte file with a `Loop` hangs it, a 76-byte one with an
`Expand` takes all memory. So nothing is loaded before this: operators from a short list, one opset, no nested graphs,
no data outside the file, every shape static, every intermediate's size calculated here and bounded, and names and
shapes equal to the signed manifest's.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from math import prod
from typing import Final

from icsguard.inference import manifest as cards
from icsguard.inference.api import ModelRefusedError
from icsguard.inference.manifest import Manifest
from icsguard.inference.onnx_file import FLOAT, Node, OnnxFile, Tensor, read

MAX_FILE: Final = 8 << 20  # bytes; the twin of 256 points takes about 1 MB. Beyond: refused
MAX_NODES: Final = 64  # our graphs have at most 12. Beyond: refused
MAX_ELEMENTS: Final = 1 << 21  # numbers in any tensor (8 MiB of float32). Beyond: refused
MAX_RANK: Final = 2  # rows and columns are all that linear models and autoencoders need
OPSETS: Final = frozenset({("", 17)})

Shape = tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Passed:
    """A file that went through the gate, with the card that names its ports. Only `admit` makes one."""

    data: bytes
    manifest: Manifest
    digest: str
    """First 12 hex digits of its SHA-256."""


def admit(name: str, data: bytes, manifest: Manifest) -> Passed:
    """Return the file as one that may be run, or raise ModelRefusedError with the reason."""
    if len(data) > MAX_FILE:
        raise ModelRefusedError("file-size", f"{name} has {len(data)} bytes, at most {MAX_FILE} are loaded")
    cards.check_file(manifest, name, data)
    judge(read(data), manifest)
    return Passed(data, manifest, cards.digest(data)[: cards.SHORT])


def judge(file: OnnxFile, manifest: Manifest) -> None:
    """Raise ModelRefusedError where the graph is not one of ours in form, size or ports."""
    if file.extras:
        raise ModelRefusedError("onnx-extra", f"the model has {file.extras[0]}, which no allowed model has")
    if frozenset(file.opsets) != OPSETS:
        raise ModelRefusedError(
            "onnx-opset", f"the model uses operator sets {file.opsets!r:.80}, allowed is ai.onnx 17"
        )
    if len(file.nodes) > MAX_NODES:
        raise ModelRefusedError(
            "onnx-nodes", f"the model has {len(file.nodes)} operations, at most {MAX_NODES} are run"
        )
    _check_ports(file, manifest)
    shapes = _known_shapes(file)
    for node in file.nodes:
        _check_node(node, shapes)
    for port in file.outputs:
        if shapes.get(port.name) != port.shape:
            raise ModelRefusedError("onnx-output", f"output {port.name!r:.40} is not what the graph calculates")


def _check_ports(file: OnnxFile, manifest: Manifest) -> None:
    for tensors, ports, word in ((file.inputs, manifest.inputs, "inputs"), (file.outputs, manifest.outputs, "outputs")):
        if [(one.name, one.shape) for one in tensors] != [(port.name, port.shape) for port in ports]:
            raise ModelRefusedError("onnx-ports", f"the model's {word} are not those of its manifest")
        if any(one.type != FLOAT for one in tensors):
            raise ModelRefusedError("onnx-type", f"the model's {word} are not all float32")


def _known_shapes(file: OnnxFile) -> dict[str, Shape]:
    shapes: dict[str, Shape] = {}
    for tensor in (*file.inputs, *file.constants):
        _check_size(tensor.name, tensor.shape)
        if tensor.name in shapes:
            raise ModelRefusedError("onnx-name", f"two tensors have the name {tensor.name!r:.40}")
        shapes[tensor.name] = tensor.shape
    for constant in file.constants:
        _check_constant(constant)
    return shapes


def _check_constant(constant: Tensor) -> None:
    if constant.external:
        raise ModelRefusedError("onnx-external", f"constant {constant.name!r:.40} lies outside the model file")
    if constant.type != FLOAT or not constant.is_whole:
        raise ModelRefusedError("onnx-constant", f"constant {constant.name!r:.40} is not float32 data of its own shape")


def _check_size(name: str, shape: Shape) -> None:
    if len(shape) > MAX_RANK or any(size < 1 for size in shape):
        raise ModelRefusedError(
            "onnx-shape", f"tensor {name!r:.40} has no static shape of at most {MAX_RANK} dimensions"
        )
    if max((*shape, prod(shape))) > MAX_ELEMENTS:
        raise ModelRefusedError("onnx-size", f"tensor {name!r:.40} has {prod(shape)} elements, at most {MAX_ELEMENTS}")


def _check_node(node: Node, shapes: dict[str, Shape]) -> None:
    law = LAWS.get(node.op) if node.domain == "" else None
    if law is None:
        raise ModelRefusedError(
            "onnx-operator", f"the model uses {node.domain or 'ai.onnx'}:{node.op!r:.40}, not allowed"
        )
    if node.attributes or node.nested:
        raise ModelRefusedError(
            "onnx-attribute", f"a {node.op} of the model carries attributes; allowed ones need none"
        )
    if len(node.outputs) != 1 or node.outputs[0] in shapes:
        raise ModelRefusedError("onnx-name", f"a {node.op} of the model does not define exactly one new name")
    try:
        shape = law(*(shapes[name] for name in node.inputs))
    except (KeyError, TypeError, ValueError, IndexError) as error:
        raise ModelRefusedError("onnx-operands", f"the operands of a {node.op} of the model do not fit") from error
    _check_size(node.outputs[0], shape)
    shapes[node.outputs[0]] = shape


def _same(only: Shape) -> Shape:
    return only


def _broadcast(left: Shape, right: Shape) -> Shape:
    rank = max(len(left), len(right))
    pairs = zip((1,) * (rank - len(left)) + left, (1,) * (rank - len(right)) + right, strict=True)
    sizes = []
    for one, other in pairs:
        if one != other and 1 not in {one, other}:
            raise ValueError
        sizes.append(max(one, other))
    return tuple(sizes)


def _product(left: Shape, right: Shape) -> Shape:
    (rows, inner), (height, columns) = left, right
    if inner != height:
        raise ValueError
    return rows, columns


def _gemm(left: Shape, right: Shape, bias: Shape = ()) -> Shape:
    shape = _product(left, right)
    if _broadcast(shape, bias) != shape:
        raise ValueError
    return shape


LAWS: Final[dict[str, Callable[..., Shape]]] = {
    "Gemm": _gemm,
    "MatMul": _product,
    "Add": _broadcast,
    "Sub": _broadcast,
    "Mul": _broadcast,
    "Relu": _same,
    "Tanh": _same,
    "Sigmoid": _same,
    "Abs": _same,
}
"""The allowed operators (ai.onnx 17) and the shape that each calculates from its operands' shapes."""
