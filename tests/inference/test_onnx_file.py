import contextlib

import numpy as np
import onnx
import pytest
from hypothesis import given
from hypothesis import strategies as st
from onnx import TensorProto, helper

from icsguard.inference.api import ModelRefusedError
from icsguard.inference.onnx_file import FLOAT, read


def test_a_model_made_by_the_onnx_package_is_read_as_it_is():
    weights = helper.make_tensor("w", TensorProto.FLOAT, (2, 3), np.arange(6, dtype="<f4").tobytes(), raw=True)
    graph = helper.make_graph(
        [helper.make_node("MatMul", ["x", "w"], ["y"])],
        "g",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, (1, 2))],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, (1, 3))],
        [weights],
    )
    file = read(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)]).SerializeToString())
    assert (("", 17),) == file.opsets
    assert [("MatMul", ("x", "w"), ("y",))] == [(node.op, node.inputs, node.outputs) for node in file.nodes]
    assert [("w", (2, 3), FLOAT, True)] == [(one.name, one.shape, one.type, one.is_whole) for one in file.constants]
    assert [("x", (1, 2))] == [(one.name, one.shape) for one in file.inputs]
    assert [("y", (1, 3))] == [(one.name, one.shape) for one in file.outputs]


def test_a_symbolic_dimension_is_not_static():
    graph = helper.make_graph(
        [helper.make_node("Relu", ["x"], ["y"])],
        "g",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, ("batch", 2))],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, ("batch", 2))],
    )
    assert read(helper.make_model(graph).SerializeToString()).inputs[0].shape == (-1, 2)


def test_attributes_of_a_node_are_seen():
    node = helper.make_node("Gemm", ["a", "b"], ["c"], alpha=2.0, transB=1)
    graph = helper.make_graph([node], "g", [], [])
    (read_node,) = read(helper.make_model(graph).SerializeToString()).nodes
    assert {"alpha": None, "transB": 1} == read_node.attributes
    assert not read_node.nested


def test_a_nested_graph_is_seen():
    body = helper.make_graph([], "body", [], [])
    graph = helper.make_graph([helper.make_node("Loop", ["n", "c"], ["y"], body=body)], "g", [], [])
    (node,) = read(helper.make_model(graph).SerializeToString()).nodes
    assert node.nested


def test_functions_are_seen():
    function = helper.make_function("d", "f", ["a"], ["b"], [helper.make_node("Relu", ["a"], ["b"])], [])
    graph = helper.make_graph([], "g", [], [])
    file = read(helper.make_model(graph, functions=[function]).SerializeToString())
    assert file.extras == ("functions",)


def test_bytes_without_a_graph_are_no_model():
    with pytest.raises(ModelRefusedError, match="not one"):
        read(b"")


@given(st.binary(max_size=300))
def test_any_bytes_are_read_or_refused_and_nothing_else(data):
    with contextlib.suppress(ModelRefusedError):
        read(data)


@given(st.data())
def test_a_spoiled_model_is_read_or_refused_and_nothing_else(data):
    graph = helper.make_graph([helper.make_node("Relu", ["x"], ["y"])], "g", [], [])
    whole = bytearray(helper.make_model(graph).SerializeToString())
    for _ in range(data.draw(st.integers(1, 4))):
        whole[data.draw(st.integers(0, len(whole) - 1))] = data.draw(st.integers(0, 255))
    with contextlib.suppress(ModelRefusedError):
        read(bytes(whole))


def test_the_onnx_package_agrees_on_what_we_read():
    assert onnx.TensorProto.FLOAT == FLOAT
