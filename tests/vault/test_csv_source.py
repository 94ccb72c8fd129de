"""A private CSV is read exactly or refused by line and column, and never shown."""

import codecs

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tilth.vault.csv_source import read_csv, table_from_csv
from tilth.vault.draft import Limits
from tilth.vault.errors import TableError
from tilth.vault.schema import Categorical, Numeric, Schema
from tilth.vault.table import Table, csv_bytes

CANARY = "31337.4242"
SCHEMA = Schema((Numeric("a", -10, 10), Categorical("kind", ("no", "yes"))), "kind")


def refusal(data: bytes, **options: object) -> TableError:
    with pytest.raises(TableError) as caught:
        read_csv(data, **options)  # type: ignore[arg-type]
    return caught.value


def test_a_plain_table_is_read() -> None:
    table = table_from_csv(b"a,kind\n1.5,yes\n-2e-1,no\n", SCHEMA)

    assert table.features.tolist() == [[1.5], [np.float32(-0.2)]]
    assert table.labels is not None
    assert table.labels.tolist() == [1, 0]


def test_quotes_spaces_and_windows_line_ends_are_read() -> None:
    table = table_from_csv(b'"a", kind\r\n"1", yes\r\n 2\t,"no"\r\n', SCHEMA)

    assert table.features.tolist() == [[1.0], [2.0]]


@pytest.mark.parametrize(
    ("data", "line", "column", "words"),
    [
        (b"", 1, None, "empty"),
        (b"\n1,2\n", 1, None, "empty"),
        (b"a,b\n", 2, None, "no row"),
        (b"a,b\n1,2\n3\n", 3, None, "expected 2 cells, found 1"),
        (b"a,b\n1,2,3\n", 2, None, "expected 2 cells, found 3"),
        (b"a,b\n1,2\n\n3,4\n", 3, None, "found 0"),
        (b"a,a\n1,2\n", 1, 2, "same name"),
        (b"a,\n1,2\n", 1, 2, "name"),
        (b"5.1,3.5\n1,2\n", 1, 1, "must be a header"),
        (b"a,b\n1,x\n", 2, 2, "not a number"),
        (b"a,b\n1,\n", 2, 2, "empty"),
        (b"a,b\n1,nan\n", 2, 2, "finite"),
        (b"a,b\n-Infinity,1\n", 2, 1, "finite"),
        (b"a,b\n1,1e39\n", 2, 2, "float32"),
        (b"a,b\n1,1e999\n", 2, 2, "float32"),
        (b"a,b\n1,1_000\n", 2, 2, "not a number"),
        (b"a,b\n1,0x10\n", 2, 2, "not a number"),
        ("a,b\n1,١\n".encode(), 2, 2, "not a number"),
        (b'a,b\n1,"2\n', None, None, "CSV"),
        (b'a,b\n1,"2"3\n', 2, None, "CSV"),
        (b"a;b\n1;2\n", 1, None, "commas"),
        (b"a,b\n1,2\n3,\xff\n", 3, None, "UTF-8"),
        (b"a,b\n1,2\x00\n", 2, 2, "not a number"),
        (codecs.BOM_UTF8 + b"a,b\n1,2\n", 1, None, "byte-order mark"),
        ("a,b\n1,2\n".encode("utf-16"), 1, None, "UTF-16"),
        ("a,b\n1,2\n".encode("utf-32"), 1, None, "UTF-32"),
        ("a,b\n1,2\n".encode("utf-16-le"), 1, 1, "printable"),
        (b"\x89PNG\r\n\x1a\n", 1, None, "UTF-8"),
    ],
)
def test_a_bad_source_is_refused_by_its_place(
    data: bytes, line: int | None, column: int | None, words: str
) -> None:
    refused = refusal(data)

    assert words in str(refused)
    assert refused.column == column
    if line is not None:
        assert refused.line == line
        assert str(refused).startswith(f"line {line}")


