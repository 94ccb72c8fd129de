"""The vault gives back exactly what was put in, to its key alone, and shows rows to nobody else."""

import logging
import os
import shutil
import stat
import threading
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from tilth.primitives import privacy
from tilth.vault import (
    Budget,
    Categorical,
    DamagedError,
    EpsilonCap,
    KeyFileError,
    LedgerDamagedError,
    LedgerRefuses,
    Numeric,
    Registration,
    Schema,
    Table,
    TableError,
    TakenError,
    UnknownTableError,
    Vault,
    VaultError,
    WrongKeyError,
    mock_table,
    table_from_csv,
)
from tilth.vault.commitments import leaf, verify

KEK = bytes(range(32))
CANARY = np.float32(31337.125)
SCHEMA = Schema((Numeric("age", 0, 100), Categorical("ill", ("no", "yes"))), "ill")


def table_of(seed: int, rows: int = 60) -> Table:
    random = np.random.default_rng(seed)
    features = random.uniform(0, 100, (rows, 1)).astype(np.float32)
    features[7] = CANARY
    return Table(SCHEMA, features, random.integers(0, 2, rows))


TABLE = table_of(1)


@pytest.fixture
def vault(tmp_path: Path) -> Vault:
    return Vault(tmp_path / "vault", KEK)


def files_of(directory: Path) -> list[Path]:
    return sorted(path for path in directory.rglob("*") if path.is_file())


def test_a_table_comes_back_as_it_was_added(vault: Vault) -> None:
    registration = vault.add("patients", TABLE)
    again = Vault(vault.directory, KEK)

    for which in ("patients", registration.row_root):
        assert again.table(which).rows() == TABLE.rows()
        assert again.table(which).schema == SCHEMA
        features, labels = again.open(which).batch(np.arange(60))
        assert np.abs(features).max() <= 1
        assert TABLE.labels is not None
        assert labels.tolist() == TABLE.labels.tolist()


def test_a_table_without_label_comes_back(vault: Vault) -> None:
    table = Table(Schema((Numeric("age", 0, 100),)), TABLE.features)
    root = vault.add("unlabelled", table).row_root

    assert vault.table(root).rows() == table.rows()
    assert vault.open(root).classes == 0


def test_what_is_shown_before_is_what_becomes_public(vault: Vault) -> None:
    shown = vault.preview(TABLE)

    assert vault.list() == ()
    assert vault.add("patients", TABLE) == shown
    assert vault.registration("patients") == shown


def test_only_count_schema_bounds_mock_and_root_become_public(vault: Vault) -> None:
    registration = vault.preview(TABLE)
    other = vault.preview(table_of(2))

    assert registration.rows == 60
    assert Schema.from_json(registration.schema) == SCHEMA
    assert registration.bounds == b"[[0.0,100.0]]"
    assert table_from_csv(registration.mock, SCHEMA).rows() == mock_table(SCHEMA).rows()
    assert (registration.schema, registration.mock) == (other.schema, other.mock)
    assert registration.row_root != other.row_root


def test_the_owner_reads_what_becomes_public(vault: Vault) -> None:
    shown = vault.preview(TABLE).describe()

    assert '"age": numbers, declared from 0 to 100' in shown
    assert '"ill" (label): one of no, yes' in shown
    assert "60 rows" in shown
    assert "31337" not in shown


def test_tables_are_listed_by_name_root_and_count(vault: Vault) -> None:
    roots = {name: vault.add(name, table_of(at)).row_root for at, name in enumerate("abc", 1)}

    assert {entry.name: entry.row_root for entry in vault.list()} == roots
    assert {entry.rows for entry in vault.list()} == {60}


def test_a_row_can_be_opened_to_an_auditor(vault: Vault) -> None:
    root = vault.add("patients", TABLE).row_root
    opening = vault.opening("patients", 7)

    assert opening.row == TABLE.rows()[7]
    assert verify(root, 7, 60, leaf(opening.salt, opening.row), opening.path)
    assert not verify(root, 8, 60, leaf(opening.salt, opening.row), opening.path)


def test_two_vaults_commit_to_the_same_rows_differently(tmp_path: Path, vault: Vault) -> None:
    other = Vault(tmp_path / "other", bytes(32))

    assert other.preview(TABLE).row_root != vault.preview(TABLE).row_root


