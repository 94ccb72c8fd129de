"""Authors' models, built with the onnx package, which the engine itself never imports."""

import math
from collections.abc import Mapping, Sequence
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt
import onnx
import pytest
from onnx import helper, numpy_helper
from onnx.reference import ReferenceEvaluator
from onnx.reference.op_run import OpRun

from tilth.engine import compiler
from tilth.engine.layout import SLOTS
from tilth.engine.spec import Limits

Floats = npt.NDArray[np.float64]
DOUBLE = onnx.TensorProto.DOUBLE


class Author(Protocol):
    def __call__(
        self,
        nodes: Sequence[onnx.NodeProto],
        weights: Mapping[str, npt.NDArray[Any]],
        shape: Sequence[int | str],
        *,
        opset: int = 18,
        element: int = onnx.TensorProto.FLOAT,
    ) -> bytes: ...


def write_model(
    nodes: Sequence[onnx.NodeProto],
    weights: Mapping[str, npt.NDArray[Any]],
    shape: Sequence[int | str],
    *,
    opset: int = 18,
    element: int = onnx.TensorProto.FLOAT,
) -> bytes:
    graph = helper.make_graph(
        list(nodes),
        "authored",
        [helper.make_tensor_value_info("x", element, ["N", *shape])],
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


class Erf(OpRun):
    """The onnx package's own Erf rounds to single precision."""

    def _run(self, x: Floats) -> tuple[Floats]:
        return (np.vectorize(math.erf, otypes=[np.float64])(x),)


class ConvTranspose(OpRun):
    """The onnx package's own knows no groups."""

    def _run(self, x: Floats, w: Floats, bias: None = None, **given: Any) -> tuple[Floats]:
        group, strides, dilations = given["group"], given["strides"], given["dilations"]
        axes = len(strides)
        filters = w.reshape(group, -1, *w.shape[1:])
        slopes = x.reshape(len(x), group, -1, *x.shape[2:])
        pads = given["pads"]
        sizes = [
            (n - 1) * s + (k - 1) * d + 1 + more
            for n, s, k, d, more in zip(
                x.shape[2:], strides, w.shape[2:], dilations, given["output_padding"], strict=True
            )
        ]
        out = np.zeros((len(x), group, w.shape[1], *sizes))
        for tap in np.ndindex(*w.shape[2:]):
            places = tuple(
                slice(t * d, t * d + (n - 1) * s + 1, s)
                for t, d, n, s in zip(tap, dilations, x.shape[2:], strides, strict=True)
            )
            part = np.einsum("bgm...,gmc->bgc...", slopes, filters[(..., *tap)])
            out[(slice(None), slice(None), slice(None), *places)] += part
        whole = out.reshape(len(x), -1, *sizes)
        ends = zip(pads[:axes], pads[axes:], sizes, strict=True)
        inner = tuple(slice(first, size - last) for first, last, size in ends)
        return (whole[(slice(None), slice(None), *inner)],)


class Pad(OpRun):
    """The onnx package's own cannot take away."""

    def _run(self, x: Floats, pads: Floats, fill: Floats, **_: Any) -> tuple[Floats]:
        before, after = np.split(pads, 2)
        grown = np.pad(x, np.stack([before, after], 1).clip(0), constant_values=fill)
        ends = zip(before, after, grown.shape, strict=True)
        return (grown[tuple(slice(max(0, -b), n + min(0, a)) for b, a, n in ends)],)


class Slopes(Protocol):
    def __call__(self, model: bytes, loss: str = ..., *, integers: bool = ...) -> None: ...


@pytest.fixture(scope="session")
def compare_slopes() -> Slopes:
    """Each row's gradient by each weight against the difference quotient of that row's loss, in
    double precision, along random directions."""
    return _compare


def _compare(model: bytes, loss: str = "softmax_cross_entropy", *, integers: bool = False) -> None:
    random = np.random.default_rng(11)
    program = compiler.training(model, loss, Limits(), element=DOUBLE)
    plain = compiler.losses(model, loss, Limits(), element=DOUBLE)
    feeds = _feeds(program, random, integers=integers)
    ours = _gradients(program, _run(program, feeds))
    (judged,) = (name for name, _ in plain.outputs)
    for parameter, gradient in zip(program.parameters, ours, strict=True):
        assert np.abs(gradient).max() > 0
        for _ in range(3):
            way = random.normal(size=parameter.initial.shape)
            sides = []
            for step in (1e-5, -1e-5):
                moved = {**feeds, parameter.name: feeds[parameter.name] + step * way}
                sides.append(_run(plain, moved)[judged])
            expected = (sides[0] - sides[1]) / 2e-5
            along = (gradient * way).reshape(SLOTS, -1).sum(1)
            np.testing.assert_allclose(along, expected, rtol=1e-5, atol=1e-7)


def _feeds(
    program: compiler.Program, random: np.random.Generator, *, integers: bool
) -> dict[str, npt.NDArray[Any]]:
    shape = (SLOTS, *program.input_shape)
    feeds: dict[str, npt.NDArray[Any]] = {"x": random.normal(0, 1, shape)}
    if integers:
        feeds["x"] = random.integers(-1, 6, shape).astype(np.float64)
    assert program.labels is not None
    full = (SLOTS, *program.labels.shape)
    feeds["y"] = random.integers(0, 2, full) if program.labels.integer else random.random(full)
    for parameter in program.parameters:
        feeds[parameter.name] = parameter.initial.astype(np.float64)
    return feeds


def _run(program: compiler.Program, feeds: dict[str, npt.NDArray[Any]]) -> dict[str, Floats]:
    names = [name for name, _ in program.outputs]
    wanted = {i.name for i in onnx.load_from_string(program.model).graph.input}
    given = {name: array for name, array in feeds.items() if name in wanted}
    values: Any = ReferenceEvaluator(program.model, new_ops=[ConvTranspose, Erf, Pad]).run(
        names, given
    )
    return {**dict(zip(names, values, strict=True)), "x": feeds["x"]}


def _gradients(program: compiler.Program, outputs: dict[str, Floats]) -> list[Floats]:
    """Each row's gradient by each parameter, factors multiplied out."""
    wholes = []
    for names, parameter in zip(program.gradients, program.parameters, strict=True):
        parts = [outputs[name].reshape(SLOTS, -1) for name in names]
        whole = parts[0] if len(parts) == 1 else parts[0][:, :, None] * parts[1][:, None, :]
        wholes.append(whole.reshape(SLOTS, *parameter.initial.shape))
    return wholes
