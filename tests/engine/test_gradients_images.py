"""Gradients of convolutions and pools in every form that exporters write."""

from typing import Any

import numpy as np
import numpy.typing as npt
import onnx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from onnx import helper
from onnx.reference import ReferenceEvaluator

from tilth.engine import Limits, compiler
from tilth.engine.outcomes import Reason, Refused

node = helper.make_node
Weights = dict[str, npt.NDArray[Any]]


def _weights(**shapes: tuple[int, ...]) -> Weights:
    random = np.random.default_rng(7)
    return {n: random.normal(0, 0.5, s).astype(np.float32) for n, s in shapes.items()}


def _pooled(*nodes: onnx.NodeProto) -> list[onnx.NodeProto]:
    """The nodes make `a` of the rows; logits are the mean of each channel's bent numbers."""
    return [
        *nodes,
        node("Tanh", ["a"], ["t"]),
        node("GlobalAveragePool", ["t"], ["g"]),
        node("Flatten", ["g"], ["out"]),
    ]


CONVOLUTIONS: dict[str, tuple[tuple[int, ...], tuple[int, ...], dict[str, Any]]] = {
    "plain": ((2, 5, 5), (3, 2, 3, 3), {}),
    "padded": ((2, 5, 5), (3, 2, 3, 3), {"pads": [1, 1, 1, 1]}),
    "strided, some left over": ((2, 6, 7), (2, 2, 3, 2), {"strides": [2, 3], "pads": [0, 1, 1, 0]}),
    "dilated": ((1, 7, 7), (2, 1, 3, 3), {"dilations": [2, 3], "pads": [2, 3, 2, 3]}),
    "grouped": ((4, 4, 4), (6, 2, 2, 2), {"group": 2}),
    "by channel": ((3, 4, 4), (3, 1, 3, 3), {"group": 3, "pads": [1, 1, 1, 1]}),
    "one by one": ((3, 3, 3), (4, 3, 1, 1), {}),
    "same upper": ((2, 5, 4), (2, 2, 2, 3), {"auto_pad": "SAME_UPPER", "strides": [2, 2]}),
    "same lower": ((2, 5, 4), (2, 2, 2, 3), {"auto_pad": "SAME_LOWER"}),
    "valid": ((2, 5, 4), (2, 2, 2, 3), {"auto_pad": "VALID"}),
    "one axis": ((2, 9), (3, 2, 4), {"strides": [2], "pads": [1, 2]}),
    "three axes": ((1, 3, 4, 3), (2, 1, 2, 2, 2), {"kernel_shape": [2, 2, 2]}),
}


@pytest.mark.parametrize("case", CONVOLUTIONS)
def test_a_convolutions_gradients_are_slopes(case: str, author: Any, compare_slopes: Any) -> None:
    shape, kernel, attributes = CONVOLUTIONS[case]
    first = node("Conv", ["x", "w1", "b1"], ["h"], kernel_shape=[1] * (len(shape) - 1))
    second = node("Conv", ["h", "w", "b"], ["a"], **attributes)
    ones = (1,) * (len(shape) - 1)
    weights = _weights(w1=(shape[0], shape[0], *ones), b1=shape[:1], w=kernel, b=kernel[:1])

    compare_slopes(author(_pooled(first, second), weights, shape))


@pytest.mark.parametrize("bend", ["Relu", "Sigmoid", "Softplus", "Softsign", "Tanh"])
def test_a_pool_after_a_bend_is_computed_before_it_to_the_same_slopes(
    bend: str, author: Any, compare_slopes: Any
) -> None:
    """Both are of whole layers that move lines, and the bend's own numbers are wanted elsewhere."""
    nodes = [
        node("Conv", ["x", "w", "b"], ["h"], pads=[1, 1, 1, 1]),
        node(bend, ["h"], ["bent"]),
        node("MaxPool", ["bent"], ["p"], kernel_shape=[2, 2], strides=[2, 2]),
        node("Conv", ["p", "v"], ["q"], pads=[1, 0, 0, 1]),
        node("GlobalAveragePool", ["bent"], ["mean"]),
        node("Add", ["q", "mean"], ["a"]),
    ]
    model = author(_pooled(*nodes), _weights(w=(2, 2, 3, 3), b=(2,), v=(2, 2, 2, 2)), (2, 5, 4))

    compare_slopes(model)
    used = {n.op_type for n in onnx.load_from_string(_trained(model)).graph.node}
    assert not used & {"Conv", "ConvTranspose"}


