"""Jobs beside training: measuring a model, statistics, an author's own map, outputs of rows."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt
import onnx
import pytest
from hypothesis import given
from hypothesis import strategies as st
from onnx import helper, numpy_helper

from tilth.engine import (
    CUDA,
    LABEL_COLUMN,
    Engine,
    EvaluateSpec,
    Histogram,
    HistogramAnswer,
    Limits,
    MapSpec,
    Mean,
    MeanAnswer,
    NotConfined,
    Quantiles,
    QuantilesAnswer,
    Reason,
    Refused,
    StatisticsSpec,
    TrainSpec,
    compiler,
    confinement,
    linear,
    mlp,
    raw_outputs_hash,
)
from tilth.engine.optimizers import pace
from tilth.engine.statistics import Clerk
from tilth.primitives import privacy

pytestmark = pytest.mark.skipif(
    not confinement().sufficient, reason="this kernel offers no Landlock or no seccomp"
)

node = helper.make_node


class Table:
    def __init__(self, rows: npt.NDArray[Any], labels: npt.NDArray[Any]) -> None:
        self.rows, self.labels = rows.astype(np.float32), labels

    @property
    def count(self) -> int:
        return len(self.rows)

    @property
    def features(self) -> int:
        return int(self.rows.shape[1])

    def batch(self, indices: npt.NDArray[np.int64]) -> tuple[npt.NDArray[Any], npt.NDArray[Any]]:
        return self.rows[indices], self.labels[indices]


def _table(count: int = 700) -> Table:
    random = np.random.default_rng(1)
    rows = random.normal(size=(count, 4))
    return Table(rows, (rows[:, 0] > 0).astype(np.int64))


@pytest.fixture(scope="module")
def engine() -> Iterator[Engine]:
    with Engine() as running:
        yield running


@pytest.fixture(scope="module")
def naive() -> Iterator[Engine]:
    with Engine(limits=Limits(min_noise_milli=0)) as running:
        yield running


def _loss_and_accuracy(model: bytes, table: Table, engine: Engine) -> tuple[float, float]:
    logits = engine.infer(model, table.rows).astype(np.float64)
    shares = np.exp(logits) / np.exp(logits).sum(1, keepdims=True)
    own = -np.log(shares[np.arange(len(shares)), table.labels])
    return float(own.clip(0, 1.5).mean()), float((logits.argmax(1) == table.labels).mean())


def test_a_model_is_measured_on_private_rows(naive: Engine) -> None:
    table, model = _table(), mlp(4, (5,), 2, seed=2)
    spec = EvaluateSpec(
        loss="softmax_cross_entropy", noise_multiplier_milli=0, bound_micro=1_500_000
    )

    measured = naive.evaluate(model, spec, table).metrics

    loss, accuracy = _loss_and_accuracy(model, table, naive)
    assert measured["accuracy"].value == pytest.approx(accuracy, abs=1e-6)
    assert measured["loss"].value == pytest.approx(loss, abs=1e-4)


def test_a_measure_is_noisy_says_how_much_and_what_it_cost(engine: Engine) -> None:
    table, model = _table(), linear(4, 2)
    spec = EvaluateSpec(loss="softmax_cross_entropy", noise_multiplier_milli=2_000)

    told = [engine.evaluate(model, spec, table) for _ in range(6)]

    _, accuracy = _loss_and_accuracy(model, table, engine)
    values = np.array([t.metrics["accuracy"].value for t in told])
    noise = told[0].metrics["accuracy"].noise
    assert noise == pytest.approx(2 * np.sqrt(2) / 700, rel=1e-2)
    assert len(set(values)) == 6
    assert np.abs(values - accuracy).max() < 6 * noise
    assert told[0].privacy_cost == privacy.cost(10**9, 2_000, 1)


def test_the_huber_loss_is_straight_from_its_delta_on(naive: Engine) -> None:
    table = _table()
    table.labels = table.labels.astype(np.float32)
    model = linear(4, 1, seed=3)
    spec = EvaluateSpec(loss="huber", noise_multiplier_milli=0, huber_delta_micro=250_000)

    told = naive.evaluate(model, spec, table).metrics["loss"].value

    error = np.abs(naive.infer(model, table.rows)[:, 0].astype(np.float64) - table.labels)
    expected = np.where(error < 0.25, error**2 / 2, 0.25 * (error - 0.125))
    assert told == pytest.approx(float(np.minimum(expected, 4).mean()), abs=1e-4)


@pytest.mark.parametrize("loss", ["binary_cross_entropy", "mean_squared_error", "huber", "poisson"])
def test_every_loss_measures(loss: str, naive: Engine) -> None:
    table = _table()
    table.labels = table.labels.astype(np.float32)
    model = linear(4, 1, seed=3)

    metrics = naive.evaluate(
        model, EvaluateSpec(loss=loss, noise_multiplier_milli=0), table
    ).metrics

    out, label = naive.infer(model, table.rows)[:, 0].astype(np.float64), table.labels
    error = np.abs(out - label)
    expected = {
        "binary_cross_entropy": np.log1p(np.exp(out)) - out * label,
        "mean_squared_error": error**2,
        "huber": np.where(error < 1, error**2 / 2, error - 0.5),
        "poisson": np.exp(out) - label * out,
    }[loss]
    assert metrics["loss"].value == pytest.approx(float(np.minimum(expected, 4).mean()), abs=1e-4)
    assert ("accuracy" in metrics) == (loss == "binary_cross_entropy")
    if "accuracy" in metrics:
        right = (out > 0) == (label > 0.5)
        assert metrics["accuracy"].value == pytest.approx(float(right.mean()), abs=1e-6)


EDGES = tuple(float(edge) for edge in np.linspace(-3, 3, 13))
QUESTIONS = (
    Mean(0, -3, 3),
    Histogram(LABEL_COLUMN, (-0.5, 0.5, 1.5)),
    Histogram(1, EDGES),
    Quantiles(2, EDGES, (0.1, 0.5, 0.9)),
)


def test_statistics_are_those_of_the_rows(naive: Engine) -> None:
    table = _table(4000)

    mean, labels, bins, quantiles = naive.tell(
        StatisticsSpec(questions=QUESTIONS, noise_multiplier_milli=0), table
    ).answers

    assert isinstance(mean, MeanAnswer)
    assert isinstance(labels, HistogramAnswer)
    assert isinstance(bins, HistogramAnswer)
    assert isinstance(quantiles, QuantilesAnswer)
    assert mean.mean.value == pytest.approx(table.rows[:, 0].clip(-3, 3).mean(), abs=1e-3)
    np.testing.assert_allclose(labels.shares, np.bincount(table.labels) / 4000, atol=1e-4)
    counts, _ = np.histogram(table.rows[:, 1], EDGES)
    np.testing.assert_allclose(bins.shares, counts / 4000, atol=1e-4)
    np.testing.assert_allclose(
        quantiles.values, np.quantile(table.rows[:, 2], (0.1, 0.5, 0.9)), atol=0.25
    )


def test_statistics_are_noisy_and_say_so(engine: Engine) -> None:
    spec = StatisticsSpec(questions=QUESTIONS, noise_multiplier_milli=1_000)

    first, second = (engine.tell(spec, _table()) for _ in range(2))

    assert first.answers != second.answers
    assert isinstance(first.answers[1], HistogramAnswer)
    assert first.answers[1].noise == pytest.approx(np.sqrt(4) / 700, rel=1e-2)
    assert first.privacy_cost == privacy.cost(10**9, 1_000, 1)


@given(cell=st.floats(width=32) | st.sampled_from([np.nan, np.inf, -np.inf, -3.0, 3.0]))
def test_no_row_weighs_more_than_its_questions(cell: float) -> None:
    clerk = Clerk(QUESTIONS, 4, 1)

    (vector,) = clerk.gradients(np.full((1, 4), cell, np.float32), np.full((1, 1), cell))

    assert np.linalg.norm(vector[0]) <= clerk.clip + 1e-6


@pytest.mark.parametrize(
    ("question", "reason"),
    [
        (Mean(4, 0, 1), Reason.DATA_MISMATCH),
        (Mean(-2, 0, 1), Reason.DATA_MISMATCH),
    ],
)
def test_a_column_that_does_not_exist_is_refused(
    question: Mean, reason: Reason, engine: Engine
) -> None:
    with pytest.raises(Refused) as caught:
        engine.tell(StatisticsSpec(questions=(question,), noise_multiplier_milli=1000), _table())

    assert caught.value.reason is reason


@pytest.mark.parametrize(
    "question",
    [
        Mean(0, 1, 1),
        Mean(0, float("nan"), 1),
        Histogram(0, (0,)),
        Histogram(0, (0, 2, 1)),
        Quantiles(0, (0, 1), (1.5,)),
    ],
)
def test_a_grid_that_does_not_rise_is_refused(question: Mean | Histogram | Quantiles) -> None:
    with pytest.raises(Refused) as caught:
        StatisticsSpec(questions=(question,), noise_multiplier_milli=1000)

    assert caught.value.reason is Reason.BAD_SPEC


def _moments(author: Any) -> bytes:
    """x xᵀ of one row: the batch axis of length one is turned like any other."""
    nodes = [
        node("Transpose", ["x"], ["column"]),
        node("MatMul", ["column", "x"], ["out"]),
    ]
    return bytes(author(nodes, {}, (4,)))


def test_an_experts_own_map_runs_for_one_row_at_a_time(author: Any, naive: Engine) -> None:
    table = _table(150)

    mapped = naive.map_rows(
        _moments(author), MapSpec(clip_micro=10**9, noise_multiplier_milli=0), table
    )

    expected = table.rows.T @ table.rows / 150
    np.testing.assert_allclose(mapped.mean.reshape(4, 4), expected, atol=1e-3)


def test_a_map_is_clipped_and_noised(author: Any, engine: Engine) -> None:
    table = _table(300)
    table.rows *= 1e6
    spec = MapSpec(clip_micro=1_000_000, noise_multiplier_milli=1_000)

    mapped = engine.map_rows(_moments(author), spec, table)

    assert mapped.noise == pytest.approx(1 / 300, rel=1e-2)
    assert np.linalg.norm(mapped.mean) < 1 + 10 * mapped.noise * 4
    assert mapped.privacy_cost == privacy.cost(10**9, 1_000, 1)


def test_outputs_of_private_rows_leave_only_for_a_listed_spec(engine: Engine) -> None:
    table, model = _table(70), linear(4, 2)

    with pytest.raises(Refused, match="only for a spec that the owner listed"):
        engine.outputs_of_rows(model, table, allow_listed={raw_outputs_hash(linear(4, 2, seed=9))})
    outputs = engine.outputs_of_rows(model, table, allow_listed={raw_outputs_hash(model)})

    np.testing.assert_array_equal(outputs, engine.infer(model, table.rows))


TRAIN = TrainSpec(
    loss="softmax_cross_entropy",
    steps=10,
    learning_rate_micro=500_000,
    clip_micro=1_000_000,
    noise_multiplier_milli=1_000,
)


def _weights(model: bytes) -> dict[str, npt.NDArray[Any]]:
    graph = onnx.load_from_string(model).graph
    return {t.name: numpy_helper.to_array(t) for t in graph.initializer}


def test_frozen_layers_stay_as_they_are(engine: Engine) -> None:
    model = mlp(4, (5,), 2)

    trained = engine.train(model, replace(TRAIN, frozen=("layer0.*",)), _table())

    before, after = _weights(model), _weights(trained.model)
    assert trained.parameters == 12
    for name, weights in before.items():
        assert np.array_equal(weights, after[name]) == name.startswith("layer0.")


def test_a_sequences_factors_train_as_its_whole_gradients_do(author: Any, naive: Engine) -> None:
    """Wide layers on few terms keep factors, the input itself among them; the descent is exact."""
    random = np.random.default_rng(5)
    shapes = {"w": (20, 40), "u": (40, 48), "v": (48, 2)}
    weights = {n: (random.normal(size=s) / 6).astype(np.float32) for n, s in shapes.items()}
    nodes = [
        node("MatMul", ["x", "w"], ["a"]),
        node("Tanh", ["a"], ["t"]),
        node("MatMul", ["t", "u"], ["b"]),
        node("ReduceMean", ["b", "one"], ["m"], keepdims=0),
        node("MatMul", ["m", "v"], ["out"]),
    ]
    model = author(nodes, {**weights, "one": np.array([1])}, (3, 20))
    table = Table(random.normal(size=(130, 60)), random.integers(0, 2, 130))
    spec = replace(TRAIN, steps=3, noise_multiplier_milli=0, clip_micro=500_000)
    program = compiler.training(model, spec.loss, Limits())
    assert [len(parts) for parts in program.gradients] == [2, 2, 2]
    assert program.gradients[0][0] == "x"

    factored = _weights(naive.train(model, spec, table).model)

    w, u, v = (weights[n].astype(np.float64) for n in "wuv")
    for _ in range(3):
        total = [np.zeros_like(w), np.zeros_like(u), np.zeros_like(v)]
        rows = table.rows.reshape(-1, 3, 20).astype(float)
        for row, label in zip(rows, table.labels, strict=True):
            t = np.tanh(row @ w)
            mean = (t @ u).mean(0)
            shares = np.exp(mean @ v) / np.exp(mean @ v).sum()
            error = shares - np.eye(2)[label]
            by_b = np.tile(v @ error / 3, (3, 1))
            by_a = (by_b @ u.T) * (1 - t**2)
            parts = [row.T @ by_a, t.T @ by_b, np.outer(mean, error)]
            scale = min(1, 0.5 / np.sqrt(sum((p**2).sum() for p in parts)))
            total = [a + scale * p for a, p in zip(total, parts, strict=True)]
        w, u, v = (x - 0.5 * g / 130 for x, g in zip((w, u, v), total, strict=True))
    for name, expected in zip("wuv", (w, u, v), strict=True):
        np.testing.assert_allclose(factored[name], expected, atol=1e-5)


def test_nothing_left_to_train_is_refused(engine: Engine) -> None:
    with pytest.raises(Refused) as caught:
        engine.check(linear(4, 2), replace(TRAIN, frozen=("*",)))

    assert caught.value.reason is Reason.NOT_TRAINABLE


def test_the_learning_rate_rises_and_falls_as_scheduled() -> None:
    spec = replace(TRAIN, warmup_steps=2, schedule="linear")
    paces = [pace(spec, step) for step in range(10)]

    assert paces[:3] == pytest.approx([1 / 3, 2 / 3, 1])
    assert paces[2:] == sorted(paces[2:], reverse=True)
    assert paces[-1] == pytest.approx(1 / 8)
    assert pace(replace(spec, schedule="cosine"), 6) == pytest.approx(0.5)
    assert pace(TRAIN, 9) == 1


@pytest.mark.parametrize(
    "change",
    [{"schedule": "stairs"}, {"warmup_steps": 10}, {"frozen": ("x" * 300,)}],
)
def test_a_schedule_that_makes_no_sense_is_refused(change: dict[str, Any]) -> None:
    with pytest.raises(Refused) as caught:
        replace(TRAIN, **change)

    assert caught.value.reason is Reason.BAD_SPEC


def test_a_result_says_what_it_ran_on(engine: Engine) -> None:
    assert engine.train(linear(4, 2), TRAIN, _table()).provider == "cpu"


def test_a_graphics_card_is_asked_for_by_name_and_outside_the_jail_only() -> None:
    with pytest.raises(Refused, match="one of cpu, cuda"):
        Engine(provider="abacus")
    with pytest.raises(NotConfined, match="does not run in the jail"):
        Engine(provider=CUDA)


def test_a_machine_without_a_graphics_card_says_what_is_missing() -> None:
    with (
        Engine(provider=CUDA, unconfined_ok=True) as engine,
        pytest.raises(NotConfined, match="onnxruntime-gpu"),
    ):
        engine.infer(linear(4, 2), np.zeros((1, 4)))
