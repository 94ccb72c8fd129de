"""What a trainer is given is scaled by declared bounds alone, and shows nothing when printed."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tilth.vault.errors import TableError
from tilth.vault.schema import Categorical, Numeric, Schema
from tilth.vault.table import PrivateTable, Table, csv_bytes

SCHEMA = Schema(
    (Numeric("a", 0, 10), Categorical("y", ("no", "yes")), Categorical("c", ("r", "g", "b"))), "y"
)
FEATURES = np.array([[0, 0], [5, 1], [10, 2], [31337.4242, 0], [-1e30, 1]], np.float32)
LABELS = np.array([0, 1, 1, 0, 1])
TABLE = Table(SCHEMA, FEATURES, LABELS)


def test_features_are_scaled_by_the_declared_bounds_and_clamped() -> None:
    rows = PrivateTable(TABLE)
    features, labels = rows.batch(np.arange(5))

    assert features.tolist() == [[-1, -1], [0, 0], [1, 1], [1, -1], [-1, 0]]
    assert features.dtype == np.float32
    assert labels.tolist() == [0, 1, 1, 0, 1]
    assert labels.dtype == np.int64


def test_a_private_table_tells_its_shape() -> None:
    rows = PrivateTable(TABLE)

    assert (rows.count, rows.features, rows.classes) == (5, 2, 2)


def test_other_rows_do_not_change_how_a_row_is_scaled() -> None:
    alone = PrivateTable(Table(SCHEMA, FEATURES[1:2], LABELS[1:2]))

    assert alone.batch(np.array([0]))[0].tolist() == [[0, 0]]


def test_a_batch_keeps_the_order_asked_for_and_is_a_copy() -> None:
    rows = PrivateTable(TABLE)
    features, labels = rows.batch(np.array([2, 0, 2], np.uint32))
    features[:] = 9
    labels[:] = 9

    assert rows.batch(np.array([2, 0]))[0].tolist() == [[1, 1], [-1, -1]]
    assert rows.batch(np.array([2, 0]))[1].tolist() == [1, 0]
    assert rows.batch(np.array([], np.int64))[0].shape == (0, 2)


@pytest.mark.parametrize(
    "indices", [np.array([5]), np.array([-1]), np.array([0.0]), np.array([[0]]), np.array([True])]
)
def test_rows_that_do_not_exist_cannot_be_asked_for(indices: np.ndarray) -> None:
    with pytest.raises(IndexError):
        PrivateTable(TABLE).batch(indices)


def test_a_table_without_label_has_no_classes() -> None:
    schema = Schema((Numeric("a", 0, 1),))
    rows = PrivateTable(Table(schema, np.ones((3, 1), np.float32)))

    assert rows.classes == 0
    assert rows.batch(np.arange(3))[1].tolist() == [0, 0, 0]


def test_nothing_private_is_printed() -> None:
    for shown in (repr(TABLE), str(PrivateTable(TABLE)), repr(PrivateTable(TABLE))):
        assert "31337" not in shown
        assert "5 rows" in shown


def test_the_owner_learns_how_much_is_clamped() -> None:
    assert TABLE.outside_bounds() == (2, 0)


def test_a_row_is_its_features_and_its_label() -> None:
    assert TABLE.rows()[1] == b"\x00\x00\xa0\x40\x00\x00\x80\x3f" + (1).to_bytes(8, "little")
    assert len(set(TABLE.rows())) == 5


def test_a_table_is_written_in_the_order_of_its_schema() -> None:
    assert csv_bytes(TABLE).splitlines()[:3] == [b"a,y,c", b"0.0,no,r", b"5.0,yes,g"]


@pytest.mark.parametrize(
    ("features", "labels"),
    [
        (FEATURES.astype(np.float64), LABELS),
        (FEATURES[:0], LABELS[:0]),
        (FEATURES[:, :1], LABELS),
        (FEATURES[0], LABELS),
        (np.array([[np.nan, 0]], np.float32), LABELS[:1]),
        (np.array([[np.inf, 0]], np.float32), LABELS[:1]),
        (np.array([[0, 0.5]], np.float32), LABELS[:1]),
        (np.array([[0, 3]], np.float32), LABELS[:1]),
        (FEATURES, None),
        (FEATURES, LABELS[:4]),
        (FEATURES, LABELS.astype(np.int32)),
        (FEATURES, LABELS - 1),
        (FEATURES, LABELS + 1),
    ],
)
def test_a_table_that_is_not_canonical_cannot_be_made(
    features: np.ndarray, labels: np.ndarray | None
) -> None:
    with pytest.raises(TableError):
        Table(SCHEMA, features, labels)


float32s = st.floats(width=32, allow_nan=False, allow_infinity=False)


@given(float32s, float32s, st.lists(float32s, min_size=1))
def test_whatever_the_row_its_features_stay_within_one(
    one: float, other: float, values: list[float]
) -> None:
    lower, upper = min(one, other), max(one, other)
    if lower == upper:
        lower, upper = -1.0, 1.0
    table = Table(Schema((Numeric("a", lower, upper),)), np.array([values], np.float32).T)

    features, _ = PrivateTable(table).batch(np.arange(len(values)))
    assert np.isfinite(features).all()
    assert np.abs(features).max() <= 1