def test_the_same_rows_cannot_earn_a_second_budget(vault: Vault) -> None:
    vault.add("patients", TABLE)
    wider = Schema((Numeric("years", 0, 200), Categorical("ill", ("no", "yes"))), "ill")

    with pytest.raises(TakenError, match="as 'patients'"):
        vault.add("again", Table(wider, TABLE.features, TABLE.labels))
    with pytest.raises(TakenError, match="called 'patients'"):
        vault.add("patients", table_of(2))
    assert len(vault.list()) == 1


def test_small_tables_and_bad_names_are_refused(vault: Vault) -> None:
    with pytest.raises(TableError, match="at least 50 rows, found 49"):
        vault.add("patients", table_of(1, rows=49))
    for name in ("", " patients", "a\nb", "x" * 65):
        with pytest.raises(VaultError, match="name"):
            vault.add(name, TABLE)
    assert files_of(vault.directory) == [vault.directory / "check", vault.directory / "lock"]


def test_a_table_that_is_not_there_is_said_to_be_unknown(vault: Vault) -> None:
    for which in ("patients", bytes(32), b"short", "../vault"):
        with pytest.raises(UnknownTableError):
            vault.open(which)


def test_everything_on_disk_is_closed_to_others(vault: Vault) -> None:
    vault.add("patients", TABLE)
    modes = {path: stat.S_IMODE(path.stat().st_mode) for path in vault.directory.rglob("*")}

    assert stat.S_IMODE(vault.directory.stat().st_mode) == 0o700
    assert set(modes.values()) == {0o700, 0o600}
    assert all(mode == (0o700 if path.is_dir() else 0o600) for path, mode in modes.items())


def test_an_open_directory_is_closed(tmp_path: Path) -> None:
    (tmp_path / "vault").mkdir(mode=0o755)
    Vault(tmp_path / "vault", KEK)

    assert stat.S_IMODE((tmp_path / "vault").stat().st_mode) == 0o700


def test_a_directory_with_other_files_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "letter.txt").write_text("dear")
    tmp_path.chmod(0o755)
    with pytest.raises(VaultError, match="other files"):
        Vault(tmp_path, KEK)

    assert stat.S_IMODE(tmp_path.stat().st_mode) == 0o755
    assert files_of(tmp_path) == [tmp_path / "letter.txt"]


def test_no_row_and_no_secret_is_readable_on_disk(vault: Vault) -> None:
    vault.add("patients", TABLE)
    disk = b"".join(path.read_bytes() for path in files_of(vault.directory))

    for private in (CANARY.tobytes(), b"31337", b"patients", b"age", KEK, KEK.hex().encode()):
        assert private not in disk
    assert not any(row in disk for row in TABLE.rows())


def test_another_key_is_told_from_damage(vault: Vault) -> None:
    vault.add("patients", TABLE)

    with pytest.raises(WrongKeyError, match="another vault's"):
        Vault(vault.directory, bytes(32))


@pytest.mark.parametrize("part", ["key", "manifest", "rows"])
@pytest.mark.parametrize(
    "harm",
    [
        lambda data: data[:-1],
        lambda data: b"",
        lambda data: data[:20] + bytes([data[20] ^ 1]) + data[21:],
        lambda data: data[:-1] + bytes([data[-1] ^ 0x80]),
        lambda data: data + b"\0",
        None,
    ],
)
def test_every_damage_is_named_and_nothing_wrong_is_served(
    vault: Vault, part: str, harm: Callable[[bytes], bytes] | None
) -> None:
    root = vault.add("patients", TABLE).row_root
    other = vault.add("others", table_of(2)).row_root
    path = vault.directory / root.hex() / part
    if harm is None:
        path.unlink()
    else:
        path.write_bytes(harm(path.read_bytes()))

    with pytest.raises(DamagedError, match=part):
        vault.open(root)
    with pytest.raises(DamagedError, match=part):
        vault.verify()
    assert vault.open("others").count == vault.open(other).count == 60


@pytest.mark.parametrize("parts", [["rows"], ["manifest"], ["key"], ["key", "manifest", "rows"]])
def test_swapped_files_are_damage(vault: Vault, parts: list[str]) -> None:
    one, other = (
        vault.directory / vault.add(name, table_of(seed)).row_root.hex()
        for seed, name in ((1, "one"), (2, "other"))
    )
    for part in parts:
        kept = (one / part).read_bytes()
        (one / part).write_bytes((other / part).read_bytes())
        (other / part).write_bytes(kept)

    for table in (one, other):
        with pytest.raises(DamagedError):
            vault.open(bytes.fromhex(table.name))


