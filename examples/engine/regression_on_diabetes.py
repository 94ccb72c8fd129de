"""Linear regression on a private table, and what it is worth.

Run: python examples/engine/regression_on_diabetes.py

Columns and target are scaled by bounds that the owner declares, never by what the rows hold.
"""

from typing import Any

import numpy as np
from digits import Table
from sklearn.datasets import load_diabetes
from sklearn.linear_model import LinearRegression

from tilth.engine import Engine, EvaluateSpec, TrainSpec, linear
from tilth.primitives import privacy

EPSILON, DELTA, STEPS = 4.0, 1e-5, 60
LOW, HIGH = 0.0, 350.0  # of the disease's progression


def patients() -> tuple[Table, Table]:
    data: Any = load_diabetes()
    rows = (data.data / 0.2).clip(-1, 1).astype(np.float32)
    target = (2 * (data.target - LOW) / (HIGH - LOW) - 1).astype(np.float32)
    order = np.random.default_rng(0).permutation(len(rows))
    own, others = order[:350], order[350:]
    return Table(rows[own], target[own]), Table(rows[others], target[others])


def explained(said: Any, test: Table) -> float:
    """R²: the share of the target's variance that is explained."""
    rest = ((said - test.labels) ** 2).sum()
    return float(1 - rest / ((test.labels - test.labels.mean()) ** 2).sum())


def main() -> float:
    train, test = patients()
    noise = privacy.noise_for(int(EPSILON * 1e6), int(DELTA * 1e12), 10**9, STEPS)
    spec = TrainSpec(
        loss="mean_squared_error",
        steps=STEPS,
        optimizer="momentum",
        learning_rate_micro=300_000,
        schedule="cosine",
        clip_micro=500_000,
        noise_multiplier_milli=noise,
    )
    measure = EvaluateSpec(
        loss="mean_squared_error", noise_multiplier_milli=3_000, bound_micro=1_000_000
    )
    with Engine() as engine:
        trained = engine.train(linear(10, 1), spec, train)
        share = explained(engine.infer(trained.model, test.rows)[:, 0], test)
        loss = engine.evaluate(trained.model, measure, train).metrics["loss"]
    plain = LinearRegression().fit(train.rows, train.labels).predict(test.rows)
    print(f"ε {EPSILON:g}: R² {share:.2f}; without privacy {explained(plain, test):.2f}")
    print(f"squared error on the private rows: {loss.value:.4f} ± {loss.noise:.4f}")
    return share


if __name__ == "__main__":
    main()
