"""Small models to start from, as ONNX files: they need neither the onnx package nor a framework."""

from collections.abc import Sequence
from itertools import pairwise

import numpy as np

from tilth.engine.graph import IR_VERSION, OPSET
from tilth.engine.values import Array
from tilth.v1 import onnx_pb2 as pb


def linear(features: int, classes: int, *, seed: int = 0) -> bytes:
    """Logits of a logistic regression, `[N, features] -> [N, classes]`, small random weights."""
    return mlp(features, (), classes, seed=seed)


def mlp(features: int, hidden: Sequence[int], classes: int, *, seed: int = 0) -> bytes:
    """Logits of a dense net with ReLU between its layers; the seed draws He's initial weights."""
    random = np.random.default_rng(seed)
    widths = [features, *hidden, classes]
    graph = pb.GraphProto(name="model", input=[_rows("rows", features)])
    last = "rows"
    for layer, (taken, given) in enumerate(pairwise(widths)):
        weights = random.normal(0, np.sqrt(2 / taken), (given, taken))
        last = _add_dense(graph, layer, last, weights)
        if layer + 2 < len(widths):
            last = _add_node(graph, "Relu", [last], f"relu{layer}")
    graph.node[-1].output[0] = "logits"
    graph.output.append(_rows("logits", classes))
    opset = pb.OperatorSetIdProto(domain="", version=OPSET)
    model = pb.ModelProto(ir_version=IR_VERSION, graph=graph, opset_import=[opset])
    return model.SerializeToString()


def _add_dense(graph: pb.GraphProto, layer: int, last: str, weights: Array) -> str:
    names = [f"layer{layer}.weight", f"layer{layer}.bias"]
    for name, array in zip(names, (weights, np.zeros(len(weights))), strict=True):
        data = array.astype("<f4").tobytes()
        tensor = pb.TensorProto(
            name=name, dims=array.shape, data_type=pb.TensorProto.FLOAT, raw_data=data
        )
        graph.initializer.append(tensor)
    transposed = pb.AttributeProto(name="transB", type=pb.AttributeProto.INT, i=1)
    return _add_node(graph, "Gemm", [last, *names], f"dense{layer}", transposed)


def _add_node(
    graph: pb.GraphProto,
    operator: str,
    inputs: Sequence[str],
    name: str,
    *attributes: pb.AttributeProto,
) -> str:
    node = pb.NodeProto(
        op_type=operator, name=name, input=inputs, output=[name], attribute=attributes
    )
    graph.node.append(node)
    return name


def _rows(name: str, width: int) -> pb.ValueInfoProto:
    dims = [
        pb.TensorShapeProto.Dimension(dim_param="N"),
        pb.TensorShapeProto.Dimension(dim_value=width),
    ]
    tensor = pb.TypeProto.Tensor(
        elem_type=pb.TensorProto.FLOAT, shape=pb.TensorShapeProto(dim=dims)
    )
    return pb.ValueInfoProto(name=name, type=pb.TypeProto(tensor_type=tensor))
