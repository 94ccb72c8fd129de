"""The engine's examples run, and reach what they promise."""

import importlib.util
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest

from tilth.engine import Engine, TrainSpec, confinement, linear
from tilth.primitives import privacy

FOLDER = Path(__file__).parents[2] / "examples" / "engine"

datasets: Any = pytest.importorskip("sklearn.datasets", reason="no scikit-learn")

pytestmark = pytest.mark.skipif(not confinement().sufficient, reason="no Landlock or no seccomp")


@pytest.fixture(autouse=True)
def beside_the_examples(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.syspath_prepend(str(FOLDER))
    yield
    for name in ("digits", "models", "models.export"):
        sys.modules.pop(name, None)


def _example(name: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location(f"example_{name}", FOLDER / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


TRAININGS = 4  # one alone is as lucky as its noise


def _private_accuracy(train: Any, test: Any, model: bytes, *, epsilon: int, **how: Any) -> float:
    noise = privacy.noise_for(epsilon * 10**6, 10**7, 10**9, how["steps"])
    spec = TrainSpec(
        loss="softmax_cross_entropy",
        optimizer="momentum",
        noise_multiplier_milli=noise,
        **how,
    )
    with Engine() as engine:
        trained = [engine.train(model, spec, train).model for _ in range(TRAININGS)]
        answers = [engine.infer(each, test.rows).argmax(1) for each in trained]
        return float(np.mean([answer == test.labels for answer in answers]))


def test_a_logistic_regression_tells_digits_at_epsilon_4() -> None:
    train, test = _example("digits").digits()
    how = {"steps": 100, "learning_rate_micro": 2_000_000, "clip_micro": 300_000}

    assert _private_accuracy(train, test, linear(64, 10), epsilon=4, **how) >= 0.93


def test_a_logistic_regression_tells_breast_cancer_at_epsilon_3() -> None:
    table, data = _example("digits").Table, datasets.load_breast_cancer()
    low, high = data.data.min(0), data.data.max(0)
    rows = (2 * (data.data - low) / (high - low) - 1).astype(np.float32)
    order = np.random.default_rng(2).permutation(len(rows))
    own, others = order[:426], order[426:]
    how = {"steps": 60, "learning_rate_micro": 300_000, "clip_micro": 500_000}

    train, test = (table(rows[part], data.target[part]) for part in (own, others))
    assert _private_accuracy(train, test, linear(30, 2), epsilon=3, **how) >= 0.93


def test_a_net_learns_digits() -> None:
    assert _example("mlp_on_digits").main() > 0.88


def test_a_transformer_learns_topics() -> None:
    assert _example("transformer_on_words").main() > 0.85


def test_a_regression_explains_as_much_as_it_may() -> None:
    assert _example("regression_on_diabetes").main() > 0.15


def test_a_convolutional_net_learns_pictures() -> None:
    """A few of its steps on a few of its pictures; the whole of it takes a minute."""
    private, plain = _example("cnn_on_pictures").main(copies=4, steps=25)

    assert plain > 0.6
    assert private > 0.45
