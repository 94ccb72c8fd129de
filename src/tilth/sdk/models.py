"""Models as people have them: ONNX in any form, PyTorch modules, scikit-learn estimators."""

from collections.abc import Sequence
from math import prod
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tilth.sdk.estimators import Layers, NotTrainable, Start, is_estimator, refitted, started
from tilth.sdk.modules import exported, filled, is_module
from tilth.v1 import onnx_pb2
from tilth.vault import Schema
from tilth.vault.mock import mock_table
from tilth.vault.table import scaled


def start_of(model: Any, schema: Schema, input_shape: Sequence[int] | None = None) -> Start:
    """The ONNX file to send, and the loss that goes with it; raises NotTrainable.

    A PyTorch module is exported with made-up rows of the schema, in `input_shape` if one is given.
    """
    if isinstance(model, bytes):
        return Start(model)
    if isinstance(model, str | Path):
        return Start(Path(model).read_bytes())
    if hasattr(model, "SerializeToString") and hasattr(model, "graph"):
        return Start(bytes(model.SerializeToString()))
    if is_module(model):
        return Start(exported(model, _made_up_rows(schema, input_shape), input_shape))
    if is_estimator(model):
        return started(model, schema)
    raise NotTrainable(
        "a model is the path or the bytes of an ONNX file, an onnx.ModelProto, a PyTorch module "
        f"or a scikit-learn estimator, not {type(model).__name__}"
    )


def put_into(model: Any, onnx: bytes, schema: Schema) -> Any:
    """What was trained, as weights of the module or estimator that it came from."""
    weights = _weights(onnx)
    if is_module(model):
        return filled(model, weights)
    if is_estimator(model):
        return refitted(model, _layers(weights), schema)
    raise TypeError(
        f"weights go into a PyTorch module or a scikit-learn estimator, not {type(model).__name__}"
    )


def _made_up_rows(schema: Schema, shape: Sequence[int] | None) -> NDArray[np.float32]:
    features = len(schema.feature_columns)
    if shape is not None and prod(shape) != features:
        form = "×".join(map(str, shape))
        raise NotTrainable(f"a row has {features} features, which do not make {form}")
    return scaled(mock_table(schema, 2))


def _weights(onnx: bytes) -> dict[str, NDArray[np.float32]]:
    """Every float32 weight by its name."""
    return {
        each.name: np.frombuffer(each.raw_data, "<f4").reshape(tuple(each.dims))
        for each in onnx_pb2.ModelProto.FromString(onnx).graph.initializer
        if each.data_type == onnx_pb2.TensorProto.FLOAT and each.raw_data
    }


def _layers(weights: dict[str, NDArray[np.float32]]) -> Layers:
    """Of a net that `dense_net` wrote."""
    layers: list[tuple[NDArray[np.float64], NDArray[np.float64]]] = []
    while (weight := weights.get(f"layer{len(layers)}.weight")) is not None:
        bias = weights[f"layer{len(layers)}.bias"]
        layers.append((weight.astype(np.float64), bias.astype(np.float64)))
    if not layers:
        raise ValueError("the trained model was not made from such an estimator")
    return layers
