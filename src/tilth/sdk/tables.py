"""Public tables: rows are counted and hashed in any order, and columns are told what they hold."""

import codecs
import csv
import json
from collections.abc import Callable, Iterator, Sequence
from hashlib import sha256
from io import StringIO
from typing import Any, BinaryIO, Final, Protocol

import numpy as np

from tilth.sdk.arrays import ArrayHeader, read_header
from tilth.sdk.columns import Column
from tilth.sdk.sketches import Sketcher
from tilth.sdk.wire import canonical_json

_LONGEST_LINE: Final = 1 << 20
_HASH: Final = 32
_ARRAY_ROWS: Final = 4096


class BadTable(ValueError):
    """A table that is to be published is not one."""


class MissingExtra(ImportError):
    """A format needs a package that is not installed; the text says which."""


class Rows:
    """A hash for each row, not the rows."""

    def __init__(self) -> None:
        self.columns: list[Column] = []
        self.sketcher = Sketcher()
        self._order: list[int] = []
        self._hashes = bytearray()

    def __len__(self) -> int:
        return len(self._hashes) // _HASH

    def name(self, columns: Sequence[str]) -> None:
        self.columns = [Column(name) for name in columns]
        self._order = sorted(range(len(columns)), key=columns.__getitem__)

    def take(self, cells: Sequence[str]) -> None:
        """A row, as text."""
        for column, cell in zip(self.columns, cells, strict=True):
            column.take(cell)
        self.take_bytes(_joined([cells[at] for at in self._order]))

    def take_bytes(self, row: bytes) -> None:
        """A row in whatever encoding makes equal rows equal."""
        hash = sha256(row).digest()
        self._hashes += hash
        self.sketcher.add(hash)

    @property
    def canonical(self) -> bytes:
        """The hash of what the table says."""
        header = _joined(sorted(column.name for column in self.columns))
        rows = np.sort(np.frombuffer(bytes(self._hashes), dtype=f"S{_HASH}"))
        return sha256(sha256(header).digest() + rows.tobytes()).digest()


class TableReader(Protocol):
    """Is fed a file piece by piece, and gets the whole of it once more at the end."""

    rows: Rows

    def feed(self, data: bytes) -> None: ...

    def finish(self, stream: BinaryIO) -> None: ...


class _Lines:
    """What tables of lines have in common."""

    def __init__(self, path: str) -> None:
        self.rows = Rows()
        self._path = path
        self._decoder = codecs.getincrementaldecoder("utf-8-sig")()
        self._rest = ""
        self._line = 0

    def _decoded(self, data: bytes, *, final: bool = False) -> str:
        try:
            return self._rest + self._decoder.decode(data, final)
        except UnicodeDecodeError:
            raise self._wrong("the text is not UTF-8") from None

    def _keep(self, rest: str) -> None:
        self._rest = rest
        if len(rest) > _LONGEST_LINE:
            raise self._wrong("it has no end within a million characters: is a quote left open?")

    def _wrong(self, cause: str) -> BadTable:
        return BadTable(f"{self._path}, line {max(self._line, 1)}: {cause}")


class CsvReader(_Lines):
    """The first record names the columns; all others have as many cells."""

    def feed(self, data: bytes) -> None:
        """Read the records that are whole; a record may go on in the next piece."""
        text = self._decoded(data)
        end = _end_of_records(text)
        self._read(text[:end])
        self._keep(text[end:])

    def finish(self, stream: BinaryIO) -> None:
        self._read(self._decoded(b"", final=True))
        if not self.rows.columns:
            raise self._wrong("there is no header")

    def _read(self, text: str) -> None:
        for cells in self._records(text):
            self._take(cells)

    def _records(self, text: str) -> Iterator[list[str]]:
        reader = csv.reader(StringIO(text, newline=""), strict=True)
        begun = self._line
        try:
            for cells in reader:
                self._line = begun + reader.line_num
                if cells:
                    yield cells
        except csv.Error as error:
            self._line = begun + reader.line_num
            raise self._wrong(str(error)) from None

    def _take(self, cells: list[str]) -> None:
        if not self.rows.columns:
            if len(set(cells)) < len(cells):
                raise self._wrong("two columns have the same name")
            self.rows.name(cells)
            return
        expected = len(self.rows.columns)
        if len(cells) != expected:
            raise self._wrong(f"expected {expected} cells, found {len(cells)}")
        self.rows.take(cells)


