"""What comes back of jobs, opened: a trained model, measures, answers, outputs."""

import io
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, TypeAlias

import numpy as np
from numpy.typing import NDArray

from tilth.pallets.compute.work import (
    EvaluateSpec,
    Histogram,
    Loss,
    Mean,
    Question,
    StatisticsSpec,
    TrainSpec,
)
from tilth.sdk.models import put_into
from tilth.sdk.questions import column_of
from tilth.sdk.rows import scaled_rows
from tilth.sdk.wire import MICRO, JobSpec
from tilth.vault import Categorical, Schema
from tilth.vault.table import natural_label

if TYPE_CHECKING:
    from tilth.engine import Measured

_CLASSIFY: Final = (Loss.SOFTMAX_CROSS_ENTROPY, Loss.BINARY_CROSS_ENTROPY)
_LARGEST_HEADER: Final = 1 << 16


@dataclass(frozen=True, slots=True, repr=False)
class TrainedModel:
    """One's own ONNX file with trained weights.

    Inside, rows are scaled to [-1, 1] from the table's declared bounds; `predict` does that.
    """

    onnx: bytes
    schema: Schema
    loss: Loss

    def __repr__(self) -> str:
        return f"<TrainedModel: {len(self.onnx):,} bytes of ONNX>"

    def save(self, path: str | Path) -> Path:
        """Write the ONNX file; it loads in plain ONNX Runtime."""
        path = Path(path)
        path.write_bytes(self.onnx)
        return path

    def scale(self, rows: Any) -> NDArray[np.float32]:
        """Rows in the table's own units, as the model takes them: a frame, or columns in order."""
        return scaled_rows(rows, self.schema)

    def outputs(self, rows: Any) -> NDArray[np.float32]:
        """The model's own answers for rows in the table's own units."""
        from tilth.engine import Engine

        with Engine(unconfined_ok=True) as engine:  # the caller's own model and rows
            return engine.infer(self.onnx, self.scale(rows))

    def predict(self, rows: Any) -> NDArray[Any]:
        """The likeliest class by its name, or the number, for each row in the table's own units."""
        outputs, names = self.outputs(rows), self.schema.class_names
        flat = outputs.reshape(len(outputs), -1)
        if self.loss not in _CLASSIFY or not names:
            return self._number(flat[:, 0] if flat.shape[1] == 1 else flat)
        places = flat.argmax(axis=1) if flat.shape[1] > 1 else (flat[:, 0] > 0).astype(int)
        return np.array([names[place] for place in places])

    def _number(self, said: NDArray[np.float32]) -> NDArray[np.float32]:
        """In the label's own units; by Poisson's loss a model says a rate's logarithm."""
        if self.loss is Loss.POISSON:
            return np.exp(said)
        return said if self.loss in _CLASSIFY else natural_label(said, self.schema)

    def into(self, model: Any) -> Any:
        """Put the weights into the PyTorch module or scikit-learn estimator that was sent.

        An estimator then takes rows in the table's own units, a module rows as `scale` makes them.
        """
        return put_into(model, self.onnx, self.schema)


@dataclass(frozen=True, slots=True)
class Evaluation:
    """What a model is worth on private rows, in noisy numbers: `accuracy` and `loss`."""

    metrics: "Mapping[str, Measured]"
    rows: int

    def __getitem__(self, name: str) -> "Measured":
        return self.metrics[name]

    def __str__(self) -> str:
        told = (
            f"{name} {each.value:.4f} ± {each.noise:.4f}" for name, each in self.metrics.items()
        )
        return ", ".join(told)


@dataclass(frozen=True, slots=True)
class MeanOf:
    """A column's noisy mean; the noise's standard deviation is public."""

    column: str
    value: float
    noise: float


@dataclass(frozen=True, slots=True)
class HistogramOf:
    """Noisy shares of the rows by part of a column: between two edges, or of one class."""

    column: str
    parts: tuple[str, ...]
    shares: tuple[float, ...]
    noise: float


@dataclass(frozen=True, slots=True)
class QuantilesOf:
    """Below which value which share of the rows lies."""

    column: str
    shares: tuple[float, ...]
    values: tuple[float, ...]


AnswerOf: TypeAlias = MeanOf | HistogramOf | QuantilesOf


@dataclass(frozen=True, slots=True)
class Answers:
    """In the order in which they were asked for."""

    answers: tuple[AnswerOf, ...]
    rows: int

    def __iter__(self) -> Iterator[AnswerOf]:
        return iter(self.answers)

    def __len__(self) -> int:
        return len(self.answers)

    def __getitem__(self, at: int) -> AnswerOf:
        return self.answers[at]


Result: TypeAlias = TrainedModel | Evaluation | Answers | NDArray[np.float32]


def result_of(spec: JobSpec, opened: bytes, schema: Schema) -> Result:
    """What a job's opened result says; raises ValueError where the worker sent something else."""
    try:
        match spec.work:
            case TrainSpec(loss=loss):
                return TrainedModel(opened, schema, Loss(loss))
            case EvaluateSpec():
                return _evaluation(json.loads(opened))
            case StatisticsSpec(questions=questions):
                return _answers(json.loads(opened), questions, schema)
            case _:
                return _outputs(opened)
    except (KeyError, TypeError, ValueError, RecursionError) as error:
        raise ValueError(
            f"the result opens, but is not what such a job brings ({error}): dispute it or talk "
            "to the owner"
        ) from error


def _evaluation(found: Any) -> Evaluation:
    from tilth.engine import Measured

    metrics = {
        str(name): Measured(float(each["value"]), float(each["noise"]))
        for name, each in found["metrics"].items()
    }
    return Evaluation(metrics, int(found["rows"]))


def _answers(found: Any, questions: Sequence[Question], schema: Schema) -> Answers:
    pairs = zip(questions, found["answers"], strict=True)
    answers = tuple(_answer(question, answer, schema) for question, answer in pairs)
    return Answers(answers, int(found["rows"]))


def _answer(question: Question, found: Any, schema: Schema) -> AnswerOf:
    column = column_of(schema, question)
    match question:
        case Mean():
            mean = found["mean"]
            return MeanOf(column, float(mean["value"]), float(mean["noise"]))
        case Histogram():
            shares = tuple(float(share) for share in found["shares"])
            parts = _parts(schema, column, question)
            if len(parts) != len(shares):
                raise ValueError("a histogram has a share for each part")
            return HistogramOf(column, parts, shares, float(found["noise"]))
        case _:
            asked = tuple(share / 1000 for share in question.shares_milli)
            return QuantilesOf(column, asked, tuple(float(value) for value in found["values"]))


def _parts(schema: Schema, name: str, question: Histogram) -> tuple[str, ...]:
    edges = [edge / MICRO for edge in question.edges_micro]
    found = next(column for column in schema.columns if column.name == name)
    if isinstance(found, Categorical) and len(edges) == len(found.classes) + 1:
        return found.classes
    return tuple(f"{low:g} … {high:g}" for low, high in pairwise(edges))


def _outputs(opened: bytes) -> NDArray[np.float32]:
    found = np.lib.format.read_array(
        io.BytesIO(opened), allow_pickle=False, max_header_size=_LARGEST_HEADER
    )
    return np.asarray(found, np.float32)
