"""The engine from its public face: what it trains and refuses, and what it hands back."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt
import onnx
import pytest
from onnx import helper, numpy_helper
from onnx.reference import ReferenceEvaluator

from tilth.engine import (
    Engine,
    Limits,
    Reason,
    Refused,
    TrainSpec,
    confinement,
    linear,
    mlp,
    worker,
)
from tilth.primitives import privacy

pytestmark = pytest.mark.skipif(
    not confinement().sufficient, reason="this kernel offers no Landlock or no seccomp"
)

SPEC = TrainSpec(
    loss="softmax_cross_entropy",
    steps=30,
    learning_rate_micro=1_000_000,
    clip_micro=1_000_000,
    noise_multiplier_milli=1_000,
)
EXACT = replace(SPEC, noise_multiplier_milli=0, clip_micro=10**8)


class Table:
    def __init__(self, rows: npt.NDArray[Any], labels: npt.NDArray[Any]) -> None:
        self.rows, self.labels = rows.astype(np.float32), labels
        self.asked: list[npt.NDArray[np.int64]] = []

    @property
    def count(self) -> int:
        return len(self.rows)

    @property
    def features(self) -> int:
        return int(self.rows.shape[1])

    def batch(self, indices: npt.NDArray[np.int64]) -> tuple[npt.NDArray[Any], npt.NDArray[Any]]:
        self.asked.append(indices)
        return self.rows[indices], self.labels[indices]


def _table(count: int = 200, features: int = 6) -> Table:
    random = np.random.default_rng(1)
    rows = random.normal(size=(count, features))
    return Table(rows, (rows[:, 0] - rows[:, 1] > 0).astype(np.int64))


@pytest.fixture(scope="module")
def engine() -> Iterator[Engine]:
    with Engine() as running:
        yield running


@pytest.fixture(scope="module")
def naive() -> Iterator[Engine]:
    """An engine whose owner allows training without noise."""
    with Engine(limits=Limits(min_noise_milli=0)) as running:
        yield running


def test_a_model_is_described_before_any_data(engine: Engine) -> None:
    checked = engine.check(mlp(6, (5,), 3), SPEC)

    assert (checked.parameters, checked.input_shape, checked.output_shape) == (53, (6,), (3,))
    assert checked.row_flops > 2 * 53


def test_the_size_of_what_is_released_is_known_before_any_data(engine: Engine) -> None:
    promised = engine.check(mlp(6, (5,), 2), SPEC).released_bytes

    assert len(engine.train(mlp(6, (5,), 2, seed=9), SPEC, _table()).model) == promised


def test_training_without_noise_is_gradient_descent(naive: Engine) -> None:
    table = _table()
    trained = naive.train(linear(6, 2, seed=4), replace(EXACT, steps=5), table)

    w, b = _weights(linear(6, 2, seed=4))
    for _ in range(5):
        logits = table.rows @ w.T + b
        shares = np.exp(logits) / np.exp(logits).sum(1, keepdims=True)
        error = (shares - np.eye(2)[table.labels]) / len(table.rows)
        w, b = w - error.T @ table.rows, b - error.sum(0)
    for ours, expected in zip(_weights(trained.model), (w, b), strict=True):
        np.testing.assert_allclose(ours, expected, atol=1e-5)


def _weights(model: bytes) -> list[npt.NDArray[Any]]:
    tensors = onnx.load_from_string(model).graph.initializer
    return [numpy_helper.to_array(tensor).astype(np.float64) for tensor in tensors]


@pytest.mark.parametrize("optimizer", ["sgd", "momentum", "adam"])
@pytest.mark.parametrize("rate", [10**9, 3 * 10**8])
def test_a_private_job_learns(engine: Engine, optimizer: str, rate: int) -> None:
    table = _table(600)
    fast = 50_000 if optimizer == "adam" else 500_000
    spec = replace(SPEC, optimizer=optimizer, rate_per_billion=rate, learning_rate_micro=fast)

    trained = engine.train(linear(6, 2), spec, table)

    right = engine.infer(trained.model, table.rows).argmax(1) == table.labels
    assert right.mean() > 0.85


def test_a_trained_job_says_what_may_be_said(engine: Engine) -> None:
    heard: list[tuple[int, int]] = []

    trained = engine.train(linear(6, 2), SPEC, _table(), lambda *step: heard.append(step))

    assert heard == [(step + 1, 30) for step in range(30)]
    assert (trained.parameters, trained.steps, trained.rows) == (14, 30, 200)
    assert trained.privacy_cost == privacy.cost(10**9, 1_000, 30)


def test_a_full_batch_asks_for_every_row_once_in_each_step(engine: Engine) -> None:
    table = _table(100)

    engine.train(linear(6, 2), replace(SPEC, steps=2), table)

    assert np.bincount(np.concatenate(table.asked)).tolist() == [2] * 100


def test_two_runs_differ_because_the_noise_does(engine: Engine) -> None:
    first, second = (engine.train(linear(6, 2), SPEC, _table()).model for _ in range(2))

    assert first != second


def test_the_buyer_gets_his_own_file_with_other_weights_and_nothing_else(engine: Engine) -> None:
    authored = onnx.load_from_string(mlp(6, (4,), 2))
    authored.doc_string = "written in /home/author"
    authored.producer_name = "author's machine"
    authored.metadata_props.add(key="path", value="/home/author")
    authored.graph.node[0].doc_string = "line 12"
    authored.graph.node[0].metadata_props.add(key="trace", value="File author.py")
    authored.graph.initializer[0].doc_string = "weights"

    released = engine.train(authored.SerializeToString(), SPEC, _table()).model

    for secret in (b"author", b"line 12", b"weights"):
        assert secret not in released
    returned = onnx.load_from_string(released)
    onnx.checker.check_model(returned, full_check=True)
    assert [n.op_type for n in returned.graph.node] == [n.op_type for n in authored.graph.node]
    assert [t.name for t in returned.graph.initializer] == [
        t.name for t in authored.graph.initializer
    ]


def test_a_trained_file_answers_in_plain_onnx_runtime_as_it_does_here(engine: Engine) -> None:
    """And keeps its opset."""
    authored = onnx.load_from_string(mlp(6, (4,), 2))
    trained = engine.train(authored.SerializeToString(), SPEC, _table()).model
    rows = _table(130).rows

    plain = worker.session(trained)

    theirs = plain.run(None, {plain.get_inputs()[0].name: rows})[0]
    np.testing.assert_allclose(engine.infer(trained, rows), theirs, atol=1e-5)
    assert list(onnx.load_from_string(trained).opset_import) == list(authored.opset_import)


def test_inference_agrees_with_another_implementation(engine: Engine) -> None:
    model, rows = mlp(6, (8,), 3, seed=2), _table(150).rows

    ours = engine.infer(model, rows)

    theirs: Any = ReferenceEvaluator(model).run(None, {"rows": rows})
    np.testing.assert_allclose(ours, theirs[0], atol=1e-5)


def test_inference_takes_no_rows_and_models_without_weights(engine: Engine, author: Any) -> None:
    model = author([helper.make_node("Relu", ["x"], ["out"])], {}, (2,))

    assert engine.infer(model, np.zeros((0, 2))).shape == (0, 2)
    assert engine.infer(model, np.array([[-1.0, 2.0]])).tolist() == [[0.0, 2.0]]


@pytest.mark.parametrize("shape", [(3, 5), (6,), ()])
def test_inference_on_rows_of_another_width_is_refused(engine: Engine, shape: Any) -> None:
    with pytest.raises(Refused, match="6 features") as refused:
        engine.infer(linear(6, 2), np.ones(shape))
    assert refused.value.reason is Reason.DATA_MISMATCH


class Labelled(Table):
    """Two labels for each row, where the loss takes one."""

    def batch(self, indices: npt.NDArray[np.int64]) -> tuple[npt.NDArray[Any], npt.NDArray[Any]]:
        rows, labels = super().batch(indices)
        return rows, np.stack([labels, labels], 1)


@pytest.mark.parametrize(
    ("table", "words"),
    [
        (_table(features=7), "takes 6 features; the table has 7"),
        (Table(np.zeros((0, 6)), np.zeros(0)), "no rows"),
        (Labelled(np.zeros((9, 6)), np.zeros(9)), "1 labels for each row"),
    ],
)
def test_a_table_that_does_not_fit_is_refused(engine: Engine, table: Table, words: str) -> None:
    with pytest.raises(Refused, match=words) as refused:
        engine.train(linear(6, 2), SPEC, table)
    assert refused.value.reason is Reason.DATA_MISMATCH


@pytest.mark.parametrize(
    "change",
    [
        {"loss": "hinge"},
        {"optimizer": "lbfgs"},
        {"steps": 0},
        {"learning_rate_micro": 0},
        {"clip_micro": 0},
        {"noise_multiplier_milli": -1},
        {"rate_per_billion": 10**9 + 1},
        {"momentum_micro": 10**6},
        {"max_output_bytes": 0},
        {"steps": True},
        {"steps": 3.0},
    ],
)
def test_a_spec_that_makes_no_sense_is_refused(change: dict[str, Any]) -> None:
    with pytest.raises(Refused) as refused:
        replace(SPEC, **change)
    assert refused.value.reason is Reason.BAD_SPEC


def test_a_job_without_enough_noise_is_refused(engine: Engine) -> None:
    with pytest.raises(Refused, match="the least is 100") as refused:
        engine.check(linear(6, 2), replace(SPEC, noise_multiplier_milli=0))
    assert refused.value.reason is Reason.BAD_SPEC


def test_a_result_larger_than_the_job_allows_is_refused_before_any_row(engine: Engine) -> None:
    table = _table()

    with pytest.raises(Refused, match="the job allows 100") as refused:
        engine.train(linear(6, 2), replace(SPEC, max_output_bytes=100), table)

    assert refused.value.reason is Reason.TOO_LARGE
    assert not table.asked


def test_a_job_that_costs_too_much_is_refused_before_any_row() -> None:
    table = _table()
    with Engine(limits=Limits(job_flops=10**6)) as frugal:
        with pytest.raises(Refused, match="operations") as refused:
            frugal.train(linear(6, 2), replace(SPEC, steps=1000), table)
        with pytest.raises(Refused, match="operations"):
            frugal.infer(linear(6, 2), np.zeros((100_000, 6)))

    assert refused.value.reason is Reason.TOO_COSTLY
    assert not table.asked


def test_the_identity_model_is_refused_visibly(engine: Engine, author: Any) -> None:
    thief = author([helper.make_node("Identity", ["x"], ["out"])], {}, (6,))

    with pytest.raises(Refused) as refused:
        engine.train(thief, replace(SPEC, loss="mean_squared_error"), _table())

    assert str(refused.value) == "NotTrainable: no parameter: the model returns its input"
