"""Every rule's gradient against finite differences in double precision."""

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt
import onnx
import pytest
from onnx import helper

from tilth.engine import compiler, templates
from tilth.engine.losses import huber_until
from tilth.engine.operators.arithmetic import ARITHMETIC
from tilth.engine.operators.elementwise import ELEMENTWISE
from tilth.engine.operators.linear import LINEAR
from tilth.engine.spec import Limits

node = helper.make_node


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


def _with_other(operator: str) -> Case:
    nodes = [
        _dense("h"),
        node(operator, ["h", "k"], ["a"]),
        node("Gemm", ["a", "v"], ["out"]),
    ]
    return nodes, _weights(**DENSE, v=(4, 2), k=(4,)), (3,)


def _powered(exponent: float) -> Case:
    nodes = [
        _dense("h"),
        node("Exp", ["h"], ["e"]),
        node("Constant", [], ["p"], value_float=exponent),
        node("Pow", ["e", "p"], ["a"]),
        node("MatMul", ["a", "v"], ["out"]),
    ]
    return nodes, _weights(**DENSE, v=(4, 2)), (3,)


def _clipped() -> Case:
    nodes = [
        _dense("h"),
        node("Constant", [], ["low"], value_float=-0.3),
        node("Constant", [], ["high"], value_float=0.4),
        node("Clip", ["h", "low", "high"], ["a"]),
        node("Clip", ["h", "", "high"], ["b2"]),
        node("Add", ["a", "b2"], ["sum"]),
        node("MatMul", ["sum", "v"], ["out"]),
    ]
    return nodes, _weights(**DENSE, v=(4, 2)), (3,)


def _stepped() -> Case:
    nodes = [_dense("h"), node("MatMul", ["h", "v"], ["logits"])]
    last = "logits"
    for operator in ("Ceil", "Floor", "Round", "Sign"):
        nodes += [
            node(operator, ["logits"], [operator]),
            node("Mul", [operator, last], [f"{operator}_"]),
        ]
        last = f"{operator}_"
    return [*nodes, node("Add", ["logits", last], ["out"])], _weights(**DENSE, v=(4, 2)), (3,)


