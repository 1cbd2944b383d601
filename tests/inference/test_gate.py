import numpy as np
import pytest
from onnx import TensorProto, helper

from icsguard.inference.api import ModelRefusedError
from icsguard.inference.gate import LAWS, MAX_ELEMENTS, MAX_FILE, MAX_NODES, admit
from icsguard.inference.manifest import Port
from icsguard.inference.onnx_build import Op


def _refusal(data, manifest):
    with pytest.raises(ModelRefusedError) as refused:
        admit("small.onnx", data, manifest)
    return refused.value.code


def _made(nodes, *, constants=(), opset=17, shape=(1, 2), domain=""):
    graph = helper.make_graph(
        nodes,
        "g",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, shape)],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, shape)],
        list(constants),
    )
    imports = [helper.make_opsetid("", opset)] + ([helper.make_opsetid(domain, 1)] if domain else [])
    return helper.make_model(graph, opset_imports=imports).SerializeToString()


def test_an_honest_model_passes(small):
    data = small.data()
    assert data == admit("small.onnx", data, small.manifest(data)).data


def test_a_loop_is_refused(small):
    body = helper.make_graph([], "body", [], [])
    trips = helper.make_tensor("n", TensorProto.INT64, (), [1 << 62])
    data = _made([helper.make_node("Loop", ["n", "", "x"], ["y"], body=body)], constants=[trips])
    assert _refusal(data, small.manifest(data)) in {"onnx-operator", "onnx-constant"}


@pytest.mark.parametrize("op", ["Loop", "Scan", "If", "Expand", "ConstantOfShape", "Tile", "Pad", "Range", "Resize"])
def test_an_operator_that_is_not_on_the_list_is_refused(small, op):
    data = _made([helper.make_node(op, ["x"], ["y"])])
    assert _refusal(data, small.manifest(data)) == "onnx-operator"
    assert op not in LAWS


def test_an_operator_of_another_domain_is_refused(small):
    data = _made([helper.make_node("Relu", ["x"], ["y"], domain="evil")], domain="evil")
    assert _refusal(data, small.manifest(data)) == "onnx-opset"


def test_data_outside_the_file_are_refused(small):
    tensor = helper.make_tensor("w", TensorProto.FLOAT, (2, 2), bytes(16), raw=True)
    tensor.ClearField("raw_data")
    tensor.data_location = TensorProto.EXTERNAL
    tensor.external_data.add(key="location", value="../../etc/shadow")
    data = _made([helper.make_node("MatMul", ["x", "w"], ["y"])], constants=[tensor])
    assert _refusal(data, small.manifest(data)) == "onnx-external"


def test_random_bytes_are_refused(small):
    data = np.random.default_rng(1).bytes(500)
    assert _refusal(data, small.manifest(data)).startswith("onnx-")


def test_an_intermediate_that_would_take_all_memory_is_refused_before_it_is_made(small):
    wide = 60_000
    ports = {"inputs": (Port("x", (wide, 1)),), "outputs": (Port("y", (wide, wide)),)}
    data = small.data(
        ops=(Op("MatMul", ("x", "row"), "y"),),
        constants={"row": np.zeros((1, wide))},
        inputs={"x": (wide, 1)},
        outputs={"y": (wide, wide)},
    )
    assert wide * wide > MAX_ELEMENTS
    assert _refusal(data, small.manifest(data, **ports)) == "onnx-size"


def test_a_shape_that_is_not_static_is_refused(small):
    data = _made([helper.make_node("Relu", ["x"], ["y"])], shape=("batch", 2))
    assert _refusal(data, small.manifest(data)) == "onnx-ports"


def test_other_ports_than_the_manifest_names_are_refused(small):
    data = small.data()
    assert _refusal(data, small.manifest(data, inputs=(Port("z", (1, 2)),))) == "onnx-ports"
    assert _refusal(data, small.manifest(data, outputs=(Port("y", (1, 3)),))) == "onnx-ports"


def test_another_operator_set_is_refused(small):
    data = _made([helper.make_node("Relu", ["x"], ["y"])], opset=21)
    assert _refusal(data, small.manifest(data)) == "onnx-opset"


def test_attributes_are_refused(small):
    weights = helper.make_tensor("w", TensorProto.FLOAT, (2, 2), bytes(16), raw=True)
    data = _made([helper.make_node("Gemm", ["x", "w"], ["y"], transB=1)], constants=[weights])
    assert _refusal(data, small.manifest(data)) == "onnx-attribute"


def test_a_constant_that_lies_about_its_size_is_refused(small):
    tensor = helper.make_tensor("w", TensorProto.FLOAT, (2, 2), bytes(16), raw=True)
    tensor.raw_data = bytes(8)
    data = _made([helper.make_node("MatMul", ["x", "w"], ["y"])], constants=[tensor])
    assert _refusal(data, small.manifest(data)) == "onnx-constant"


def test_operands_that_do_not_fit_are_refused(small):
    data = small.data(ops=(Op("MatMul", ("x", "b"), "y"),))
    assert _refusal(data, small.manifest(data)) == "onnx-operands"
    data = small.data(ops=(Op("Relu", ("nothing",), "y"),))
    assert _refusal(data, small.manifest(data)) == "onnx-operands"


def test_a_name_that_is_defined_twice_is_refused(small):
    data = small.data(ops=(Op("Relu", ("x",), "y"), Op("Tanh", ("x",), "y")))
    assert _refusal(data, small.manifest(data)) == "onnx-name"


def test_too_many_operations_are_refused(small):
    chain = [Op("Relu", ("x" if not i else f"r{i - 1}",), f"r{i}") for i in range(MAX_NODES)]
    data = small.data(ops=(*chain, Op("Relu", (f"r{MAX_NODES - 1}",), "y")))
    assert _refusal(data, small.manifest(data)) == "onnx-nodes"


def test_a_file_beyond_the_bound_is_refused_unread(small):
    data = bytes(MAX_FILE + 1)
    assert _refusal(data, small.manifest(data)) == "file-size"


def test_a_file_that_is_not_the_signed_one_is_refused(small):
    assert _refusal(small.data() + b"\0", small.manifest(small.data())) == "file-digest"


def test_training_information_and_functions_are_refused(small):
    function = helper.make_function("d", "f", ["a"], ["b"], [helper.make_node("Relu", ["a"], ["b"])], [])
    graph = helper.make_graph([], "g", [], [])
    data = helper.make_model(graph, functions=[function]).SerializeToString()
    assert _refusal(data, small.manifest(data)) == "onnx-extra"
