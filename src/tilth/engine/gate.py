"""The gate: the author's bytes are read and judged, from the file alone, before anything is built.

Runs in the jail only: parsing a hostile file may take gigabytes.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from math import prod
from typing import Any, Final

import numpy as np
from google.protobuf.message import DecodeError

from tilth.engine.node import AuthorAttribute, Node
from tilth.engine.operators import INSTEAD, OPERATORS
from tilth.engine.outcomes import Reason, Refused, printable
from tilth.engine.spec import Limits
from tilth.engine.values import Array, Element
from tilth.v1 import onnx_pb2 as pb

OLDEST_OPSET: Final = 13
NEWEST_OPSET: Final = 23
_DEEPEST: Final = 8  # of nested graphs; every nesting is refused, this only bounds the search
_LARGEST_RANK: Final = 8


def read(model: bytes, limits: Limits) -> pb.ModelProto:
    """The parsed file, admitted: flat, bounded, self-contained, made of allowed operators."""
    if len(model) > limits.model_bytes:
        text = f"the file has {len(model)} bytes; the limit is {limits.model_bytes}"
        raise Refused(Reason.TOO_LARGE, text)
    proto = _parsed(model)
    _require_countable(proto, limits)
    _refuse_external_data(proto)
    _refuse_hidden_graphs(proto)
    _check_opset(proto)
    for node in proto.graph.node:
        _check_operator(node)
    return proto


def initializers(graph: pb.GraphProto, limits: Limits) -> dict[str, Array]:
    """The weights and constants by name."""
    total = sum(_size(tensor) for tensor in graph.initializer)
    if total > limits.parameters:
        text = f"the model holds {total} weights; the limit is {limits.parameters}"
        raise Refused(Reason.TOO_LARGE, text)
    arrays = {}
    for tensor in graph.initializer:
        what = f"initializer {_quoted(tensor.name)}"
        if not tensor.name or tensor.name in arrays:
            raise Refused(Reason.MALFORMED, f"two initializers share a name {_quoted(tensor.name)}")
        array = _array(tensor, what)
        if array.size > 1 and array.dtype.kind == "f" and array.itemsize != 4:
            raise Refused(Reason.FORM_NOT_SUPPORTED, f"{what} does not hold float32")
        arrays[tensor.name] = array
    return arrays


@dataclass(frozen=True, slots=True)
class DataInput:
    """The one input: its name, a row's shape, and the batch size if the file fixes one."""

    name: str
    shape: tuple[int, ...]
    element: Element
    static_batch: int | None


def data_input(graph: pb.GraphProto) -> DataInput:
    weights = {tensor.name for tensor in graph.initializer}
    inputs = [value for value in graph.input if value.name not in weights]
    if len(inputs) != 1 or len(graph.output) != 1:
        text = (
            f"it has {len(inputs)} inputs and {len(graph.output)} outputs; it needs one of each: "
            "cut what follows the logits"
        )
        raise Refused(Reason.FORM_NOT_SUPPORTED, text)
    tensor = inputs[0].type.tensor_type
    if tensor.elem_type not in _INPUTS:
        text = f"input {_quoted(inputs[0].name)} does not hold float32 (or int64)"
        raise Refused(Reason.FORM_NOT_SUPPORTED, text)
    dims = tensor.shape.dim
    if not 1 <= len(dims) <= _LARGEST_RANK or any(d.dim_value < 1 for d in dims[1:]):
        text = (
            f"input {_quoted(inputs[0].name)} needs the batch as first axis and fixed lengths after"
        )
        raise Refused(Reason.FORM_NOT_SUPPORTED, text)
    return DataInput(
        name=inputs[0].name,
        shape=tuple(d.dim_value for d in dims[1:]),
        element=_INPUTS[tensor.elem_type],
        static_batch=dims[0].dim_value if dims[0].dim_value > 0 else None,
    )


def nodes(proto: pb.ModelProto, static_batch: int | None) -> Iterator[Node]:
    """The nodes in the file's order, attributes read."""
    (opset,) = _opsets(proto)
    for node in proto.graph.node:
        yield Node(
            operator=node.op_type,
            name=node.name,
            inputs=_inputs(node),
            outputs=_outputs(node),
            attributes={a.name: _attribute(node, a) for a in node.attribute},
            opset=opset,
            static_batch=static_batch,
        )


def _parsed(model: bytes) -> pb.ModelProto:
    try:
        proto = pb.ModelProto.FromString(model)
    except DecodeError:
        raise Refused(Reason.MALFORMED, "the file is not an ONNX model") from None
    if not proto.graph.node and not proto.graph.input:
        raise Refused(Reason.MALFORMED, "the file holds no ONNX graph")
    return proto