def _trained(model: bytes) -> bytes:
    return compiler.training(model, "softmax_cross_entropy", Limits()).model


def test_rows_of_a_large_net_are_taken_few_at_a_time(author: Any) -> None:
    """So that their numbers stay in the processor's cache."""
    conv = node("Conv", ["x", "w"], ["a"], pads=[1, 1, 1, 1])
    batches = [
        compiler.training(
            author(_pooled(conv), _weights(w=(8, 1, 3, 3)), (1, side, side)),
            "softmax_cross_entropy",
            Limits(),
        ).batch
        for side in (8, 28, 64)
    ]

    assert batches == [64, 32, 16]


POOLS: dict[str, tuple[str, tuple[int, ...], dict[str, Any]]] = {
    "max": ("MaxPool", (2, 4, 4), {"kernel_shape": [2, 2], "strides": [2, 2]}),
    "max, overlapping": (
        "MaxPool",
        (2, 5, 5),
        {"kernel_shape": [3, 3], "strides": [2, 2], "pads": [1, 1, 1, 1]},
    ),
    "max, dilated": ("MaxPool", (2, 6, 6), {"kernel_shape": [2, 2], "dilations": [2, 2]}),
    "max, one axis": ("MaxPool", (2, 7), {"kernel_shape": [3], "strides": [2]}),
    "max, whole ceil": (
        "MaxPool",
        (2, 4, 4),
        {"kernel_shape": [2, 2], "strides": [2, 2], "ceil_mode": 1},
    ),
    "average": ("AveragePool", (2, 4, 6), {"kernel_shape": [2, 3], "strides": [2, 3]}),
    "average, some left over": (
        "AveragePool",
        (2, 5, 5),
        {"kernel_shape": [2, 2], "strides": [2, 2]},
    ),
    "average, overlapping": ("AveragePool", (2, 5, 5), {"kernel_shape": [3, 3], "strides": [1, 2]}),
    "average, padded": (
        "AveragePool",
        (2, 5, 4),
        {"kernel_shape": [3, 2], "strides": [2, 2], "pads": [1, 1, 1, 0]},
    ),
    "average, pads counted": (
        "AveragePool",
        (2, 5, 4),
        {"kernel_shape": [3, 2], "pads": [1, 1, 1, 0], "count_include_pad": 1},
    ),
    "average, one axis": ("AveragePool", (3, 6), {"kernel_shape": [2], "auto_pad": "SAME_UPPER"}),
}


@pytest.mark.parametrize("case", POOLS)
def test_a_pools_gradient_is_its_slope(case: str, author: Any, compare_slopes: Any) -> None:
    operator, shape, attributes = POOLS[case]
    ones = (1,) * (len(shape) - 1)
    nodes = _pooled(node("Conv", ["x", "w"], ["h"]), node(operator, ["h"], ["a"], **attributes))

    compare_slopes(author(nodes, _weights(w=(shape[0], shape[0], *ones)), shape))


@pytest.mark.parametrize(
    ("strides", "expected"), [([1, 1], [2, 0, 0, 0]), ([2, 2], [0.5, 0.5, 0.5, 0.5])]
)
def test_equal_numbers_of_a_window_take_its_gradient_once(
    strides: list[int], expected: list[float], author: Any
) -> None:
    nodes = [
        node("Mul", ["x", "w"], ["h"]),
        node("MaxPool", ["h"], ["p"], kernel_shape=[2, 2], strides=strides),
        node("Flatten", ["p"], ["out"]),
    ]
    model = author(nodes, {"w": np.ones((1, 2, 2), np.float32)}, (1, 2, 2))
    program = compiler.training(model, "mean_squared_error", Limits())
    feeds = {
        "x": np.ones((64, 1, 2, 2), np.float32),
        "y": np.zeros((64, 1), np.float32),
        program.parameters[0].name: program.parameters[0].initial,
    }
    outputs: Any = ReferenceEvaluator(program.model).run(None, feeds)

    np.testing.assert_array_equal(outputs[0][0].ravel(), expected)


