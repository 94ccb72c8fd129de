"""A table as the engine's own commands train on it: scaled by its bounds, the label set apart."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from tilth.vault import Roles, Schema, Table, TableError, read_file

Floats = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class EngineTable:
    """Rows and labels by number, as `tilth.engine.Rows` asks for them."""

    names: tuple[str, ...]
    rows: Floats
    labels: NDArray[Any]
    classes: tuple[str, ...]
    bounds: tuple[tuple[float, float], ...]

    @property
    def count(self) -> int:
        return len(self.rows)

    @property
    def features(self) -> int:
        return int(self.rows.shape[1])

    def batch(self, indices: NDArray[np.int64]) -> tuple[Floats, NDArray[Any]]:
        return self.rows[indices], self.labels[indices]

    def column(self, name: str) -> int:
        if name not in self.names:
            raise TableError(f"there is no column {name!r}: the table has {', '.join(self.names)}.")
        return self.names.index(name)


def engine_table(
    source: Path,
    *,
    label: str | None = None,
    loss: str = "softmax_cross_entropy",
    schema: Path | None = None,
    scale: bool = True,
) -> EngineTable:
    """The file's rows; a label of classes becomes their numbers, any other what the loss takes."""
    classes = loss == "softmax_cross_entropy"
    declared = None if schema is None else Schema.from_json(schema.read_bytes())
    told = label if classes else None
    named = Roles.of(declared).classes if declared else ()
    draft = read_file(source, Roles(told, classes=[name for name in named if name != told]))
    table = draft.table(draft.suggest() if declared is None else declared)
    features, bounds = _features(table, scale=scale)
    names = tuple(column.name for column in table.schema.feature_columns)
    if told is not None or label is None:
        found = table.schema.class_names
        labels = np.zeros(len(table), np.int64) if table.labels is None else table.labels
        return EngineTable(names, features, labels, found, bounds)
    return _set_apart(
        EngineTable(names, features, np.zeros(0), (), bounds), label, _target(loss, scale=scale)
    )


Target: TypeAlias = Callable[[NDArray[Any], tuple[float, float]], NDArray[Any]]


def _target(loss: str, *, scale: bool) -> Target:
    """What a loss makes of a label that was scaled to [-1, 1]: shares from 0 to 1, or counts as
    they were; the rest learns it as it is."""
    if scale and loss == "binary_cross_entropy":
        return lambda label, bounds: (label + 1) / 2
    if scale and loss == "poisson":
        return lambda label, bounds: bounds[0] + (label + 1) / 2 * (bounds[1] - bounds[0])
    return lambda label, bounds: label


def _set_apart(whole: EngineTable, label: str, target: Target) -> EngineTable:
    at = whole.column(label)
    kept = [i for i in range(whole.features) if i != at]
    return EngineTable(
        names=tuple(whole.names[i] for i in kept),
        rows=np.ascontiguousarray(whole.rows[:, kept]),
        labels=target(whole.rows[:, at], whole.bounds[at]),
        classes=(),
        bounds=tuple(whole.bounds[i] for i in kept),
    )


def _features(table: Table, *, scale: bool) -> tuple[Floats, tuple[tuple[float, float], ...]]:
    """Within their bounds, and from these to [-1, 1] if asked."""
    bounds = table.schema.bounds
    lower, upper = np.array(bounds, np.float64).reshape(-1, 2).T
    inside = np.clip(table.features.astype(np.float64), lower, upper)
    width = np.where(upper > lower, upper - lower, 1)
    scaled = 2 * (inside - lower) / width - 1 if scale else inside
    return scaled.astype(np.float32), bounds
