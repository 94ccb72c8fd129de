"""What a dataset looks like: the first rows of a public table, or of a private one's mock."""

import csv
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from io import StringIO
from itertools import islice
from typing import Any, Final

from tilth.primitives.manifest import BadManifest, File, read_manifest

_LONGEST_CELL: Final = 1000
_MOST_COLUMNS: Final = 1000


class NoPreview(ValueError):
    """Nothing of it can be shown; the text says why."""


@dataclass(frozen=True, slots=True)
class Preview:
    file: str
    """The table's path, empty for a mock."""
    mock: bool
    columns: list[str]
    rows: list[list[str]]


def preview_files(
    manifest: bytes, read: Callable[[bytes], bytes], file: str | None, rows: int
) -> Preview:
    """Of the file, or of the first table where none is named; raises NoPreview."""
    try:
        files = read_manifest(manifest)
    except BadManifest as error:
        raise NoPreview(f"the dataset's manifest is not one: {error}") from None
    chosen = _chosen(files, file)
    start = read(chosen.chunks[0]) if chosen.chunks else b""
    return _READERS[_ending(chosen.path)](
        chosen.path, _lines(start, whole=len(chosen.chunks) < 2), rows
    )


def preview_mock(mock: bytes, rows: int) -> Preview:
    """Of a private table's public twin; raises NoPreview."""
    return replace(_csv("", _lines(mock, whole=True), rows), mock=True)


def _chosen(files: tuple[File, ...], path: str | None) -> File:
    named = [file for file in files if path is None or file.path == path]
    if not named:
        raise NoPreview(f"the dataset has no file {path!r}")
    found = next((file for file in named if _ending(file.path) in _READERS), None)
    if found is None:
        raise NoPreview("it holds no CSV or JSON lines, which is what can be shown: download it")
    return found


def _ending(path: str) -> str:
    return path.rpartition(".")[2].lower()


def _lines(data: bytes, *, whole: bool) -> str:
    """Of a part of a file all but the line that may be cut."""
    text = data.decode("utf-8-sig", errors="replace")
    return text if whole else text[: text.rfind("\n") + 1]


def _csv(path: str, text: str, rows: int) -> Preview:
    records = (cells for cells in csv.reader(StringIO(text, newline="")) if cells)
    try:
        columns = next(records, [])
        return Preview(path, False, _cut(columns), [_cut(cells) for cells in islice(records, rows)])
    except csv.Error as error:
        raise NoPreview(f"{path or 'the mock'} is no CSV: {error}") from None


def _json_lines(path: str, text: str, rows: int) -> Preview:
    try:
        records = list(islice(_objects(text), rows))
    except (ValueError, RecursionError) as error:
        raise NoPreview(f"{path} is no file of JSON lines: {error}") from None
    columns = list(dict.fromkeys(name for record in records for name in record))
    cells = [[_cell(record.get(name)) for name in columns] for record in records]
    return Preview(path, False, _cut(columns), [_cut(row) for row in cells])


def _objects(text: str) -> Iterator[dict[str, Any]]:
    for line in text.splitlines():
        if line.strip():
            record = json.loads(line)
            if not isinstance(record, dict):
                raise ValueError("a line is no object")
            yield record


def _cell(value: Any) -> str:
    return value if isinstance(value, str) else "" if value is None else json.dumps(value)


def _cut(cells: list[str]) -> list[str]:
    return [cell[:_LONGEST_CELL] for cell in cells[:_MOST_COLUMNS]]


_READERS: Final = {"csv": _csv, "jsonl": _json_lines, "ndjson": _json_lines}
