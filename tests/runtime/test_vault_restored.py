"""An owner's backup comes back on a chain that went on: nothing is spent a second time."""

from pathlib import Path
from typing import Any

import pytest

from tilth.cli.vault import open_vault
from tilth.cli.vault_backup import backup, reconcile, restore
from tilth.engine import confinement
from tilth.primitives.crypto.sealing import SealingKey
from tilth.vault import LedgerRefuses

pytestmark = pytest.mark.skipif(not confinement().sufficient, reason="no Landlock or no seccomp")

KEY = SealingKey.generate()


@pytest.fixture
def password(tmp_path: Path) -> Path:
    (tmp_path / "password").write_text("correct horse battery staple\n")
    return tmp_path / "password"


def test_what_was_released_after_the_backup_is_spent_after_the_restore(
    office: Any, tmp_path: Path, password: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file, folder = tmp_path / "backup", tmp_path / "again"
    before = office.vault.ledger("patients").spent
    assert backup(file, password_file=password, vault=office.folder) == 0
    office.order(office.spec(KEY)).wait(timeout=60)
    after = office.vault.ledger("patients").spent
    assert after.cost > before.cost

    assert restore(file, password_file=password, vault=folder) == 0
    restored = open_vault(folder)
    books = restored.ledger("patients")
    with pytest.raises(LedgerRefuses, match="backup"):
        books.charge(b"another", bytes(32), after.cost, 1)
    assert (books.spent.cost, books.behind) == (before.cost, True)

    asked = {"vault": folder, "url": office.node.ws, "grpc": office.node.grpc}
    assert reconcile(**asked) == 1, "nobody agreed"
    assert books.behind
    assert reconcile(yes=True, **asked) == 0, capsys.readouterr().err
    assert (books.spent.cost, books.spent.released_bytes) == (after.cost, after.released_bytes)
    assert reconcile(yes=True, **asked) == 1, "there is nothing left to do"


def test_a_job_that_runs_must_end_before_books_go_on(
    office: Any, tmp_path: Path, password: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file, folder = tmp_path / "backup", tmp_path / "again"
    assert backup(file, password_file=password, vault=office.folder) == 0
    assert restore(file, password_file=password, vault=folder) == 0
    job = office.order(office.spec(KEY))
    office.reaches(job, "running")
    asked = {"vault": folder, "url": office.node.ws, "grpc": office.node.grpc}

    assert reconcile(yes=True, **asked) == 1
    assert f"job {job.number} still runs" in capsys.readouterr().err
    job.wait(timeout=60)
    assert reconcile(yes=True, **asked) == 0


def test_a_table_that_no_chain_knows_stays_closed_until_its_owner_vouches(
    office: Any, tmp_path: Path, password: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    vault = open_vault(tmp_path / "other")
    vault.add("rows", office.table)
    file, folder = tmp_path / "backup", tmp_path / "again"
    assert backup(file, password_file=password, vault=tmp_path / "other") == 0
    assert restore(file, password_file=password, vault=folder) == 0
    asked = {"vault": folder, "url": office.node.ws, "grpc": office.node.grpc, "yes": True}

    assert reconcile(**asked) == 1
    assert "stay closed" in capsys.readouterr().err
    assert open_vault(folder).ledger("rows").behind
    assert reconcile(nothing_since=True, **asked) == 0
    assert not open_vault(folder).ledger("rows").behind


def test_a_restore_over_a_vault_is_refused_and_a_wrong_password_leaves_nothing(
    office: Any, tmp_path: Path, password: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "backup"
    assert backup(file, password_file=password, vault=office.folder) == 0
    assert restore(file, password_file=password, vault=office.folder) == 1
    assert "would forget what was released" in capsys.readouterr().err
    password.write_text("another horse")
    assert restore(file, password_file=password, vault=tmp_path / "again") == 1
    assert {path.name for path in tmp_path.iterdir()} == {"backup", "password"}


def test_short_passwords_and_missing_ones_make_no_backup(
    office: Any, tmp_path: Path, password: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    password.write_text("short")
    assert backup(tmp_path / "backup", password_file=password, vault=office.folder) == 1
    assert "at least 12" in capsys.readouterr().err
    assert backup(tmp_path / "backup", vault=office.folder) == 1
    assert "--password-file" in capsys.readouterr().err
    assert not (tmp_path / "backup").exists()
