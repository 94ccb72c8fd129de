"""An append-only log in which nothing acknowledged can be lost, changed or reordered unnoticed.

Each record fills one slot of 1024 bytes: a checksum in hex, which covers the checksum before it,
a space, JSON padded with spaces, and a line end. The line end is written only after the rest has
reached the disk, so a record that fails its checksum is a torn write if and only if the file
ends with it and it has no line end. Any pager shows the log.
"""

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TypeAlias

from tilth.primitives.crypto.hashing import blake2_256
from tilth.vault.errors import LedgerDamagedError
from tilth.vault.files import locked

SLOT = 1024
_CHECK = 64
_BODY = SLOT - 1
_END = b"\n"

Append: TypeAlias = Callable[[bytes], None]


class Journal:
    """A log file, read as far as it was seen; every record is given to `apply` once, in order."""

    __slots__ = ("_apply", "_check", "_failed", "_offset", "_path", "_sync")

    def __init__(
        self,
        path: Path,
        origin: bytes,
        apply: Callable[[bytes], None],
        *,
        sync: Callable[[int], None] = os.fsync,
    ) -> None:
        """`origin` names what the log is about: a log of anything else fails its first record."""
        self._path = path
        self._check = blake2_256(b"tilth release journal" + origin)
        self._apply = apply
        self._sync = sync
        self._offset = 0
        self._failed = False

    @contextmanager
    def transaction(self) -> Iterator[Append]:
        """Hold the log for this process, up to date; yields what appends a record durably."""
        if not self._path.exists():  # and never made anew: an empty one would forget all
            raise LedgerDamagedError(f"The release ledger {self._path} is missing.")
        with locked(self._path) as file:
            self._catch_up(file)
            yield lambda payload: self._append(file, payload)

    def _catch_up(self, file: int) -> None:
        if self._failed:
            cause = "an earlier write did not reach the disk; check it and open the vault again"
            raise LedgerDamagedError(f"The release ledger is closed: {cause}.")
        size = os.fstat(file).st_size
        if size < self._offset:
            raise self._damage(self._offset - SLOT)
        while self._offset < size:
            slot = os.pread(file, SLOT, self._offset)
            check, payload = self._checked(slot)
            if check is None and self._offset + len(slot) == size and len(slot) < SLOT:
                return  # torn: it was never acknowledged, and the next record takes its place
            if check is None or (slot[_BODY:] != _END and self._offset + SLOT < size):
                raise self._damage(self._offset)
            if slot[_BODY:] != _END:
                self._finish(file)
            self._take(check, payload)

    def _checked(self, slot: bytes) -> tuple[bytes | None, bytes]:
        written, payload = slot[:_CHECK], slot[_CHECK:_BODY]
        check = blake2_256(self._check + payload)
        whole = len(slot) >= _BODY and written == check.hex().encode()
        return (check if whole else None), payload

    def _append(self, file: int, payload: bytes) -> None:
        padded = (b" " + payload).ljust(_BODY - _CHECK)
        assert len(padded) == _BODY - _CHECK, "every record's fields are bounded to fit a slot"
        check = blake2_256(self._check + padded)
        self._failed = True  # stays so when the disk refuses: a retried fsync may lie
        os.ftruncate(file, self._offset)
        _write(file, check.hex().encode() + padded, self._offset)
        self._sync(file)
        self._finish(file)
        self._failed = False
        self._take(check, padded)

    def _finish(self, file: int) -> None:
        _write(file, _END, self._offset + _BODY)
        self._sync(file)

    def _take(self, check: bytes, payload: bytes) -> None:
        self._apply(payload.strip())
        self._check = check
        self._offset += SLOT

    def _damage(self, offset: int) -> LedgerDamagedError:
        place = f"record {offset // SLOT + 1} of {self._path}"
        return LedgerDamagedError(
            f"The release ledger was changed outside the vault at {place}: restore a backup."
        )


def _write(file: int, data: bytes, offset: int) -> None:
    while data:
        written = os.pwrite(file, data, offset)
        data, offset = data[written:], offset + written
