"""A file is read by its kind, and a file too large is not read to its end."""

from pathlib import Path

import numpy as np
import pytest

from tilth.vault import Limits, Roles, TableError, read_file

FEATURES = np.array([[1.5, 0], [2.5, 1]])


@pytest.fixture
def place(tmp_path: Path) -> Path:
    (tmp_path / "t.csv").write_text("x0,x1\n1.5,0\n2.5,1\n")
    np.save(tmp_path / "t.npy", FEATURES)
    np.savez(tmp_path / "t.npz", features=FEATURES[:, :1], labels=FEATURES[:, 1].astype(int))
    return tmp_path


@pytest.mark.parametrize(
    ("name", "label"), [("t.csv", "x1"), ("t.npy", "x1"), ("t.npz", None), ("t.npz", "label")]
)
def test_the_same_table_is_read_from_every_kind_of_file(
    place: Path, name: str, label: str | None
) -> None:
    draft = read_file(place / name, Roles(label))
    table = draft.table(draft.suggest())

    assert table.features.tolist() == [[1.5], [2.5]]
    assert table.labels is not None
    assert table.labels.tolist() == [0, 1]


def test_other_kinds_and_other_labels_are_refused(place: Path) -> None:
    (place / "t.csv").rename(place / "t.pkl")
    for name, label in (("t.pkl", None), ("t.npz", "x1")):
        with pytest.raises(TableError):
            read_file(place / name, Roles(label))


@pytest.mark.parametrize("name", ["t.csv", "t.npy", "t.npz"])
def test_a_file_beyond_the_limit_is_refused(place: Path, name: str) -> None:
    with pytest.raises(TableError, match="larger than 10 bytes"):
        read_file(place / name, limits=Limits(bytes=10))
