"""Authors' models, built with the onnx package, which the engine itself never imports."""

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt
import onnx
import pytest
from onnx import helper, numpy_helper


class Author(Protocol):
    def __call__(
        self,
        nodes: Sequence[onnx.NodeProto],
        weights: Mapping[str, npt.NDArray[Any]],
        shape: Sequence[int | str],
        *,
        opset: int = 18,
    ) -> bytes: ...


def write_model(
    nodes: Sequence[onnx.NodeProto],
    weights: Mapping[str, npt.NDArray[Any]],
    shape: Sequence[int | str],
    *,
    opset: int = 18,
) -> bytes:
    graph = helper.make_graph(
        list(nodes),
        "authored",
        [helper.make_tensor_value_info("x", onnx.TensorProto.FLOAT, ["N", *shape])],
        [helper.make_tensor_value_info("out", onnx.TensorProto.FLOAT, None)],
        [numpy_helper.from_array(np.asarray(array), name) for name, array in weights.items()],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)])
    model.ir_version = 9
    return model.SerializeToString()


@pytest.fixture(scope="session")
def author() -> Author:
    """Nodes, weights and the input's row shape, as a file: input `x`, output `out`."""
    return write_model
