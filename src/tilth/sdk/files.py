"""A dataset's files: read in chunks, counted, fingerprinted, and listed in a manifest."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from hashlib import sha256
from io import BytesIO
from pathlib import Path
from typing import Any, BinaryIO, Final

from tilth.primitives.unixfs import DAG_PB, RAW, cid_text, file_node
from tilth.sdk.columns import Column
from tilth.sdk.contents import CHUNK_BYTES
from tilth.sdk.sketches import Sketcher
from tilth.sdk.tables import table_reader
from tilth.sdk.wire import canonical_json

_FINGERPRINT: Final = b"tilth/fingerprint/1"


class FileChanged(Exception):
    """A file is not what it was when its publication began."""


@dataclass(frozen=True, slots=True)
class ReadFile:
    """A file once it was read; `columns` are those of a table."""

    path: str
    size: int
    sha256: bytes
    chunks: tuple[bytes, ...]
    columns: tuple[Column, ...]
    rows: int
    canonical: bytes
    """The hash of what it says: of a table neither the order of rows nor of columns matters."""

    @property
    def node(self) -> bytes | None:
        """What lists its chunks to IPFS, where it has several."""
        if len(self.chunks) < 2:
            return None
        return file_node(self.sized_chunks())

    def sized_chunks(self) -> list[tuple[bytes, int]]:
        """All chunks are full but the last one."""
        sizes = (min(CHUNK_BYTES, self.size - at) for at in range(0, self.size, CHUNK_BYTES))
        return list(zip(self.chunks, sizes, strict=True))

    @property
    def cid(self) -> str:
        """What a gateway gives the whole file for."""
        node = self.node
        return cid_text(self.sha256, RAW) if node is None else cid_text(_sha256(node), DAG_PB)


@dataclass(slots=True)
class Reading:
    """Reads every file of a source, chunk by chunk, and knows them afterwards."""

    source: Path | Mapping[str, bytes]
    files: list[ReadFile] = field(default_factory=list[ReadFile])
    _sketcher: Sketcher = field(default_factory=Sketcher)

    @classmethod
    def of(cls, source: Path | Mapping[str, bytes]) -> "Reading":
        """Read it whole; raises BadTable, FileNotFoundError, MissingExtra."""
        reading = cls(source)
        for path, opened in _opened(source):
            with opened as stream:
                reading._read(path, stream)
        return reading

    def chunks(self) -> Iterator[bytes]:
        """Once more, to be stored; raises FileChanged where they are others now."""
        for (path, opened), file in zip(_opened(self.source), self.files, strict=True):
            with opened as stream:
                for expected in file.chunks:
                    chunk = stream.read(CHUNK_BYTES)
                    if path != file.path or _sha256(chunk) != expected:
                        raise FileChanged(f"{path} was changed while it was published")
                    yield chunk

    def chunk_sizes(self) -> Iterator[tuple[bytes, int]]:
        for file in self.files:
            yield from file.sized_chunks()

    @property
    def size(self) -> int:
        return sum(file.size for file in self.files)

    @property
    def nodes(self) -> list[bytes]:
        """What lists the chunks of large files."""
        return [node for file in self.files if (node := file.node) is not None]

    @property
    def contents(self) -> tuple[bytes, ...]:
        """The hashes of all chunks and of what lists them, each once."""
        chunks = [chunk for file in self.files for chunk in file.chunks]
        return tuple(dict.fromkeys([*chunks, *map(_sha256, self.nodes)]))

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
    def sketch(self) -> tuple[int, ...] | None:
        """Of the rows of all its tables."""
        return self._sketcher.sketch

    @property
    def manifest(self) -> bytes:
        return canonical_json({"files": [_entry(file) for file in self.files]})

    def _read(self, path: str, stream: BinaryIO) -> None:
        table = table_reader(path)
        whole, chunks, size = sha256(), list[bytes](), 0
        while chunk := stream.read(CHUNK_BYTES):
            whole.update(chunk)
            chunks.append(_sha256(chunk))
            size += len(chunk)
            if table is not None:
                table.feed(chunk)
        digest = canonical = whole.digest()
        columns, rows = tuple[Column, ...](), 0
        if table is not None:
            stream.seek(0)
            table.finish(stream)
            columns, rows = tuple(table.rows.columns), len(table.rows)
            canonical = table.rows.canonical if rows or columns else digest
            self._sketcher.merge(table.rows.sketcher)
        self.files.append(ReadFile(path, size, digest, tuple(chunks), columns, rows, canonical))


def _sha256(data: bytes) -> bytes:
    return sha256(data).digest()


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
