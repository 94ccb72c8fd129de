"""Files of datasets on this machine, each under its hash, so that no byte is fetched twice."""

import fcntl
import os
from collections.abc import Callable, Iterator
from hashlib import sha256
from pathlib import Path
from types import TracebackType
from typing import Final, Self, final

from tilth.primitives.manifest import File
from tilth.sdk.contents import Progress, true_to
from tilth.sdk.refusals import WrongContent

_PIECE: Final = 1 << 20

Fetch = Callable[[bytes], bytes]
"""The content with this hash, checked."""


def default_folder() -> Path:
    """Where the XDG base directories say that caches are."""
    home = os.environ.get("XDG_CACHE_HOME")
    return (Path(home) if home else Path.home() / ".cache") / "tilth"


@final
class Cache:
    """A file appears under its hash only when it is whole; what broke off goes on where it was."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def file(self, file: File, fetch: Fetch, progress: Progress = lambda _: None) -> Path:
        """Where it is, fetched if it was not there; raises WrongContent."""
        path = self._folder / file.sha256.hex()[:2] / file.sha256.hex()
        if _is_whole(path, file):
            progress(file.size)
            return path
        path.parent.mkdir(parents=True, exist_ok=True)
        with _Part(path) as part:
            if not _is_whole(path, file):  # whoever held it before us may have ended it
                part.complete(file, fetch, progress)
        return path


class _Part:
    """A file's first chunks, and beside them how long each is, so that they can be checked again.

    One process at a time adds to it; another that wants the same file waits.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._part = path.with_suffix(".part")
        self._sizes = path.with_suffix(".sizes")

    def __enter__(self) -> Self:
        self._stream = self._part.open("a+b")
        fcntl.flock(self._stream, fcntl.LOCK_EX)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._stream.close()

    def complete(self, file: File, fetch: Fetch, progress: Progress) -> None:
        """Fetch what is missing, and give the file its name; raises WrongContent."""
        whole, left = sha256(), file.size
        for data in self._chunks(file, fetch):
            left -= len(data)
            if left < 0:
                break
            whole.update(data)
            progress(len(data))
        if left or whole.digest() != file.sha256:
            self._forget()
            raise WrongContent(
                f"the chunks of {file.path!r} do not have the size and hash that its manifest says"
            )
        self._stream.flush()
        os.fsync(self._stream.fileno())
        self._part.replace(self._path)
        self._sizes.unlink(missing_ok=True)

    def _chunks(self, file: File, fetch: Fetch) -> Iterator[bytes]:
        kept = 0
        for data in self._kept(file):
            kept += 1
            yield data
        last, data = b"", b""
        with self._sizes.open("a") as sizes:
            for chunk in file.chunks[kept:]:
                if chunk != last:  # a file of zeros is one chunk, many times
                    last, data = chunk, fetch(chunk)
                self._stream.write(data)
                self._stream.flush()
                print(len(data), file=sizes, flush=True)
                yield data

    def _kept(self, file: File) -> Iterator[bytes]:
        """The chunks that are here; what follows the first that is not is cut off."""
        noted = self._sizes.read_text().split() if self._sizes.exists() else []
        good: list[str] = []
        self._stream.seek(0)
        end = 0
        for size, chunk in zip(noted, file.chunks, strict=False):
            data = self._stream.read(int(size)) if size.isdecimal() else b""
            if not true_to(data, chunk):
                break
            good.append(f"{size}\n")
            end += len(data)
            yield data
        self._stream.truncate(end)
        self._sizes.write_text("".join(good))

    def _forget(self) -> None:
        self._part.unlink(missing_ok=True)
        self._sizes.unlink(missing_ok=True)


def _is_whole(path: Path, file: File) -> bool:
    return path.exists() and path.stat().st_size == file.size and _hash(path) == file.sha256


def _hash(path: Path) -> bytes:
    whole = sha256()
    with path.open("rb") as stream:
        while data := stream.read(_PIECE):
            whole.update(data)
    return whole.digest()
