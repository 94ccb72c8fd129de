"""Gradients of operators that arrange, cut, join, look up or reduce a row's numbers."""

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt
import onnx
import pytest
from onnx import helper
from onnx.reference import ReferenceEvaluator

from tilth.engine import Limits, compiler
from tilth.engine.operators.attention import ATTENTION
from tilth.engine.operators.normalise import NORMALISE
from tilth.engine.operators.parts import PARTS
from tilth.engine.operators.reduce import REDUCE
from tilth.engine.operators.shape import SHAPE

node = helper.make_node
Weights = dict[str, npt.NDArray[Any]]
Case = tuple[list[onnx.NodeProto], Weights, tuple[int, ...]]


def _weights(**shapes: tuple[int, ...]) -> Weights:
    random = np.random.default_rng(6)
    return {n: random.normal(0, 0.6, s).astype(np.float32) for n, s in shapes.items()}


def _ints(**lists: list[int]) -> Weights:
    return {name: np.array(numbers, np.int64) for name, numbers in lists.items()}


def _between(*nodes: onnx.NodeProto, constants: Weights | None = None) -> Case:
    """A dense layer on [N, 4, 3] rows as `h` [N, 4, 6], the nodes, which make `a`, and logits."""
    first = node("MatMul", ["x", "w"], ["h"])
    last = [node("Tanh", ["a"], ["t"]), node("Flatten", ["t"], ["out"], axis=1)]
    return [first, *nodes, *last], {**_weights(w=(3, 6)), **(constants or {})}, (4, 3)


TRUTHS = np.arange(16).reshape(1, 4, 4) % 3 < 2


def _apart(mask: Weights, *, kv: int, **attributes: Any) -> Case:
    """Two heads of queries on `kv` of keys, all in the last axis."""
    widths = [6, 3 * kv, 3 * kv]
    nodes = [
        node("MatMul", ["x", "w"], ["h"]),
        node("Split", ["h", "widths"], ["q", "k", "v"], axis=-1),
        node("Attention", [*"qkv", *mask], ["t"], q_num_heads=2, kv_num_heads=kv, **attributes),
        node("Flatten", ["t"], ["out"]),
    ]
    weights = {**_weights(w=(3, sum(widths))), **_ints(widths=widths), **mask}
    return nodes, weights, (4, 3)


