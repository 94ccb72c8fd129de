"""Loading: a dataset by name or number, each byte of it checked against what the chain says."""

import json
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from types import TracebackType
from typing import Any, Final, Self

import numpy as np

from tilth.primitives.manifest import File, read_manifest
from tilth.sdk.arrays import load_array, load_arrays
from tilth.sdk.cache import Cache, default_folder
from tilth.sdk.client import Client
from tilth.sdk.contents import Progress
from tilth.sdk.croissant import ensure_true
from tilth.sdk.files import Reading
from tilth.sdk.refusals import Refused, WrongContent
from tilth.sdk.tables import MissingExtra, arrow, ending, opened_batches

_PAGE: Final = 200
_TABLES: Final = ("csv", "jsonl", "ndjson", "parquet", "arrow", "feather", "arrows", "npy")


class NotOne(LookupError):
    """A name, or a dataset's tables, of which there are several or none."""


@dataclass(frozen=True, slots=True)
class Origin:
    """Which revision of which dataset was loaded."""

    dataset: int
    revision: int
    name: str
    spdx: str
    fingerprint: bytes


class LoadedDataset:
    """A public dataset's revision; files are fetched when they are first asked for."""

    def __init__(self, client: Client, origin: Origin, shown: Any, cache: Cache) -> None:
        """`shown` is what the node told of the revision."""
        self.origin = origin
        self._client = client
        self._cache = cache
        self._manifest = client.fetch(bytes.fromhex(shown["manifest"][2:]))
        self._files = {file.path: file for file in read_manifest(self._manifest)}
        self.croissant = _described(client.fetch(bytes.fromhex(shown["metadata"][2:])))
        ensure_true(self.croissant, self._files.values())

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        self._client.close()

    def __repr__(self) -> str:
        origin = self.origin
        return f"<dataset {origin.dataset} {origin.name!r}, revision {origin.revision}>"

    @property
    def names(self) -> tuple[str, ...]:
        """The paths of its files."""
        return tuple(self._files)

    @property
    def size(self) -> int:
        """Bytes of all its files."""
        return sum(file.size for file in self._files.values())

    def files(self, progress: Progress = lambda _: None) -> dict[str, Path]:
        """Every file in the cache, by its path; raises WrongContent.

        `progress` hears of how many bytes more are here.
        """
        return {name: self.path(name, progress) for name in self._files}

    def path(self, name: str, progress: Progress = lambda _: None) -> Path:
        """A file in the cache; a download that was cut goes on where it was."""
        return self._cache.file(self._file(name), self._client.fetch, progress)

    def stream(self, name: str) -> Iterator[bytes]:
        """A file's bytes, piece by piece as they are fetched; nothing is kept."""
        return (self._client.fetch(chunk) for chunk in self._file(name).chunks)

    def batches(self, name: str | None = None) -> Iterator[Any]:
        """A table's Arrow record batches, which need not fit into memory together."""
        name = name or self._table()
        with ExitStack() as stack:
            path = self.path(name)
            stream = stack.enter_context(path.open("rb"))
            match ending(name):
                case "csv":
                    arrow()
                    from pyarrow import csv

                    yield from csv.open_csv(stream)
                case "jsonl" | "ndjson" | "npy":
                    yield from self.to_arrow(name).to_batches()
                case _:
                    yield from opened_batches(name, stream)[1]

    def to_arrow(self, name: str | None = None) -> Any:
        """A table as pyarrow.Table; the only one where none is named."""
        name = name or self._table()
        pyarrow = arrow()
        if ending(name) == "npy":
            return _array_table(pyarrow, self.to_numpy(name))
        with self.path(name).open("rb") as stream:
            if ending(name) == "csv":
                from pyarrow import csv

                return csv.read_csv(stream)
            if ending(name) in ("jsonl", "ndjson"):
                from pyarrow import json as lines

                return lines.read_json(stream)
            schema, batches = opened_batches(name, stream)
            return pyarrow.Table.from_batches(batches, schema)

    def to_pandas(self, name: str | None = None) -> Any:
        """A table as pandas.DataFrame."""
        try:
            import pandas  # noqa: F401  # pyarrow needs it for this
        except ImportError:
            raise MissingExtra(
                "this needs pandas, which is not installed: pip install 'tilth[data]'"
            ) from None
        return self.to_arrow(name).to_pandas()

    def to_numpy(self, name: str | None = None) -> Any:
        """An array; of a table, rows by columns; of an .npz, a dict of arrays."""
        name = name or self._table()
        if ending(name) == "npy":
            return load_array(self.path(name))
        if ending(name) == "npz":
            return load_arrays(self.path(name))
        columns = [column.to_numpy() for column in self.to_arrow(name).columns]
        numeric = all(column.dtype.kind in "biuf" for column in columns)
        return np.column_stack(
            columns if numeric else [column.astype(object) for column in columns]
        )

    def verify(self) -> tuple[str, ...]:
        """Fetch all of it anew; returns what was checked, raises WrongContent."""
        for file in self._files.values():
            for _ in self.stream(file.path):
                pass
        files = self.files()
        with TemporaryDirectory() as folder:
            for name, path in files.items():
                link = Path(folder) / name
                link.parent.mkdir(parents=True, exist_ok=True)
                link.symlink_to(path.resolve())
            again = Reading.of(Path(folder))
        if again.fingerprint != self.origin.fingerprint:
            raise WrongContent(
                "the publisher's fingerprint is not that of the files: it may hide a duplicate"
            )
        return (
            f"every chunk has its hash: {sum(len(file.chunks) for file in self._files.values())}",
            f"every file has the size and hash that the manifest says: {len(files)}",
            "the Croissant description says the same of the files",
            "the fingerprint is that of the files",
        )

    def _file(self, name: str) -> File:
        found = self._files.get(name)
        if found is None:
            raise LookupError(f"the dataset has no file {name!r}, but {_listed(self.names)}")
        return found

    def _table(self) -> str:
        tables = [name for name in self._files if ending(name) in (*_TABLES, "npz")]
        if len(tables) != 1:
            raise NotOne(f"name the table: the dataset has {_listed(tables)}")
        return tables[0]


