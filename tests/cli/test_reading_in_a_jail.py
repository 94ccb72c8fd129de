"""An owner's file is read in a process that can reach nothing, and says the same as outside."""

import io
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tilth.cli import reading
from tilth.cli.reading import read_jailed
from tilth.engine import confinement
from tilth.vault import Limits, Roles, TableError, read_file

LIMITS = Limits()
ROWS = ((1.5, "x", 3), (2.5, "y", 4), (-3.0, "x", 5))


def arrow_file(suffix: str, **columns: Any) -> bytes:
    pyarrow = pytest.importorskip("pyarrow")
    from pyarrow import feather, parquet

    table, sink = pyarrow.table(columns), io.BytesIO()
    if suffix == ".parquet":
        parquet.write_table(table, sink)
    elif suffix == ".feather":
        feather.write_feather(table, sink)  # compressed, as it is by default
    else:
        with pyarrow.ipc.new_stream(sink, table.schema) as writer:
            writer.write_table(table)
    return sink.getvalue()


def source(suffix: str) -> bytes:
    if suffix == ".csv":
        return "\n".join(["a,b,c", *(",".join(map(str, row)) for row in ROWS), ""]).encode()
    a, b, c = zip(*ROWS, strict=True)
    return arrow_file(suffix, a=a, b=b, c=c)


@pytest.mark.parametrize("suffix", [".csv", ".parquet", ".feather", ".arrow"])
def test_every_kind_of_file_is_the_same_table(suffix: str, tmp_path: Path) -> None:
    path = tmp_path / f"t{suffix}"
    path.write_bytes(source(suffix))

    draft = read_file(path, Roles("b"), parse=read_jailed)

    table = draft.table(draft.suggest())
    assert table.schema.label == "b"
    assert table.schema.class_names == ("x", "y")
    assert table.features.tolist() == [[1.5, 3], [2.5, 4], [-3, 5]]
    assert table.labels is not None
    assert table.labels.tolist() == [0, 1, 0]


@pytest.mark.parametrize("suffix", [".npy", ".npz"])
def test_arrays_are_too(suffix: str, tmp_path: Path) -> None:
    path, matrix = tmp_path / f"t{suffix}", np.arange(6.0).reshape(3, 2)
    if suffix == ".npy":
        np.save(path, matrix)
    else:
        np.savez(path, features=matrix, labels=np.array([5, 6, 5]))

    inside, outside = read_file(path, parse=read_jailed), read_file(path)

    assert inside.cells.tolist() == outside.cells.tolist()
    assert inside.suggest() == outside.suggest()


@pytest.mark.parametrize(
    ("suffix", "data", "words"),
    [
        (".csv", b"a,b\n1,2\n1,31337.oops\n", "^line 3, column 2: not a number"),
        (".parquet", b"PAR1 nothing of the kind PAR1", "not a readable .parquet file"),
        (".arrow", b"ARROW1 nor this", "not a readable .arrow file"),
        (".npz", b"PK", "not a readable .npz archive"),
    ],
)
def test_what_is_wrong_is_said_by_place_and_never_shown(
    suffix: str, data: bytes, words: str
) -> None:
    with pytest.raises(TableError, match=words) as caught:
        read_jailed(data, suffix, Roles(), LIMITS)

    assert "31337" not in str(caught.value)


@pytest.mark.parametrize(
    ("columns", "words"),
    [
        ({"a": [1.0, None]}, "line 2, column 1: the cell is empty"),
        ({"a": [1.0, 2.0], "b": ["x", "31337"]}, "column 2: expected numbers, found string"),
        ({"a": [1.0, float("nan")]}, "line 2, column 1: not a finite number"),
        ({"a": [1.0, 1e39]}, "line 2, column 1: not a finite number"),
        ({"": [1.0]}, "printable characters"),
        ({"a": []}, "rows, found 0"),
    ],
)
@pytest.mark.parametrize("suffix", [".parquet", ".feather"])
def test_a_doubtful_column_is_refused(suffix: str, columns: Any, words: str) -> None:
    with pytest.raises(TableError, match=words) as caught:
        read_jailed(arrow_file(suffix, **columns), suffix, Roles(), LIMITS)

    assert "31337" not in str(caught.value)


def test_more_than_the_limits_is_refused() -> None:
    data = arrow_file(".parquet", a=[1.0, 2.0], b=[1.0, 2.0])

    for limits in (Limits(rows=1), Limits(columns=1), Limits(bytes=10)):
        with pytest.raises(TableError):
            read_jailed(data, ".parquet", Roles(), limits)


def test_without_pyarrow_it_is_said_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pyarrow", None)

    with pytest.raises(TableError, match=r"pip install 'tilth\[data\]'"):
        read_jailed(b"PAR1", ".parquet", Roles(), LIMITS)


@pytest.mark.skipif(not confinement().sufficient, reason="no Landlock or no seccomp")
def test_a_reader_that_was_taken_over_reaches_no_file() -> None:
    """The same doors, and behind them a reader that tries to open something."""
    program = (
        "import tilth.cli.reading as reading\n"
        "def taken_over(*_):\n"
        "    raise reading.TableError(open('/etc/hostname').read())\n"
        "warm, reading._warm_up = reading._warm_up, lambda suffix: (\n"
        "    warm(suffix), setattr(reading, 'parse_source', taken_over))\n"
        "reading._main()\n"
    )
    order = b'{"suffix": ".csv", "roles": [null, null, []], "limits": [9, 9, 9]}\na\n1\n'

    ended = subprocess.run(
        [sys.executable, "-c", program], input=order, capture_output=True, timeout=60, check=False
    )

    assert ended.returncode != 0
    assert ended.stdout == b""
    assert b"PermissionError" in ended.stderr


def test_a_reader_that_lies_is_not_believed(monkeypatch: pytest.MonkeyPatch) -> None:
    lies = (
        b'{"names": ["a"], "texts": {}, "learnt": null}\n' + np.float32("nan").tobytes(),
        b'{"names": ["a", "a"], "texts": {}, "learnt": null}\n' + bytes(8),
        b'{"names": ["a"], "texts": {"0": [["x", 1]]}, "learnt": null}\n' + np.float32(7).tobytes(),
        b'{"names": ["a"], "texts": {}, "learnt": null}\n',
        b"",
    )
    for lie in lies:
        done = subprocess.CompletedProcess[bytes]([], 0, stdout=lie)
        monkeypatch.setattr(reading.subprocess, "run", lambda *_, done=done, **__: done)
        with pytest.raises(TableError):
            read_jailed(b"a\n1\n", ".csv", Roles(), LIMITS)
