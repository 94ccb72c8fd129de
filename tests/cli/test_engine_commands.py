"""The engine's own commands: your own file comes back trained, and mistakes are told in a line."""

from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import numpy_helper
from onnx.reference import ReferenceEvaluator

from tilth.cli.engine import evaluate, inspect, statistics, train
from tilth.cli.engine_tables import engine_table
from tilth.engine import confinement, linear, mlp

pytestmark = pytest.mark.skipif(
    not confinement().sufficient, reason="this kernel offers no Landlock or no seccomp"
)


@pytest.fixture
def table(tmp_path: Path) -> Path:
    random = np.random.default_rng(3)
    rows = random.uniform(-2, 2, (400, 3))
    lines = ["a,b,c,kind,size"]
    for a, b, c in rows:
        lines.append(f"{a:.4f},{b:.4f},{c:.4f},{'up' if a > b else 'down'},{a - c:.4f}")
    path = tmp_path / "things.csv"
    path.write_text("\n".join([*lines, ""]))
    return path


@pytest.fixture
def model(tmp_path: Path, table: Path) -> Path:
    path = tmp_path / "model.onnx"
    path.write_bytes(linear(4, 2))
    return path


def _weights(path: Path) -> dict[str, Any]:
    graph = onnx.load_from_string(path.read_bytes()).graph
    return {tensor.name: numpy_helper.to_array(tensor) for tensor in graph.initializer}


def test_your_own_file_comes_back_with_trained_weights(
    table: Path, model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "trained.onnx"

    status = train(model, table, label="kind", epsilon=4, out=out, steps=40)

    shown = capsys.readouterr()
    assert status == 0
    assert "10 numbers trained in 40 steps on 400 rows" in shown.out
    assert "by at most ε 4.000 at δ 1e-05" in shown.out
    assert "declare them with --schema" in shown.err
    rows = np.loadtxt(table, delimiter=",", skiprows=1, usecols=(0, 1, 2, 4)) / [2, 2, 2, 4]
    logits: Any = ReferenceEvaluator(out.read_bytes()).run(None, {"rows": rows.astype(np.float32)})
    said = np.array(["down", "up"])[logits[0].argmax(1)]
    meant = np.loadtxt(table, delimiter=",", skiprows=1, usecols=3, dtype=str)
    assert (said == meant).mean() > 0.9
    assert evaluate(out, table, label="kind", epsilon=4) == 0
    assert "accuracy" in capsys.readouterr().out


def test_a_number_is_learnt_with_a_loss_of_numbers(
    table: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    model = tmp_path / "regression.onnx"
    model.write_bytes(mlp(3, (4,), 1))
    narrow = tmp_path / "narrow.csv"
    lines = [line.split(",") for line in table.read_text().splitlines()]
    narrow.write_text("\n".join(",".join([*line[:3], line[4]]) for line in lines))

    status = train(
        model,
        narrow,
        label="size",
        epsilon=4,
        loss="huber",
        freeze=["layer0.*"],
        schedule="cosine",
        sampling=0.5,
    )

    assert status == 0, capsys.readouterr().err
    trained = _weights(tmp_path / "regression.trained.onnx")
    assert np.array_equal(trained["layer0.weight"], _weights(model)["layer0.weight"])
    assert not np.array_equal(trained["layer1.weight"], _weights(model)["layer1.weight"])


def test_a_model_is_described(model: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert inspect(model) == 0

    shown = capsys.readouterr().out
    assert "rows of 4" in shown
    assert "10 numbers" in shown


def test_statistics_are_shown_with_their_noise(
    table: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    narrow = table.with_name("numbers.csv")
    lines = [line.split(",") for line in table.read_text().splitlines()]
    narrow.write_text("\n".join(",".join(line[:3]) for line in lines))

    status = statistics(narrow, epsilon=2, mean=["a"], histogram=["b"], quantiles=["c"], bins=4)

    shown = capsys.readouterr().out
    assert status == 0
    assert "a: mean" in shown
    assert "b: -2 … -1" in shown
    assert "c: 50%" in shown


def test_what_is_wrong_is_said_in_one_line(
    table: Path, model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    broken = tmp_path / "broken.onnx"
    broken.write_bytes(b"not a model")

    statuses = [
        inspect(broken),
        inspect(tmp_path / "missing.onnx"),
        train(model, table, label="colour", epsilon=4),
        train(model, table, label="kind", epsilon=1e-5),
        train(model, table, label="kind", epsilon=4, freeze=["*"]),
        statistics(table, epsilon=1),
    ]

    told = [line for line in capsys.readouterr().err.splitlines() if not line.startswith("note:")]
    assert statuses == [1] * 6
    assert len([line for line in told if line.startswith("tilth: ")]) == 6
    assert "refused (Malformed)" in told[0]
    assert "No such file" in told[1]


@pytest.mark.parametrize(
    ("loss", "expected"),
    [
        ("mean_squared_error", [-1, 1, 0]),
        ("huber", [-1, 1, 0]),
        ("binary_cross_entropy", [0, 1, 0.5]),
        ("poisson", [0, 8, 4]),
    ],
)
def test_a_label_is_what_its_loss_takes(loss: str, expected: list[float], tmp_path: Path) -> None:
    path = tmp_path / "counts.csv"
    path.write_text("a,n\n1,0\n2,8\n3,4\n")

    assert engine_table(path, label="n", loss=loss).labels.tolist() == expected


def test_a_beginners_model_learns_without_tuning(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    data: Any = pytest.importorskip("sklearn.datasets").load_breast_cancer()
    table, model = tmp_path / "patients.csv", tmp_path / "model.onnx"
    names = ",".join(f"f{i}" for i in range(30))
    kinds = np.array(["ill", "well"])[data.target]
    lines = [",".join(map(str, [*row, kind])) for row, kind in zip(data.data, kinds, strict=True)]
    table.write_text("\n".join([f"{names},kind", *lines, ""]))
    model.write_bytes(linear(30, 2))

    assert train(model, table, label="kind", epsilon=4) == 0, capsys.readouterr().err

    low, high = data.data.min(0), data.data.max(0)
    rows = (2 * (data.data - low) / (high - low) - 1).astype(np.float32)
    trained = ReferenceEvaluator((tmp_path / "model.trained.onnx").read_bytes())
    logits: Any = trained.run(None, {"rows": rows})
    assert (logits[0].argmax(1) == data.target).mean() > 0.91