def _require_countable(proto: pb.ModelProto, limits: Limits) -> None:
    """Counts before anything is walked: lengths cost nothing."""
    counted = sum(1 for _ in _limited(_all_nodes(proto), limits.nodes))
    graph = proto.graph
    lists = (graph.initializer, graph.input, graph.output, graph.value_info, proto.opset_import)
    if max(counted, *(len(things) for things in lists)) > limits.nodes:
        text = f"the model has more than {limits.nodes} nodes, weights or names"
        raise Refused(Reason.TOO_LARGE, text)


def _limited(things: Iterable[pb.NodeProto], limit: int) -> Iterator[pb.NodeProto]:
    for count, thing in enumerate(things):
        if count > limit:
            return
        yield thing


def _all_graphs(proto: pb.ModelProto) -> Iterator[pb.GraphProto]:
    yield from _nested(proto.graph, 0)
    for info in proto.training_info:
        yield from _nested(info.initialization, 0)
        yield from _nested(info.algorithm, 0)
    for function in proto.functions:
        yield from _nested(pb.GraphProto(node=function.node), 0)


def _nested(graph: pb.GraphProto, depth: int) -> Iterator[pb.GraphProto]:
    if depth > _DEEPEST:
        raise Refused(Reason.SUBGRAPH_NOT_ALLOWED, "graphs are nested in graphs")
    yield graph
    for node in graph.node:
        for attribute in node.attribute:
            for inner in [*([attribute.g] if attribute.HasField("g") else []), *attribute.graphs]:
                yield from _nested(inner, depth + 1)


def _all_nodes(proto: pb.ModelProto) -> Iterator[pb.NodeProto]:
    for graph in _all_graphs(proto):
        yield from graph.node


def _all_tensors(proto: pb.ModelProto) -> Iterator[pb.TensorProto]:
    for graph in _all_graphs(proto):
        yield from graph.initializer
        yield from _dense(graph.sparse_initializer)
    attributes = [a for node in _all_nodes(proto) for a in node.attribute]
    for function in proto.functions:
        attributes.extend(function.attribute_proto)
    for attribute in attributes:
        yield attribute.t
        yield from attribute.tensors
        yield from _dense([attribute.sparse_tensor, *attribute.sparse_tensors])


def _dense(sparse: Iterable[pb.SparseTensorProto]) -> Iterator[pb.TensorProto]:
    for tensor in sparse:
        yield tensor.values
        yield tensor.indices


def _refuse_external_data(proto: pb.ModelProto) -> None:
    for tensor in _all_tensors(proto):
        if tensor.data_location != pb.TensorProto.DEFAULT or tensor.external_data:
            text = (
                f"tensor {_quoted(tensor.name)} keeps its data in another file; embed the weights"
            )
            raise Refused(Reason.EXTERNAL_DATA, text)


def _refuse_hidden_graphs(proto: pb.ModelProto) -> None:
    if proto.functions:
        raise Refused(Reason.SUBGRAPH_NOT_ALLOWED, "local functions: inline them before upload")
    if proto.training_info:
        raise Refused(Reason.SUBGRAPH_NOT_ALLOWED, "training_info: upload the inference model")
    if proto.graph.sparse_initializer:
        raise Refused(Reason.FORM_NOT_SUPPORTED, "sparse weights: store them dense")
    for node in proto.graph.node:
        if any(a.HasField("g") or a.graphs for a in node.attribute):
            instead = INSTEAD.get(node.op_type)
            hint = f": {instead}" if instead else ""
            raise Refused(Reason.SUBGRAPH_NOT_ALLOWED, f"{_where(node)} holds a subgraph{hint}")


def _check_opset(proto: pb.ModelProto) -> None:
    versions = sorted(_opsets(proto))
    if len(versions) != 1 or not OLDEST_OPSET <= versions[0] <= NEWEST_OPSET:
        text = f"opset {versions}: export with one between {OLDEST_OPSET} and {NEWEST_OPSET}"
        raise Refused(Reason.FORM_NOT_SUPPORTED, text)


def _opsets(proto: pb.ModelProto) -> set[int]:
    return {o.version for o in proto.opset_import if o.domain in ("", "ai.onnx")}


def _check_operator(node: pb.NodeProto) -> None:
    if node.domain not in ("", "ai.onnx") or node.overload:
        hint = (
            "; tilth.engine.linear and mlp make nets to start from" if "ml" in node.domain else ""
        )
        text = f"{_where(node)} is of domain {_quoted(node.domain)}, not of ONNX itself{hint}"
        raise Refused(Reason.OPERATOR_NOT_ALLOWED, text)
    if node.op_type not in OPERATORS:
        instead = INSTEAD.get(node.op_type)
        hint = f": {instead}" if instead else ""
        text = f"{_where(node)}: the engine has no rule for this operator{hint}"
        raise Refused(Reason.OPERATOR_NOT_ALLOWED, text)
    unknown = {a.name for a in node.attribute} - OPERATORS[node.op_type].attributes
    if unknown:
        text = f"{_where(node)}: attribute {_quoted(min(unknown))} is not supported"
        raise Refused(Reason.FORM_NOT_SUPPORTED, text)


