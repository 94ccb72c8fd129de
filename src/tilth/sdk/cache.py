"""Files of datasets on this machine, each under its hash, so that none is fetched twice."""

import os
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path
from typing import Final, final

from tilth.primitives.manifest import File
from tilth.sdk.refusals import WrongContent

_PIECE: Final = 1 << 20


def default_folder() -> Path:
    """Where the XDG base directories say that caches are."""
    home = os.environ.get("XDG_CACHE_HOME")
    return (Path(home) if home else Path.home() / ".cache") / "tilth"


@final
class Cache:
    """A file appears under its hash only when it is whole."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def file(self, file: File, fetch: Callable[[bytes], bytes]) -> Path:
        """Where it is, fetched if it was not there; raises WrongContent."""
        path = self._folder / file.sha256.hex()[:2] / file.sha256.hex()
        if path.exists() and path.stat().st_size == file.size and _hash(path) == file.sha256:
            return path
        path.parent.mkdir(parents=True, exist_ok=True)
        part = path.with_suffix(f".{os.getpid()}.part")
        try:
            self._write(part, file, fetch)
            part.replace(path)
        finally:
            part.unlink(missing_ok=True)
        return path

    def _write(self, part: Path, file: File, fetch: Callable[[bytes], bytes]) -> None:
        whole, left = sha256(), file.size
        with part.open("wb") as stream:
            for chunk in file.chunks:
                data = fetch(chunk)
                left -= len(data)
                if left < 0:
                    break
                whole.update(data)
                stream.write(data)
            stream.flush()
            os.fsync(stream.fileno())
        if left or whole.digest() != file.sha256:
            raise WrongContent(
                f"the chunks of {file.path!r} do not have the size and hash that its manifest says"
            )


def _hash(path: Path) -> bytes:
    whole = sha256()
    with path.open("rb") as stream:
        while data := stream.read(_PIECE):
            whole.update(data)
    return whole.digest()