@settings(max_examples=12, deadline=None)
@given(data=st.data())
def test_any_convolution_has_the_shape_and_slope_of_onnxs_own(
    data: Any, author: Any, compare_slopes: Any
) -> None:
    groups = data.draw(st.integers(1, 2))
    channels, filters = (groups * data.draw(st.integers(1, 2)) for _ in range(2))
    axes = data.draw(st.integers(1, 2))
    kernel, strides, dilations = (
        [data.draw(st.integers(1, high)) for _ in range(axes)] for high in (3, 2, 2)
    )
    spans = [(k - 1) * d + 1 for k, d in zip(kernel, dilations, strict=True)]
    pads = [data.draw(st.integers(0, span - 1)) for span in (*spans, *spans)]
    sizes = [data.draw(st.integers(span, span + 3)) for span in spans]
    attributes = {"strides": strides, "dilations": dilations, "pads": pads, "group": groups}
    nodes = _pooled(node("Conv", ["x", "w1"], ["h"]), node("Conv", ["h", "w"], ["a"], **attributes))
    weights = _weights(
        w1=(channels, channels, *[1] * axes), w=(filters, channels // groups, *kernel)
    )

    compare_slopes(author(nodes, weights, (channels, *sizes)), "mean_squared_error")


REFUSED: dict[str, tuple[onnx.NodeProto, Weights, Reason, str]] = {
    "endless kernel": (
        node("AveragePool", ["x"], ["a"], kernel_shape=[2**31, 1]),
        {},
        Reason.MALFORMED,
        "what is no length",
    ),
    "kernel beyond the image": (
        node("MaxPool", ["x"], ["a"], kernel_shape=[9, 1]),
        {},
        Reason.MALFORMED,
        "[9, 1] does not fit",
    ),
    "pads wider than the kernel": (
        node("MaxPool", ["x"], ["a"], kernel_shape=[2, 2], pads=[0, 0, 2, 0]),
        {},
        Reason.MALFORMED,
        "pads are wider",
    ),
    "stride of nothing": (
        node("MaxPool", ["x"], ["a"], kernel_shape=[2, 2], strides=[0, 1]),
        {},
        Reason.MALFORMED,
        "strides are [0, 1]",
    ),
    "windows beyond the edge": (
        node("MaxPool", ["x"], ["a"], kernel_shape=[2, 2], strides=[2, 2], ceil_mode=1),
        {},
        Reason.FORM_NOT_SUPPORTED,
        "ceil_mode",
    ),
    "groups that do not divide": (
        node("Conv", ["x", "w"], ["a"], group=3),
        _weights(w=(3, 1, 2, 2)),
        Reason.MALFORMED,
        "does not fit a kernel",
    ),
    "statistics of the batch": (
        node("BatchNormalization", ["x", "s", "s", "s", "s"], ["a"], training_mode=1),
        _weights(s=(2,)),
        Reason.BATCH_MIXED,
        "use GroupNorm",
    ),
    "a kernel of rows": (
        node("Conv", ["x", "x"], ["a"]),
        {},
        Reason.BATCH_MIXED,
        "kernel holds rows",
    ),
}


@pytest.mark.parametrize("case", REFUSED)
def test_a_window_that_breaks_a_rule_is_refused_by_name(case: str, author: Any) -> None:
    broken, weights, reason, words = REFUSED[case]

    with pytest.raises(Refused) as caught:
        compiler.training(
            author(_pooled(broken), weights, (2, 5, 5)), "mean_squared_error", Limits()
        )

    assert caught.value.reason is reason
    assert words in caught.value.text
