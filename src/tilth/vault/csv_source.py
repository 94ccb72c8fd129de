"""Reading a private CSV strictly: a doubtful cell is refused by its place, never shown or guessed.

UTF-8, a header of distinct names, commas, RFC 4180 quotes, decimal points, one line per row.
"""

import codecs
import csv
import io
import re
from collections.abc import Collection, Iterator

import numpy as np

from tilth.vault.bounds import FLOAT32_OVERFLOW
from tilth.vault.draft import DEFAULT_LIMITS, Draft, Limits, Roles, Texts
from tilth.vault.errors import TableError
from tilth.vault.schema import MAX_NAME, Schema, valid_name
from tilth.vault.table import Features, Table

# float() alone would take 1_000, ١, nan and infinity
_NUMBER = re.compile(r"[+-]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]{1,4})?").fullmatch
_BLOCK = 4096
_MARKS = (
    (codecs.BOM_UTF32_LE, "UTF-32"),  # before UTF-16, whose mark it begins with
    (codecs.BOM_UTF32_BE, "UTF-32"),
    (codecs.BOM_UTF16_LE, "UTF-16"),
    (codecs.BOM_UTF16_BE, "UTF-16"),
    (codecs.BOM_UTF8, "a byte-order mark"),
)


def read_csv(
    data: bytes,
    *,
    label: str | None = None,
    target: str | None = None,
    classes: Collection[str] = (),
    limits: Limits = DEFAULT_LIMITS,
) -> Draft:
    """Read a CSV whose columns are numbers, but for the label and the class columns named.

    A `target` is a label that is a number.
    """
    return read_columns(data, Roles(label, target, classes), limits)


def read_columns(data: bytes, roles: Roles, limits: Limits = DEFAULT_LIMITS) -> Draft:
    """Read a CSV whose columns have these roles."""
    lines = _lines(_text(data, limits.bytes))
    names = [name.strip(" \t") for name in next(lines, (1, []))[1]]
    _check_header(names, limits.columns)
    found = roles.positions(names)
    rows = _Rows(len(names), {position: Texts() for position in sorted(found)})
    for line, cells in lines:
        rows.append(line, cells)
        if rows.count > limits.rows:
            raise TableError(f"more than {limits.rows} rows.", line=line)
    return Draft(tuple(names), rows.matrix(), rows.texts, roles.learnt)


def table_from_csv(data: bytes, schema: Schema, limits: Limits = DEFAULT_LIMITS) -> Table:
    """Read a CSV that must be a table of this schema, for instance its mock."""
    return read_columns(data, Roles.of(schema), limits).table(schema)


class _Rows:
    """Rows read so far, packed in blocks: Python objects of a large table would not fit."""

    def __init__(self, width: int, texts: dict[int, Texts]) -> None:
        self.count = 0
        self.texts = texts
        self._width = width
        self._open: list[list[float]] = []
        self._blocks: list[Features] = []

    def append(self, line: int, cells: list[str]) -> None:
        if len(cells) != self._width:
            raise TableError(f"expected {self._width} cells, found {len(cells)}.", line=line)
        for position, texts in self.texts.items():
            number = texts.number(cells[position].strip(" \t"), line=line, position=position)
            cells[position] = str(number)
        self._open.append(_numbers(line, cells))
        self.count += 1
        if len(self._open) == _BLOCK:
            self._pack()

    def matrix(self) -> Features:
        if not self.count:
            raise TableError("there is a header but no row.", line=2)
        if self._open:
            self._pack()
        # adding 0 makes -0.0 and 0.0 one value, which then has one spelling in bytes
        return np.concatenate(self._blocks) + np.float32(0)

    def _pack(self) -> None:
        self._blocks.append(np.array(self._open, np.float32))
        self._open = []


def _numbers(line: int, cells: list[str]) -> list[float]:
    stripped = [cell.strip(" \t") for cell in cells]
    if all(map(_NUMBER, stripped)):
        values = list(map(float, stripped))
        if max(values) < FLOAT32_OVERFLOW and min(values) > -FLOAT32_OVERFLOW:
            return values
    raise _first_bad(line, stripped)


def _first_bad(line: int, cells: list[str]) -> TableError:
    column, cell = next(
        (column, cell)
        for column, cell in enumerate(cells, 1)
        if not (_NUMBER(cell) and abs(float(cell)) < FLOAT32_OVERFLOW)
    )
    return TableError(_cause(cell), line=line, column=column)


def _cause(cell: str) -> str:
    if not cell:
        return "the cell is empty; every cell needs a value."
    if cell.lstrip("+-").lower() in ("nan", "inf", "infinity") or _NUMBER(cell):
        return "not a finite number that float32 can hold."
    return "not a number; write it as 12, -3.5 or 1e-4, or name the column among the classes."


def _lines(text: str) -> Iterator[tuple[int, list[str]]]:
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    line = 1
    while True:
        try:
            cells = next(reader, None)
        except csv.Error as problem:
            cause = str(problem)  # the csv module names what it expected and quotes no cell
            cells = None
        else:
            cause = ""
        if cause:
            raise TableError(f"not proper CSV: {cause}.", line=reader.line_num)
        if cells is None:
            return
        yield line, cells
        line = reader.line_num + 1


def _text(data: bytes, limit: int) -> str:
    if len(data) > limit:
        raise TableError(f"the source is larger than {limit} bytes.")
    for mark, name in _MARKS:
        if data.startswith(mark):
            raise TableError(f"starts with {name}; save it as plain UTF-8.", line=1)
    try:
        return data.decode()
    except UnicodeDecodeError as problem:
        line = data.count(b"\n", 0, problem.start) + 1
    # outside the handler: the exception would carry the whole file along
    raise TableError("not UTF-8 text; save the table as UTF-8.", line=line)


def _check_header(names: list[str], limit: int) -> None:
    if not names:
        raise TableError("empty; the first line must name the columns.", line=1)
    if len(names) > limit:
        raise TableError(f"more than {limit} columns.", line=1)
    seen: set[str] = set()
    for column, name in enumerate(names, 1):
        _check_heading(name, column)
        if name in seen:
            raise TableError("the same name as an earlier column.", line=1, column=column)
        seen.add(name)
    if len(names) == 1 and (";" in names[0] or "\t" in names[0]):
        raise TableError("a single column; cells are separated by commas.", line=1)


def _check_heading(name: str, column: int) -> None:
    if _NUMBER(name):
        cause = "a number where a column's name should be; the first line must be a header"
        raise TableError(f"{cause}.", line=1, column=column)
    if not valid_name(name):
        cause = f"a column's name is 1 to {MAX_NAME} printable characters"
        raise TableError(f"{cause}.", line=1, column=column)
