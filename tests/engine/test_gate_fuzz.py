"""An outsider's files: whatever he writes is refused in words or re-emitted; nothing breaks."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tilth.engine import LOSS_NAMES, Limits, Refused, compiler, templates
from tilth.engine.operators import OPERATORS
from tilth.engine.outcomes import Reason
from tilth.v1 import onnx_pb2 as pb

Draw = Callable[[st.SearchStrategy[Any]], Any]
LIMITS = Limits(row_flops=10**7, row_values=10**5, parameters=10**5)
FOREIGN = ("If", "Loop", "Scan", "RandomNormal", "NonZero", "Unique", "TfIdfVectorizer", "", "\0ö")
NAMES = ("x", "a", "b", "c", "d", "w", "v", "s", "out", "", "ö" * 300, "../../etc/shadow")
SIZES = (0, 1, 2, 3, 5, 64, 2**31 - 1, 2**31, 2**62, 2**63 - 1, -1, -(2**63))
FLOATS = (0.0, -0.0, 1.0, -1.5, 1e-40, 3.4e38, float("inf"), float("-inf"), float("nan"))
DOMAINS = ("", "", "", "", "ai.onnx", "ai.onnx.ml", "com.microsoft", "ö")
ATTRIBUTES = sorted({name for operator in OPERATORS.values() for name in operator.attributes})

names = st.sampled_from(NAMES)
sizes = st.sampled_from(SIZES)
small = st.integers(0, 4)


@st.composite
def tensors(draw: Draw) -> pb.TensorProto:
    """Mostly what it says to be, sometimes a lie about its shape, its type or its place."""
    kind = draw(st.sampled_from((1, 1, 1, 7, 7, 6, 9, 10, 11, 8, 16, 99)))
    tensor = pb.TensorProto(name=draw(names), data_type=kind)
    tensor.dims.extend(draw(st.lists(small | sizes, max_size=4)))
    count = draw(st.integers(0, 12))
    if draw(st.booleans()):
        tensor.raw_data = draw(st.binary(max_size=96))
    elif kind == 7:
        tensor.int64_data.extend(draw(st.lists(small | sizes, max_size=count)))
    else:
        tensor.float_data.extend(draw(st.lists(st.sampled_from(FLOATS), max_size=count)))
    if draw(st.integers(0, 30)) == 0:
        tensor.data_location = pb.TensorProto.EXTERNAL
    return tensor


@st.composite
def weights(draw: Draw, name: str) -> pb.TensorProto:
    """An honest weight of a small shape."""
    shape = draw(st.sampled_from(((4,), (4, 4), (3, 4), (4, 3), (1, 4), (2, 2, 2), ())))
    array = np.full(shape, draw(st.sampled_from((0.5, -1.0, 0.0))), np.float32)
    return pb.TensorProto(name=name, data_type=1, dims=shape, raw_data=array.tobytes())


@st.composite
def attributes(draw: Draw) -> pb.AttributeProto:
    attribute = pb.AttributeProto(name=draw(st.sampled_from((*ATTRIBUTES, "evil", ""))))
    kind = draw(st.integers(0, 14))
    attribute.type = kind
    attribute.i = draw(small | sizes)
    attribute.f = draw(st.sampled_from(FLOATS))
    attribute.s = draw(st.binary(max_size=8))
    attribute.ints.extend(draw(st.lists(small | sizes, max_size=5)))
    attribute.floats.extend(draw(st.lists(st.sampled_from(FLOATS), max_size=3)))
    if kind == 4:
        attribute.t.CopyFrom(draw(tensors()))
    if kind == 5 and draw(st.booleans()):
        attribute.g.node.add(op_type="Relu")
    return attribute


@st.composite
def nodes(draw: Draw) -> pb.NodeProto:
    operator = draw(st.sampled_from((*sorted(OPERATORS), *FOREIGN)))
    node = pb.NodeProto(op_type=operator, name=draw(names))
    node.domain = draw(st.sampled_from(DOMAINS))
    node.input.extend(draw(st.lists(names, max_size=4)))
    node.output.extend(draw(st.lists(names, max_size=3)))
    node.attribute.extend(draw(st.lists(attributes(), max_size=2)))
    return node


@st.composite
def likely_nodes(draw: Draw, source: str, target: str) -> pb.NodeProto:
    """One that may pass: allowed operator, inputs that exist, no attribute or one it knows."""
    operator = draw(st.sampled_from(sorted(OPERATORS)))
    node = pb.NodeProto(op_type=operator, name="n", input=[source], output=[target])
    node.input.extend(draw(st.lists(st.sampled_from(("w", "v", "s", source, "x")), max_size=3)))
    known = sorted(OPERATORS[operator].attributes)
    if known and draw(st.booleans()):
        attribute = draw(attributes())
        attribute.name = draw(st.sampled_from(known))
        node.attribute.append(attribute)
    return node


def _file(graph_nodes: list[pb.NodeProto], stored: list[pb.TensorProto], row: list[int]) -> bytes:
    model = pb.ModelProto(ir_version=9)
    model.opset_import.add(domain="", version=18)
    model.graph.node.extend(graph_nodes)
    model.graph.initializer.extend(stored)
    value = model.graph.input.add(name="x").type.tensor_type
    value.elem_type = 1
    value.shape.dim.add(dim_param="N")
    for size in row:
        value.shape.dim.add(dim_value=size)
    model.graph.output.add(name="out")
    return model.SerializeToString()


@st.composite
def chains(draw: Draw) -> bytes:
    """Operators one after the other, from `x` to `out`, with honest weights and an odd constant."""
    length = draw(st.integers(1, 4))
    stations = ["x", *("abcd"[: length - 1]), "out"]
    chain = [draw(likely_nodes(*stations[i : i + 2])) for i in range(length)]
    constant = draw(tensors())
    constant.name = "s"
    stored = [draw(weights("w")), draw(weights("v")), constant]
    return _file(chain, stored, draw(st.sampled_from(([4], [3], [2, 4], [1, 4, 4]))))


@st.composite
def tangles(draw: Draw) -> bytes:
    """Anything that the format can say: cycles, names twice, foreign domains, huge shapes."""
    stored = draw(st.lists(tensors(), max_size=3))
    row = draw(st.lists(sizes, max_size=3))
    return _file(draw(st.lists(nodes(), max_size=5)), stored, row)


@st.composite
def torn(draw: Draw) -> bytes:
    """An honest file with some bytes changed, put in or left out."""
    data = bytearray(templates.mlp(4, (3,), 2))
    for _ in range(draw(st.integers(1, 4))):
        at = draw(st.integers(0, len(data) - 1))
        data[at : at + draw(st.integers(0, 3))] = draw(st.binary(max_size=4))
    return bytes(data)


MAKERS = {
    "train": lambda model, loss: compiler.training(model, loss, LIMITS),
    "evaluate": lambda model, loss: compiler.evaluation(model, loss, 1.0, LIMITS),
    "infer": lambda model, loss: compiler.inference(model, LIMITS),
    "map": lambda model, loss: compiler.mapping(model, LIMITS),
}


@pytest.mark.parametrize("kind", MAKERS)
@settings(
    max_examples=100,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
@given(model=chains() | chains() | tangles() | torn(), loss=st.sampled_from(LOSS_NAMES))
def test_whatever_the_file_says_it_is_compiled_or_refused_in_words(
    kind: str, model: bytes, loss: str
) -> None:
    program, refusal = _outcome(kind, model, loss)
    if program is not None:
        assert program.cost.values <= LIMITS.row_values
    if refusal is not None:
        assert refusal.text.isascii()
        assert refusal.text.isprintable()
        assert len(refusal.text) <= 240
        named = refusal.reason is not Reason.OPERATOR_NOT_ALLOWED or "node" in refusal.text
        assert named, refusal.text


def _outcome(kind: str, model: bytes, loss: str) -> tuple[compiler.Program | None, Refused | None]:
    try:
        return MAKERS[kind](model, loss), None
    except Refused as refusal:
        return None, refusal
