"""A table that was read but has no declared bounds yet: what a schema is suggested from."""

import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from tilth.vault.bounds import round_outward
from tilth.vault.errors import TableError
from tilth.vault.schema import (
    MAX_CLASSES,
    MAX_COLUMNS,
    MAX_NAME,
    Categorical,
    Column,
    Numeric,
    Schema,
    valid_name,
)
from tilth.vault.table import Features, Labels, Table

_WHOLE = re.compile("-?[0-9]+").fullmatch


@dataclass(frozen=True, slots=True)
class Limits:
    """How much of a source is read before it is refused."""

    bytes: int = 1 << 30
    rows: int = 10_000_000
    columns: int = MAX_COLUMNS


DEFAULT_LIMITS = Limits()


@dataclass(frozen=True, slots=True, repr=False, eq=False)
class Draft:
    """Cells by column. A categorical cell is the number of its text in order of appearance.

    Everything in it is private, names of columns included: without a header they are a row.
    """

    names: tuple[str, ...]
    cells: Features
    texts: Mapping[int, "Texts"]
    label: str | None

    def __repr__(self) -> str:
        return f"<Draft: {self.cells.shape[0]} rows, {len(self.names)} columns>"

    def suggest(self) -> Schema:
        """A schema for the owner to look at, correct and declare: all of it becomes public."""
        columns = (self._suggested(position) for position in range(len(self.names)))
        return Schema(tuple(columns), self.label)

    def table(self, schema: Schema) -> Table:
        """The table under a declared schema; raises `TableError` at the first misfit."""
        _fits(self, schema)
        columns = [self._column(at, column) for at, column in enumerate(schema.columns)]
        labels: Labels | None = None
        if self.label is not None:
            labels = columns.pop(self.names.index(self.label))
            labels = labels.astype(np.int64) if schema.classes else labels
        return Table(schema, np.stack(columns, axis=1), labels)

    def _suggested(self, position: int) -> Column:
        name = self.names[position]
        if position in self.texts:
            return Categorical(name, self.texts[position].in_order())
        values = self.cells[:, position]
        return Numeric(name, *round_outward(float(values.min()), float(values.max())))

    def _column(self, position: int, column: Column) -> Features:
        values = self.cells[:, position]
        if isinstance(column, Numeric):
            return values
        places = self.texts[position].places(column.classes, position)
        return places[values.astype(np.int64)]


class Texts:
    """The different texts of a categorical column, numbered in order of appearance."""

    __slots__ = ("_first_line", "_numbers")

    def __init__(self) -> None:
        self._numbers: dict[str, int] = {}
        self._first_line: list[int] = []

    def number(self, text: str, *, line: int, position: int) -> float:
        number = self._numbers.setdefault(text, len(self._numbers))
        if number == len(self._first_line):
            self._first_line.append(line)
            _check_text(text, count=number + 1, line=line, column=position + 1)
        return float(number)

    def in_order(self) -> tuple[str, ...]:
        """By value where all are whole numbers, else by text: not by what the rows hold first."""
        whole = all(map(_WHOLE, self._numbers))
        return tuple(sorted(self._numbers, key=_by_value if whole else None))

    def appearances(self) -> Iterator[tuple[str, int]]:
        """Each text, and the line in which it appeared first."""
        return zip(self._numbers, self._first_line, strict=True)

    def places(self, classes: Sequence[str], position: int) -> Features:
        """For each number the place of its text among the declared classes."""
        place = {text: at for at, text in enumerate(classes)}
        for text, number in self._numbers.items():
            if text not in place:
                cause = "not one of the classes that the schema declares"
                line = self._first_line[number]
                raise TableError(f"{cause}.", line=line, column=position + 1)
        return np.array([place[text] for text in self._numbers], np.float32)


@dataclass(frozen=True, slots=True)
class Roles:
    """What the owner says of a source's columns, by their names: which hold classes, and which is
    to be learnt, as a class or as a number."""

    label: str | None = None
    target: str | None = None
    classes: Collection[str] = ()

    def __post_init__(self) -> None:
        if self.label is not None and self.target is not None:
            raise TableError("a label is a class or a number: name one of the two.")

    @property
    def learnt(self) -> str | None:
        return self.target if self.label is None else self.label

    def positions(self, names: Sequence[str]) -> frozenset[int]:
        """Where the categorical columns stand; refuses a name that the source does not have."""
        wanted = set(self.classes) | ({self.label} if self.label is not None else set())
        named = wanted | ({self.target} if self.target is not None else set())
        if not named <= set(names):
            raise TableError("the source has no column of the name given as label or class column.")
        return frozenset(at for at, name in enumerate(names) if name in wanted)

    @classmethod
    def of(cls, schema: Schema) -> "Roles":
        """As a schema declares them."""
        classes = [column.name for column in schema.columns if isinstance(column, Categorical)]
        if schema.label in classes:
            return cls(label=schema.label, classes=classes)
        return cls(target=schema.label, classes=classes)


def check_names(names: Sequence[str], limits: Limits) -> None:
    """Columns that a schema could name."""
    if not 0 < len(names) <= limits.columns:
        raise TableError(f"expected 1 to {limits.columns} columns, found {len(names)}.")
    if len(set(names)) < len(names) or not all(map(valid_name, names)):
        raise TableError(f"columns have different names of 1 to {MAX_NAME} printable characters.")


def _fits(draft: Draft, schema: Schema) -> None:
    if len(schema.columns) != len(draft.names):
        expected = len(schema.columns)
        raise TableError(f"expected {expected} columns, found {len(draft.names)}.", line=1)
    if schema.label != draft.label:
        raise TableError("the label is not the one that the schema names.")
    for position, column in enumerate(schema.columns):
        if column.name != draft.names[position]:
            cause = f"expected the column {column.name!r} of the schema"
            raise TableError(f"{cause}.", line=1, column=position + 1)
        if isinstance(column, Categorical) != (position in draft.texts):
            cause = "the schema and the reading differ on whether this is a class column"
            raise TableError(f"{cause}.", column=position + 1)


def _check_text(text: str, *, count: int, line: int, column: int) -> None:
    if not valid_name(text):
        cause = f"a class is 1 to {MAX_NAME} printable characters"
        raise TableError(f"{cause}.", line=line, column=column)
    if count > MAX_CLASSES:
        cause = f"more than {MAX_CLASSES} different values: too many for a class column"
        raise TableError(f"{cause}.", line=line, column=column)


def _by_value(text: str) -> tuple[int, str]:
    return int(text), text
