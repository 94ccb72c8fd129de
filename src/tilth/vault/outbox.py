"""Sealed results on their way out: on the disk before the books call them released.

A job's first result is its only one. A worker that was killed finds it here and sends it again,
where a second run would have other noise and be refused. The files are ciphertexts that only the
requesters can open; together they are no larger than what the owner's budget lets out.
"""

from pathlib import Path

from tilth.vault.files import (
    create_file,
    locked,
    private_directory,
    sweep,
    sync_directory,
    write_private,
)

_LOCK = "lock"


class Outbox:
    """The sealed results of one table's jobs, by the jobs' own names."""

    __slots__ = ("_directory",)

    def __init__(self, directory: Path) -> None:
        self._directory = directory

    def kept(self, job: bytes) -> bytes | None:
        """What was kept for a job, whole or not at all."""
        try:
            return self._place(job).read_bytes()
        except FileNotFoundError:
            return None

    def keep(self, job: bytes, sealed: bytes) -> bytes:
        """Keep a job's result and return the one that counts: the first that was ever kept."""
        private_directory(self._directory)
        sync_directory(self._directory.parent)
        with locked(self._directory / _LOCK, create=True):
            sweep(self._directory)
            known = self.kept(job)
            if known is None:
                create_file(self._place(job), sealed)
        return sealed if known is None else known

    def copy_to(self, target: Path) -> None:
        """Copy every result into a new directory, if there are any."""
        if not self._directory.is_dir():
            return
        target.mkdir(mode=0o700)
        for place in self._directory.iterdir():
            if set(place.name) <= set("0123456789abcdef"):
                write_private(target / place.name, place.read_bytes())
        sync_directory(target)

    def _place(self, job: bytes) -> Path:
        return self._directory / job.hex()
