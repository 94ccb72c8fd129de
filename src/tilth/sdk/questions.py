"""What is asked of a private table: columns by name, within the bounds that its owner declared."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Final, TypeAlias

import numpy as np

from tilth.pallets.compute.work import MAX_EDGES, Histogram, Mean, Quantiles, Question
from tilth.sdk.wire import MICRO
from tilth.vault import Categorical, Schema

Columns: TypeAlias = "Iterable[str] | Mapping[str, int | Sequence[float]]"
"""Names of columns; with each, into how many parts its bounds are cut, or where."""

PARTS: Final = 20


def questions(
    schema: Schema,
    *,
    mean: Iterable[str] = (),
    histogram: Columns = (),
    quantiles: Columns = (),
    shares: Sequence[float] = (0.25, 0.5, 0.75),
    parts: int = PARTS,
) -> tuple[Question, ...]:
    """In the order means, histograms, quantiles; raises ValueError, LookupError.

    What is not told where to cut is cut into so many parts, classes into themselves.
    """
    asked: list[Question] = []
    for name in mean:
        low, high = _bounds(schema, name)
        asked.append(Mean(_place(schema, name), _micro(low), _micro(high)))
    for name, cut in _cuts(histogram):
        asked.append(Histogram(_place(schema, name), _edges(schema, name, cut, parts)))
    permille = tuple(round(1000 * share) for share in shares)
    for name, cut in _cuts(quantiles):
        asked.append(Quantiles(_place(schema, name), _edges(schema, name, cut, parts), permille))
    if not asked:
        raise ValueError("ask for something: mean, histogram or quantiles of columns")
    return tuple(asked)


def width(question: Question) -> int:
    """How many numbers answer it."""
    return 1 if isinstance(question, Mean) else len(question.edges_micro) - 1


def column_of(schema: Schema, question: Question) -> str:
    """The name of the column that is asked for."""
    if question.column is None:
        return schema.label or "label"
    return schema.feature_columns[question.column].name


def _cuts(columns: Columns) -> Iterable[tuple[str, int | Sequence[float] | None]]:
    if isinstance(columns, Mapping):
        return columns.items()
    return ((name, None) for name in columns)


def _place(schema: Schema, name: str) -> int | None:
    if name == schema.label:
        return None
    return [column.name for column in schema.feature_columns].index(name)


def _bounds(schema: Schema, name: str) -> tuple[float, float]:
    for column in schema.columns:
        if column.name == name and isinstance(column, Categorical):
            return 0.0, float(len(column.classes) - 1)
        if column.name == name:
            return schema.bounds[_place(schema, name) or 0]
    known = ", ".join(column.name for column in schema.columns)
    raise LookupError(f"the table has no column {name!r}, but {known}")


def _edges(
    schema: Schema, name: str, cut: int | Sequence[float] | None, parts: int
) -> tuple[int, ...]:
    low, high = _bounds(schema, name)
    classes = next(
        (len(c.classes) for c in schema.columns if c.name == name and isinstance(c, Categorical)),
        None,
    )
    if cut is None and classes is not None:
        edges = np.arange(classes + 1) - 0.5  # a part for each class, which is its number
    elif cut is None or isinstance(cut, int):
        edges = np.linspace(low, high, (parts if cut is None else cut) + 1)
    else:
        edges = np.array(cut, np.float64)
    if len(edges) > MAX_EDGES:
        raise ValueError(f"{name!r} is cut into {len(edges) - 1} parts; {MAX_EDGES - 1} at most")
    return tuple(_micro(float(edge)) for edge in edges)


def _micro(value: float) -> int:
    return round(value * MICRO)
