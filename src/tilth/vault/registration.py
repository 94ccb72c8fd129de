"""What becomes public of a private table, all of it in one place."""

import json
from collections.abc import Iterator
from dataclasses import dataclass, field

from tilth.vault.mock import mock_table
from tilth.vault.schema import Column, Numeric, Schema, canonical_json
from tilth.vault.table import csv_bytes


@dataclass(frozen=True, slots=True)
class Registration:
    """Everything outsiders get: JSON of schema and bounds, the mock's CSV, row count and root."""

    rows: int
    schema: bytes
    bounds: bytes
    mock: bytes = field(repr=False)
    row_root: bytes

    @classmethod
    def of(cls, schema: Schema, *, rows: int, row_root: bytes) -> "Registration":
        """Made from the schema, the count and the root: no row is at hand here."""
        bounds = [list(pair) for pair in schema.bounds]
        mock = csv_bytes(mock_table(schema))
        return cls(rows, schema.to_json(), canonical_json(bounds), mock, row_root)

    def describe(self) -> str:
        """For the owner to read before it is public."""
        return "\n".join(_lines(self))


def _lines(registration: Registration) -> Iterator[str]:
    schema = Schema.from_json(registration.schema)
    yield "This becomes public, and nothing else:"
    yield f"  {registration.rows} rows, committed to by 0x{registration.row_root.hex()}"
    for column in schema.columns:
        role = " (label)" if column.name == schema.label else ""
        yield f"  {json.dumps(column.name, ensure_ascii=False)}{role}: {_declared(column)}"
    mock_rows = registration.mock.count(b"\n") - 1
    yield f"  a mock of {mock_rows} rows, drawn from the lines above and not from your rows"
    yield "Bounds and classes are what you declare. Change any that would tell of a single row."


def _declared(column: Column) -> str:
    if isinstance(column, Numeric):
        return f"numbers, declared from {_short(column.lower)} to {_short(column.upper)}"
    return f"one of {', '.join(column.classes)}"


def _short(bound: float) -> str:
    return str(float(bound)).removesuffix(".0")
