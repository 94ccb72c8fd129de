"""Content beyond the node's disk: files named by their hashes, wherever fsspec reaches."""

from typing import TYPE_CHECKING, Any, cast, final

from tilth.node.contents import DepotFailed

if TYPE_CHECKING:
    from fsspec import AbstractFileSystem


@final
class FsspecDepot:
    """What it gives is checked by whoever asked; here it is only carried."""

    def __init__(self, url: str) -> None:
        """Raises DepotFailed where fsspec, or what it needs for this kind of URL, is missing."""
        self._files, self._folder = _opened(url)
        self._url = url

    def put(self, hash: bytes, data: bytes) -> None:
        """A file is renamed into its place, so that none there is half written."""
        path = self._path(hash)
        try:
            self._files.makedirs(path.rpartition("/")[0], exist_ok=True)
            self._files.pipe_file(f"{path}.partial", data)
            self._files.mv(f"{path}.partial", path)
        except Exception as error:
            raise DepotFailed(f"{self._url} does not take content: {error}") from error

    def get(self, hash: bytes) -> bytes | None:
        try:
            data = cast("bytes", self._files.cat_file(self._path(hash)))
        except FileNotFoundError:
            return None
        except Exception as error:
            raise DepotFailed(f"{self._url} does not give content: {error}") from error
        return data

    def _path(self, hash: bytes) -> str:
        """In folders by its first byte: there may be very many."""
        name = hash.hex()
        return f"{self._folder}/{name[:2]}/{name}"


def _opened(url: str) -> "tuple[AbstractFileSystem, str]":
    try:
        from fsspec.core import url_to_fs
    except ImportError:
        raise DepotFailed(
            "a content store needs fsspec: pip install 'tilth[fsspec]', and what fsspec needs for "
            "this kind of URL, such as s3fs"
        ) from None
    try:
        found: tuple[Any, str] = url_to_fs(url)
    except (ImportError, ValueError) as error:
        raise DepotFailed(f"{url!r} cannot be used as a content store: {error}") from error
    return found[0], found[1].rstrip("/")
