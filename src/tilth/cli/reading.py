"""The owner's file is parsed in a jail of its own: whoever wrote it may have meant it for a parser.

A fresh interpreter shuts itself in before it reads a byte of the file, and hands back numbers and
names, of which this side believes nothing that it has not checked.
"""

import json
import subprocess
import sys
from io import BytesIO
from typing import Any, Final

import numpy as np

from tilth.engine import confinement
from tilth.engine.confine import Bounds, confine, unlinked_directory
from tilth.vault import Draft, Limits, Roles, TableError, parse_source
from tilth.vault.arrow_source import ARROW, PARQUET, arrow
from tilth.vault.draft import Texts, check_names

_BOUNDS: Final = Bounds(memory_bytes=4 << 30, cpu_seconds=600)
_DIED: Final = "the file could not be read: its reader died of it, or of a lack of memory."


def read_jailed(data: bytes, suffix: str, roles: Roles, limits: Limits) -> Draft:
    """As `parse_source`, in a process that can reach nothing."""
    if suffix in (PARQUET, *ARROW):
        arrow()  # to say here what is missing
    order = {
        "suffix": suffix,
        "roles": [roles.label, roles.target, list(roles.classes)],
        "limits": [limits.bytes, limits.rows, limits.columns],
    }
    finished = subprocess.run(
        [sys.executable, "-m", "tilth.cli.reading"],
        input=json.dumps(order).encode() + b"\n" + data,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,  # it may quote cells
        check=False,
    )
    head, _, cells = finished.stdout.partition(b"\n")
    if finished.returncode or not head:
        raise TableError(_DIED)
    return _believed(json.loads(head), cells, roles, limits)


def _believed(head: dict[str, Any], cells: bytes, roles: Roles, limits: Limits) -> Draft:
    if "cause" in head:
        raise TableError(head["cause"])
    names = tuple(map(str, head["names"]))
    check_names(names, limits)
    matrix = np.frombuffer(cells, "<f4").reshape(-1, len(names)).astype(np.float32)
    if not 0 < len(matrix) <= limits.rows or not np.isfinite(matrix).all():
        raise TableError(_DIED)
    texts = {int(at): _texts(found, int(at)) for at, found in head["texts"].items()}
    for at, found in head["texts"].items():
        if not np.isin(matrix[:, int(at)], np.arange(len(found))).all():
            raise TableError(_DIED)
    return Draft(names, matrix, texts, roles.learnt or head["learnt"])


def _texts(found: list[tuple[str, int]], position: int) -> Texts:
    texts = Texts()
    for text, line in found:
        texts.number(text, line=line, position=position)
    return texts


def _main() -> None:
    """In the new process: get ready, shut the doors, read, answer."""
    order = json.loads(sys.stdin.buffer.readline())
    suffix, roles = order["suffix"], Roles(*order["roles"])
    _warm_up(suffix)
    confine({0, 1}, unlinked_directory(), _BOUNDS, required=confinement().sufficient)
    try:
        draft = parse_source(sys.stdin.buffer.read(), suffix, roles, Limits(*order["limits"]))
    except TableError as error:
        _answer({"cause": str(error)})
    else:
        texts = {at: list(found.appearances()) for at, found in draft.texts.items()}
        head = {"names": draft.names, "texts": texts, "learnt": draft.label}
        _answer(head, draft.cells.astype("<f4").tobytes())


def _warm_up(suffix: str) -> None:
    """Whatever is loaded when it is first used: in the jail there are no files."""
    if suffix in (PARQUET, *ARROW):
        _read_some_arrow(arrow(), suffix)
    elif suffix == ".npz":
        file = BytesIO()
        np.savez(file, features=np.zeros((2, 1)), labels=np.arange(2))
        parse_source(file.getvalue(), suffix, Roles(), Limits())
    else:
        parse_source(b"a,b\n1,x\n", ".csv", Roles("b"), Limits())


def _read_some_arrow(pyarrow: Any, suffix: str) -> None:
    table = pyarrow.table({"a": [1.5], "b": ["x"], "c": pyarrow.array(["y"]).dictionary_encode()})
    sink = pyarrow.BufferOutputStream()
    if suffix == PARQUET:
        pyarrow.parquet.write_table(table, sink)
    else:
        with pyarrow.ipc.new_file(sink, table.schema) as writer:
            writer.write_table(table)
    parse_source(sink.getvalue().to_pybytes(), suffix, Roles("b", classes=["c"]), Limits())


def _answer(head: dict[str, Any], cells: bytes = b"") -> None:
    sys.stdout.buffer.write(json.dumps(head).encode() + b"\n")
    sys.stdout.buffer.write(cells)
    sys.stdout.buffer.flush()


if __name__ == "__main__":
    _main()
