"""A buyer's own rows, in the form in which a model meets the owner's."""

from collections.abc import Iterable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tilth.vault import Categorical, Schema, Table
from tilth.vault.schema import Column
from tilth.vault.table import scaled


def scaled_rows(rows: Any, schema: Schema) -> NDArray[np.float32]:
    """A frame with the table's columns, or columns in their order, scaled from their bounds."""
    features = _features(rows, schema)
    kind = np.int64 if schema.classes else np.float32
    labels = np.zeros(len(features), kind) if schema.label else None
    return scaled(Table(schema, features, labels))


def class_places(labels: Iterable[Any], schema: Schema) -> NDArray[np.int64]:
    """The numbers of classes that are given by name."""
    label = schema.label_column
    if not isinstance(label, Categorical):
        raise ValueError("the table has no label of classes")
    return _places(label, labels)


def _features(rows: Any, schema: Schema) -> NDArray[np.float32]:
    columns = schema.feature_columns
    if not hasattr(rows, "columns"):
        found = np.asarray(rows, np.float32)
        if found.ndim != 2 or found.shape[1] != len(columns):
            names = ", ".join(column.name for column in columns)
            raise ValueError(f"rows have the columns {names}, in this order")
        return found
    missing = [column.name for column in columns if column.name not in rows.columns]
    if missing:
        raise ValueError(f"the rows have no column {', '.join(missing)}")
    return np.stack([_cells(column, rows[column.name]) for column in columns], axis=1)


def _cells(column: Column, cells: Any) -> NDArray[np.float32]:
    if not isinstance(column, Categorical):
        return np.asarray(cells, np.float32)
    return _places(column, cells).astype(np.float32)


def _places(column: Categorical, cells: Iterable[Any]) -> NDArray[np.int64]:
    named, places = [str(cell) for cell in cells], {c: i for i, c in enumerate(column.classes)}
    unknown = next((name for name in named if name not in places), None)
    if unknown is not None:
        known = ", ".join(column.classes)
        raise ValueError(f"column {column.name!r} has no class {unknown!r}, but {known}")
    return np.array([places[name] for name in named], np.int64)
