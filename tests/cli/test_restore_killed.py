"""A restore that is killed leaves a folder that was brought back whole, or none."""

import os
import signal
from pathlib import Path

import numpy as np
import pytest

from tilth.cli.vault import KEYSTORE, TABLES, existing_vault, open_vault
from tilth.cli.vault_backup import restore
from tilth.vault import Numeric, Schema, Table, read_key, unpack_backup, write_backup

PASSWORD = "correct horse battery staple"
TABLE = Table(Schema((Numeric("age", 0, 100),)), np.arange(60, dtype=np.float32)[:, None])


def test_killed_at_any_write_a_restore_leaves_a_whole_folder_or_none(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for worker in (write_backup, unpack_backup):
        assert worker.__kwdefaults__ is not None
        monkeypatch.setitem(worker.__kwdefaults__, "cost", 64)
    owner, folder = tmp_path / "owner", tmp_path / "again"
    open_vault(owner).add("ages", TABLE)
    write_backup(owner / TABLES, read_key(owner / KEYSTORE), tmp_path / "backup", PASSWORD)
    (tmp_path / "password").write_text(PASSWORD)
    number = 0
    while _killed_at_sync(number, tmp_path / "backup", tmp_path / "password", folder):
        assert not folder.exists() or _whole(folder)
        if folder.exists():
            folder.rename(tmp_path / f"at{number}")
        number += 1

    assert number > 10
    assert _whole(folder)


def _whole(folder: Path) -> bool:
    vault = existing_vault(folder)
    return vault.table("ages").rows() == TABLE.rows() and vault.ledger("ages").behind


def _killed_at_sync(number: int, file: Path, password: Path, folder: Path) -> bool:
    child = os.fork()
    if child == 0:
        try:
            left, real = iter(range(number)), os.fsync

            def fsync(file: int) -> None:
                if next(left, None) is None:
                    os.kill(os.getpid(), signal.SIGKILL)
                real(file)

            os.fsync = fsync  # type: ignore[assignment]
            restore(file, password_file=password, vault=folder)
        finally:
            os._exit(0)
    return os.WIFSIGNALED(os.waitpid(child, 0)[1])
