"""A label may be a number: read, kept, committed to, mocked and scaled like one."""

from pathlib import Path

import numpy as np
import pytest

from tilth.vault import (
    Numeric,
    PrivateTable,
    Roles,
    Schema,
    Table,
    TableError,
    Vault,
    csv_bytes,
    mock_table,
    read_csv,
    read_file,
    read_npz,
    table_from_csv,
)

KEK = bytes(32)
LINES = [f"{n},{n % 3},{n / 4}" for n in range(60)]
CSV = "\n".join(["age,visits,cost", *LINES, ""]).encode()
SCHEMA = Schema((Numeric("age", 0, 100), Numeric("visits", 0, 4), Numeric("cost", 0, 10)), "cost")


def table() -> Table:
    return read_csv(CSV, target="cost").table(SCHEMA)


def test_a_target_is_read_as_a_number_and_suggested_with_bounds() -> None:
    draft = read_csv(CSV, target="cost")

    assert draft.suggest().label_column == Numeric("cost", 0, 15)
    assert draft.suggest().classes == 0
    assert table().labels is not None
    assert table().labels.dtype == np.float32  # type: ignore[union-attr]


def test_a_label_is_a_class_or_a_number() -> None:
    with pytest.raises(TableError, match="name one of the two"):
        read_csv(CSV, label="age", target="cost")
    with pytest.raises(TableError, match="no column of the name"):
        read_csv(CSV, target="price")


def test_it_comes_back_from_the_vault_as_it_was_added(tmp_path: Path) -> None:
    vault = Vault(tmp_path / "vault", KEK)
    registration = vault.add("costs", table())

    again = Vault(tmp_path / "vault", KEK).table("costs")

    assert again.rows() == table().rows()
    assert again.labels is not None
    assert again.labels.dtype == np.float32
    vault.verify()
    assert vault.opening("costs", 5).row == table().rows()[5]
    assert Schema.from_json(registration.schema) == SCHEMA
    assert b"(label): numbers, declared from 0 to 10" in registration.describe().encode()


def test_each_label_counts_in_the_commitment() -> None:
    labels = table().labels
    assert labels is not None
    other = labels.copy()
    other[3] += 1

    assert len(table().rows()[0]) == 3 * 4
    changed = Table(SCHEMA, table().features, other).rows()
    assert [n for n, row in enumerate(table().rows()) if row != changed[n]] == [3]


def test_a_trainer_sees_it_scaled_by_its_bounds_or_clamped_in_its_own_units() -> None:
    every = np.arange(60)
    scaled = PrivateTable(table()).batch(every)[1]
    natural = PrivateTable(table(), natural_labels=True).batch(every)[1]

    assert np.allclose(natural, np.clip(every / 4, 0, 10))
    assert np.allclose(scaled, natural / 5 - 1)
    assert table().outside_bounds() == (0, 0, int((every / 4 > 10).sum()))


def test_the_mock_is_drawn_within_the_bounds_of_the_label() -> None:
    mock = mock_table(SCHEMA)

    assert mock.labels is not None
    assert mock.labels.dtype == np.float32
    assert 0 <= mock.labels.min() < 1 < 9 < mock.labels.max() <= 10
    assert table_from_csv(csv_bytes(mock), SCHEMA).rows() == mock.rows()


@pytest.mark.parametrize(
    "labels",
    [np.arange(60), np.arange(60.0), np.full(60, np.nan, np.float32), np.zeros(3, np.float32)],
)
def test_labels_of_another_type_are_refused(labels: np.ndarray) -> None:
    with pytest.raises(TableError, match="finite numbers in float32"):
        Table(SCHEMA, table().features, labels)


def test_arrays_have_such_labels_too(tmp_path: Path) -> None:
    np.save(tmp_path / "t.npy", np.column_stack([table().features, np.arange(60) / 4]))
    file = tmp_path / "t.npz"
    np.savez(file, features=table().features, labels=np.arange(60) / 4)

    for name, target in (("t.npy", "x2"), ("t.npz", "label")):
        draft = read_file(tmp_path / name, Roles(target=target))
        assert draft.table(draft.suggest()).labels.tolist() == (np.arange(60) / 4).tolist()  # type: ignore[union-attr]
    with pytest.raises(TableError, match="whole number"):
        read_npz(file.read_bytes())