class JsonLinesReader(_Lines):
    """An object to a line; what one leaves out is a gap."""

    def __init__(self, path: str) -> None:
        super().__init__(path)
        self._columns: dict[str, Column] = {}

    def feed(self, data: bytes) -> None:
        text = self._decoded(data)
        end = text.rfind("\n") + 1
        self._read(text[:end])
        self._keep(text[end:])

    def finish(self, stream: BinaryIO) -> None:
        self._read(self._decoded(b"", final=True))
        self.rows.columns = list(self._columns.values())

    def _read(self, text: str) -> None:
        for line in text.split("\n")[: None if text and not text.endswith("\n") else -1]:
            self._line += 1
            if line.strip():
                self._take(line)

    def _take(self, line: str) -> None:
        try:
            record = json.loads(line)
        except (ValueError, RecursionError):
            raise self._wrong("it is not JSON") from None
        if not isinstance(record, dict):
            raise self._wrong("it is no JSON object")
        for name, value in record.items():
            self._columns.setdefault(name, Column(name)).take(as_text(value))
        self.rows.take_bytes(canonical_json(record))


class ArrowReader:
    """Parquet and Arrow files, batch by batch."""

    def __init__(self, path: str) -> None:
        self.rows = Rows()
        self._path = path
        self._arrow = arrow()

    def feed(self, data: bytes) -> None:
        """Their directory is at the end."""

    def finish(self, stream: BinaryIO) -> None:
        try:
            schema, batches = opened_batches(self._path, stream)
            self.rows.name(schema.names)
            for batch in batches:
                self._take(batch)
        except self._arrow.ArrowException as error:
            raise BadTable(f"{self._path}: {error}") from None

    def _take(self, batch: Any) -> None:
        columns = [column.to_pylist() for column in batch.columns]
        for row in zip(*columns, strict=True):
            self.rows.take([as_text(value) for value in row])


class ArrayReader:
    """NumPy's .npy: a row is a step along the first axis."""

    def __init__(self, path: str) -> None:
        self.rows = Rows()
        self._path = path

    def feed(self, data: bytes) -> None:
        """Its rows are of a size that only the header tells."""

    def finish(self, stream: BinaryIO) -> None:
        shape, fortran, dtype = self._header(stream)
        if dtype.hasobject:
            raise BadTable(f"{self._path}: it holds Python objects, which run code when loaded")
        if fortran or not shape:
            return  # rows are not in one piece: the file counts as a whole
        self.rows.name(dtype.names or ())
        size = dtype.itemsize * int(np.prod(shape[1:], dtype=np.int64))
        while size and (data := stream.read(size * _ARRAY_ROWS)):
            for start in range(0, len(data), size):
                self.rows.take_bytes(data[start : start + size])
        if len(self.rows) != (shape[0] if size else 0):
            raise BadTable(f"{self._path}: it does not hold as many rows as its header says")

    def _header(self, stream: BinaryIO) -> ArrayHeader:
        try:
            return read_header(stream)
        except ValueError as error:
            raise BadTable(f"{self._path}: {error}") from None


_READERS: Final[dict[str, Callable[[str], TableReader]]] = {
    "csv": CsvReader,
    "jsonl": JsonLinesReader,
    "ndjson": JsonLinesReader,
    "parquet": ArrowReader,
    "arrow": ArrowReader,
    "feather": ArrowReader,
    "arrows": ArrowReader,
    "npy": ArrayReader,
}


def ending(path: str) -> str:
    return path.rpartition(".")[2].lower() if "." in path else ""


def table_reader(path: str) -> TableReader | None:
    """For a file that is a table by its name. Archives are files as they are: none is unpacked."""
    made = _READERS.get(ending(path))
    return None if made is None else made(path)


def arrow() -> Any:
    try:
        import pyarrow
    except ImportError:
        raise MissingExtra(
            "this format needs pyarrow, which is not installed: pip install 'tilth[data]'"
        ) from None
    return pyarrow


def opened_batches(path: str, stream: BinaryIO) -> tuple[Any, Iterator[Any]]:
    """The schema of a Parquet or Arrow file, and its record batches."""
    pyarrow = arrow()
    if ending(path) == "parquet":
        from pyarrow import parquet

        file: Any = parquet.ParquetFile(stream)
        return file.schema_arrow, file.iter_batches()
    if ending(path) == "arrows":
        streamed: Any = pyarrow.ipc.open_stream(stream)
        return streamed.schema, iter(streamed)
    opened: Any = pyarrow.ipc.open_file(stream)
    return opened.schema, (opened.get_batch(at) for at in range(opened.num_record_batches))


def as_text(value: Any) -> str:
    """A value as a CSV would have it, so that equal tables are equal in every format."""
    if value is None:
        return ""
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, list | dict):
        return json.dumps(value, sort_keys=True, default=str)
    return value.hex() if isinstance(value, bytes) else str(value)


def _end_of_records(text: str) -> int:
    """Behind the last line break that is not inside quotes."""
    end = at = 0
    for number, part in enumerate(text.split('"')):
        last = part.rfind("\n")
        if number % 2 == 0 and last >= 0:
            end = at + last + 1
        at += len(part) + 1
    return end


def _joined(cells: list[str]) -> bytes:
    """With lengths, so that no two rows give the same bytes."""
    encoded = [cell.encode() for cell in cells]
    return b"".join(len(cell).to_bytes(4, "little") + cell for cell in encoded)
