"""Models as people have them become ONNX files to train, and take the weights back."""

import os
import stat
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime
import pytest

from tilth.engine import linear
from tilth.primitives.crypto.sealing import SealingKey
from tilth.sdk import Loss, TrainingPlan
from tilth.sdk.desk import fitting, loss_for
from tilth.sdk.estimators import NotTrainable
from tilth.sdk.keys import KeyRing, default_keys
from tilth.sdk.models import put_into, start_of
from tilth.sdk.questions import questions
from tilth.sdk.results import TrainedModel
from tilth.sdk.rows import class_places, scaled_rows
from tilth.vault import Categorical, Numeric, Schema

pytest.importorskip("sklearn", reason="no scikit-learn")

from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import (
    LogisticRegression,
    PoissonRegressor,
    Ridge,
    SGDClassifier,
    SGDRegressor,
)
from sklearn.neighbors import KNeighborsClassifier
from sklearn.neural_network import MLPClassifier, MLPRegressor
from sklearn.pipeline import make_pipeline
from sklearn.svm import SVC

LABEL = Categorical("kind", ("rye", "oats", "barley"))
SCHEMA = Schema((Numeric("wet", 0, 10), Numeric("warm", -20, 40), LABEL), "kind")
TWO = Schema((*SCHEMA.columns[:2], Categorical("sick", ("yes", "no"))), "sick")
RANDOM = np.random.default_rng(1)
ROWS = np.stack([RANDOM.uniform(0, 10, 90), RANDOM.uniform(-20, 40, 90)], axis=1)


def labels(schema: Schema) -> Any:
    names = schema.class_names
    places = (ROWS[:, 0] / 3.34 + ROWS[:, 1] / 100).astype(int).clip(0, len(names) - 1)
    return np.array(names)[places]


def answers(model: bytes, schema: Schema) -> Any:
    session = onnxruntime.InferenceSession(model, providers=["CPUExecutionProvider"])
    (found,) = session.run(None, {"rows": scaled_rows(ROWS, schema)})
    return np.asarray(found)


@pytest.mark.parametrize("schema", [SCHEMA, TWO], ids=["three classes", "two classes"])
@pytest.mark.parametrize(
    "make",
    [
        LogisticRegression,
        lambda: SGDClassifier(loss="log_loss"),
        lambda: MLPClassifier((4,), activation="tanh", max_iter=3, random_state=0),
        lambda: MLPClassifier((4, 3), activation="logistic", max_iter=3, random_state=0),
    ],
)
@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_a_fitted_classifier_says_the_same_as_its_file_and_as_its_twin(
    make: Any, schema: Schema
) -> None:
    fitted = make().fit(ROWS, labels(schema))
    start = start_of(fitted, schema)

    said = np.array(schema.class_names)[answers(start.onnx, schema).argmax(axis=1)]
    twin = put_into(make(), start.onnx, schema)

    assert start.loss == "softmax_cross_entropy"
    assert list(said) == list(fitted.predict(ROWS))
    assert list(twin.predict(ROWS)) == list(said)
    assert twin.predict_proba(ROWS) == pytest.approx(fitted.predict_proba(ROWS), abs=1e-5)


@pytest.mark.parametrize(
    "make",
    [
        Ridge,
        lambda: SGDRegressor(learning_rate="constant", eta0=1e-5),
        lambda: MLPRegressor(hidden_layer_sizes=(3,), max_iter=3, random_state=0),
    ],
)
@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_a_fitted_regressor_says_the_same_as_its_file_and_as_its_twin(make: Any) -> None:
    fitted = make().fit(ROWS, ROWS[:, 0])
    start = start_of(fitted, SCHEMA)

    assert start.loss == "mean_squared_error"
    assert answers(start.onnx, SCHEMA)[:, 0] == pytest.approx(fitted.predict(ROWS), abs=1e-3)
    twin = put_into(make(), start.onnx, SCHEMA)
    assert twin.predict(ROWS) == pytest.approx(fitted.predict(ROWS), abs=1e-3)


