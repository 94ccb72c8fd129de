"""Files the gate refuses: no models, not flat, with parts elsewhere, or beyond the limits."""

from collections.abc import Callable
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import helper, numpy_helper

from tilth.engine import compiler, templates
from tilth.engine.outcomes import Reason, Refused
from tilth.engine.spec import Limits

node = helper.make_node
LIMITS = Limits()
W = {"w": np.ones((3, 2), np.float32)}
DENSE = [node("Gemm", ["x", "w"], ["out"], name="dense")]

Nodes = list[onnx.NodeProto]
Weights = dict[str, Any]


def _refusal(model: bytes, limits: Limits = LIMITS, loss: str = "mean_squared_error") -> Refused:
    with pytest.raises(Refused) as caught:
        compiler.training(model, loss, limits)
    return caught.value


def _changed(author: Any, change: Callable[[onnx.ModelProto], object]) -> bytes:
    model = onnx.load_from_string(author(DENSE, W, (3,)))
    change(model)
    data: bytes = model.SerializeToString()
    return data


def _external(tensor: onnx.TensorProto) -> onnx.TensorProto:
    tensor.CopyFrom(numpy_helper.from_array(np.ones(4, np.float32), "leak"))
    tensor.ClearField("raw_data")
    tensor.data_location = onnx.TensorProto.EXTERNAL
    entry = tensor.external_data.add()
    entry.key, entry.value = "location", "../../etc/shadow"
    return tensor


def _in_subgraph(model: onnx.ModelProto) -> None:
    inner = helper.make_graph([], "inner", [], [])
    _external(inner.initializer.add())
    model.graph.node.append(node("If", ["x"], ["y"], then_branch=inner))


def _in_function(model: onnx.ModelProto) -> None:
    constant = node("Constant", [], ["c"], value=_external(onnx.TensorProto()))
    opset = [helper.make_opsetid("", 18)]
    model.functions.append(helper.make_function("own", "f", [], ["c"], [constant], opset))


EXTERNAL: dict[str, Callable[[onnx.ModelProto], object]] = {
    "initializer": lambda m: _external(m.graph.initializer.add()),
    "sparse values": lambda m: _external(m.graph.sparse_initializer.add().values),
    "sparse indices": lambda m: _external(m.graph.sparse_initializer.add().indices),
    "attribute": lambda m: m.graph.node.append(
        node("Constant", [], ["c"], value=_external(onnx.TensorProto()))
    ),
    "list attribute": lambda m: m.graph.node.append(
        node("Constant", [], ["c"], values=[_external(onnx.TensorProto())])
    ),
    "subgraph": _in_subgraph,
    "function": _in_function,
    "training graph": lambda m: _external(m.training_info.add().algorithm.initializer.add()),
    "entry without the flag": lambda m: m.graph.initializer[0].external_data.add(),
}


@pytest.mark.parametrize("place", EXTERNAL)
def test_data_in_another_file_is_refused_wherever_it_is_mentioned(place: str, author: Any) -> None:
    refusal = _refusal(_changed(author, EXTERNAL[place]))

    assert refusal.reason is Reason.EXTERNAL_DATA


def _add_training(model: onnx.ModelProto) -> None:
    model.training_info.add()