def _inputs(node: pb.NodeProto) -> tuple[str, ...]:
    names, operator = list(node.input), OPERATORS[node.op_type]
    while names and not names[-1] and not operator.open_ended:
        names.pop()  # optional inputs left out at the end
    filled = all(name or i in operator.gaps for i, name in enumerate(names))
    if not operator.least <= len(names) <= operator.most or not filled:
        text = f"it takes {operator.least} to {operator.most} inputs, none of them empty"
        raise Refused(Reason.MALFORMED, f"{_where(node)}: {text}")
    return tuple(names)


def _outputs(node: pb.NodeProto) -> tuple[str, ...]:
    names, operator = list(node.output), OPERATORS[node.op_type]
    while len(names) > 1 and not names[-1]:
        names.pop()
    if operator.many_outputs and names and all(names):
        return tuple(names)
    if not 1 <= len(names) <= 1 + operator.ignored_outputs or not names[0]:
        raise Refused(Reason.FORM_NOT_SUPPORTED, f"{_where(node)}: it needs exactly one output")
    return (names[0],)


def _attribute(node: pb.NodeProto, attribute: pb.AttributeProto) -> AuthorAttribute:
    read = _READERS.get(attribute.type)
    if read is None or attribute.ref_attr_name:
        text = f"{_where(node)}: attribute {_quoted(attribute.name)} is of a kind not supported"
        raise Refused(Reason.FORM_NOT_SUPPORTED, text)
    return read(attribute)


_READERS: Final[dict[int, Callable[[pb.AttributeProto], AuthorAttribute]]] = {
    pb.AttributeProto.FLOAT: lambda a: a.f,
    pb.AttributeProto.INT: lambda a: a.i,
    pb.AttributeProto.STRING: lambda a: printable(a.s.decode("ascii", "replace")),
    pb.AttributeProto.FLOATS: lambda a: tuple(a.floats),
    pb.AttributeProto.INTS: lambda a: tuple(a.ints),
    pb.AttributeProto.TENSOR: lambda a: _array(a.t, f"attribute {_quoted(a.name)}"),
}


def _size(tensor: pb.TensorProto) -> int:
    if len(tensor.dims) > _LARGEST_RANK or any(n < 1 for n in tensor.dims):
        text = f"tensor {_quoted(tensor.name)} has a shape that is not possible"
        raise Refused(Reason.MALFORMED, text)
    return prod(tensor.dims)


_INPUTS: Final[Mapping[int, Element]] = {
    pb.TensorProto.FLOAT: Element.FLOAT,
    pb.TensorProto.INT32: Element.INTEGER,
    pb.TensorProto.INT64: Element.INTEGER,
}

_STORED: Final[dict[int, np.dtype[Any]]] = {
    pb.TensorProto.FLOAT: np.dtype("<f4"),
    pb.TensorProto.FLOAT16: np.dtype("<f2"),
    pb.TensorProto.DOUBLE: np.dtype("<f8"),
    pb.TensorProto.INT32: np.dtype("<i4"),
    pb.TensorProto.INT64: np.dtype("<i8"),
    pb.TensorProto.BOOL: np.dtype("?"),
}


def _array(tensor: pb.TensorProto, what: str) -> Array:
    """Its numbers; integers as int64, floats as they are stored."""
    if tensor.data_type not in _STORED or tensor.HasField("segment"):
        text = f"{what} does not hold float32 (or int64, for a shape)"
        raise Refused(Reason.FORM_NOT_SUPPORTED, text)
    size = _size(tensor)
    values = _values(tensor, _STORED[tensor.data_type])
    if values is None or len(values) != size:
        raise Refused(Reason.MALFORMED, f"{what} does not hold the {size} values of its shape")
    if np.isnan(values).any():
        raise Refused(Reason.MALFORMED, f"{what} holds a number that is not finite")
    whole = values.astype(np.int64) if values.dtype.kind == "i" else values
    return whole.reshape(tuple(tensor.dims))


def _values(tensor: pb.TensorProto, dtype: np.dtype[Any]) -> Array | None:
    if tensor.HasField("raw_data"):
        whole = len(tensor.raw_data) % dtype.itemsize == 0
        return np.frombuffer(tensor.raw_data, dtype) if whole else None
    if dtype.itemsize == 2:
        return np.asarray(tensor.int32_data, np.uint16).view(dtype)
    listed = {"<f4": tensor.float_data, "<f8": tensor.double_data, "<i8": tensor.int64_data}
    return np.asarray(listed.get(dtype.str, tensor.int32_data), dtype)


def _where(node: pb.NodeProto) -> str:
    named = f"node {_quoted(node.name)}" if node.name else "a node without a name"
    return f"{named} ({printable(node.op_type)})"


def _quoted(name: str) -> str:
    return f"'{printable(name)}'"
