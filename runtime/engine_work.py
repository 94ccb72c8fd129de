"""What the chain agreed on, in the engine's words, and what comes of it, in bytes."""

import io
from collections.abc import Callable, Mapping
from dataclasses import asdict
from math import prod
from types import MappingProxyType
from typing import Final

import numpy as np
from numpy.typing import NDArray

from tilth import engine
from tilth.engine import Engine
from tilth.pallets.compute import (
    EvaluateSpec,
    Histogram,
    JobSpec,
    Loss,
    Mean,
    Optimizer,
    Schedule,
    StatisticsSpec,
    TrainSpec,
)
from tilth.pallets.compute.work import Question, Work
from tilth.vault import PrivateTable, Schema, Table, read_evaluation
from tilth.vault.schema import canonical_json
from tilth.vault.table import Labels, given_labels

_MICRO: Final = 1e6
_NUMBER_BYTES: Final = 32  # in JSON, with its comma
_ANSWER_BYTES: Final = 256
_HEAD_BYTES: Final = 128  # of a .npy file

Percent = Callable[[int, int], None]

_NATURAL: Final = (Loss.BINARY_CROSS_ENTROPY, Loss.POISSON)
_LOSSES: Final[Mapping[Loss, str]] = MappingProxyType({loss: loss.name.lower() for loss in Loss})
_OPTIMIZERS: Final[Mapping[Optimizer, str]] = MappingProxyType(
    {optimizer: optimizer.name.lower() for optimizer in Optimizer}
)
_SCHEDULES: Final[Mapping[Schedule, str]] = MappingProxyType(
    {schedule: schedule.name.lower() for schedule in Schedule}
)


class NaturalRows:
    """A table within its declared bounds but not scaled: statistics are asked in its own units."""

    def __init__(self, table: Table) -> None:
        bounds = np.array(table.schema.bounds, np.float32).reshape(-1, 2)
        self._rows = np.clip(table.features, bounds[:, 0], bounds[:, 1])
        self._labels = given_labels(table, natural=True)
        self.count = len(table)
        self.features = int(self._rows.shape[1])

    def batch(self, indices: NDArray[np.int64]) -> tuple[NDArray[np.float32], Labels]:
        return self._rows[indices], self._labels[indices]


def rows_for(work: Work, table: Table) -> PrivateTable:
    """Scaled by the declared bounds; a label that a loss takes as it is keeps its own units."""
    natural = isinstance(work, TrainSpec | EvaluateSpec) and Loss(work.loss) in _NATURAL
    return PrivateTable(table, natural_labels=natural)


def ensure_fits(compute: Engine, spec: JobSpec, model: bytes, table: Table) -> None:
    """Raise what would end the job, as far as it can be known before a row is touched."""
    work, rows = spec.work, rows_for(spec.work, table)
    match work:
        case TrainSpec():
            checked = compute.check(model, train_spec(work, spec.max_output_bytes))
            _ensure_model_fits(checked, spec, rows, work.loss)
        case EvaluateSpec():
            checked = compute.check(model, _one_step(work))
            _ensure_model_fits(checked, spec, rows, work.loss)
            _ensure_room(spec, _room(work))
        case StatisticsSpec():
            asked = statistics_spec(work)
            width = sum(question.width for question in asked.questions)
            _ensure(spec.params == width, "the spec declares another number of answers")
            columns = [question.column for question in asked.questions]
            _ensure(max(columns) < rows.features, "a column does not exist")
            _ensure_room(spec, _room(work))
        case _:
            tried = compute.infer(model, np.zeros((1, rows.features), np.float32))
            _ensure_room(spec, _HEAD_BYTES + 4 * tried.size * rows.count)


def ensure_testable(compute: Engine, model: bytes, evaluation: bytes) -> None:
    """Whether jurors could measure the model by its requester's test: else it measures nobody."""
    features, labels = read_evaluation(evaluation)
    classes = compute.infer(model, features)[0].size
    _ensure(labels.min() >= 0 and labels.max() < classes, "the test has other classes")


def perform(compute: Engine, spec: JobSpec, model: bytes, table: Table, progress: Percent) -> bytes:
    """Do the work on the rows; what comes back may leave at the job's cost."""
    work, rows = spec.work, rows_for(spec.work, table)
    match work:
        case TrainSpec():
            told = train_spec(work, spec.max_output_bytes)
            return compute.train(model, told, rows, progress).model
        case EvaluateSpec():
            found = compute.evaluate(model, evaluate_spec(work), rows)
            metrics = {name: asdict(value) for name, value in found.metrics.items()}
            return _padded({"metrics": metrics, "rows": found.rows}, _room(work))
        case StatisticsSpec():
            answered = compute.tell(statistics_spec(work), NaturalRows(table))
            answers = [asdict(answer) for answer in answered.answers]
            return _padded({"answers": answers, "rows": answered.rows}, _room(work))
        case _:
            return _outputs(compute, model, rows)


def _room(work: EvaluateSpec | StatisticsSpec) -> int:
    """Bytes that the answer takes, whatever it is."""
    if isinstance(work, EvaluateSpec):
        return 2 * _ANSWER_BYTES
    asked = statistics_spec(work).questions
    return sum(question.width for question in asked) * _NUMBER_BYTES + len(asked) * _ANSWER_BYTES


