"""What the gate and the recompiler refuse, with the node, the operator and the rule in the text."""

from collections.abc import Callable
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import helper

from tilth.engine import compiler, templates
from tilth.engine.losses import LOSSES
from tilth.engine.outcomes import Reason, Refused, printable
from tilth.engine.spec import LOSS_NAMES, Limits

node = helper.make_node
LIMITS = Limits()
W = {"w": np.ones((3, 2), np.float32)}
DENSE = [node("Gemm", ["x", "w"], ["out"], name="dense")]

Nodes = list[onnx.NodeProto]
Weights = dict[str, Any]


def _refusal(model: bytes, limits: Limits = LIMITS, loss: str = "mean_squared_error") -> Refused:
    with pytest.raises(Refused) as caught:
        compiler.training(model, loss, limits)
    return caught.value


REFUSED: list[tuple[Nodes, Weights, tuple[int, ...], Reason, str]] = [
    (
        [node("Identity", ["x"], ["out"])],
        {},
        (3,),
        Reason.NOT_TRAINABLE,
        "no parameter: the model returns its input",
    ),
    (
        [node("Relu", ["x"], ["out"])],
        {},
        (3,),
        Reason.NOT_TRAINABLE,
        "no parameter: nothing in the model",
    ),
    (
        [node("Max", ["x", ""], ["out"], name="m")],
        {},
        (3,),
        Reason.MALFORMED,
        "node 'm' (Max): it takes 1 to 8 inputs, none of them empty",
    ),
    (
        [node("NonZero", ["x"], ["out"], name="n")],
        {},
        (3,),
        Reason.OPERATOR_NOT_ALLOWED,
        "node 'n' (NonZero)",
    ),
    (
        [node("Softmax", ["x"], ["out"], axis=0, name="s")],
        {},
        (3,),
        Reason.BATCH_MIXED,
        "node 's' (Softmax): axis 0 is the batch",
    ),
    ([node("Softmax", ["x"], ["out"], axis=5)], {}, (3,), Reason.MALFORMED, "axis 5 is outside"),
    (
        [node("Flatten", ["x"], ["out"], axis=0)],
        {},
        (3,),
        Reason.BATCH_MIXED,
        "[1, N*3] does not have the batch, alone, as its first axis",
    ),
    (
        [node("Reshape", ["x", "s"], ["out"])],
        {"s": np.array([3, -1])},
        (3,),
        Reason.BATCH_MIXED,
        "[N, 3] as [3, N] does not keep every row whole",
    ),
    (
        [node("Reshape", ["x", "s"], ["out"])],
        {"s": np.array([-1, 2])},
        (3,),
        Reason.BATCH_MIXED,
        "every row whole",
    ),
    (
        [node("Reshape", ["x", "s"], ["out"])],
        {"s": np.array([-1])},
        (3,),
        Reason.BATCH_MIXED,
        "[N*3] does not have the batch, alone",
    ),
    (
        [node("Reshape", ["x", "s"], ["out"])],
        {"s": np.array([0, -1, -1])},
        (3,),
        Reason.MALFORMED,
        "nothing has the shape [0, -1, -1]",
    ),
    (
        [node("Reshape", ["x", "s"], ["out"])],
        {"s": np.array([0, -3])},
        (3,),
        Reason.MALFORMED,
        "nothing has the shape",
    ),
    (
        [node("Reshape", ["x", "s"], ["out"])],
        {"s": np.array([1.0])},
        (3,),
        Reason.FORM_NOT_SUPPORTED,
        "constant of integers",
    ),
    (
        [node("Reshape", ["x", "w"], ["out"])],
        W,
        (3,),
        Reason.FORM_NOT_SUPPORTED,
        "constant of integers",
    ),
    ([node("Gemm", ["x", "w"], ["out"], transA=1)], W, (3,), Reason.BATCH_MIXED, "transA"),
    (
        [node("Gemm", ["x", "w"], ["out"], alpha=2.0)],
        W,
        (3,),
        Reason.FORM_NOT_SUPPORTED,
        "alpha and beta",
    ),
    (
        [node("Gemm", ["x", "w"], ["out"], transB=1)],
        W,
        (3,),
        Reason.MALFORMED,
        "does not fit weights [3, 2]",
    ),
    ([node("Gemm", ["x", "x"], ["out"])], {}, (3,), Reason.BATCH_MIXED, "both factors hold rows"),
    ([node("Gemm", ["w", "x"], ["out"])], W, (3,), Reason.FORM_NOT_SUPPORTED, "does not hold rows"),
    ([node("Gemm", ["x", "w"], ["out"])], W, (2, 3), Reason.FORM_NOT_SUPPORTED, "[N, 2, 3]"),
    (
        [node("Gemm", ["x", "w", "b"], ["out"])],
        {**W, "b": np.ones((4, 2), np.float32)},
        (3,),
        Reason.BATCH_MIXED,
        "aligns a row's values",
    ),
    (
        [node("Gemm", ["x", "w", "b"], ["out"])],
        {"w": np.ones((3, 1), np.float32), "b": np.ones(4, np.float32)},
        (3,),
        Reason.MALFORMED,
        "widens",
    ),
    ([node("MatMul", ["w", "x"], ["out"])], W, (3,), Reason.BATCH_MIXED, "sums over the batch"),
    ([node("MatMul", ["x", "w"], ["out"])], W, (), Reason.BATCH_MIXED, "sums over the batch"),
    (
        [node("MatMul", ["x", "x"], ["out"])],
        {},
        (3,),
        Reason.BATCH_MIXED,
        "[N, 3] times [N, 3] sums over the batch",
    ),
    ([node("MatMul", ["x", "w"], ["out"])], W, (4,), Reason.MALFORMED, "does not fit"),
    ([node("MatMul", ["x", "x"], ["out"])], {}, (2, 3), Reason.MALFORMED, "does not fit"),
    (
        [node("Reshape", ["x", "s"], ["r"]), node("Add", ["x", "r"], ["out"])],
        {"s": np.array([-1, 3, 1])},
        (3,),
        Reason.BATCH_MIXED,
        "aligns a row's values",
    ),
    (
        [node("Add", ["x", "b"], ["out"])],
        {"b": np.ones((64, 3), np.float32)},
        (3,),
        Reason.BATCH_MIXED,
        "aligns a row's values",
    ),
    (
        [node("Add", ["x", "b"], ["out"])],
        {"b": np.ones((2, 1, 3), np.float32)},
        (3,),
        Reason.BATCH_MIXED,
        "[2, N, 3] does not have the batch, alone",
    ),
    (
        [node("Add", ["x", "b"], ["out"])],
        {"b": np.ones(64, np.float32)},
        (),
        Reason.BATCH_MIXED,
        "aligns a row's values",
    ),
    (
        [node("Add", ["x", "b"], ["out"])],
        {"b": np.ones(4, np.float32)},
        (3,),
        Reason.MALFORMED,
        "do not broadcast",
    ),
    (
        [node("Add", ["x", "b"], ["out"])],
        {"b": np.ones(3, np.int64)},
        (3,),
        Reason.MALFORMED,
        "takes floats and integers together",
    ),
    ([node("Mul", ["w", "w"], ["out"])], W, (3,), Reason.MALFORMED, "from the rows"),
    ([node("Tanh", ["w"], ["out"])], W, (3,), Reason.MALFORMED, "from the rows"),
    (
        [node("Identity", ["w"], ["out"])],
        W,
        (3,),
        Reason.MALFORMED,
        "computes the output from the rows",
    ),
    ([node("Gemm", ["x", "w"], ["other"])], W, (3,), Reason.MALFORMED, "computes the output"),
    (
        [node("Gemm", ["x", "missing"], ["out"])],
        {},
        (3,),
        Reason.MALFORMED,
        "'missing' is made by no node before it",
    ),
    ([node("Gemm", ["x", "w"], ["x"])], W, (3,), Reason.MALFORMED, "'x' is made twice"),
    ([node("Gemm", ["x"], ["out"])], {}, (3,), Reason.MALFORMED, "2 to 3 inputs"),
    ([node("Gemm", ["x", "", "w"], ["out"])], W, (3,), Reason.MALFORMED, "none of them empty"),
    (
        [node("Gemm", ["x", "w"], ["out", "more"])],
        W,
        (3,),
        Reason.FORM_NOT_SUPPORTED,
        "exactly one output",
    ),
    (
        [node("Relu", ["x"], ["out"], slope=1.0)],
        {},
        (3,),
        Reason.FORM_NOT_SUPPORTED,
        "attribute 'slope'",
    ),
    (
        [node("LeakyRelu", ["x"], ["out"], alpha=float("nan"))],
        {},
        (3,),
        Reason.MALFORMED,
        "finite number",
    ),
    (
        [node("LeakyRelu", ["x"], ["out"], alpha="steep")],
        {},
        (3,),
        Reason.MALFORMED,
        "not a finite number",
    ),
    (
        [node("LeakyRelu", ["x"], ["out"], alpha=["steep", "flat"])],
        {},
        (3,),
        Reason.FORM_NOT_SUPPORTED,
        "of a kind not supported",
    ),
    ([node("Gemm", ["x", "w"], ["out"], transB=1.0)], W, (3,), Reason.MALFORMED, "not an integer"),
    ([node("Gemm", ["x", "w"], ["out"], transB=2)], W, (3,), Reason.MALFORMED, "0 or 1"),
    (
        [node("Constant", [], ["c"], value_string="text"), *DENSE],
        W,
        (3,),
        Reason.FORM_NOT_SUPPORTED,
        "not supported",
    ),
    (
        [node("Constant", [], ["c"], value_float=1.0, value_int=2), *DENSE],
        W,
        (3,),
        Reason.FORM_NOT_SUPPORTED,
        "one number",
    ),
    (
        [node("LayerNormalization", ["x", "w"], ["out"], axis=1)],
        W,
        (2, 3),
        Reason.FORM_NOT_SUPPORTED,
        "the shape [2, 3], not [3, 2]",
    ),
    (
        [node("LayerNormalization", ["x", "w"], ["out"])],
        W,
        (3,),
        Reason.FORM_NOT_SUPPORTED,
        "the shape [3], not [3, 2]",
    ),
    (
        [node("If", ["x"], ["out"], then_branch=helper.make_graph([], "g", [], []))],
        {},
        (3,),
        Reason.SUBGRAPH_NOT_ALLOWED,
        "holds a subgraph",
    ),
    (
        [node("Gemm", ["x", "w"], ["out"], domain="com.example", name="d")],
        W,
        (3,),
        Reason.OPERATOR_NOT_ALLOWED,
        "domain 'com.example'",
    ),
    (
        [node("LSTM", ["x", "w", "w"], ["out"])],
        W,
        (3,),
        Reason.OPERATOR_NOT_ALLOWED,
        "(LSTM): the engine has no rule for this operator: a net that runs through time: use",
    ),
    (
        [node("TopK", ["x", "k"], ["out"])],
        {},
        (3,),
        Reason.OPERATOR_NOT_ALLOWED,
        "cut what follows",
    ),
    (
        [node("Pad", ["x", "p"], ["out"], mode="mirror")],
        {"p": np.array([0, 1, 0, 1])},
        (3,),
        Reason.MALFORMED,
        "none that ONNX knows",
    ),
    (
        [node("Pad", ["x", "p"], ["out"], mode="reflect")],
        {"p": np.array([0, 3, 0, 0])},
        (3,),
        Reason.FORM_NOT_SUPPORTED,
        "wider than [N, 3] itself",
    ),
    (
        [node("Attention", ["x", "x", "x"], ["out"], q_num_heads=2, kv_num_heads=2)],
        {},
        (4, 3),
        Reason.MALFORMED,
        "2 heads do not divide [N, 4, 3]",
    ),
    (
        [node("Attention", ["x", "x", "x"], ["out"], qk_matmul_output_mode=1)],
        {},
        (2, 4, 3),
        Reason.FORM_NOT_SUPPORTED,
        "hands out its scores",
    ),
    (DENSE, {"w": np.full((3, 2), np.nan, np.float32)}, (3,), Reason.MALFORMED, "not finite"),
    (DENSE, {"w": np.ones((3, 2))}, (3,), Reason.FORM_NOT_SUPPORTED, "does not hold float32"),
    (DENSE, {"w": np.ones((3, 0), np.float32)}, (3,), Reason.MALFORMED, "not possible"),
    (DENSE, {**W, "x": np.ones(1, np.float32)}, (3,), Reason.FORM_NOT_SUPPORTED, "0 inputs"),
]


