"""Public tables as they are read for publishing: counted and hashed, wherever a piece ends."""

import json
import tracemalloc
import zipfile
from io import BytesIO
from pathlib import Path
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tilth.primitives.manifest import BadManifest, read_manifest
from tilth.sdk.croissant import describe
from tilth.sdk.files import Reading
from tilth.sdk.tables import BadTable, CsvReader

TABLE = b'name,note\nann,"two\nlines, and a comma"\nbob,"a ""quote"""\n\ncem,plain\n'


def read(data: bytes, *cuts: int) -> tuple[tuple[str, ...], int, bytes]:
    table, begin = CsvReader("t.csv"), 0
    for cut in (*sorted(cuts), len(data)):
        table.feed(data[begin:cut])
        begin = cut
    table.finish(BytesIO(data))
    rows = table.rows
    return tuple(column.name for column in rows.columns), len(rows), rows.canonical


@given(st.lists(st.integers(0, len(TABLE)), max_size=6))
def test_where_a_piece_ends_makes_no_difference(cuts: list[int]) -> None:
    assert read(TABLE, *cuts) == read(TABLE)
    assert read(TABLE)[:2] == (("name", "note"), 3)


CELLS = st.text(st.characters(codec="utf-8", exclude_characters='\0\r\n",'), max_size=4)


@given(st.lists(st.tuples(CELLS, CELLS).filter(any), min_size=1, max_size=6), st.randoms())
def test_the_order_of_rows_and_columns_makes_no_difference(
    rows: list[tuple[str, str]], random: Random
) -> None:
    mixed = random.sample(rows, len(rows))
    straight = "\n".join(["a,b", *(",".join(row) for row in rows)])
    turned = "\n".join(["b,a", *(",".join(row[::-1]) for row in mixed)])

    assert read(straight.encode())[2] == read(turned.encode())[2]


@pytest.mark.parametrize(
    "other",
    [b"a,b\n1,2\n", b"a,b\n1,2\n3,5\n", b"a,c\n1,2\n3,4\n", b"a,b\n2,1\n4,3\n", b"a,b\n1,23,4\n"],
)
def test_what_says_something_else_has_another_hash(other: bytes) -> None:
    try:
        found = read(other)[2]
    except BadTable:
        return
    assert found != read(b"a,b\n1,2\n3,4\n")[2]


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"a,b\n1,2\n1\n", r"t.csv, line 3: expected 2 cells, found 1"),
        (b'a,b\n"x\ny",2\n1\n', r"t.csv, line 4: expected 2 cells"),
        (b"a,a\n1,2\n", r"t.csv, line 1: two columns have the same name"),
        (b"", r"t.csv, line 1: there is no header"),
        (b"a,b\n\xff,2\n", r"t.csv, line \d: the text is not UTF-8"),
        (b'a,b\n"1"x,2\n', r"t.csv, line 2: "),
    ],
)
def test_a_table_that_is_none_is_refused_by_its_line(data: bytes, message: str) -> None:
    with pytest.raises(BadTable, match=message):
        read(data)


def test_an_open_quote_does_not_gather_a_whole_file() -> None:
    table = CsvReader("t.csv")
    table.feed(b'a,b\n"1,' + b"x" * 2**19)

    with pytest.raises(BadTable, match="is a quote left open"):
        table.feed(b"x" * 2**20)


def test_a_files_name_is_no_part_of_what_a_dataset_says(tmp_path: Path) -> None:
    (tmp_path / "one").write_bytes(b"same")
    named, folder = Reading.of({"two": b"same"}), Reading.of(tmp_path)
    for reading in (named, folder):
        assert b"".join(reading.chunks()) == b"same"

    assert named.fingerprint == folder.fingerprint
    assert named.manifest != folder.manifest


def test_a_manifest_has_one_spelling() -> None:
    reading = Reading.of({"b": b"", "a": b"x"})

    assert reading.manifest.startswith(b'{"files":[{"chunks":["')
    assert [file.path for file in read_manifest(reading.manifest)] == ["a", "b"]


@pytest.mark.parametrize(
    "data", [b"", b"[]", b"{}", b'{"files":[{}]}', b'{"files":[1]}', b"[" * 9999]
)
def test_what_is_no_manifest_is_said(data: bytes) -> None:
    with pytest.raises(BadManifest):
        read_manifest(data)


def test_no_two_parts_of_a_description_have_one_name() -> None:
    reading = Reading.of({"a b.csv": b"x y,x_y,x-y\n1,2,3\n", "a_b.csv": b"x\n1\n"})

    described = json.loads(describe("odd names", spdx="MIT OR CC0-1.0", files=reading.files))

    files = [file["@id"] for file in described["distribution"]]
    fields = [field["@id"] for records in described["recordSet"] for field in records["field"]]
    assert len({*files, *fields}) == 2 + 4
    assert not any(" " in id for id in (*files, *fields))
    assert [file["name"] for file in described["distribution"]] == ["a b.csv", "a_b.csv"]
    assert described["license"] == "MIT OR CC0-1.0"


def test_zeros_without_end_take_no_memory(tmp_path: Path) -> None:
    """A sparse file; what is kept of it is a hash for each MiB."""
    with (tmp_path / "zeros.bin").open("wb") as stream:
        stream.truncate(256 * 2**20)
    tracemalloc.start()
    try:
        reading = Reading.of(tmp_path)
        _, most = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()

    assert reading.size == 256 * 2**20
    assert len(reading.contents) == 2
    assert most < 8 * 2**20


def test_zeros_that_call_themselves_a_table_are_refused_at_once() -> None:
    table = CsvReader("t.csv")
    table.feed(bytes(2**20))

    with pytest.raises(BadTable, match="no end within a million characters"):
        table.feed(bytes(2**20))


def test_an_archive_is_a_file_and_is_not_unpacked() -> None:
    packed = BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as bomb:
        bomb.writestr("t.csv", bytes(2**24))

    reading = Reading.of({"bomb.zip": packed.getvalue()})

    assert (reading.rows, reading.size) == (0, len(packed.getvalue()))