def test_parts_of_one_table_cannot_stand_for_each_other(vault: Vault) -> None:
    place = vault.directory / vault.add("patients", TABLE).row_root.hex()
    shutil.copy(place / "manifest", place / "rows")

    with pytest.raises(DamagedError, match="rows"):
        vault.open("patients")


def test_a_missing_check_is_not_made_again_over_existing_tables(vault: Vault) -> None:
    vault.add("patients", TABLE)
    (vault.directory / "check").unlink()

    with pytest.raises(DamagedError, match="check"):
        Vault(vault.directory, KEK)


def test_an_interrupted_addition_leaves_no_table(
    vault: Vault, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = files_of(vault.directory)
    real = os.fsync
    for failing in range(1, 6):
        calls: list[int] = []

        def fsync(file: int, calls: list[int] = calls, failing: int = failing) -> None:
            calls.append(file)
            if len(calls) == failing:
                raise OSError("the disk is gone")
            real(file)

        with monkeypatch.context() as patched:
            patched.setattr(os, "fsync", fsync)
            with pytest.raises(OSError, match="gone"):
                vault.add("patients", TABLE)
        assert files_of(vault.directory) == before
        assert vault.list() == ()
    vault.add("patients", TABLE)


def test_what_a_killed_process_left_is_swept(vault: Vault) -> None:
    left = vault.directory / ".unfinished-00"
    left.mkdir()
    (left / "rows").write_bytes(b"half")
    (vault.directory / ".unfinished-01").write_bytes(b"half")
    assert vault.list() == ()
    vault.add("patients", TABLE)

    assert not any(path.name.startswith(".") for path in vault.directory.iterdir())


def test_only_one_of_many_additions_of_a_table_wins(vault: Vault) -> None:
    results: list[str] = []

    def add(name: str) -> None:
        try:
            Vault(vault.directory, KEK).add(name, TABLE)
            results.append("added")
        except TakenError:
            results.append("taken")

    threads = [threading.Thread(target=add, args=(f"table {at}",)) for at in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert sorted(results) == ["added", "taken", "taken", "taken"]
    assert len(vault.list()) == 1


def test_nothing_private_is_shown_by_any_object_error_or_log(
    vault: Vault, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    registration = vault.add("patients", TABLE)
    rows, opening = vault.open("patients"), vault.opening("patients", 7)
    ledger = vault.ledger("patients")
    shown = [repr(thing) for thing in (vault, registration, rows, opening, ledger, TABLE)]
    for act in (lambda: rows.batch(np.array([60])), lambda: vault.opening("patients", 60)):
        with pytest.raises(IndexError) as caught:
            act()
        shown.append(repr(caught.value))

    for private in ("31337", KEK.hex(), TABLE.rows()[7].hex(), repr(KEK), repr(TABLE.rows()[7])):
        assert not any(private in text for text in [*shown, caplog.text])


def test_each_table_has_its_own_ledger_and_only_one(vault: Vault) -> None:
    one, other = (vault.add(name, table_of(at)).row_root for at, name in enumerate("ab", 1))
    budget = Budget(EpsilonCap(4_000_000, 10**7), 10_000)
    vault.ledger("a").declare(budget)
    vault.ledger(one).charge(b"job", bytes(32), privacy.cost(privacy.FULL_BATCH, 10_000, 40), 5)

    assert vault.ledger("a") is vault.ledger(one)
    assert Vault(vault.directory, KEK).ledger(one).spent.released_bytes == 5
    with pytest.raises(LedgerRefuses, match="no budget"):
        vault.ledger(other).charge(b"job", bytes(32), privacy.NOTHING, 5)


def test_ledgers_of_two_tables_cannot_be_swapped(vault: Vault) -> None:
    one, other = (
        vault.directory / vault.add(name, table_of(at)).row_root.hex() / "releases"
        for at, name in enumerate("ab", 1)
    )
    vault.ledger("a").declare(Budget(EpsilonCap(1, 1), 1))
    other.write_bytes(one.read_bytes())

    with pytest.raises(LedgerDamagedError):
        _ = vault.ledger("b").spent


def test_first_use_makes_vault_and_key_and_a_lost_key_is_never_replaced(tmp_path: Path) -> None:
    directory, keystore = tmp_path / "vault", tmp_path / "keystore"
    Vault.at(directory, keystore).add("patients", TABLE)
    key = keystore / "vault.key"

    assert stat.S_IMODE(key.stat().st_mode) == 0o600
    assert stat.S_IMODE(keystore.stat().st_mode) == 0o700
    assert Vault.at(directory, keystore).open("patients").count == 60
    key.rename(tmp_path / "lost")
    with pytest.raises(KeyFileError, match="cannot be read"):
        Vault.at(directory, keystore)
    assert not key.exists()


def harm_mode(key: Path) -> None:
    key.chmod(0o640)


def harm_text(key: Path) -> None:
    key.write_text("31337" + key.read_text()[5:-2] + "\n")


def harm_kind(key: Path) -> None:
    key.rename(key.with_suffix(".real"))
    key.symlink_to(key.with_suffix(".real"))


def harm_pipe(key: Path) -> None:
    key.unlink()
    os.mkfifo(key, 0o600)


@pytest.mark.parametrize("harm", [harm_mode, harm_text, harm_kind, harm_pipe])
def test_a_key_file_that_cannot_be_trusted_is_refused(
    tmp_path: Path, harm: Callable[[Path], None]
) -> None:
    Vault.at(tmp_path / "vault", tmp_path / "keystore")
    harm(tmp_path / "keystore" / "vault.key")
    with pytest.raises(KeyFileError) as caught:
        Vault.at(tmp_path / "vault", tmp_path / "keystore")

    assert "31337" not in str(caught.value)


def test_a_backup_brings_everything_back_but_releases_nothing_yet(
    tmp_path: Path, vault: Vault
) -> None:
    registration = vault.add("patients", TABLE)
    cost = privacy.cost(privacy.FULL_BATCH, 10_000, 40)
    vault.ledger("patients").declare(Budget(EpsilonCap(6_000_000, 10**7), 1000))
    vault.ledger("patients").charge(b"1", bytes(32), cost, 5)
    vault.export(tmp_path / "backups" / "one")
    shutil.rmtree(vault.directory)
    restored = Vault.restore(tmp_path / "backups" / "one", tmp_path / "again" / "vault", KEK)

    assert restored.registration("patients") == registration
    assert restored.table("patients").rows() == TABLE.rows()
    assert restored.ledger("patients").spent.cost == cost
    with pytest.raises(LedgerRefuses, match="backup"):
        restored.ledger("patients").charge(b"2", bytes(32), cost, 5)
    restored.ledger("patients").reconcile(b"1", cost, 5)
    restored.ledger("patients").charge(b"2", bytes(32), cost, 5)


def test_a_backup_holds_neither_key_nor_rows_nor_leftovers(tmp_path: Path, vault: Vault) -> None:
    vault.add("patients", TABLE)
    (vault.directory / ".unfinished-00").mkdir()
    vault.export(tmp_path / "backup")
    copied = {path.name for path in files_of(tmp_path / "backup")}
    disk = b"".join(path.read_bytes() for path in files_of(tmp_path / "backup"))

    assert copied == {"check", "key", "manifest", "rows", "releases"}
    assert KEK not in disk
    assert not any(row in disk for row in TABLE.rows())
    assert all(path.stat().st_mode & 0o077 == 0 for path in (tmp_path / "backup").rglob("*"))


def test_a_backup_never_overwrites(tmp_path: Path, vault: Vault) -> None:
    (tmp_path / "there").mkdir()
    with pytest.raises(TakenError):
        vault.export(tmp_path / "there")
    vault.export(tmp_path / "backup")
    with pytest.raises(TakenError):
        Vault.restore(tmp_path / "backup", vault.directory, KEK)


@pytest.mark.parametrize("part", ["check", "key", "manifest", "rows", "releases"])
def test_an_incomplete_or_foreign_backup_is_refused_without_a_trace(
    tmp_path: Path, vault: Vault, part: str
) -> None:
    vault.add("patients", TABLE)
    vault.export(tmp_path / "backup")
    with pytest.raises(WrongKeyError):
        Vault.restore(tmp_path / "backup", tmp_path / "again", bytes(32))
    next(path for path in files_of(tmp_path / "backup") if path.name == part).unlink()
    with pytest.raises(DamagedError, match=part):
        Vault.restore(tmp_path / "backup", tmp_path / "again", KEK)

    assert {path.name for path in tmp_path.iterdir()} == {"vault", "backup"}


def test_a_registration_can_be_made_without_the_rows(vault: Vault) -> None:
    registration = vault.preview(TABLE)

    made = Registration.of(SCHEMA, rows=60, row_root=registration.row_root)
    assert made == registration
