"""The loop on the trusted side, with a worker of our own: what it sends never tells the draw."""

import os
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from tilth.engine import core
from tilth.engine.layout import THE_ROWS, Layout, ParameterLayout
from tilth.engine.optimizers import Adam, Momentum, Sgd
from tilth.engine.spec import FULL_BATCH, TrainSpec, suitable_rate
from tilth.engine.training import Trainer, chunk_rows

Singles = npt.NDArray[np.float32]
WIDTH = 4000

SPEC = TrainSpec(
    loss="mean_squared_error",
    steps=1,
    learning_rate_micro=1_000_000,
    clip_micro=500_000,
    noise_multiplier_milli=2_000,
)
LAYOUT = Layout(
    input_shape=(3,),
    output_shape=(1,),
    label_size=1,
    integer_labels=False,
    parameters=(ParameterLayout((WIDTH,), (0,)),),
    outputs=(WIDTH,),
    row_flops=1,
    row_values=WIDTH,
    released_bytes=0,
)


class Table:
    features = 3

    def __init__(self, count: int) -> None:
        self.count = count

    def batch(self, indices: npt.NDArray[np.int64]) -> tuple[Singles, npt.NDArray[Any]]:
        return np.ones((len(indices), 3), np.float32), np.ones(len(indices))


class Recording:
    """Answers every row with the same gradient and remembers what it was given."""

    def __init__(self, gradient: float) -> None:
        self.gradient = gradient
        self.sizes: list[int] = []
        self.occupied = 0

    def use(self, weights: Singles) -> None:
        self.weights = weights

    def gradients(self, rows: Singles, labels: npt.NDArray[Any]) -> Sequence[Singles]:
        self.sizes.append(len(rows))
        self.occupied += int(rows.any(1).sum())
        assert (labels.ravel() == rows[:, 0]).all()
        return [np.full((len(rows), WIDTH), self.gradient, np.float32)]


def _trained(spec: TrainSpec, count: int, worker: Recording) -> npt.NDArray[np.float64]:
    trainer = Trainer(LAYOUT, spec, Table(count), os.urandom)
    return trainer.run(worker, np.zeros(WIDTH, np.float32), None).astype(np.float64)


def test_a_step_carries_noise_of_the_declared_size() -> None:
    moved = _trained(SPEC, 100, Recording(0.0))

    declared = 2.0 * 0.5 * core.sensitivity(WIDTH) / 2**core.LATTICE_BITS / 100
    assert moved.std() == pytest.approx(declared, rel=0.08)
    assert abs(moved.mean()) < 6 * declared / np.sqrt(WIDTH)


def test_a_step_without_noise_is_the_clipped_mean() -> None:
    moved = _trained(replace(SPEC, noise_multiplier_milli=0), 100, Recording(1.0))

    assert moved == pytest.approx(np.full(WIDTH, -0.5 / np.sqrt(WIDTH)), rel=1e-3)


@pytest.mark.parametrize("rate", [FULL_BATCH, FULL_BATCH // 10])
def test_every_step_sends_the_same_number_of_messages_of_the_same_size(rate: int) -> None:
    worker = Recording(0.0)

    _trained(replace(SPEC, steps=8, rate_per_billion=rate), 900, worker)

    assert len(set(worker.sizes)) == 1
    assert len(worker.sizes) % 8 == 0
    assert sum(worker.sizes) > worker.occupied


def test_a_sampled_step_is_divided_by_the_expected_number_of_rows() -> None:
    spec = replace(SPEC, noise_multiplier_milli=0, rate_per_billion=FULL_BATCH // 2, steps=20)
    moved = _trained(spec, 1000, Recording(1.0))

    assert moved.mean() == pytest.approx(-20 * 0.5 / np.sqrt(WIDTH), rel=0.05)


def test_a_full_batch_hands_over_each_row_once() -> None:
    worker = Recording(0.0)

    _trained(replace(SPEC, steps=3), 130, worker)

    assert worker.occupied == 3 * 130


def test_chunks_are_large_for_small_rows_and_one_microbatch_for_large_ones() -> None:
    slim = replace(LAYOUT, outputs=(2,), parameters=(ParameterLayout((2, 3), (0, THE_ROWS)),))
    wide = replace(LAYOUT, outputs=(1 << 20,))

    assert chunk_rows(slim, 10_000) == 1024
    assert chunk_rows(slim, 128) == 128
    assert chunk_rows(wide, 10_000) == 64


def test_momentum_remembers_and_adam_scales() -> None:
    weights, gradient = np.zeros(2), np.array([1.0, -4.0])
    momentum, adam, sgd = Momentum(0.1, 0.5, 2), Adam(0.1, 0.9, 2), Sgd(0.1)

    first = momentum.step(weights, gradient)
    second = momentum.step(first, gradient)

    assert sgd.step(weights, gradient).tolist() == pytest.approx([-0.1, 0.4])
    assert first.tolist() == pytest.approx([-0.1, 0.4])
    assert second.tolist() == pytest.approx([-0.25, 1.0])
    assert adam.step(weights, gradient).tolist() == pytest.approx([-0.1, 0.1])


def test_adams_second_step_follows_the_paper() -> None:
    adam = Adam(0.1, 0.9, 1)
    weights = adam.step(np.zeros(1), np.array([1.0]))

    weights = adam.step(weights, np.array([3.0]))

    mean = (0.9 * 0.1 * 1 + 0.1 * 3) / (1 - 0.9**2)
    square = (0.999 * 0.001 * 1 + 0.001 * 9) / (1 - 0.999**2)
    assert weights.item() == pytest.approx(-0.1 - 0.1 * mean / (np.sqrt(square) + 1e-8))


def test_the_suitable_rate_makes_clipped_steps_equally_long_and_spares_adam() -> None:
    rates = [suitable_rate("momentum", clip) * clip for clip in (0.1, 0.3, 1.0)]

    assert rates == pytest.approx([0.6] * 3)
    assert suitable_rate("sgd", 0.3) == pytest.approx(10 * suitable_rate("momentum", 0.3))
    assert suitable_rate("adam", 0.1) == suitable_rate("adam", 10)