@pytest.mark.parametrize("make", [Ridge, lambda: PoissonRegressor(max_iter=1000)])
def test_a_label_that_is_a_number_keeps_its_units_outside_the_file(make: Any) -> None:
    """Inside, a trainer sees it between -1 and 1; but a rate's logarithm is not scaled."""
    schema = Schema((*SCHEMA.columns[:2], Numeric("price", 0, 50)), "price")
    fitted = make().fit(ROWS, ROWS[:, 0])
    start = start_of(fitted, schema)

    model = TrainedModel(start.onnx, schema, Loss[str(start.loss).upper()])

    assert model.predict(ROWS) == pytest.approx(fitted.predict(ROWS), rel=1e-4, abs=1e-3)
    assert model.into(make()).predict(ROWS) == pytest.approx(fitted.predict(ROWS), rel=1e-3)
    raw = answers(start.onnx, schema)[:, 0]
    scaled = fitted.predict(ROWS) / 25 - 1
    expected = np.log(fitted.predict(ROWS)) if model.loss is Loss.POISSON else scaled
    assert raw == pytest.approx(expected, abs=1e-4)


def test_an_estimator_that_was_not_fitted_starts_with_its_own_layers() -> None:
    start = start_of(MLPClassifier((7, 5), activation="relu"), SCHEMA)
    graph = onnx.load_from_string(start.onnx).graph

    assert [node.op_type for node in graph.node] == ["Gemm", "Relu", "Gemm", "Relu", "Gemm"]
    assert [tuple(each.dims) for each in graph.initializer][::2] == [(7, 2), (5, 7), (3, 5)]
    assert start_of(PoissonRegressor(), SCHEMA).loss == "poisson"


@pytest.mark.parametrize(
    ("model", "reason"),
    [
        (RandomForestClassifier(), "trees have no gradients; take LogisticRegression"),
        (KNeighborsClassifier(), "keeps rows instead of learning weights"),
        (SVC(), "kernels keep rows"),
        (SGDClassifier(), "trained with loss log_loss, not 'hinge'"),
        (make_pipeline(LogisticRegression()), "the pipeline's last step alone"),
        (3, "an ONNX file, an onnx.ModelProto, a PyTorch module or a scikit-learn estimator"),
    ],
)
def test_what_noisy_gradients_cannot_train_is_told_why(model: Any, reason: str) -> None:
    with pytest.raises(NotTrainable, match=reason):
        start_of(model, SCHEMA)


def test_an_estimator_of_another_table_is_refused() -> None:
    with pytest.raises(NotTrainable, match="fitted to 1 columns; the table has 2"):
        start_of(Ridge().fit(ROWS[:, :1], ROWS[:, 0]), SCHEMA)
    with pytest.raises(NotTrainable, match="other classes than rye, oats, barley"):
        start_of(LogisticRegression().fit(ROWS, labels(TWO)), SCHEMA)


def test_onnx_comes_as_bytes_path_or_message(tmp_path: Path) -> None:
    model, path = linear(2, 3), tmp_path / "model.onnx"
    path.write_bytes(model)

    assert start_of(model, SCHEMA).onnx == model
    assert start_of(path, SCHEMA).onnx == start_of(str(path), SCHEMA).onnx == model
    again = onnx.load_from_string(start_of(onnx.load_from_string(model), SCHEMA).onnx)
    assert again == onnx.load_from_string(model)


def test_a_module_is_exported_for_any_number_of_rows_and_filled_again() -> None:
    torch: Any = pytest.importorskip("torch", reason="PyTorch is not installed")
    pytest.importorskip("onnxscript", reason="PyTorch's exporter needs onnxscript")
    layers = (torch.nn.Linear(2, 4), torch.nn.Dropout(0.5), torch.nn.Tanh(), torch.nn.Linear(4, 3))
    module = torch.nn.Sequential(*layers).train()

    model = start_of(module, SCHEMA).onnx
    session = onnxruntime.InferenceSession(model, providers=["CPUExecutionProvider"])
    rows = scaled_rows(ROWS, SCHEMA)
    (found,) = session.run(None, {session.get_inputs()[0].name: rows})
    twin = put_into(torch.nn.Sequential(*layers[:1], *layers[2:]).eval(), model, SCHEMA)

    assert module.training
    assert np.asarray(found) == pytest.approx(module.eval()(torch.tensor(rows)).detach(), abs=1e-5)
    assert torch.equal(twin[0].weight, module[0].weight)


