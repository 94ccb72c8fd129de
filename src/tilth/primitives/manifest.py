"""A dataset's manifest: which files it has, and of which chunks each is made."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from tilth.primitives.types import H256


class BadManifest(ValueError):
    """Content that a revision calls its manifest, but that is none."""


@dataclass(frozen=True, slots=True)
class File:
    path: str
    """Relative, and it stays beneath whatever it is joined to."""
    size: int
    sha256: bytes
    chunks: tuple[H256, ...]


def read_manifest(data: bytes) -> tuple[File, ...]:
    """Anybody may publish one, so nothing in it is believed; raises BadManifest."""
    try:
        return tuple(_files(json.loads(data)))
    except BadManifest:
        raise
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        raise BadManifest(
            'a manifest is JSON of the form {"files": [{"path", "size", "sha256", "chunks"}]}'
        ) from None


def _files(manifest: Any) -> Iterator[File]:
    for entry in manifest["files"]:
        size = entry["size"]
        if type(size) is not int or not 0 <= size < 2**63:
            raise BadManifest(f"{size!r} is no size of a file")
        chunks = tuple(_hash(chunk) for chunk in entry["chunks"])
        yield File(_path(entry["path"]), size, _hash(entry["sha256"]), chunks)


def _path(path: str) -> str:
    path.encode()  # refuses lone surrogates
    parts = path.split("/")
    if {"", ".", ".."} & set(parts) or "\\" in path or "\0" in path or ":" in parts[0]:
        raise BadManifest(f"{path!r} is no relative path")
    return path


def _hash(text: str) -> H256:
    data = bytes.fromhex(text)
    if len(data) != 32:
        raise BadManifest(f"{text!r} is no sha2-256 hash")
    return H256(data)
