"""The engine's examples run, and reach what they promise."""

import importlib.util
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest

from tilth.engine import confinement

FOLDER = Path(__file__).parents[2] / "examples" / "engine"

pytestmark = [
    pytest.mark.skipif(not confinement().sufficient, reason="no Landlock or no seccomp"),
    pytest.mark.skipif(importlib.util.find_spec("sklearn") is None, reason="no scikit-learn"),
]


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