def _attention(heads: int, *, merged: bool) -> Case:
    """As PyTorch writes it for time-first layouts: the batch joins the heads in one axis."""
    nodes = [
        node("Transpose", ["x"], ["time"], perm=[1, 0, 2]),
        node("MatMul", ["time", "w"], ["qkv"]),
        node("Split", ["qkv", "thirds"], ["q", "k", "v"], axis=-1),
    ]
    for name in "qkv":
        nodes += [
            node("Reshape", [name, "heads"], [f"{name}r"]),
            node("Transpose", [f"{name}r"], [f"{name}t"], perm=[1, 0, 2]),
        ]
    nodes += [
        node("Transpose", ["kt"], ["kT"], perm=[0, 2, 1]),
        node("MatMul", ["qt", "kT"], ["scores"]),
        node("Add", ["scores", "mask"], ["masked"]),
        node("Softmax", ["masked"], ["shares"], axis=-1),
        node("MatMul", ["shares", "vt"], ["mixed"]),
        node("Transpose", ["mixed"], ["first"], perm=[1, 0, 2]),
        node("Reshape", ["first", "joined"], ["vectors"]),
        node("MatMul", ["vectors", "o"], ["projected"]),
        node("Reshape", ["projected", "back"], ["timed"]),
        node("Transpose", ["timed"], ["rows"], perm=[1, 0, 2]),
        node("ReduceMean", ["rows", "one"], ["out"], keepdims=0),
    ]
    mask = np.triu(np.full((3, 3), -np.inf, np.float32), 1)
    shapes = _ints(
        thirds=[4, 4, 4], heads=[3, -1, 4 // heads], joined=[-1, 4], back=[3, -1, 4], one=[1]
    )
    if not merged:
        shapes["joined"] = np.array([3, -1, 4])
    return nodes, {**_weights(w=(4, 12), o=(4, 4)), **shapes, "mask": mask}, (3, 4)


CASES: dict[str, Callable[[], Case]] = {
    "attention, heads joined with the batch": lambda: _attention(2, merged=True),
    "attention, one head": lambda: _attention(1, merged=False),
    "concat": lambda: _between(node("Concat", ["h", "h"], ["a"], axis=1)),
    "concat with weights": lambda: _between(
        node("Concat", ["token", "h"], ["a"], axis=1), constants=_weights(token=(1, 2, 6))
    ),
    "expand": lambda: _between(
        node("Unsqueeze", ["h", "axes"], ["u"]),
        node("Expand", ["u", "shape"], ["a"]),
        constants=_ints(axes=[2], shape=[1, 4, 2, 6]),
    ),
    "expand weights for every row": lambda: _between(
        node("Shape", ["h"], ["full"], end=1),
        node("Concat", ["full", "rest"], ["shape"], axis=0),
        node("Expand", ["token", "shape"], ["tokens"]),
        node("Concat", ["tokens", "h"], ["a"], axis=1),
        constants={**_weights(token=(1, 1, 6)), **_ints(rest=[1, 6])},
    ),
    "gather one": lambda: _between(
        node("Gather", ["h", "at"], ["a"], axis=1), constants={"at": np.array(-1)}
    ),
    "gather some, one twice": lambda: _between(
        node("Gather", ["h", "at"], ["a"], axis=2), constants=_ints(at=[5, 0, 5])
    ),
    "gather of weights": lambda: _between(
        node("Gather", ["table", "at"], ["g"], axis=0),
        node("Add", ["h", "g"], ["a"]),
        constants={**_weights(table=(7, 6)), **_ints(at=[6, 1, 1, 3])},
    ),
    "group normalization by channel": lambda: _between(
        node("GroupNormalization", ["h", "s", "b"], ["a"], num_groups=2),
        constants=_weights(s=(4,), b=(4,)),
    ),
    "instance normalization": lambda: _between(
        node("InstanceNormalization", ["h", "s", "b"], ["a"], epsilon=0.01),
        constants=_weights(s=(4,), b=(4,)),
    ),
    "layer normalization over two axes": lambda: _between(
        node("LayerNormalization", ["h", "s", "b"], ["a"], axis=1),
        constants=_weights(s=(4, 6), b=(4, 6)),
    ),
    "layer normalization taken apart": lambda: _between(
        node("ReduceMean", ["h", "last"], ["mean"], keepdims=1),
        node("Sub", ["h", "mean"], ["centred"]),
        node("Constant", [], ["two"], value_float=2.0),
        node("Pow", ["centred", "two"], ["square"]),
        node("ReduceMean", ["square", "last"], ["variance"], keepdims=1),
        node("Constant", [], ["epsilon"], value_float=0.01),
        node("Add", ["variance", "epsilon"], ["safe"]),
        node("Sqrt", ["safe"], ["deviation"]),
        node("Div", ["centred", "deviation"], ["a"]),
        constants=_ints(last=[-1]),
    ),
    "batch normalization": lambda: _between(
        node("BatchNormalization", ["h", "s", "b", "m", "v"], ["a"], epsilon=0.01),
        constants={**_weights(s=(4,), b=(4,), m=(4,)), "v": np.full(4, 0.7, np.float32)},
    ),
    "log softmax": lambda: _between(node("LogSoftmax", ["h"], ["a"], axis=1)),
    "softmax": lambda: _between(node("Softmax", ["h"], ["a"])),
    "pad": lambda: _between(
        node("Constant", [], ["half"], value_float=0.5),
        node("Pad", ["h", "pads", "half"], ["a"]),
        constants=_ints(pads=[0, 1, -2, 0, 0, 3]),
    ),
    "pad named axes": lambda: _between(
        node("Pad", ["h", "pads", "", "axes"], ["a"]), constants=_ints(pads=[2, 1], axes=[-1])
    ),
    "reduce max": lambda: _between(
        node("ReduceMax", ["h", "axes"], ["a"], keepdims=1), constants=_ints(axes=[1])
    ),
    "reduce min": lambda: _between(
        node("ReduceMin", ["h", "axes"], ["a"], keepdims=0), constants=_ints(axes=[2])
    ),
    "reduce mean": lambda: _between(
        node("ReduceMean", ["h", "axes"], ["a"], keepdims=0), constants=_ints(axes=[1])
    ),
    "reduce sum": lambda: _between(
        node("ReduceSum", ["h", "axes"], ["a"], keepdims=1), constants=_ints(axes=[-1, 1])
    ),
    **{
        operator: lambda operator=operator: _between(
            node(operator, ["h", "axes"], ["a"]), constants=_ints(axes=[2])
        )
        for operator in ("ReduceL1", "ReduceL2", "ReduceLogSumExp", "ReduceSumSquare")
    },
    "a norm of weights": lambda: (
        [
            node("ReduceL2", ["v"], ["length"], axes=[1], keepdims=1),
            node("Div", ["v", "length"], ["way"]),
            node("Mul", ["way", "g"], ["w"]),
            node("Gemm", ["x", "w"], ["out"], transB=1),
        ],
        _weights(v=(2, 3), g=(2, 1)),
        (3,),
    ),
    "root mean square": lambda: _between(
        node("RMSNormalization", ["h", "s"], ["a"], axis=-1, epsilon=0.01),
        constants=_weights(s=(6,)),
    ),
    "pad with its own": lambda: _between(
        node("Pad", ["h", "two"], ["e"], mode="edge"),
        node("Pad", ["e", "one"], ["r"], mode="reflect"),
        node("Pad", ["r", "two"], ["a"], mode="wrap"),
        constants=_ints(one=[0, 1, 0, 0, 2, 1], two=[0, 0, 2, 0, 1, 0]),
    ),
    "heads that look back": lambda: _apart({}, kv=2, is_causal=1),
    "heads under a mask": lambda: _apart({"mask": TRUTHS}, kv=1, softcap=2.0, scale=0.3),
    "heads with a bias": lambda: _apart(_weights(mask=(2, 4, 4)), kv=2),
    "reduce nothing": lambda: _between(node("ReduceSum", ["h"], ["a"], noop_with_empty_axes=1)),
    "global pools": lambda: _between(
        node("GlobalAveragePool", ["h"], ["mean"]),
        node("GlobalMaxPool", ["h"], ["most"]),
        node("Concat", ["mean", "most"], ["a"], axis=1),
    ),
    "reshape": lambda: _between(
        node("Reshape", ["h", "shape"], ["a"]), constants=_ints(shape=[0, 2, -1, 6])
    ),
    "reshape by a computed shape": lambda: _between(
        node("Shape", ["h"], ["full"]),
        node("Gather", ["full", "zero"], ["n"]),
        node("Unsqueeze", ["n", "zeros"], ["list"]),
        node("Concat", ["list", "rest"], ["shape"], axis=0),
        node("Reshape", ["h", "shape"], ["a"]),
        constants={"zero": np.array(0), **_ints(zeros=[0], rest=[8, 3])},
    ),
    "slice": lambda: _between(
        node("Slice", ["h", "from", "to", "axes"], ["a"]),
        constants=_ints(**{"from": [1, -4], "to": [2**62, -1], "axes": [1, 2]}),
    ),
    "slice in steps": lambda: _between(
        node("Slice", ["h", "from", "to", "axes", "steps"], ["a"]),
        constants=_ints(**{"from": [0, 5], "to": [4, -7], "axes": [1, 2], "steps": [2, -2]}),
    ),
    "split evenly": lambda: _between(
        node("Split", ["h"], ["one", "two"], axis=2, num_outputs=2),
        node("Mul", ["one", "two"], ["a"]),
    ),
    "a sequence": lambda: _between(
        node("SplitToSequence", ["h", "sizes"], ["parts"], axis=2),
        node("SequenceAt", ["parts", "at"], ["a"]),
        constants={**_ints(sizes=[2, 4]), "at": np.array(1)},
    ),
    "squeeze and unsqueeze": lambda: _between(
        node("Unsqueeze", ["h", "axes"], ["u"]),
        node("Mul", ["u", "k"], ["m"]),
        node("ReduceSum", ["m", "axes"], ["r"], keepdims=1),
        node("Squeeze", ["r", "axes"], ["a"]),
        constants={**_ints(axes=[1]), **_weights(k=(5, 1, 6))},
    ),
    "transpose": lambda: _between(
        node("Transpose", ["h"], ["t1"], perm=[2, 0, 1]),
        node("Mul", ["t1", "k"], ["m"]),
        node("Transpose", ["m"], ["a"], perm=[1, 2, 0]),
        constants=_weights(k=(6, 1, 4)),
    ),
    "parts of weights": lambda: (
        [
            node("Split", ["w", "halves"], ["one", "two"], axis=0),
            node("Transpose", ["one"], ["t"]),
            node("Squeeze", ["two"], ["s"]),
            node("Reshape", ["s", "matrix"], ["m"]),
            node("Expand", ["b", "five"], ["biases"]),
            node("MatMul", ["x", "t"], ["h"]),
            node("Tanh", ["h"], ["th"]),
            node("MatMul", ["th", "m"], ["g"]),
            node("Add", ["g", "biases"], ["out"]),
        ],
        {
            **_weights(w=(5, 3), b=(1,)),
            **_ints(halves=[3, 2], matrix=[3, 2], five=[2]),
        },
        (3,),
    ),
}


def test_every_operator_of_these_tables_has_a_case() -> None:
    used = {n.op_type for case in CASES.values() for n in case()[0]}

    assert used >= {*ATTENTION, *NORMALISE, *PARTS, *REDUCE, *SHAPE} - {"Flatten"}


@pytest.mark.parametrize("case", CASES)
def test_a_rules_gradient_is_the_slope_of_the_loss(
    case: str, author: Any, compare_slopes: Any
) -> None:
    nodes, weights, shape = CASES[case]()
    opset = 21 if "by channel" in case else 18

    compare_slopes(author(nodes, weights, shape, opset=opset), "mean_squared_error")


def test_scale_and_bias_by_group_are_those_of_opset_18(author: Any, compare_slopes: Any) -> None:
    nodes, weights, shape = _between(
        node("GroupNormalization", ["h", "s", "b"], ["a"], num_groups=2),
        constants=_weights(s=(2,), b=(2,)),
    )

    compare_slopes(author(nodes, weights, shape, opset=18), "mean_squared_error")


HEADED = [name for name in CASES if name.startswith("heads")]


@pytest.mark.parametrize("case", [*HEADED, "root mean square", "pad with its own"])
def test_what_came_with_later_opsets_has_the_values_of_onnxs_own(case: str, author: Any) -> None:
    nodes, weights, shape = CASES[case]()
    model = author(nodes, weights, shape, opset=23)
    program = compiler.inference(model, Limits())
    rows = np.random.default_rng(3).normal(size=(64, *shape)).astype(np.float32)

    evaluated: list[Any] = [
        ReferenceEvaluator(each).run(None, {"x": rows}) for each in (program.model, model)
    ]

    np.testing.assert_allclose(evaluated[0][0], evaluated[1][0], atol=1e-5)


@pytest.mark.parametrize("element", [onnx.TensorProto.INT64, onnx.TensorProto.FLOAT])
def test_an_embedding_takes_numbers_of_the_data(
    element: int, author: Any, compare_slopes: Any
) -> None:
    read = node("Cast", ["x"], ["i"], to=onnx.TensorProto.INT64)
    nodes = [
        read,
        node("Gather", ["table", "i"], ["e"]),
        node("ReduceMean", ["e", "one"], ["m"], keepdims=0),
        node("MatMul", ["m", "v"], ["out"]),
    ]
    weights = {**_weights(table=(5, 3), v=(3, 2)), **_ints(one=[1])}

    compare_slopes(author(nodes, weights, (4,), element=element), integers=True)