CHANGED: list[tuple[str, Callable[[onnx.ModelProto], object], Reason]] = [
    ("opset", lambda m: setattr(m.opset_import[0], "version", 999), Reason.FORM_NOT_SUPPORTED),
    ("no opset", lambda m: m.ClearField("opset_import"), Reason.FORM_NOT_SUPPORTED),
    ("functions", lambda m: m.functions.add(), Reason.SUBGRAPH_NOT_ALLOWED),
    ("training", _add_training, Reason.SUBGRAPH_NOT_ALLOWED),
    ("sparse", lambda m: m.graph.sparse_initializer.add(), Reason.FORM_NOT_SUPPORTED),
    ("two inputs", lambda m: m.graph.input.add(name="z"), Reason.FORM_NOT_SUPPORTED),
    ("no output", lambda m: m.graph.ClearField("output"), Reason.FORM_NOT_SUPPORTED),
    ("nodes", lambda m: [m.graph.node.add() for _ in range(3000)], Reason.TOO_LARGE),
    (
        "attribute reference",
        lambda m: m.graph.node[0].attribute.add(name="alpha", ref_attr_name="a", type=1),
        Reason.FORM_NOT_SUPPORTED,
    ),
    (
        "dynamic feature axis",
        lambda m: m.graph.input[0].type.tensor_type.shape.dim[1].Clear(),
        Reason.FORM_NOT_SUPPORTED,
    ),
    (
        "string input",
        lambda m: setattr(m.graph.input[0].type.tensor_type, "elem_type", 8),
        Reason.FORM_NOT_SUPPORTED,
    ),
    ("segment", lambda m: m.graph.initializer[0].segment.SetInParent(), Reason.FORM_NOT_SUPPORTED),
    (
        "short weights",
        lambda m: setattr(m.graph.initializer[0], "raw_data", b"\0" * 20),
        Reason.MALFORMED,
    ),
    (
        "torn weights",
        lambda m: setattr(m.graph.initializer[0], "raw_data", b"\0" * 23),
        Reason.MALFORMED,
    ),
    ("impossible shape", lambda m: m.graph.initializer[0].dims.append(-1), Reason.MALFORMED),
    (
        "shape beyond memory",
        lambda m: m.graph.initializer[0].dims.append(1 << 40),
        Reason.TOO_LARGE,
    ),
    (
        "same name twice",
        lambda m: m.graph.initializer.add().CopyFrom(m.graph.initializer[0]),
        Reason.MALFORMED,
    ),
]


@pytest.mark.parametrize("case", CHANGED, ids=lambda case: case[0])
def test_a_file_that_is_not_flat_and_plain_is_refused(
    case: tuple[str, Callable[[onnx.ModelProto], object], Reason], author: Any
) -> None:
    assert _refusal(_changed(author, case[1])).reason is case[2]


FILES = {
    "empty": b"",
    "pickle": b"\x80\x04\x95\x0b\x00\x00\x00\x00\x00\x00\x00}\x94.",
    "zip": b"PK\x03\x04" + bytes(60),
    "library": b"\x7fELF\x02\x01\x01" + bytes(60),
    "page": b"<!DOCTYPE html><html><body>model</body></html>",
    "flatbuffer": b"\x20\x00\x00\x00ORTM" + bytes(60),
    "text": "ö".encode("latin-1") * 40,
    "truncated": templates.mlp(8, (8,), 2)[:-7],
}


@pytest.mark.parametrize("kind", FILES)
def test_what_is_no_model_is_malformed(kind: str) -> None:
    assert _refusal(FILES[kind]).reason is Reason.MALFORMED


LIMITED = [
    (Limits(model_bytes=100), Reason.TOO_LARGE, "bytes"),
    (Limits(nodes=2), Reason.TOO_LARGE, "2 nodes"),
    (Limits(parameters=50), Reason.TOO_LARGE, "weights"),
    (Limits(row_flops=50), Reason.TOO_COSTLY, "operations"),
    (Limits(row_values=20), Reason.TOO_COSTLY, "numbers"),
]


@pytest.mark.parametrize("case", LIMITED, ids=lambda case: case[2])
def test_a_model_beyond_the_owners_limits_is_refused(case: tuple[Limits, Reason, str]) -> None:
    limits, reason, words = case

    refusal = _refusal(templates.mlp(8, (8,), 2), limits)

    assert refusal.reason is reason
    assert words in refusal.text


def test_graphs_nested_deep_are_refused_without_walking_them() -> None:
    inner = helper.make_graph([], "g", [], [])
    for _ in range(30):
        inner = helper.make_graph([node("If", ["x"], ["y"], then_branch=inner)], "g", [], [])
    model = helper.make_model(inner)

    assert _refusal(model.SerializeToString()).reason is Reason.SUBGRAPH_NOT_ALLOWED


def test_many_nodes_hidden_in_subgraphs_are_counted() -> None:
    inner = helper.make_graph([node("Relu", ["x"], ["y"])] * 1500, "g", [], [])
    branches: dict[str, Any] = {"then_branch": inner, "else_branch": inner}
    model = helper.make_model(
        helper.make_graph([node("If", ["x"], ["y"], **branches)], "g", [], [])
    )

    assert _refusal(model.SerializeToString()).reason is Reason.TOO_LARGE
