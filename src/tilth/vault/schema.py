"""The public description of a private table: columns, declared bounds, classes and the label."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TypeAlias, cast

import numpy as np

from tilth.primitives.crypto.hashing import blake2_256
from tilth.vault.errors import SchemaError

MAX_COLUMNS = 4096
MAX_CLASSES = 1024
MAX_NAME = 64
MAX_JSON = 1 << 20
VERSION = 1


@dataclass(frozen=True, slots=True)
class Numeric:
    """A column of numbers. The owner declares the bounds; they are public and need not be tight."""

    name: str
    lower: float
    upper: float


@dataclass(frozen=True, slots=True)
class Categorical:
    """A column whose cells are one of a public list; a cell is kept as its place in that list."""

    name: str
    classes: tuple[str, ...]


Column: TypeAlias = Numeric | Categorical


@dataclass(frozen=True, slots=True)
class Schema:
    """Columns in the order of the table; `label` names the one to be learnt: classes or numbers."""

    columns: tuple[Column, ...]
    label: str | None = None

    def __post_init__(self) -> None:
        _check(self)

    @property
    def label_column(self) -> Column | None:
        return next((column for column in self.columns if column.name == self.label), None)

    @property
    def label_range(self) -> tuple[float, float] | None:
        """The declared range of a label that is a number."""
        label = self.label_column
        return _range(label) if isinstance(label, Numeric) else None

    @property
    def feature_columns(self) -> tuple[Column, ...]:
        return tuple(column for column in self.columns if column.name != self.label)

    @property
    def classes(self) -> int:
        """How many classes the label has; 0 without a label, or where it is a number."""
        return len(self.class_names)

    @property
    def class_names(self) -> tuple[str, ...]:
        """Of the label's classes."""
        label = self.label_column
        return label.classes if isinstance(label, Categorical) else ()

    @property
    def bounds(self) -> tuple[tuple[float, float], ...]:
        """The declared range of every feature, as float32 can hold it."""
        return tuple(_range(column) for column in self.feature_columns)

    def to_json(self) -> bytes:
        """The one canonical spelling, whose hash names the schema."""
        columns = [_column_to_json(column) for column in self.columns]
        return canonical_json({"columns": columns, "label": self.label, "version": VERSION})

    def hash(self) -> bytes:
        return blake2_256(self.to_json())

    @classmethod
    def from_json(cls, data: bytes) -> "Schema":
        """Read a schema that somebody published; raises `SchemaError` on anything unexpected."""
        found = _parse(data)
        _keys(found, {"columns", "label", "version"}, "the schema")
        if found["version"] != VERSION:
            raise SchemaError(f"The schema's version is not {VERSION}.")
        columns, label = found["columns"], found["label"]
        if not isinstance(columns, list) or not isinstance(label, str | None):
            raise SchemaError("Expected a list of columns and the label's name or null.")
        return cls(tuple(_columns_from_json(cast(list[object], columns))), label)


def canonical_json(value: object) -> bytes:
    text = json.dumps(
        value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False
    )
    return text.encode()


def valid_name(name: str) -> bool:
    """Whether a column or class can carry this name in a CSV without being read as another."""
    return 0 < len(name) <= MAX_NAME and name.isprintable() and name == name.strip()


def _range(column: Column) -> tuple[float, float]:
    match column:
        case Numeric(_, lower, upper):
            return float(np.float32(lower)), float(np.float32(upper))
        case Categorical(_, classes):
            return 0.0, float(len(classes) - 1)


def _check(schema: Schema) -> None:
    if not 0 < len(schema.columns) <= MAX_COLUMNS:
        raise SchemaError(f"A table has 1 to {MAX_COLUMNS} columns.")
    for number, column in enumerate(schema.columns, 1):
        _check_column(column, f"Column {number}")
    names = [column.name for column in schema.columns]
    if len(set(names)) < len(names):
        raise SchemaError("Two columns have the same name.")
    _check_label(schema, names)
    if len(schema.to_json()) > MAX_JSON:
        raise SchemaError(f"The schema is longer than {MAX_JSON} bytes; name fewer classes.")


