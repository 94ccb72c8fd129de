"""Public tables: a CSV's columns and rows are counted, and what it says is hashed in any order."""

import codecs
import csv
from collections.abc import Iterator
from hashlib import sha256
from io import StringIO
from typing import Final

_LONGEST_CELL: Final = 1 << 20


class BadTable(ValueError):
    """A CSV that is to be published is not one."""


class TableReader:
    """Takes a CSV piece by piece; keeps a hash for each row, not the rows."""

    def __init__(self, path: str) -> None:
        self.columns: tuple[str, ...] = ()
        self._path = path
        self._decoder = codecs.getincrementaldecoder("utf-8-sig")()
        self._rest = ""
        self._line = 0
        self._order: list[int] = []
        self._rows: list[bytes] = []

    @property
    def rows(self) -> int:
        return len(self._rows)

    def feed(self, data: bytes, *, final: bool = False) -> None:
        """Read the records that are whole; a record may go on in the next piece."""
        text = self._rest + self._decoded(data, final)
        end = len(text) if final else _end_of_records(text)
        whole, self._rest = text[:end], text[end:]
        if len(self._rest) > _LONGEST_CELL:
            raise self._wrong("a quote is opened and not closed")
        for cells in self._records(whole):
            self._take(cells)

    def finish(self) -> bytes:
        """The hash of the table's content."""
        self.feed(b"", final=True)
        if not self.columns:
            raise self._wrong("there is no header")
        header = _joined([self.columns[at] for at in self._order])
        return sha256(b"".join([sha256(header).digest(), *sorted(self._rows)])).digest()

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
        if not self.columns:
            if len(set(cells)) < len(cells):
                raise self._wrong("two columns have the same name")
            self.columns = tuple(cells)
            self._order = sorted(range(len(cells)), key=cells.__getitem__)
            return
        if len(cells) != len(self.columns):
            raise self._wrong(f"expected {len(self.columns)} cells, found {len(cells)}")
        self._rows.append(sha256(_joined([cells[at] for at in self._order])).digest())

    def _decoded(self, data: bytes, final: bool) -> str:
        try:
            return self._decoder.decode(data, final)
        except UnicodeDecodeError:
            raise self._wrong("the text is not UTF-8") from None

    def _wrong(self, cause: str) -> BadTable:
        return BadTable(f"{self._path}, line {max(self._line, 1)}: {cause}")


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
