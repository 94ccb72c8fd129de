"""How accurate a model would become at each ε, tried on made-up rows, where it costs nothing."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Final

import numpy as np
from numpy.typing import NDArray

from tilth.engine import Engine, Limits
from tilth.engine import TrainSpec as EngineSpec
from tilth.sdk.plans import Mock, TrainingPlan
from tilth.sdk.terms import pico
from tilth.vault import PrivateTable, Schema, Table, mock_table

EPSILONS: Final = (0.25, 0.5, 1.0, 2.0, 4.0, 8.0)
_MOST_ROWS: Final = 5_000
_TEST_ROWS: Final = 1_000
_RUNS: Final = 3
_ROOM: Final = 4096
_RULE_SEED: Final = 1

Heard = Callable[[int, int], None]


@dataclass(frozen=True, slots=True)
class Point:
    """Accuracies of several trainings at one ε: one alone is as lucky as its noise."""

    epsilon: float
    accuracies: tuple[float, ...]

    @property
    def mean(self) -> float:
        return sum(self.accuracies) / len(self.accuracies)


@dataclass(frozen=True, slots=True)
class Curve:
    """What noise does to this model on as many rows as the table has.

    `guess` is what saying the commonest class always would reach, `without` a training without
    noise.
    """

    points: tuple[Point, ...]
    without: float
    guess: float
    rows: int
    of_rows: int


def curve(
    model: bytes,
    mock: Mock,
    rows: int,
    plan: TrainingPlan,
    *,
    epsilons: Sequence[float] = EPSILONS,
    delta: float = 1e-5,
    runs: int = _RUNS,
    heard: Heard | None = None,
) -> Curve:
    """Train on made-up rows of the table's schema, labelled by a made-up rule: a straight line.

    The mock's own labels say nothing of its rows, so that there would be nothing to learn. Real
    rows are harder, or easier; what noise costs on so many of them is what the curve shows. Raises
    ValueError where the model tells no classes, and what would end the job there.
    """
    if not mock.schema.classes or not plan.loss.endswith("cross_entropy"):
        raise ValueError("there is no accuracy to try: the table has no classes for this loss")
    train, test, labels = _made_up(mock.schema, min(rows, _MOST_ROWS))
    total, room = len(epsilons) * runs + 1, 2 * len(model) + _ROOM
    limits = Limits(min_noise_milli=0)  # made-up rows: one training goes without noise
    with Engine(limits=limits, unconfined_ok=True) as engine:  # the caller's own model

        def reached(spec: EngineSpec) -> float:
            trained = engine.train(model, spec, train)
            outputs = engine.infer(trained.model, test).reshape(len(test), -1)
            return float((_said(outputs) == labels).mean())

        noisy = [
            replace(plan, epsilon=epsilon).engine_spec(pico(delta), room) for epsilon in epsilons
        ]
        without, points = reached(replace(noisy[0], noise_multiplier_milli=0)), list[Point]()
        for number, (epsilon, spec) in enumerate(zip(epsilons, noisy, strict=True)):
            accuracies = list[float]()
            for run in range(runs):
                if heard is not None:
                    heard(1 + number * runs + run, total)
                accuracies.append(reached(spec))
            points.append(Point(epsilon, tuple(accuracies)))
    guess = float(np.bincount(labels).max() / len(labels))
    return Curve(tuple(points), without, guess, train.count, rows)


def _made_up(
    schema: Schema, rows: int
) -> tuple[PrivateTable, NDArray[np.float32], NDArray[np.int64]]:
    """Rows to train on, and scaled ones to examine with their labels."""
    drawn = mock_table(schema, rows + _TEST_ROWS)
    everything = PrivateTable(drawn)
    scaled, _ = everything.batch(np.arange(everything.count))
    labels = _ruled(scaled, schema.classes)
    train = Table(schema, drawn.features[:rows], labels[:rows])
    return PrivateTable(train), scaled[rows:], labels[rows:]


def _ruled(rows: NDArray[np.float32], classes: int) -> NDArray[np.int64]:
    rule = np.random.default_rng(_RULE_SEED).normal(size=(rows.shape[1], classes))
    found: NDArray[np.int64] = (rows @ rule).argmax(axis=1).astype(np.int64)
    return found


def _said(outputs: NDArray[np.float32]) -> NDArray[np.int64]:
    one = outputs.shape[1] == 1
    return (outputs[:, 0] > 0).astype(np.int64) if one else outputs.argmax(axis=1)
