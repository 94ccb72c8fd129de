"""Copies of a vault that are as unreadable as the vault itself; its key is not among them."""

import os
from pathlib import Path

from tilth.vault import layout
from tilth.vault.errors import DamagedError, TakenError
from tilth.vault.files import locked, new_directory, sync_directory, write_private
from tilth.vault.outbox import Outbox


def copy_vault(source: Path, target: Path) -> None:
    """Copy a vault that others may be using to a new directory, whole or not at all."""
    if target.exists():
        raise TakenError(f"{target} exists; name a directory that does not.")
    target.parent.mkdir(parents=True, exist_ok=True)
    with locked(source / layout.LOCK, create=True), new_directory(target) as unfinished:
        copy_files(source, unfinished)


def copy_files(source: Path, target: Path) -> None:
    """Copy what belongs to a vault, and no more, into an empty directory."""
    _copy(source / layout.CHECK, target / layout.CHECK)
    for row_root in layout.row_roots(source):
        table, copy = layout.place(source, row_root), layout.place(target, row_root)
        copy.mkdir(mode=0o700)
        for name in layout.TABLE_FILES:
            _copy(table / name, copy / name)
        Outbox(table / layout.RESULTS).copy_to(copy / layout.RESULTS)
        sync_directory(copy)


def _copy(source: Path, target: Path) -> None:
    try:
        descriptor = os.open(source, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    except OSError as problem:
        raise DamagedError(f"{source} cannot be read: {problem.strerror}.") from None
    with open(descriptor, "rb") as file:
        write_private(target, file.read())
