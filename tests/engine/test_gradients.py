"""Every rule's gradient against finite differences in double precision."""

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt
import onnx
import pytest
from onnx import helper
from onnx.reference import ReferenceEvaluator
from onnx.reference.op_run import OpRun

from tilth.engine import compiler, templates
from tilth.engine.layout import SLOTS
from tilth.engine.operators import OPERATORS
from tilth.engine.spec import Limits

Floats = npt.NDArray[np.float64]
node = helper.make_node
DOUBLE = onnx.TensorProto.DOUBLE


class Erf(OpRun):
    """The onnx package's own Erf rounds to single precision."""

    def _run(self, x: Floats) -> tuple[Floats]:
        return (np.vectorize(math.erf, otypes=[np.float64])(x),)


def _weights(**shapes: tuple[int, ...]) -> dict[str, npt.NDArray[np.float32]]:
    random = np.random.default_rng(5)
    drawn = {name: random.normal(0, 0.6, shape) for name, shape in shapes.items()}
    return {name: array.astype(np.float32) for name, array in drawn.items()}


def _dense(output: str = "h") -> onnx.NodeProto:
    return node("Gemm", ["x", "w", "b"], [output], transB=1)


DENSE = {"w": (4, 3), "b": (4,)}
SHAPE = np.array([-1, 2, 2], np.int64)

Case = tuple[list[onnx.NodeProto], dict[str, npt.NDArray[Any]], tuple[int, ...]]


def _activation(operator: str, *before: str, **attributes: Any) -> Case:
    """A dense layer, operators that bring it into the domain, then the one under test."""
    nodes, last = [_dense()], "h"
    for step in before:
        nodes.append(node(step, [last], [last + "_"]))
        last += "_"
    nodes.append(node(operator, [last], ["a"], **attributes))
    nodes.append(node("MatMul", ["a", "v"], ["out"]))
    return nodes, _weights(**DENSE, v=(4, 2)), (3,)


def _arithmetic(operator: str, shape: tuple[int, ...]) -> Case:
    nodes = [
        _dense("h"),
        node("Exp", ["h"], ["e"]),
        node(operator, ["e", "k"], ["a"]),
        node("Gemm", ["a", "v"], ["out"]),
    ]
    weights = _weights(**DENSE, v=(4, 2), k=shape)
    weights["k"] = np.abs(weights["k"]) + np.float32(0.5)
    return nodes, weights, (3,)


def _rows_with_rows(operator: str) -> Case:
    nodes = [
        _dense("h"),
        node("Gemm", ["x", "u"], ["one"]),
        node("Exp", ["one"], ["positive"]),
        node(operator, ["h", "positive"], ["a"]),
        node("Gemm", ["a", "v"], ["out"]),
    ]
    return nodes, _weights(**DENSE, v=(4, 2), u=(3, 1)), (3,)


def _attention() -> Case:
    nodes = [
        node("MatMul", ["x", "q"], ["queries"]),
        node("MatMul", ["x", "k"], ["keys"]),
        node("MatMul", ["queries", "keys"], ["scores"]),
        node("Softmax", ["scores"], ["shares"], axis=-1),
        node("Flatten", ["shares"], ["flat"]),
        node("MatMul", ["flat", "v"], ["out"]),
    ]
    return nodes, _weights(q=(3, 3), k=(3, 3), v=(9, 2)), (3, 3)


CASES: dict[str, Callable[[], Case]] = {
    "gemm": lambda: ([_dense("out")], _weights(**DENSE), (3,)),
    "gemm not transposed": lambda: (
        [node("Gemm", ["x", "w", "b"], ["out"])],
        _weights(w=(3, 4), b=(1, 4)),
        (3,),
    ),
    "gemm without bias": lambda: ([node("Gemm", ["x", "w"], ["out"])], _weights(w=(3, 4)), (3,)),
    "matmul and add": lambda: (
        [node("MatMul", ["x", "w"], ["h"]), node("Add", ["h", "b"], ["out"])],
        _weights(w=(3, 4), b=(4,)),
        (3,),
    ),
    "matmul of sequences": lambda: (
        [node("MatMul", ["x", "w"], ["h"]), node("Flatten", ["h"], ["out"])],
        _weights(w=(3, 4)),
        (2, 3),
    ),
    "matmul of rows": _attention,
    "tied weights": lambda: (
        [
            node("MatMul", ["x", "w"], ["h"]),
            node("Tanh", ["h"], ["t"]),
            node("MatMul", ["t", "w"], ["out"]),
        ],
        _weights(w=(3, 3)),
        (3,),
    ),
    "abs": lambda: _activation("Abs"),
    "elu": lambda: _activation("Elu", alpha=0.7),
    "erf": lambda: _activation("Erf"),
    "exp": lambda: _activation("Exp"),
    "identity": lambda: _activation("Identity"),
    "leaky relu": lambda: _activation("LeakyRelu", alpha=0.2),
    "log": lambda: _activation("Log", "Softplus"),
    "log softmax": lambda: _activation("LogSoftmax", axis=1),
    "neg": lambda: _activation("Neg"),
    "relu": lambda: _activation("Relu"),
    "sigmoid": lambda: _activation("Sigmoid"),
    "softmax": lambda: _activation("Softmax"),
    "softplus": lambda: _activation("Softplus"),
    "sqrt": lambda: _activation("Sqrt", "Exp"),
    "tanh": lambda: _activation("Tanh"),
    "add": lambda: _arithmetic("Add", (4,)),
    "add a number": lambda: _arithmetic("Add", (1,)),
    "div": lambda: _arithmetic("Div", (1, 4)),
    "mul": lambda: _arithmetic("Mul", (4,)),
    "mul by a number": lambda: _arithmetic("Mul", ()),
    "sub": lambda: _arithmetic("Sub", (1, 1)),
    "add rows": lambda: _rows_with_rows("Add"),
    "div rows": lambda: _rows_with_rows("Div"),
    "mul rows": lambda: _rows_with_rows("Mul"),
    "sub rows": lambda: _rows_with_rows("Sub"),
    "layer normalization": lambda: (
        [
            _dense("h"),
            node("LayerNormalization", ["h", "s", "t"], ["n"], axis=-1, epsilon=0.01),
            node("MatMul", ["n", "v"], ["out"]),
        ],
        _weights(**DENSE, s=(4,), t=(4,), v=(4, 2)),
        (3,),
    ),
    "reshape": lambda: (
        [
            _dense("h"),
            node("Reshape", ["h", "shape"], ["r"]),
            node("Softmax", ["r"], ["s"], axis=1),
            node("Flatten", ["s"], ["f"]),
            node("MatMul", ["f", "v"], ["out"]),
        ],
        {**_weights(**DENSE, v=(4, 2)), "shape": SHAPE},
        (3,),
    ),
    "constant": lambda: (
        [
            _dense("h"),
            node("Constant", [], ["half"], value_float=0.5),
            node("Mul", ["h", "half"], ["out"]),
        ],
        _weights(**DENSE),
        (3,),
    ),
}