def _check_column(column: Column, where: str) -> None:
    if not valid_name(column.name):
        raise SchemaError(f"{where}: a name is 1 to {MAX_NAME} printable characters, unpadded.")
    match column:
        case Numeric():
            _check_bounds(column, where)
        case Categorical():
            _check_classes(column.classes, where)


def _check_bounds(column: Numeric, where: str) -> None:
    with np.errstate(over="ignore"):
        lower, upper = _range(column)
    if not (np.isfinite(lower) and np.isfinite(upper) and lower < upper):
        raise SchemaError(f"{where}: the lower bound must be below the upper one, as float32.")


def _check_classes(classes: tuple[str, ...], where: str) -> None:
    if not 2 <= len(classes) <= MAX_CLASSES:
        raise SchemaError(f"{where}: a class list has 2 to {MAX_CLASSES} entries.")
    if len(set(classes)) < len(classes) or not all(map(valid_name, classes)):
        raise SchemaError(f"{where}: class names must differ, be printable and unpadded.")


def _check_label(schema: Schema, names: list[str]) -> None:
    if schema.label is None:
        return
    if schema.label not in names:
        raise SchemaError("The label is not one of the columns.")
    if len(names) == 1:
        raise SchemaError("A table needs at least one column beside the label.")


def _column_to_json(column: Column) -> dict[str, object]:
    match column:
        case Numeric(name, lower, upper):
            # as floats and without -0.0: 0 and 0.0 are one bound and need one spelling
            lower, upper = float(lower) + 0.0, float(upper) + 0.0
            return {"dtype": "float32", "lower": lower, "name": name, "upper": upper}
        case Categorical(name, classes):
            return {"classes": list(classes), "dtype": "int64", "name": name}


def _columns_from_json(columns: list[object]) -> Iterator[Column]:
    for number, column in enumerate(columns, 1):
        yield _column_from_json(column, f"Column {number}")


def _column_from_json(found: object, where: str) -> Column:
    if not isinstance(found, dict):
        raise SchemaError(f"{where}: expected an object.")
    fields = cast(dict[str, object], found)
    name, dtype = fields.get("name"), fields.get("dtype")
    if not isinstance(name, str) or dtype not in ("float32", "int64"):
        raise SchemaError(f"{where}: expected a name and the dtype float32 or int64.")
    if dtype == "float32":
        _keys(fields, {"name", "dtype", "lower", "upper"}, where)
        return Numeric(name, _number(fields["lower"], where), _number(fields["upper"], where))
    _keys(fields, {"name", "dtype", "classes"}, where)
    return Categorical(name, _texts(fields["classes"], where))


def _number(value: object, where: str) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or abs(value) > 1e39:
        raise SchemaError(f"{where}: a bound is a number that float32 can hold.")
    return float(value)


def _texts(value: object, where: str) -> tuple[str, ...]:
    if not isinstance(value, list):
        raise SchemaError(f"{where}: classes are a list of texts.")
    classes = cast(list[object], value)
    texts = tuple(text for text in classes if isinstance(text, str))
    if len(texts) < len(classes):
        raise SchemaError(f"{where}: classes are a list of texts.")
    return texts


def _keys(found: dict[str, object], expected: set[str], where: str) -> None:
    if set(found) != expected:
        raise SchemaError(f"{where}: expected exactly the fields {', '.join(sorted(expected))}.")


def _parse(data: bytes) -> dict[str, object]:
    if len(data) > MAX_JSON:
        raise SchemaError(f"A schema is at most {MAX_JSON} bytes.")
    try:
        text = data.decode()  # json would accept UTF-16 as well
        found: object = json.loads(text, object_pairs_hook=_unique, parse_constant=_no_constant)
    except (ValueError, RecursionError):
        raise SchemaError("The schema is not strict UTF-8 JSON.") from None
    if not isinstance(found, dict):
        raise SchemaError("The schema is not a JSON object.")
    return cast(dict[str, object], found)


def _unique(pairs: list[tuple[str, object]]) -> dict[str, object]:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise ValueError
    return found


def _no_constant(_: str) -> object:
    raise ValueError