@pytest.mark.parametrize(
    "data",
    [
        f"a,b\n1,{CANARY}x\n".encode(),
        f"a,b\n1,2,{CANARY}\n".encode(),
        f"{CANARY}x,{CANARY}x\n1,2\n".encode(),
        f"{CANARY},b\n1,2\n".encode(),
        f"a,b\n1,{CANARY}\udcff\n".encode("utf-8", "surrogateescape"),
        f'a,b\n1,"{CANARY}"{CANARY}\n'.encode(),
        f"a,b\n1,{CANARY}e39\n".encode(),
        f'a,b\n1,"{CANARY}\n'.encode(),
    ],
)
def test_no_cell_is_seen_in_a_refusal(data: bytes) -> None:
    refused = refusal(data)

    chain = (refused, refused.__context__, refused.__cause__)
    assert not any(CANARY in repr(vars(part)) + repr(part) for part in chain if part)


def test_an_unknown_class_is_refused_by_its_first_line_and_not_shown() -> None:
    with pytest.raises(TableError) as caught:
        table_from_csv(f"a,kind\n1,no\n2,{CANARY}\n3,{CANARY}\n".encode(), SCHEMA)

    assert (caught.value.line, caught.value.column) == (3, 2)
    assert CANARY not in repr(caught.value)


def test_sizes_are_limited() -> None:
    data = b"a,b\n1,2\n3,4\n"

    assert "larger" in str(refusal(data, limits=Limits(bytes=11)))
    assert "rows" in str(refusal(data, limits=Limits(rows=1)))
    assert "columns" in str(refusal(data, limits=Limits(columns=1)))
    assert len(read_csv(data, limits=Limits(bytes=12, rows=2, columns=2)).cells) == 2


def test_a_class_column_of_free_text_is_refused() -> None:
    rows = "".join(f"1,patient {number}\n" for number in range(1100))

    assert "too many" in str(refusal(f"a,kind\n{rows}".encode(), label="kind"))


def test_a_label_the_source_does_not_have_is_refused() -> None:
    assert "label" in str(refusal(b"a,b\n1,2\n", label="c"))


def test_a_table_must_have_the_columns_of_its_schema() -> None:
    for data in (b"kind,a\nno,1\n", b"b,kind\n1,no\n", b"a,b,kind\n1,1,no\n"):
        with pytest.raises(TableError, match=r"line 1.*expected"):
            table_from_csv(data, SCHEMA)


def test_more_rows_than_a_block_keep_their_order() -> None:
    data = "a\n" + "".join(f"{number}\n" for number in range(10_000))

    assert read_csv(data.encode()).cells[:, 0].tolist() == list(range(10_000))


def test_the_suggested_schema_takes_the_table_and_names_no_extreme_row() -> None:
    draft = read_csv(b"age,y\n17.3,10\n93.8,9\n41,10\n", label="y")
    schema = draft.suggest()

    assert schema == Schema((Numeric("age", 0, 100), Categorical("y", ("9", "10"))), "y")
    assert draft.table(schema).outside_bounds() == (0,)


names = st.text("abcé ,\"'\n;x", min_size=1, max_size=6).map(str.strip).filter(str.isprintable)
schemas = st.lists(names.filter(bool), min_size=2, max_size=5, unique=True).map(
    lambda found: Schema(
        (*(Numeric(name, -1, 1) for name in found[1:]), Categorical(found[0], ("a", "b,\"c'"))),
        found[0],
    )
)
float32s = st.floats(width=32, allow_nan=False, allow_infinity=False)


@st.composite
def tables(draw: st.DrawFn) -> Table:
    schema = draw(schemas)
    width = len(schema.columns) - 1
    rows = draw(st.lists(st.lists(float32s, min_size=width, max_size=width), min_size=1))
    labels = draw(st.lists(st.integers(0, 1), min_size=len(rows), max_size=len(rows)))
    return Table(schema, np.array(rows, np.float32) + np.float32(0), np.array(labels))


@given(tables())
def test_a_table_written_as_csv_is_read_back_to_the_byte(table: Table) -> None:
    assert table_from_csv(csv_bytes(table), table.schema).rows() == table.rows()


@given(st.binary(max_size=60) | st.text('a,1.\n"-e', max_size=60).map(str.encode))
def test_any_bytes_are_read_or_refused(data: bytes) -> None:
    try:
        draft = read_csv(data)
    except TableError:
        return
    assert np.isfinite(draft.cells).all()
