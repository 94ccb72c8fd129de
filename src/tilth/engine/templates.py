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
    layers = [
        (random.normal(0, np.sqrt(2 / taken), (given, taken)), np.zeros(given))
        for taken, given in pairwise(widths)
    ]
    return dense_net(layers, "Relu")


def dense_net(layers: Sequence[tuple[Array, Array]], activation: str | None) -> bytes:
    """A dense net of these weights [given, taken] and biases, an operator between its layers."""
    graph = pb.GraphProto(name="model", input=[_rows("rows", layers[0][0].shape[1])])
    last = "rows"
    for layer, (weights, bias) in enumerate(layers):
        last = _add_dense(graph, layer, last, weights, bias)
        if activation is not None and layer + 1 < len(layers):
            last = _add_node(graph, activation, [last], f"{activation.lower()}{layer}")
    graph.node[-1].output[0] = "logits"
    graph.output.append(_rows("logits", len(layers[-1][0])))
    opset = pb.OperatorSetIdProto(domain="", version=OPSET)
    model = pb.ModelProto(ir_version=IR_VERSION, graph=graph, opset_import=[opset])
    return model.SerializeToString()


def _add_dense(graph: pb.GraphProto, layer: int, last: str, weights: Array, bias: Array) -> str:
    names = [f"layer{layer}.weight", f"layer{layer}.bias"]
    for name, array in zip(names, (weights, bias), strict=True):
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
