"""Reading a private Parquet or Arrow file: columns of numbers, and of texts where they are classes.

pyarrow is an optional extra; it parses bytes that anybody may have written, so run it in a jail.
"""

from collections.abc import Sequence
from types import ModuleType
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from tilth.vault.bounds import FLOAT32_OVERFLOW
from tilth.vault.draft import DEFAULT_LIMITS, Draft, Limits, Roles, Texts, check_names
from tilth.vault.errors import TableError
from tilth.vault.table import Features

ARROW: Final = (".arrow", ".feather", ".ipc")
PARQUET: Final = ".parquet"


def arrow() -> ModuleType:
    """pyarrow with its reader of Parquet; raises TableError where it is not installed."""
    try:
        import pyarrow
        import pyarrow.parquet
    except ImportError:
        text = "Parquet and Arrow are read with pyarrow, which is not installed"
        raise TableError(f"{text}: pip install 'tilth[data]'.") from None
    module: ModuleType = pyarrow
    return module


def read_arrow(data: bytes, suffix: str, roles: Roles, limits: Limits = DEFAULT_LIMITS) -> Draft:
    """Read a file of this kind whose columns have these roles."""
    if len(data) > limits.bytes:
        raise TableError(f"the source is larger than {limits.bytes} bytes.")
    pyarrow = arrow()
    try:
        table = _parquet(pyarrow, data, limits) if suffix == PARQUET else _ipc(pyarrow, data)
        return _draft(pyarrow, table, roles, limits)
    except (pyarrow.ArrowException, OSError):
        pass  # its texts may quote cells
    raise TableError(f"not a readable {suffix} file.")


def _parquet(pyarrow: Any, data: bytes, limits: Limits) -> Any:
    file = pyarrow.parquet.ParquetFile(pyarrow.BufferReader(data))
    _check_shape(file.metadata.num_rows, file.schema_arrow.names, limits)
    return file.read(use_threads=False)


def _ipc(pyarrow: Any, data: bytes) -> Any:
    alone = pyarrow.ipc.IpcReadOptions(use_threads=False)  # a jail has no room for more
    is_file = data.startswith(b"ARROW1")
    open_ = pyarrow.ipc.open_file if is_file else pyarrow.ipc.open_stream
    return open_(pyarrow.BufferReader(data), options=alone).read_all()


def _draft(pyarrow: Any, table: Any, roles: Roles, limits: Limits) -> Draft:
    names = tuple(str(name) for name in table.column_names)
    _check_shape(table.num_rows, names, limits)
    found, texts = roles.positions(names), dict[int, Texts]()
    cells: Features = np.empty((table.num_rows, len(names)), np.float32)
    for position in range(len(names)):
        column = table.column(position)
        _check_no_gap(column, position)
        if position in found:
            texts[position] = Texts()
            cells[:, position] = _places(column, texts[position], position)
        else:
            cells[:, position] = _numbers(pyarrow.types, column, position)
    # adding 0 makes -0.0 and 0.0 one value, which then has one spelling in bytes
    return Draft(names, cells + np.float32(0), texts, roles.learnt)


def _check_shape(rows: int, names: Sequence[str], limits: Limits) -> None:
    if not 0 < rows <= limits.rows:
        raise TableError(f"expected 1 to {limits.rows} rows, found {rows}.")
    check_names(names, limits)


def _check_no_gap(column: Any, position: int) -> None:
    if column.null_count:
        gaps = column.is_null().to_numpy()
        cause = "the cell is empty; every cell needs a value."
        raise TableError(cause, line=int(np.argmax(gaps)) + 1, column=position + 1)


def _numbers(types: Any, column: Any, position: int) -> NDArray[np.float64]:
    kind, numeric = column.type, (types.is_integer, types.is_floating, types.is_boolean)
    if not any(is_such(kind) for is_such in numeric):
        cause = f"expected numbers, found {kind}; name the column as one of classes if it is."
        raise TableError(cause, column=position + 1)
    values: NDArray[np.float64] = column.to_numpy().astype(np.float64)
    good = np.abs(values) < FLOAT32_OVERFLOW
    if not good.all():
        cause = "not a finite number that float32 can hold."
        raise TableError(cause, line=int(np.argmin(good)) + 1, column=position + 1)
    return values


def _places(column: Any, texts: Texts, position: int) -> list[float]:
    return [
        texts.number(str(value).strip(" \t"), line=line, position=position)
        for line, value in enumerate(column.to_pylist(), 1)
    ]
