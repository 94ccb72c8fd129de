"""The store of a chain with a base path: RocksDB, every commit synced before it returns."""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from tilth.node.store import Changes, CorruptRecord, StoreError, StoreFailed, StoreInUse

if TYPE_CHECKING:
    from rocksdict import Options, Rdict

PAGE = 1024
BLOB = 64 * 1024
OPEN_FILES = 256  # leaves most of a usual limit of 1024 to connections


class RocksStore:
    """One process at a time. What it has committed survives a power cut."""

    def __init__(self, path: Path, *, salvage: bool = False) -> None:
        """Open or make the database in the base path.

        A log that is damaged before its end is refused, because RocksDB would otherwise drop, with
        no word, the commits after the damage; `salvage` opens it with what stands before.
        """
        # Only a chain with a base path pays for loading the engine.
        from rocksdict import WriteBatch

        self._path = path
        self._pid_file = path / "db.pid"
        self._new_batch = WriteBatch
        self._failure: str | None = None
        _make_folder(path / "db")
        self._db = self._open(salvage=salvage)
        self._pid_file.write_text(f"{os.getpid()}\n")

    def get(self, key: bytes) -> bytes | None:
        try:
            value: bytes | None = self._db.get(key)
        except Exception as error:
            raise self._unreadable(key, error) from error
        return value

    def commit(self, batch: Changes) -> None:
        """After a failure all further commits fail too: a retried sync may hide what was lost."""
        if self._failure:
            raise StoreFailed(self._failure)
        writes = self._new_batch(raw_mode=True)
        for key, value in batch.items():
            if value is None:
                writes.delete(key)
            else:
                writes.put(key, value)
        try:
            self._db.write(writes)
        except Exception as error:
            self._failure = (
                f"the last commit to {self._path} failed ({error}); nothing more is written: "
                "see to the disk, then start again"
            )
            raise StoreFailed(self._failure) from error

    def items(self, prefix: bytes) -> Iterator[tuple[bytes, bytes]]:
        start = prefix
        # In pages: an iterator of the engine that is left standing would keep it from closing.
        while page := self._page(prefix, start):
            yield from page
            start = page[-1][0] + b"\0"

    def close(self) -> None:
        # Before the lock goes, or it could be the next process's file.
        self._pid_file.unlink(missing_ok=True)
        self._db.close()

    def _page(self, prefix: bytes, start: bytes) -> list[tuple[bytes, bytes]]:
        found: list[tuple[bytes, bytes]] = []
        try:
            rows = self._db.iter()
            rows.seek(start)
            while len(found) < PAGE and rows.valid() and rows.key().startswith(prefix):
                found.append((rows.key(), rows.value()))
                rows.next()
            # Rdict.items() leaves this out, and then ends early at a damaged block.
            rows.status()
        except Exception as error:
            raise self._unreadable(found[-1][0] if found else start, error) from error
        return found

    def _open(self, *, salvage: bool) -> "Rdict":
        from rocksdict import Rdict, WriteOptions

        try:
            db = Rdict(str(self._path / "db"), _options(salvage=salvage))
        except Exception as error:
            raise self._unopened(str(error)) from error
        synced = WriteOptions()
        synced.sync = True
        db.set_write_options(synced)
        return db

    def _unopened(self, fault: str) -> StoreError:
        if "lock" in fault.lower():
            return StoreInUse(
                f"base path {self._path} is in use by another process (PID {self._holder()}); "
                "stop it, or choose another base path"
            )
        if "Corruption" in fault:
            return StoreFailed(
                f"the database in {self._path} is damaged ({fault}); `tilth db repair` opens it "
                "with what stands before the damage"
            )
        return StoreFailed(f"the database in {self._path} cannot be opened: {fault}")

    def _holder(self) -> str:
        try:
            return self._pid_file.read_text().strip() or "unknown"
        except OSError:
            return "unknown"

    def _unreadable(self, key: bytes, error: Exception) -> StoreError:
        if "Corruption" in str(error):
            return CorruptRecord(key, f"cannot be read from {self._path} ({error})")
        return StoreFailed(f"the database in {self._path} cannot be read: {error}")


def _options(*, salvage: bool) -> "Options":
    from rocksdict import DBRecoveryMode, Options

    options = Options(raw_mode=True)
    options.set_max_open_files(OPEN_FILES)
    options.set_keep_log_file_num(2)
    # Content is written once and never merged again with what comes later.
    options.set_enable_blob_files(True)
    options.set_min_blob_size(BLOB)
    # A cut-off last commit was never acknowledged; damage before it is.
    options.set_wal_recovery_mode(
        DBRecoveryMode.point_in_time()
        if salvage
        else DBRecoveryMode.tolerate_corrupted_tail_records()
    )
    return options


def _make_folder(folder: Path) -> None:
    """Make it with its parents; their entries are synced, or a power cut could take it all."""
    missing = [part for part in (folder, *folder.parents) if not part.exists()]
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for part in missing:
            _sync_folder(part.parent)
    except OSError as error:
        raise StoreFailed(f"base path {folder.parent} cannot be used: {error}") from error


def _sync_folder(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
