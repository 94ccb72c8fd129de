"""What attackers bring: graphs as anybody writes them, and a runner that trusts them."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Protocol

import numpy.typing as npt
import onnx
import onnxruntime as ort
import pytest
from onnx import helper, numpy_helper

from tilth.engine import Engine


class Forge(Protocol):
    def __call__(
        self,
        nodes: Sequence[onnx.NodeProto],
        weights: Mapping[str, npt.NDArray[Any]],
        row: Sequence[int],
        *,
        batch: int | str = ...,
    ) -> bytes: ...


def _forged(
    nodes: Sequence[onnx.NodeProto],
    weights: Mapping[str, npt.NDArray[Any]],
    row: Sequence[int],
    *,
    batch: int | str = "N",
) -> bytes:
    graph = helper.make_graph(
        list(nodes),
        "forged",
        [helper.make_tensor_value_info("x", onnx.TensorProto.FLOAT, [batch, *row])],
        [helper.make_tensor_value_info("out", onnx.TensorProto.FLOAT, None)],
        [numpy_helper.from_array(array, name) for name, array in weights.items()],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)])
    model.ir_version = 9
    data: bytes = model.SerializeToString()
    return data


@pytest.fixture(scope="session")
def forge() -> Forge:
    """Nodes, weights and a row's shape, as a file: input `x`, output `out`."""
    return _forged


class Naive(Protocol):
    def __call__(self, model: bytes, rows: npt.NDArray[Any]) -> Any: ...


@pytest.fixture(scope="session")
def naive() -> Naive:
    """What others do: hand the author's file and the private rows to ONNX Runtime."""

    def run(model: bytes, rows: npt.NDArray[Any]) -> Any:
        options = ort.SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        options.log_severity_level = 4
        session = ort.InferenceSession(model, options, providers=["CPUExecutionProvider"])
        return session.run(None, {"x": rows})[0]

    return run


@pytest.fixture(scope="session")
def engine() -> Iterator[Engine]:
    with Engine() as running:
        yield running
