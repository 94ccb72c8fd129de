"""A private table in its canonical form, and the scaled rows that a trainer is given."""

import csv
import io
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tilth.vault.errors import TableError
from tilth.vault.schema import Categorical, Schema

Features = NDArray[np.float32]
Labels = NDArray[Any]
"""int64 places of classes, or float32 numbers: as the schema says."""


@dataclass(frozen=True, slots=True, repr=False, eq=False)
class Table:
    """Rows as the owner holds them: float32 features as declared, and labels in their own units.

    A categorical feature is the place of its class, as a float32.
    """

    schema: Schema
    features: Features
    labels: Labels | None = None

    def __post_init__(self) -> None:
        _check(self)

    def __len__(self) -> int:
        return len(self.features)

    def __repr__(self) -> str:
        return f"<Table: {len(self)} rows, {len(self.schema.columns)} columns>"

    def rows(self) -> list[bytes]:
        """Every row in canonical bytes: little-endian float32 features, then the label."""
        parts = [np.ascontiguousarray(self.features, "<f4").view(np.uint8)]
        if self.labels is not None:
            labels = np.ascontiguousarray(self.labels, label_type(self.schema))
            parts.append(labels.view(np.uint8).reshape(len(self), -1))
        joined = np.concatenate(parts, axis=1)
        width, flat = joined.shape[1], joined.tobytes()
        return [flat[at : at + width] for at in range(0, len(flat), width)]

    def outside_bounds(self) -> tuple[int, ...]:
        """How many values of each feature, and of a label that is a number, will be clamped.

        For the owner's eyes: it is private.
        """
        lower, upper = _ranges(self.schema)
        outside = ((self.features < lower) | (self.features > upper)).sum(axis=0)
        return (*(int(count) for count in outside), *_labels_outside(self))


class PrivateTable:
    """The rows a trainer may see, scaled to [-1, 1] by the declared bounds alone.

    Nothing is fitted to the data, and values outside the bounds are clamped: so one row cannot
    change what is done to another. A label that is a number is scaled as features are, or only
    clamped where `natural_labels` are asked for; a class is its place.
    """

    __slots__ = ("_features", "_labels", "classes", "count", "features", "schema")

    def __init__(self, table: Table, *, natural_labels: bool = False) -> None:
        self._features = scaled(table)
        self._labels = given_labels(table, natural=natural_labels)
        self.schema = table.schema
        self.count: int = len(table)
        self.features: int = self._features.shape[1]
        self.classes: int = table.schema.classes

    def __repr__(self) -> str:
        shape = f"{self.count} rows, {self.features} features, {self.classes} classes"
        return f"<PrivateTable: {shape}>"

    def batch(self, indices: NDArray[np.integer]) -> tuple[Features, Labels]:
        """Copies of these rows, in this order; labels are 0 where the table has none."""
        if indices.ndim != 1 or not np.issubdtype(indices.dtype, np.integer):
            raise IndexError("Rows are asked for by a flat array of integers.")
        if len(indices) and not (indices.min() >= 0 and indices.max() < self.count):
            raise IndexError(f"Rows are numbered 0 to {self.count - 1}.")
        return self._features[indices], self._labels[indices]


def scaled(table: Table) -> Features:
    """Features from [lower, upper] as declared to [-1, 1]; what lies outside is clamped."""
    lower, upper = _ranges(table.schema)
    inside = np.clip(table.features.astype(np.float64), lower, upper)
    unit = (inside - lower) / (upper - lower)
    return (2.0 * unit - 1.0).astype(np.float32)


def given_labels(table: Table, *, natural: bool) -> Labels:
    """As a trainer is given them; zeros where the table has none."""
    limits = table.schema.label_range
    if table.labels is None:
        return np.zeros(len(table), np.int64)
    if limits is None:
        return table.labels
    inside = np.clip(table.labels.astype(np.float64), *limits)
    lower, upper = limits
    unit = inside if natural else 2.0 * (inside - lower) / (upper - lower) - 1.0
    return unit.astype(np.float32)


def natural_label(values: NDArray[Any], schema: Schema) -> NDArray[np.float32]:
    """Numbers that a model says of a label between -1 and 1, in the label's own units."""
    lower, upper = schema.label_range or (-1.0, 1.0)
    natural = lower + (values.astype(np.float64) + 1.0) * (upper - lower) / 2.0
    return natural.astype(np.float32)


def label_type(schema: Schema) -> str:
    """In which bytes the table's labels are kept."""
    return "<i8" if schema.classes else "<f4"


def csv_bytes(table: Table) -> bytes:
    """The table as UTF-8 CSV, each number in the fewest digits that give it back exactly."""
    text = io.StringIO(newline="")
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(column.name for column in table.schema.columns)
    writer.writerows(zip(*_cells(table), strict=True))
    return text.getvalue().encode()


def _cells(table: Table) -> list[list[str]]:
    features = iter(table.features.T)
    cells: list[list[str]] = []
    for column in table.schema.columns:
        is_label = column.name == table.schema.label
        values = table.labels if is_label and table.labels is not None else next(features)
        if isinstance(column, Categorical):
            cells.append([column.classes[int(value)] for value in values])
        else:
            cells.append([str(value) for value in values])
    return cells


def _ranges(schema: Schema) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    pairs = np.array(schema.bounds, np.float64)
    return pairs[:, 0], pairs[:, 1]


def _check(table: Table) -> None:
    features, labels, schema = table.features, table.labels, table.schema
    if features.dtype != np.float32 or features.ndim != 2 or not len(features):
        raise TableError("features are a matrix of float32 with at least one row.")
    if features.shape[1] != len(schema.feature_columns):
        raise TableError("the schema declares another number of feature columns.")
    if not np.isfinite(features).all():
        raise TableError("every feature must be a finite number.")
    if (labels is None) != (schema.label is None):
        raise TableError("labels are needed exactly when the schema names a label.")
    if labels is not None and schema.classes:
        _check_classes(labels, rows=len(features), classes=schema.classes)
    elif labels is not None:
        _check_numbers(labels, rows=len(features))
    _check_categories(table)


def _labels_outside(table: Table) -> tuple[int, ...]:
    limits = table.schema.label_range
    if table.labels is None or limits is None:
        return ()
    lower, upper = limits
    return (int(((table.labels < lower) | (table.labels > upper)).sum()),)


def _check_numbers(labels: Labels, *, rows: int) -> None:
    if labels.dtype != np.float32 or labels.shape != (rows,) or not np.isfinite(labels).all():
        raise TableError("labels are finite numbers in float32, one for each row.")


def _check_classes(labels: Labels, *, rows: int, classes: int) -> None:
    if labels.dtype != np.int64 or labels.shape != (rows,):
        raise TableError("labels are int64, one for each row.")
    if labels.min() < 0 or labels.max() >= classes:
        raise TableError("a label is not one of the declared classes.")


def _check_categories(table: Table) -> None:
    for position, column in enumerate(table.schema.feature_columns):
        if isinstance(column, Categorical):
            values = table.features[:, position]
            places = np.isin(values, np.arange(len(column.classes), dtype=np.float32))
            if not places.all():
                raise TableError("a cell is not one of its column's declared classes.")