def load_dataset(
    which: str | int,
    *,
    revision: int | str | None = None,
    url: str = "ws://127.0.0.1:9944",
    grpc: str = "127.0.0.1:50051",
    cache: Path | None = None,
) -> LoadedDataset:
    """By name or number; a revision by number or tag, the newest where none is given."""
    client = Client(url, grpc)
    try:
        number = which if isinstance(which, int) else number_of(client, which)
        at = _revision(client, number, revision)
        found = client.ask("datasets_get", number, at)
        shown, dataset = found["revision"], found["dataset"]
        if shown is None:
            raise Refused(f"dataset {number} is private: its rows stay with its owner")
        fingerprint = bytes.fromhex(shown["fingerprint"][2:])
        origin = Origin(number, shown["number"], dataset["name"], dataset["spdx"], fingerprint)
        return LoadedDataset(client, origin, shown, Cache(cache or default_folder()))
    except BaseException:
        client.close()
        raise


def number_of(client: Client, name: str) -> int:
    """The one dataset of this name that its publisher stands by; raises NotOne."""
    found = client.ask("datasets_search", None, None, None, None, name, None, _PAGE)["datasets"]
    standing = [each["dataset"] for each in found if each["deprecated"] is None]
    if len(standing) == 1:
        return int(standing[0])
    if not standing and len(found) == 1:
        return int(found[0]["dataset"])
    if not found:
        raise NotOne(f"there is no dataset named {name!r}")
    numbers = standing or [each["dataset"] for each in found]
    raise NotOne(f"several datasets are named {name!r}: load one by number, of {_listed(numbers)}")


def _revision(client: Client, number: int, revision: int | str | None) -> int | None:
    if not isinstance(revision, str):
        return revision
    found = client.query("Datasets", "RevisionByTag", number, revision)
    if found is None:
        raise LookupError(f"dataset {number} has no tag {revision!r}")
    return int(found)


def _described(metadata: bytes) -> Any:
    try:
        return json.loads(metadata)
    except (ValueError, RecursionError):
        raise WrongContent("the dataset's description is not JSON") from None


def _array_table(pyarrow: Any, array: Any) -> Any:
    if array.dtype.names:
        return pyarrow.table({name: array[name] for name in array.dtype.names})
    flat = array.reshape(len(array), -1)
    return pyarrow.table({str(at): flat[:, at] for at in range(flat.shape[1])})


def _listed(names: Sequence[object]) -> str:
    return ", ".join(map(str, names)) or "none"