@pytest.mark.parametrize("case", REFUSED, ids=lambda case: f"{case[0][0].op_type} {case[4]}")
def test_a_model_that_breaks_a_rule_is_refused_by_name(
    case: tuple[Nodes, Weights, tuple[int, ...], Reason, str], author: Any
) -> None:
    nodes, weights, shape, reason, words = case

    refusal = _refusal(author(nodes, weights, shape))

    assert refusal.reason is reason
    assert words in refusal.text


def _changed(author: Any, change: Callable[[onnx.ModelProto], object]) -> bytes:
    model = onnx.load_from_string(author(DENSE, W, (3,)))
    change(model)
    data: bytes = model.SerializeToString()
    return data


@pytest.mark.parametrize("loss", LOSS_NAMES)
def test_every_loss_a_spec_can_name_exists(loss: str) -> None:
    assert loss in LOSSES
    assert compiler.training(templates.linear(4, 2), loss, LIMITS).labels is not None


def test_logits_of_one_class_cannot_be_told_apart(author: Any) -> None:
    refusal = _refusal(templates.linear(4, 1), loss="softmax_cross_entropy")

    assert refusal.reason is Reason.NOT_TRAINABLE


def test_weights_that_do_not_reach_the_output_stay_as_they_are(author: Any) -> None:
    dead = node("Gemm", ["x", "unused"], ["nowhere"])
    weights = {**W, "unused": np.ones((3, 2), np.float32)}

    program = compiler.training(author([dead, *DENSE], weights, (3,)), "mean_squared_error", LIMITS)

    assert [parameter.author for parameter in program.parameters] == ["w"]


