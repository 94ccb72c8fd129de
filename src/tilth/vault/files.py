"""Files that are there whole or not at all, for their owner's eyes, and survive a power cut."""

import fcntl
import os
import secrets
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

UNFINISHED = ".unfinished-"


def private_directory(path: Path) -> None:
    """Make the directory, or close one that is open to others."""
    path.mkdir(mode=0o700, parents=True, exist_ok=True)
    path.chmod(0o700)


def write_private(path: Path, data: bytes) -> None:
    """Write a new file to the disk; only its directory still has to be synced."""
    with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())


def sync_directory(path: Path) -> None:
    """Make names durable: a rename or a new file is lost with the power until this is done."""
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def create_file(path: Path, data: bytes) -> None:
    """A new file appears whole; raises FileExistsError, and leaves what stands there as it is."""
    unfinished = _unfinished(path.parent)
    try:
        write_private(unfinished, data)
        os.link(unfinished, path)
    finally:
        unfinished.unlink(missing_ok=True)
    sync_directory(path.parent)


@contextmanager
def new_directory(path: Path) -> Iterator[Path]:
    """Fill a directory that appears whole at `path` at the end, or leaves no trace on an error."""
    unfinished = _unfinished(path.parent)
    unfinished.mkdir(mode=0o700)
    try:
        yield unfinished
        sync_directory(unfinished)
        unfinished.rename(path)
    except BaseException:
        shutil.rmtree(unfinished, ignore_errors=True)
        raise
    sync_directory(path.parent)


def sweep(directory: Path) -> None:
    """Remove what a killed process left unfinished; call it under the directory's lock."""
    for left in directory.glob(f"{UNFINISHED}*"):
        if left.is_dir():
            shutil.rmtree(left)
        else:
            left.unlink()


@contextmanager
def locked(path: Path, *, create: bool = False) -> Iterator[int]:
    """Hold a file for one process and one thread; yields its descriptor, open for both ways."""
    descriptor = os.open(path, os.O_RDWR | (os.O_CREAT if create else 0), 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield descriptor
    finally:
        os.close(descriptor)


def _unfinished(directory: Path) -> Path:
    return directory / f"{UNFINISHED}{secrets.token_hex(8)}"
