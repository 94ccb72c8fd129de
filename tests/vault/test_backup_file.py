"""A backup gives all back to its password alone, and every change of it is found out."""

import os
import signal
import tarfile
from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np
import pytest

from tilth.vault import (
    Budget,
    Categorical,
    DamagedError,
    EpsilonCap,
    Numeric,
    Schema,
    Table,
    TakenError,
    Vault,
    VaultError,
    WrongKeyError,
)
from tilth.vault.backup_file import HEAD, unpack_backup, write_backup

KEK = bytes(range(32))
PASSWORD = "correct horse battery staple"
CHEAP = 64
SCHEMA = Schema((Numeric("age", 0, 100), Categorical("ill", ("no", "yes"))), "ill")
AGES = np.linspace(0, 99, 60, dtype=np.float32)[:, None]
TABLE = Table(SCHEMA, AGES, np.arange(60) % 2)
write = partial(write_backup, cost=CHEAP)
unpack = partial(unpack_backup, cost=CHEAP)


@pytest.fixture
def vault(tmp_path: Path) -> Vault:
    vault = Vault(tmp_path / "vault", KEK)
    vault.add("patients", TABLE)
    vault.ledger("patients").declare(Budget(EpsilonCap(6_000_000, 10**7), 1000))
    vault.outbox("patients").keep(b"job", b"sealed")
    return vault


@pytest.fixture
def backup(tmp_path: Path, vault: Vault) -> Path:
    write(vault.directory, KEK, tmp_path / "backup", PASSWORD)
    return tmp_path / "backup"


@pytest.fixture
def empty(tmp_path: Path) -> Path:
    (tmp_path / "empty").mkdir()
    return tmp_path / "empty"


def files_in(directory: Path) -> dict[str, bytes]:
    found = (path for path in directory.rglob("*") if path.is_file() and path.name != "lock")
    return {path.relative_to(directory).as_posix(): path.read_bytes() for path in found}


def test_a_backup_gives_back_every_file_and_the_key(
    vault: Vault, backup: Path, empty: Path
) -> None:
    assert unpack(backup, empty, PASSWORD) == KEK
    assert files_in(empty) == files_in(vault.directory)
    restored = Vault.restore(empty, empty.parent / "new", KEK)

    assert restored.table("patients").rows() == TABLE.rows()
    assert restored.ledger("patients").behind
    assert restored.outbox("patients").kept(b"job") == b"sealed"


def test_a_backup_shows_nothing_and_is_its_owners_alone(vault: Vault, backup: Path) -> None:
    data = backup.read_bytes()
    root = vault.list()[0].row_root

    assert not any(shown in data for shown in (KEK, b"patients", root, root.hex().encode()))
    assert not any(row in data for row in TABLE.rows())
    assert backup.stat().st_mode & 0o077 == 0


@pytest.mark.parametrize("password", ["", PASSWORD + " ", PASSWORD.upper()])
def test_another_password_opens_nothing(backup: Path, empty: Path, password: str) -> None:
    with pytest.raises(WrongKeyError, match="password"):
        unpack(backup, empty, password)
    assert files_in(empty) == {}


def test_a_flipped_bit_anywhere_is_found_before_anything_is_unpacked(
    backup: Path, empty: Path
) -> None:
    whole = backup.read_bytes()
    for at in (*range(0, 150, 7), *range(150, len(whole), 997), len(whole) - 1):
        backup.write_bytes(whole[:at] + bytes([whole[at] ^ 1]) + whole[at + 1 :])
        with pytest.raises((WrongKeyError, DamagedError)):
            unpack(backup, empty, PASSWORD)
        assert files_in(empty) == {}


def test_a_backup_cut_off_or_made_longer_anywhere_is_found_out(backup: Path, empty: Path) -> None:
    whole = backup.read_bytes()
    for end in (0, len(HEAD), 92, 93, 94, 140, len(whole) // 2, len(whole) - 1):
        backup.write_bytes(whole[:end])
        with pytest.raises(DamagedError):
            unpack(backup, empty, PASSWORD)
    backup.write_bytes(whole + b"x")
    with pytest.raises(DamagedError):
        unpack(backup, empty, PASSWORD)


def test_the_body_of_another_backup_of_the_same_vault_does_not_fit(
    vault: Vault, backup: Path, empty: Path
) -> None:
    other = backup.with_name("other")
    write(vault.directory, KEK, other, PASSWORD)
    split = len(HEAD) + 32 + 40
    backup.write_bytes(backup.read_bytes()[:split] + other.read_bytes()[split:])

    with pytest.raises(DamagedError):
        unpack(backup, empty, PASSWORD)


def test_a_backup_overwrites_no_file(vault: Vault, backup: Path) -> None:
    before = backup.read_bytes()
    with pytest.raises(TakenError):
        write(vault.directory, KEK, backup, PASSWORD)

    assert backup.read_bytes() == before
    assert {path.name for path in backup.parent.iterdir()} == {"vault", "backup"}


@pytest.mark.parametrize("name", ["../escaped", "/tmp/escaped", "check/../../escaped", "vault.key"])
def test_whoever_has_the_password_cannot_write_elsewhere(
    vault: Vault, empty: Path, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tilth.vault.backup_file.tarfile.TarInfo", _named(name))
    write(vault.directory, KEK, empty.parent / "forged", PASSWORD)
    monkeypatch.undo()

    with pytest.raises(VaultError, match="no vault has"):
        unpack(empty.parent / "forged", empty, PASSWORD)
    assert files_in(empty) == {}


def _named(name: str) -> Callable[[str], object]:
    real = tarfile.TarInfo
    return lambda _: real(name)


def test_killed_at_any_write_there_is_a_whole_backup_or_none(
    tmp_path: Path, vault: Vault, empty: Path
) -> None:
    target, number = tmp_path / "late", 0
    while _killed_at_sync(number, vault.directory, target):
        if target.exists():
            assert unpack(target, empty, PASSWORD) == KEK
            target.unlink()
            for left in sorted(empty.rglob("*"), reverse=True):
                left.rmdir() if left.is_dir() else left.unlink()
        number += 1
    assert number > 6
    assert unpack(target, empty, PASSWORD) == KEK


def _killed_at_sync(number: int, vault: Path, target: Path) -> bool:
    child = os.fork()
    if child == 0:
        try:
            left, real = iter(range(number)), os.fsync

            def fsync(file: int) -> None:
                if next(left, None) is None:
                    os.kill(os.getpid(), signal.SIGKILL)
                real(file)

            os.fsync = fsync  # type: ignore[assignment]
            write(vault, KEK, target, PASSWORD)
        finally:
            os._exit(0)
    return os.WIFSIGNALED(os.waitpid(child, 0)[1])