def test_a_reason_text_is_printable_ascii_whatever_the_author_wrote(author: Any) -> None:
    rude = "\x1b[31m\n" + "ö" * 500
    refusal = _refusal(author([node("NonZero", ["x"], ["out"], name=rude)], {}, (3,)))

    assert refusal.text.isascii()
    assert refusal.text.isprintable()
    assert len(refusal.text) <= 240


def test_names_are_cut_where_they_are_shown() -> None:
    assert printable("n" * 40) == "n" * 40
    assert printable("n" * 41) == "n" * 37 + "..."


def test_the_codes_of_reasons_never_move() -> None:
    assert [reason.value for reason in Reason] == [
        "Malformed", "TooLarge", "ExternalData", "SubgraphNotAllowed", "OperatorNotAllowed",
        "FormNotSupported", "BatchMixed", "NotTrainable", "TooCostly", "BadSpec", "DataMismatch",
        "Crashed", "TimedOut", "OutOfMemory", "NotConfined",
    ]  # fmt: skip
    assert Reason.CRASHED.code == 11


@pytest.mark.parametrize("opset", [13, 17, 21, 23])
def test_each_opset_in_the_range_is_read(opset: int, author: Any) -> None:
    compiler.training(author(DENSE, W, (3,), opset=opset), "mean_squared_error", LIMITS)


def test_weights_listed_as_inputs_are_weights_still(author: Any) -> None:
    value = helper.make_tensor_value_info("w", onnx.TensorProto.FLOAT, [3, 2])
    model = _changed(author, lambda m: m.graph.input.append(value))

    assert len(compiler.training(model, "mean_squared_error", LIMITS).parameters) == 1


def test_optional_inputs_left_out_at_the_end_are_no_inputs(author: Any) -> None:
    model = author([node("Gemm", ["x", "w", ""], ["out"])], W, (3,))

    assert len(compiler.training(model, "mean_squared_error", LIMITS).parameters) == 1