def _chosen() -> Case:
    nodes = [_dense("h"), node("Constant", [], ["zero"], value_float=0.0)]
    nodes += [
        node("Greater", ["h", "zero"], ["above"]),
        node("Less", ["x0", "zero"], ["below"]),
        node("GreaterOrEqual", ["h", "k"], ["over"]),
        node("LessOrEqual", ["h", "k"], ["under"]),
        node("Equal", ["h", "k"], ["same"]),
        node("IsNaN", ["x0"], ["lost"]),
        node("Or", ["below", "lost"], ["wrong"]),
        node("Not", ["wrong"], ["not_below"]),
        node("And", ["above", "not_below"], ["both"]),
        node("Or", ["over", "under"], ["either"]),
        node("Or", ["either", "same"], ["any"]),
        node("And", ["both", "any"], ["mask"]),
        node("Where", ["mask", "h", "k"], ["a"]),
        node("MatMul", ["a", "v"], ["out"]),
    ]
    first = node("MatMul", ["x", "u"], ["x0"])
    return [first, *nodes], _weights(**DENSE, v=(4, 2), k=(4,), u=(3, 1)), (3,)


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
    "the same node twice": lambda: (
        [
            _dense(),
            node("Tanh", ["h"], ["one"]),
            node("Tanh", ["h"], ["other"]),
            node("Add", ["one", "other"], ["a"]),
            node("MatMul", ["a", "v"], ["out"]),
        ],
        _weights(**DENSE, v=(4, 2)),
        (3,),
    ),
    "matmul by a transposed weight": lambda: (
        [
            node("Transpose", ["w"], ["t"]),
            node("MatMul", ["x", "t"], ["out"]),
        ],
        _weights(w=(4, 3)),
        (3,),
    ),
    "matmul by a vector": lambda: (
        [
            node("MatMul", ["x", "w"], ["h"]),
            node("MatMul", ["h", "u"], ["out"]),
        ],
        _weights(w=(3, 4), u=(4,)),
        (2, 3),
    ),
    "matmul by a stack": lambda: (
        [
            node("MatMul", ["x", "w"], ["h"]),
            node("Flatten", ["h"], ["out"]),
        ],
        _weights(w=(2, 3, 4)),
        (2, 5, 3),
    ),
    "weights times rows": lambda: (
        [
            node("MatMul", ["w", "x"], ["h"]),
            node("Flatten", ["h"], ["out"]),
        ],
        _weights(w=(3, 2)),
        (2, 4),
    ),
    "gemm of a row of vectors": lambda: (
        [
            node("Transpose", ["x"], ["t"], perm=[1, 0, 2]),
            node("Reshape", ["t", "merged"], ["m"]),
            node("Gemm", ["m", "w", "b"], ["g"], transB=1),
            node("Reshape", ["g", "split"], ["s"]),
            node("Transpose", ["s"], ["back"], perm=[1, 0, 2]),
            node("Flatten", ["back"], ["out"]),
        ],
        {
            **_weights(**DENSE),
            "merged": np.array([-1, 3]),
            "split": np.array([2, -1, 4]),
        },
        (2, 3),
    ),
    "products of computed weights": lambda: (
        [
            node("Mul", ["w", "scale"], ["scaled"]),
            node("Tanh", ["scaled"], ["bent"]),
            node("MatMul", ["x", "bent"], ["out"]),
        ],
        _weights(w=(3, 4), scale=(1, 4)),
        (3,),
    ),
    "cast": lambda: _activation("Cast", to=1),
    "cast like": lambda: _with_other("CastLike"),
    "ceil, floor, round, sign": lambda: _stepped(),
    "celu": lambda: _activation("Celu", alpha=0.8),
    "clip": lambda: _clipped(),
    "cos": lambda: _activation("Cos"),
    "dropout": lambda: _activation("Dropout"),
    "gelu": lambda: _activation("Gelu"),
    "gelu by tanh": lambda: _activation("Gelu", approximate="tanh"),
    "hard sigmoid": lambda: _activation("HardSigmoid", alpha=0.4, beta=0.4),
    "hard swish": lambda: _activation("HardSwish"),
    "max": lambda: _with_other("Max"),
    "min": lambda: _with_other("Min"),
    "mish": lambda: _activation("Mish"),
    "pow 3": lambda: _powered(3.0),
    "pow 1": lambda: _powered(1.0),
    "pow 2": lambda: _powered(2.0),
    "pow -1.5": lambda: _powered(-1.5),
    "prelu": lambda: _with_other("PRelu"),
    "reciprocal": lambda: _activation("Reciprocal", "Exp"),
    "selu": lambda: _activation("Selu"),
    "sin": lambda: _activation("Sin"),
    "softsign": lambda: _activation("Softsign"),
    "thresholded relu": lambda: _activation("ThresholdedRelu", alpha=0.3),
    "where and every comparison": lambda: _chosen(),
    "abs": lambda: _activation("Abs"),
    "elu": lambda: _activation("Elu", alpha=0.7),
    "erf": lambda: _activation("Erf"),
    "exp": lambda: _activation("Exp"),
    "identity": lambda: _activation("Identity"),
    "leaky relu": lambda: _activation("LeakyRelu", alpha=0.2),
    "log": lambda: _activation("Log", "Softplus"),
    "neg": lambda: _activation("Neg"),
    "relu": lambda: _activation("Relu"),
    "sigmoid": lambda: _activation("Sigmoid"),
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


def test_every_operator_of_these_tables_has_a_case() -> None:
    used = {n.op_type for case in CASES.values() for n in case()[0]}

    assert used >= {*ARITHMETIC, *ELEMENTWISE, *LINEAR}


LOSSES = ["softmax_cross_entropy", "binary_cross_entropy", "mean_squared_error"]


@pytest.mark.parametrize("case", CASES)
def test_a_rules_gradient_is_the_slope_of_the_loss(
    case: str, author: Any, compare_slopes: Any
) -> None:
    compare_slopes(author(*CASES[case]()))


@pytest.mark.parametrize("loss", [*LOSSES, "huber", huber_until(250_000), "poisson"])
def test_a_losss_gradient_is_its_slope(loss: str, compare_slopes: Any) -> None:
    compare_slopes(templates.mlp(3, (5,), 2, seed=3), loss)


def test_dense_layers_keep_their_gradients_in_factors_and_the_first_shares_the_rows() -> None:
    program = compiler.training(templates.mlp(3, (5,), 2), "softmax_cross_entropy", Limits())

    assert [len(names) for names in program.gradients] == [2, 1, 2, 1]
    assert program.gradients[0][1] == "x"
    assert {name for name, _ in program.outputs}.isdisjoint({"x"})


def test_tied_weights_are_multiplied_out(author: Any) -> None:
    nodes, weights, shape = CASES["tied weights"]()

    program = compiler.training(author(nodes, weights, shape), "mean_squared_error", Limits())

    assert [len(names) for names in program.gradients] == [1]