def test_a_module_that_does_not_take_flat_rows_is_told_of_input_shape() -> None:
    torch: Any = pytest.importorskip("torch", reason="PyTorch is not installed")
    pytest.importorskip("onnxscript", reason="PyTorch's exporter needs onnxscript")
    module = torch.nn.Sequential(
        torch.nn.Conv2d(1, 2, (1, 2)), torch.nn.Flatten(), torch.nn.Linear(2, 3)
    )

    with pytest.raises(NotTrainable, match="input_shape="):
        start_of(module, SCHEMA)
    with pytest.raises(NotTrainable, match="do not make 1×3×3"):
        start_of(module, SCHEMA, (1, 3, 3))
    assert onnx.load_from_string(start_of(module, SCHEMA, (1, 1, 2)).onnx).graph.node


def test_rows_are_taken_by_column_where_they_have_names() -> None:
    pandas = pytest.importorskip("pandas", reason="no pandas")
    frame = pandas.DataFrame({"warm": [40.0], "more": ["?"], "wet": [0.0]})

    assert scaled_rows(frame, SCHEMA).tolist() == [[-1.0, 1.0]]
    with pytest.raises(ValueError, match="no column warm"):
        scaled_rows(frame[["wet"]], SCHEMA)
    with pytest.raises(ValueError, match="have the columns wet, warm"):
        scaled_rows([[1.0]], SCHEMA)
    with pytest.raises(ValueError, match="no class 'wheat', but rye, oats, barley"):
        class_places(["wheat"], SCHEMA)


def test_questions_are_cut_within_the_declared_bounds() -> None:
    asked: tuple[Any, ...] = questions(
        SCHEMA, mean=["wet"], histogram={"warm": 3, "kind": [0, 1]}, quantiles=["warm"]
    )
    mean, parts, classes, quartiles = asked

    assert (mean.column, mean.low_micro, mean.high_micro) == (0, 0, 10_000_000)
    assert parts.edges_micro == (-20_000_000, 0, 20_000_000, 40_000_000)
    assert (classes.column, classes.edges_micro) == (None, (0, 1_000_000))
    assert (len(quartiles.edges_micro), quartiles.shares_milli) == (21, (250, 500, 750))
    kinds: Any = questions(SCHEMA, histogram=["kind"])[0]
    assert kinds.edges_micro == (-500_000, 500_000, 1_500_000, 2_500_000)


def test_questions_that_cannot_be_answered_are_refused() -> None:
    with pytest.raises(LookupError, match="no column 'cold', but wet, warm, kind"):
        questions(SCHEMA, mean=["cold"])
    with pytest.raises(ValueError, match="ask for something"):
        questions(SCHEMA)
    with pytest.raises(ValueError, match="256 at most"):
        questions(SCHEMA, histogram={"wet": 300})


@pytest.mark.parametrize(
    ("outputs", "schema", "loss"),
    [
        (3, SCHEMA, "softmax_cross_entropy"),
        (1, TWO, "binary_cross_entropy"),
        (1, SCHEMA, "mean_squared_error"),
    ],
)
def test_the_form_of_the_answer_says_the_loss(outputs: int, schema: Schema, loss: str) -> None:
    assert loss_for(linear(2, outputs), schema) == loss


def test_a_model_for_another_table_is_told_what_differs() -> None:
    plan = TrainingPlan(epsilon=1)

    assert fitting(linear(2, 3), plan, SCHEMA).parameters == 9
    with pytest.raises(NotTrainable, match="2 columns beside its label: wet, warm"):
        fitting(linear(3, 3), plan, SCHEMA)
    with pytest.raises(NotTrainable, match="tells 2 classes, and the label has 3"):
        fitting(linear(2, 2), plan, SCHEMA)


def test_keys_are_for_their_owners_eyes_and_found_again(tmp_path: Path) -> None:
    keys = KeyRing(tmp_path / "keys")
    key = keys.generate()

    found = KeyRing(tmp_path / "keys").find(key.public)

    assert found is not None
    assert found.expose_secret() == key.expose_secret()
    assert keys.find(SealingKey.generate().public) is None
    modes = {stat.S_IMODE(os.stat(path).st_mode) for path in (tmp_path / "keys").iterdir()}
    assert modes == {0o600}
    assert stat.S_IMODE(os.stat(tmp_path / "keys").st_mode) == 0o700


def test_keys_are_where_the_environment_says(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_DATA_HOME", "/somewhere")
    monkeypatch.delenv("TILTH_KEYS", raising=False)
    assert default_keys().folder == Path("/somewhere/tilth/job-keys")

    monkeypatch.setenv("TILTH_KEYS", "/else")
    assert default_keys().folder == Path("/else")
