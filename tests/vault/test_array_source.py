"""NumPy files are read without pickle, and no header makes the reader allocate or crash."""

import io
import zipfile

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tilth.vault.array_source import read_npy, read_npz
from tilth.vault.draft import Limits
from tilth.vault.errors import TableError

FEATURES = np.array([[1.5, 2], [3, 4], [5, 6]])
LABELS = np.array([7, 0, 7])


def npy(array: np.ndarray) -> bytes:
    target = io.BytesIO()
    np.save(target, array)
    return target.getvalue()


def npz(*, compressed: bool = False, **arrays: np.ndarray) -> bytes:
    target = io.BytesIO()
    (np.savez_compressed if compressed else np.savez)(target, **arrays)  # type: ignore[arg-type]
    return target.getvalue()


@pytest.mark.parametrize("dtype", ["f2", "f4", "f8", ">f8", "i8", "u1", "i2"])
def test_a_matrix_of_any_number_type_and_order_is_read(dtype: str) -> None:
    matrix = np.array([[1, 2], [3, 4], [5, 6]], dtype, order="F")

    assert read_npy(npy(matrix)).cells.tolist() == [[1, 2], [3, 4], [5, 6]]


def test_a_column_of_a_matrix_can_be_the_label() -> None:
    draft = read_npy(npy(np.array([[1.5, 10], [2.5, 9]])), label="x1")
    table = draft.table(draft.suggest())

    assert table.labels is not None
    assert table.labels.tolist() == [1, 0]
    assert table.schema.class_names == ("9", "10")


@pytest.mark.parametrize("compressed", [False, True])
def test_an_archive_brings_features_labels_and_names(compressed: bool) -> None:
    names = np.array(["age", "größe"])
    data = npz(features=FEATURES, labels=LABELS, names=names, compressed=compressed)
    draft = read_npz(data)
    table = draft.table(draft.suggest())

    assert draft.names == ("age", "größe", "label")
    assert table.features.tolist() == FEATURES.tolist()
    assert table.labels is not None
    assert table.labels.tolist() == [1, 0, 1]


def test_labels_and_names_may_be_absent() -> None:
    assert read_npz(npz(features=FEATURES)).names == ("x0", "x1")


def test_nothing_is_unpickled() -> None:
    trap = np.array([[object()]], dtype=object)

    for read, data in ((read_npy, npy(trap)), (read_npz, npz(features=trap))):
        with pytest.raises(TableError, match="kind 'O'"):
            read(data)


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"", "npy"),
        (b"PK\x03\x04", "npy"),
        (npy(FEATURES)[:-1], "cut short"),
        (npy(FEATURES) + b"\0", "longer"),
        (npy(FEATURES).replace(b"(3, 2)", b"(3,-2)"), "npy"),
        (npy(FEATURES).replace(b"(3, 2)", b"(2, 3)").replace(b"<f8", b"<f4"), "longer"),
        (npy(FEATURES).replace(b"<f8", b"<f9"), "dtype"),
        (npy(np.zeros((2, 1), "f4,f4")), "npy"),
        (npy(FEATURES).replace(b"(3, 2)", b"(9**9)"), "npy"),
        (npy(FEATURES[0]), "dimensions"),
        (npy(FEATURES[:0]), "rows"),
        (npy(FEATURES[:, :0]), "columns"),
        (npy(np.array([["31337"]])), "texts"),
        (npy(np.array([[1j]])), "kind 'c'"),
        (npy(np.array([[1.0, 31337], [2, np.nan]])), "line 2, column 2"),
        (npy(np.array([[-np.inf]])), "line 1, column 1"),
        (npy(np.array([[1e39]])), "float32"),
    ],
)
def test_a_bad_matrix_is_refused_without_showing_it(data: bytes, words: str) -> None:
    with pytest.raises(TableError, match=words) as caught:
        read_npy(data)

    assert "31337" not in str(caught.value)


def test_a_header_that_promises_more_than_the_file_holds_is_refused() -> None:
    header = {"descr": "<f8", "fortran_order": False, "shape": (1 << 40, 1 << 20)}
    target = io.BytesIO()
    np.lib.format.write_array_header_1_0(target, header)

    with pytest.raises(TableError, match="header"):
        read_npy(target.getvalue())


@pytest.mark.parametrize(
    "data",
    [
        b"",
        npy(FEATURES),
        npz(features=FEATURES)[:-9],
        npz(labels=LABELS),
        npz(features=LABELS),
        npz(features=FEATURES, labels=LABELS[:2]),
        npz(features=FEATURES, labels=LABELS + 0.5),
        npz(features=FEATURES, names=np.array(["a"])),
        npz(features=FEATURES, names=np.array(["a", "a"])),
        npz(features=FEATURES, names=LABELS),
        npz(features=FEATURES, labels=LABELS, names=np.array(["a", "label"])),
    ],
)
def test_a_bad_archive_is_refused(data: bytes) -> None:
    with pytest.raises(TableError):
        read_npz(data)


def test_an_archive_that_unpacks_to_a_bomb_is_refused_early() -> None:
    data = npz(features=np.zeros((1_000_000, 4)), compressed=True)

    assert len(data) < 100_000
    with pytest.raises(TableError, match="unpacks"):
        read_npz(data, limits=Limits(bytes=1_000_000))


def test_sizes_are_limited() -> None:
    for limits in (Limits(bytes=64), Limits(rows=2), Limits(columns=1)):
        with pytest.raises(TableError):
            read_npy(npy(FEATURES), limits=limits)
        with pytest.raises(TableError):
            read_npz(npz(features=FEATURES), limits=limits)


@settings(max_examples=300)
@given(st.data())
def test_mutated_files_are_read_or_refused(data: st.DataObject) -> None:
    valid = data.draw(st.sampled_from([npy(FEATURES), npz(features=FEATURES, labels=LABELS)]))
    mutated = bytearray(valid)
    for _ in range(data.draw(st.integers(1, 4))):
        mutated[data.draw(st.integers(0, len(valid) - 1))] = data.draw(st.integers(0, 255))
    for read in (read_npy, read_npz):
        try:
            read(bytes(mutated))
        except TableError:
            continue


@pytest.mark.parametrize(
    ("descr", "shape", "content"),
    [
        ("<U0", (5,), b""),
        ("<U0", (10**17,), b""),
        ("<f8", (0, 10**17), b""),
        ("<f8", (1,) * 40, bytes(8)),
        ("<U1", (1, 1), b"\xff" * 4),
        ("<U9999", (10**17,), b""),
    ],
)
def test_odd_headers_are_refused(descr: str, shape: tuple[int, ...], content: bytes) -> None:
    header = {"descr": descr, "fortran_order": False, "shape": shape}
    target = io.BytesIO()
    np.lib.format.write_array_header_1_0(target, header)
    target.write(content)

    with pytest.raises(TableError):
        read_npy(target.getvalue())


def test_names_that_are_no_text_are_refused() -> None:
    broken = np.frombuffer(b"\xff" * 8, "<U1")

    with pytest.raises(TableError, match="texts"):
        read_npz(npz(features=FEATURES, names=broken))


def test_a_zip_of_something_else_is_refused() -> None:
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w") as archive:
        archive.writestr("features.npy", b"not numpy")
    with pytest.raises(TableError, match="npy"):
        read_npz(target.getvalue())
