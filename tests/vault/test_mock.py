"""The mock follows the schema and nothing else, so publishing it publishes nothing new."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from tilth.vault.csv_source import table_from_csv
from tilth.vault.mock import mock_table
from tilth.vault.schema import Categorical, Column, Numeric, Schema
from tilth.vault.table import PrivateTable, csv_bytes

SCHEMA = Schema((Numeric("a", -5, 20), Categorical("y", ("no", "yes", "maybe"))), "y")


def test_a_mock_reads_back_as_a_table_of_its_schema() -> None:
    mock = mock_table(SCHEMA)

    assert table_from_csv(csv_bytes(mock), SCHEMA).rows() == mock.rows()


def test_anyone_can_make_the_same_mock_from_the_schema() -> None:
    again = Schema.from_json(SCHEMA.to_json())

    assert csv_bytes(mock_table(again)) == csv_bytes(mock_table(SCHEMA))
    assert mock_table(SCHEMA).rows()[0].hex() == "94a84b400200000000000000"


def test_another_schema_has_another_mock() -> None:
    other = Schema((Numeric("a", -5, 20), Categorical("y", ("no", "yes", "perhaps"))), "y")

    assert mock_table(other).rows() != mock_table(SCHEMA).rows()


def test_values_and_classes_are_uniform() -> None:
    mock = mock_table(SCHEMA, 10_000)
    assert mock.labels is not None
    values, labels = np.sort(mock.features[:, 0]), np.bincount(mock.labels)

    assert np.abs(values - np.linspace(-5, 20, 10_000)).max() < 0.5
    assert np.abs(labels / 10_000 - 1 / 3).max() < 0.02
    assert abs(np.asarray(np.corrcoef(mock.features[:, 0], mock.labels))[0, 1]) < 0.04


def test_columns_are_drawn_apart() -> None:
    mock = mock_table(Schema((Numeric("a", 0, 1), Numeric("b", 0, 1))), 1000)

    assert abs(np.asarray(np.corrcoef(mock.features.T))[0, 1]) < 0.1


float32s = st.floats(width=32, allow_nan=False, allow_infinity=False)


@given(float32s, float32s)
def test_a_mock_stays_within_any_declared_bounds(one: float, other: float) -> None:
    columns: tuple[Column, ...] = (Categorical("c", ("x", "y")),)
    if one != other:
        columns += (Numeric("a", min(one, other), max(one, other)),)
    mock = mock_table(Schema(columns), 32)

    assert not any(mock.outside_bounds())
    assert PrivateTable(mock).count == 32