def test_every_operator_of_the_table_has_a_case() -> None:
    used = {n.op_type for case in CASES.values() for n in case()[0]}

    assert used == {*OPERATORS, "Constant"}


LOSSES = ["softmax_cross_entropy", "binary_cross_entropy", "mean_squared_error"]


def _feeds(program: compiler.Program, shape: tuple[int, ...]) -> dict[str, npt.NDArray[Any]]:
    random = np.random.default_rng(11)
    feeds: dict[str, npt.NDArray[Any]] = {"x": random.normal(0, 1, (SLOTS, *shape))}
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
    values: Any = ReferenceEvaluator(program.model, new_ops=[Erf]).run(names, given)
    return {**dict(zip(names, values, strict=True)), "x": feeds["x"]}


def _gradients(program: compiler.Program, outputs: dict[str, Floats]) -> list[Floats]:
    """Each row's gradient by each parameter, factors multiplied out."""
    wholes = []
    for names, parameter in zip(program.gradients, program.parameters, strict=True):
        parts = [outputs[name].reshape(SLOTS, -1) for name in names]
        whole = parts[0] if len(parts) == 1 else parts[0][:, :, None] * parts[1][:, None, :]
        wholes.append(whole.reshape(SLOTS, *parameter.initial.shape))
    return wholes


def _differences(
    program: compiler.Program, feeds: dict[str, npt.NDArray[Any]], name: str
) -> Floats:
    """Each row's loss after a small step to either side of each weight."""
    step, array = 1e-5, feeds[name]
    (loss,) = (output for output, _ in program.outputs)
    columns = []
    for position in np.ndindex(array.shape):
        sides = []
        for sign in (1, -1):
            moved = array.copy()
            moved[position] += sign * step
            sides.append(_run(program, {**feeds, name: moved})[loss])
        columns.append((sides[0] - sides[1]) / (2 * step))
    return np.stack(columns, 1).reshape(SLOTS, *array.shape)


def _compare(model: bytes, shape: tuple[int, ...], loss: str) -> None:
    program = compiler.training(model, loss, Limits(), element=DOUBLE)
    plain = compiler.losses(model, loss, Limits(), element=DOUBLE)
    feeds = _feeds(program, shape)

    ours = _gradients(program, _run(program, feeds))

    for parameter, gradient in zip(program.parameters, ours, strict=True):
        expected = _differences(plain, feeds, parameter.name)
        np.testing.assert_allclose(gradient, expected, rtol=1e-5, atol=1e-7)


@pytest.mark.parametrize("case", CASES)
def test_a_rules_gradient_is_the_slope_of_the_loss(case: str, author: Any) -> None:
    nodes, weights, shape = CASES[case]()

    _compare(author(nodes, weights, shape), shape, "softmax_cross_entropy")


@pytest.mark.parametrize("loss", LOSSES)
def test_a_losss_gradient_is_its_slope(loss: str) -> None:
    _compare(templates.mlp(3, (5,), 2, seed=3), (3,), loss)


def test_dense_layers_keep_their_gradients_in_factors_and_the_first_shares_the_rows() -> None:
    program = compiler.training(templates.mlp(3, (5,), 2), "softmax_cross_entropy", Limits())

    assert [len(names) for names in program.gradients] == [2, 1, 2, 1]
    assert program.gradients[0][1] == "x"
    assert {name for name, _ in program.outputs}.isdisjoint({"x"})


def test_tied_weights_are_multiplied_out(author: Any) -> None:
    nodes, weights, shape = CASES["tied weights"]()

    program = compiler.training(author(nodes, weights, shape), "mean_squared_error", Limits())

    assert [len(names) for names in program.gradients] == [1]