def _padded(told: dict[str, object], size: int) -> bytes:
    """As JSON with spaces after it: everybody sees how long a sealed answer is."""
    return canonical_json(told).ljust(size)


def _outputs(compute: Engine, model: bytes, rows: PrivateTable) -> bytes:
    """Of every row, for a spec that the owner listed: his own ledger refuses any other."""
    listed = {engine.raw_outputs_hash(model)}
    found, file = compute.outputs_of_rows(model, rows, allow_listed=listed), io.BytesIO()
    np.save(file, found.astype("<f4"), allow_pickle=False)
    return file.getvalue()


def train_spec(train: TrainSpec, max_output_bytes: int) -> engine.TrainSpec:
    return engine.TrainSpec(
        loss=_LOSSES[Loss(train.loss)],
        optimizer=_OPTIMIZERS[Optimizer(train.optimizer)],
        steps=train.steps,
        learning_rate_micro=train.learning_rate_micro,
        clip_micro=train.clip_micro,
        noise_multiplier_milli=train.noise_multiplier_milli,
        rate_per_billion=train.sampling_ppb,
        max_output_bytes=max_output_bytes,
        frozen=train.frozen,
        momentum_micro=train.momentum_micro,
        schedule=_SCHEDULES[Schedule(train.schedule)],
        warmup_steps=train.warmup_steps,
        huber_delta_micro=train.huber_delta_micro,
    )


def evaluate_spec(work: EvaluateSpec) -> engine.EvaluateSpec:
    return engine.EvaluateSpec(
        loss=_LOSSES[Loss(work.loss)],
        noise_multiplier_milli=work.noise_multiplier_milli,
        bound_micro=work.bound_micro,
        huber_delta_micro=work.huber_delta_micro,
    )


def statistics_spec(work: StatisticsSpec) -> engine.StatisticsSpec:
    questions = tuple(_question(question) for question in work.questions)
    return engine.StatisticsSpec(
        questions=questions, noise_multiplier_milli=work.noise_multiplier_milli
    )


def _question(question: Question) -> engine.Mean | engine.Histogram | engine.Quantiles:
    column = engine.LABEL_COLUMN if question.column is None else question.column
    match question:
        case Mean(low_micro=low, high_micro=high):
            return engine.Mean(column, low / _MICRO, high / _MICRO)
        case Histogram(edges_micro=edges):
            return engine.Histogram(column, tuple(edge / _MICRO for edge in edges))
        case quantiles:
            grid = tuple(edge / _MICRO for edge in quantiles.edges_micro)
            shares = tuple(share / 1000 for share in quantiles.shares_milli)
            return engine.Quantiles(column, grid, shares)


def _one_step(work: EvaluateSpec) -> engine.TrainSpec:
    """What a model to be measured must pass as well: it is judged as if it were to be trained."""
    return engine.TrainSpec(
        loss=_LOSSES[Loss(work.loss)],
        steps=1,
        learning_rate_micro=1,
        clip_micro=1,
        noise_multiplier_milli=work.noise_multiplier_milli,
    )


def _ensure_model_fits(
    checked: engine.Checked, spec: JobSpec, rows: PrivateTable, loss: Loss
) -> None:
    """Whether the model takes such rows and can say every label."""
    declared = checked.parameters == spec.params
    _ensure(declared, "the model has not the declared number of parameters")
    fits = prod(checked.input_shape) == rows.features
    _ensure(fits, "the model does not fit the table's columns")
    _ensure_says(Loss(loss), prod(checked.output_shape), rows.schema)


def _ensure_says(loss: Loss, outputs: int, schema: Schema) -> None:
    _ensure(schema.label is not None, "the table has no label to learn or to measure by")
    low, high = schema.label_range or (0, schema.classes - 1)
    if loss is Loss.SOFTMAX_CROSS_ENTROPY:
        _ensure(0 < schema.classes <= outputs, "the loss takes classes, each with its own output")
        return
    _ensure(outputs == 1, "the loss takes one output, as a row has one label")
    unit = loss is not Loss.BINARY_CROSS_ENTROPY or (low >= 0 and high <= 1)
    _ensure(unit, "binary cross-entropy takes labels between 0 and 1")
    _ensure(loss is not Loss.POISSON or low >= 0, "Poisson's loss takes counts")


def _ensure_room(spec: JobSpec, needed: int) -> None:
    _ensure(needed <= spec.max_output_bytes, f"the result may take {needed} bytes")


def _ensure(condition: bool, text: str) -> None:
    if not condition:
        raise engine.Refused(engine.Reason.DATA_MISMATCH, text)


def share_of_right_answers(
    compute: Engine, model: bytes, features: NDArray[np.float32], labels: NDArray[np.int64]
) -> int:
    """In millionths, of the rows for which the highest output is that of the label."""
    outputs = compute.infer(model, features).reshape(len(features), -1)
    right = int((outputs.argmax(axis=1) == labels).sum())
    return right * 1_000_000 // len(labels)
