"""A dataset's files: read in chunks, counted, fingerprinted, and listed in a manifest."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from hashlib import sha256
from io import BytesIO
from pathlib import Path
from typing import Any, BinaryIO, Final

from tilth.sdk.contents import CHUNK_BYTES
from tilth.sdk.tables import TableReader
from tilth.sdk.wire import canonical_json

_FINGERPRINT: Final = b"tilth/fingerprint/1"


class BadManifest(ValueError):
    """Content that a revision calls its manifest, but that is none."""


@dataclass(frozen=True, slots=True)
class ReadFile:
    """A file once it was read; `columns` are those of a CSV."""

    path: str
    size: int
    sha256: bytes
    chunks: tuple[bytes, ...]
    columns: tuple[str, ...] | None
    rows: int
    canonical: bytes
    """The hash of what it says: of a CSV neither the order of rows nor of columns matters."""


@dataclass(slots=True)
class Reading:
    """Reads every file of a source once, chunk by chunk, and knows them afterwards."""

    source: Path | Mapping[str, bytes]
    files: list[ReadFile] = field(default_factory=list[ReadFile])

    def chunks(self) -> Iterator[bytes]:
        for path, opened in _opened(self.source):
            with opened as stream:
                yield from self._read(path, stream)

    @property
    def size(self) -> int:
        return sum(file.size for file in self.files)

    @property
    def contents(self) -> tuple[bytes, ...]:
        """The hashes of all chunks, each once."""
        return tuple(dict.fromkeys(chunk for file in self.files for chunk in file.chunks))

    @property
    def rows(self) -> int:
        """Of all its tables."""
        return sum(file.rows for file in self.files)

    @property
    def fingerprint(self) -> bytes:
        """Equal for datasets that say the same, whatever their files are called."""
        parts = sorted(file.canonical for file in self.files)
        return sha256(b"".join([_FINGERPRINT, *parts])).digest()

    @property
    def manifest(self) -> bytes:
        return canonical_json({"files": [_entry(file) for file in self.files]})

    def _read(self, path: str, stream: BinaryIO) -> Iterator[bytes]:
        table = TableReader(path) if path.lower().endswith(".csv") else None
        whole, chunks, size = sha256(), list[bytes](), 0
        while chunk := stream.read(CHUNK_BYTES):
            whole.update(chunk)
            chunks.append(sha256(chunk).digest())
            size += len(chunk)
            if table is not None:
                table.feed(chunk)
            yield chunk
        digest = whole.digest()
        canonical = digest if table is None else table.finish()
        columns, rows = (None, 0) if table is None else (table.columns, table.rows)
        self.files.append(ReadFile(path, size, digest, tuple(chunks), columns, rows, canonical))


def total_size(source: Path | Mapping[str, bytes]) -> int:
    """In bytes, before anything is read."""
    if isinstance(source, Path):
        return sum(path.stat().st_size for path in _paths(source))
    return sum(map(len, source.values()))


def _opened(source: Path | Mapping[str, bytes]) -> Iterator[tuple[str, BinaryIO]]:
    if isinstance(source, Path):
        root = source if source.is_dir() else source.parent
        for path in _paths(source):
            yield path.relative_to(root).as_posix(), path.open("rb")
    else:
        for name, data in sorted(source.items()):
            yield name, BytesIO(data)


def _paths(source: Path) -> list[Path]:
    if not source.exists():
        raise FileNotFoundError(f"there is no file or folder {source} to publish")
    found = [source] if source.is_file() else sorted(p for p in source.rglob("*") if p.is_file())
    if not found:
        raise FileNotFoundError(f"{source} holds no file to publish")
    return found


def _entry(file: ReadFile) -> dict[str, Any]:
    return {
        "path": file.path,
        "size": file.size,
        "sha256": file.sha256.hex(),
        "chunks": [chunk.hex() for chunk in file.chunks],
    }


def digests_in(manifest: bytes) -> dict[str, bytes]:
    """The hash of each file that a manifest lists, by path; raises BadManifest."""
    try:
        entries = json.loads(manifest)["files"]
        return {str(entry["path"]): bytes.fromhex(entry["sha256"]) for entry in entries}
    except (ValueError, KeyError, TypeError, RecursionError):
        raise BadManifest("the dataset's manifest is not one") from None
