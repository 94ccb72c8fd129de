"""Attacks on the rows, each beside its success against a naive runner; and what can be learnt."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt
import onnx
import pytest
from onnx import helper, numpy_helper

from tilth.engine import Engine, Limits, TrainSpec, confinement, linear
from tilth.primitives import privacy

pytestmark = pytest.mark.skipif(
    not confinement().sufficient, reason="this kernel offers no Landlock or no seccomp"
)

DELTA_PICO = 10**7
node = helper.make_node
Floats = npt.NDArray[np.float64]


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


@pytest.fixture(scope="module")
def naive() -> Iterator[Engine]:
    """What others run: the same training, nothing clipped away and nothing added."""
    with Engine(limits=Limits(min_noise_milli=0)) as running:
        yield running


@pytest.fixture(scope="module")
def private() -> Iterator[Engine]:
    with Engine() as running:
        yield running


def _secrets(count: int) -> Table:
    rows = np.random.default_rng(12).normal(size=(count, 20))
    return Table(rows, np.zeros((count, 1)))


def _trap(author: Any, neurons: int) -> bytes:
    """Neurons that fire above rising thresholds: the difference of two neighbours' weights, over
    that of their biases, is the one row between their thresholds (Fowl et al. 2021)."""
    direction = np.random.default_rng(1).normal(size=20) / np.sqrt(20)
    thresholds = np.linspace(-3, 3, neurons)
    weights = {
        "w": np.tile(direction, (neurons, 1)).astype(np.float32),
        "b": -thresholds.astype(np.float32),
        "v": np.ones((neurons, 1), np.float32),
    }
    nodes = [
        node("Gemm", ["x", "w", "b"], ["h"], transB=1),
        node("Relu", ["h"], ["fired"]),
        node("MatMul", ["fired", "v"], ["out"]),
    ]
    return bytes(author(nodes, weights, (20,)))


def _stolen(before: bytes, after: bytes, table: Table) -> int:
    """How many rows stand, nearly parallel, in the differences of the trap's weights."""
    moved = [_arrays(after)[name] - _arrays(before)[name] for name in ("w", "b")]
    between_w, between_b = (np.diff(array, axis=0) for array in moved)
    with np.errstate(all="ignore"):
        found = between_w / between_b[:, None]
    found = found[np.isfinite(found).all(1) & (np.linalg.norm(found, axis=1) > 0)]
    lengths = np.linalg.norm(found, axis=1)[:, None] * np.linalg.norm(table.rows, axis=1)
    return int((np.abs(found @ table.rows.T / lengths).max(0) > 0.95).sum())


def _arrays(model: bytes) -> dict[str, Floats]:
    tensors = onnx.load_from_string(model).graph.initializer
    return {tensor.name: numpy_helper.to_array(tensor).astype(np.float64) for tensor in tensors}


TRAP = TrainSpec(
    loss="mean_squared_error",
    steps=1,
    learning_rate_micro=1_000_000,
    clip_micro=10**9,
    noise_multiplier_milli=0,
)


def test_trap_weights_steal_rows_from_a_naive_runner_and_none_through_the_engine(
    author: Any, naive: Engine, private: Engine
) -> None:
    table, trap = _secrets(100), _trap(author, 4096)
    noise = privacy.noise_for(8_000_000, DELTA_PICO, privacy.FULL_BATCH, 1)
    guarded = replace(TRAP, noise_multiplier_milli=noise, clip_micro=1_000_000)

    open_model = naive.train(trap, TRAP, table).model
    safe_model = private.train(trap, guarded, table).model

    assert _stolen(trap, open_model, table) > 50
    assert _stolen(trap, safe_model, table) == 0


def _memory(author: Any) -> bytes:
    """One weight vector that the gradient of a linear output moves along the row itself."""
    weights = {"w": np.zeros((20, 1), np.float32)}
    return bytes(author([node("MatMul", ["x", "w"], ["out"])], weights, (20,)))


def _likeness(model: bytes, victim: npt.NDArray[Any]) -> float:
    weights = _arrays(model)["w"].ravel()
    return float(abs(weights @ victim) / np.linalg.norm(weights) / np.linalg.norm(victim))


def test_weights_that_memorise_a_single_row_learn_noise(
    author: Any, naive: Engine, private: Engine
) -> None:
    victim = _secrets(1)
    victim.labels = np.full((1, 1), 5.0)
    noise = privacy.noise_for(1_000_000, DELTA_PICO, privacy.FULL_BATCH, 1)
    guarded = replace(TRAP, noise_multiplier_milli=noise, clip_micro=1_000_000)

    open_model = naive.train(_memory(author), TRAP, victim).model
    likenesses = [
        _likeness(private.train(_memory(author), guarded, victim).model, victim.rows[0])
        for _ in range(12)
    ]

    assert _likeness(open_model, victim.rows[0]) > 0.999
    assert np.median(likenesses) < 0.6  # of random directions in 20 dimensions: .16


def test_a_poisoned_row_of_nan_leaves_the_result_finite(private: Engine) -> None:
    table = _secrets(200)
    table.labels = (table.rows[:, 0] > 0).astype(np.int64)
    table.rows[[3, 50]] = np.nan
    table.rows[7] = 1e38
    spec = replace(
        TRAP,
        loss="softmax_cross_entropy",
        steps=20,
        noise_multiplier_milli=1000,
        clip_micro=1_000_000,
    )

    trained = private.train(linear(20, 2), spec, table)

    assert all(np.isfinite(array).all() for array in _arrays(trained.model).values())
    right = private.infer(trained.model, np.nan_to_num(table.rows)).argmax(1) == table.labels
    assert right.mean() > 0.75


def test_a_learning_rate_that_diverges_still_gives_finite_weights(private: Engine) -> None:
    table = _secrets(64)
    spec = replace(
        TRAP,
        steps=40,
        learning_rate_micro=10**9,
        optimizer="momentum",
        clip_micro=10**12,
        noise_multiplier_milli=10**6,
    )

    trained = private.train(linear(20, 1), spec, table)

    assert all(np.isfinite(array).all() for array in _arrays(trained.model).values())


def test_breast_cancer_is_told_well_at_epsilon_three(private: Engine) -> None:
    datasets = pytest.importorskip("sklearn.datasets", reason="it holds the table")
    rows, labels = datasets.load_breast_cancer(return_X_y=True)
    rows = ((rows - rows.mean(0)) / rows.std(0)).clip(-3, 3).astype(np.float32)
    order = np.random.default_rng(0).permutation(len(rows))
    kept, tested = order[:426], order[426:]
    noise = privacy.noise_for(3_000_000, DELTA_PICO, privacy.FULL_BATCH, 60)
    spec = TrainSpec(
        loss="softmax_cross_entropy",
        steps=60,
        learning_rate_micro=1_000_000,
        clip_micro=1_000_000,
        noise_multiplier_milli=noise,
    )

    accuracies = []
    for seed in range(3):
        trained = private.train(linear(30, 2, seed=seed), spec, Table(rows[kept], labels[kept]))
        assert trained.privacy_cost is not None
        assert privacy.epsilon(trained.privacy_cost, DELTA_PICO) <= 3_000_000
        right = private.infer(trained.model, rows[tested]).argmax(1) == labels[tested]
        accuracies.append(right.mean())

    assert np.mean(accuracies) >= 0.92
