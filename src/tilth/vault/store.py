"""The vault: private tables encrypted on the owner's disk, and the way to use each of them."""

import hmac
import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from tilth.primitives.crypto import at_rest
from tilth.primitives.crypto.hashing import blake2_256
from tilth.primitives.crypto.sealing import SealingKey
from tilth.vault import layout
from tilth.vault.backup import copy_files, copy_vault
from tilth.vault.commitments import RowCommitment, commit, salt
from tilth.vault.errors import (
    DamagedError,
    TableError,
    TakenError,
    UnknownTableError,
    VaultError,
    WrongKeyError,
)
from tilth.vault.files import (
    UNFINISHED,
    create_file,
    locked,
    new_directory,
    private_directory,
    sweep,
    write_private,
)
from tilth.vault.keyfile import KEY_FILE, create_key, read_key
from tilth.vault.ledger import Ledger
from tilth.vault.outbox import Outbox
from tilth.vault.registration import Registration
from tilth.vault.schema import Schema, canonical_json, valid_name
from tilth.vault.table import PrivateTable, Table, label_type

MIN_ROWS = 50  # below, the public row count itself tells too much of a row
_CHECK_TEXT = b"tilth vault 1"


@dataclass(frozen=True, slots=True)
class Entry:
    """A table of the vault. The name is the owner's alone; outsiders know the row root."""

    name: str
    row_root: bytes
    rows: int


@dataclass(frozen=True, slots=True, repr=False)
class Opening:
    """One row with all that shows it to be in the table. Private: it is the row itself."""

    index: int
    salt: bytes
    row: bytes
    path: tuple[bytes, ...]


@dataclass(frozen=True, slots=True, repr=False)
class _Manifest:
    name: str
    rows: int
    schema: Schema
    commitment_key: bytes


class Vault:
    """All tables under one directory and one key-encryption key of 32 bytes.

    Tables are named by the owner's name or by their row root, as the chain names them.
    """

    __slots__ = ("_committing", "_ledgers", "_receiving", "_wrapping", "directory")

    def __init__(self, directory: Path, kek: bytes) -> None:
        self.directory = directory
        self._wrapping = hmac.digest(kek, b"tilth vault: wrap keys", "sha256")
        self._committing = hmac.digest(kek, b"tilth vault: commit to rows", "sha256")
        self._receiving = SealingKey(hmac.digest(kek, b"tilth vault: receive models", "sha256"))
        self._ledgers: dict[bytes, Ledger] = {}
        _prepare(directory)
        self._prove_key()

    @classmethod
    def at(cls, directory: Path, keystore: Path) -> "Vault":
        """With the key in the keystore; on first use makes vault and key.

        A vault that has lost its key is an error, never a reason to make another key.
        """
        known = layout.is_vault(directory) or (keystore / KEY_FILE).exists()
        return cls(directory, read_key(keystore) if known else create_key(keystore))

    @classmethod
    def restore(cls, backup: Path, directory: Path, kek: bytes) -> "Vault":
        """Bring back a backup to a new directory, once every table in it has proved sound.

        Nothing is released on a restored table before `Ledger.reconcile`.
        """
        if directory.exists():
            raise TakenError(f"{directory} exists; restore to a directory that does not.")
        directory.parent.mkdir(parents=True, exist_ok=True)
        with new_directory(directory) as unfinished:
            copy_files(backup, unfinished)
            copy = cls(unfinished, kek)
            copy.verify()
            for entry in copy.list():
                copy.ledger(entry.row_root).mark_restored()
        return cls(directory, kek)

    def __repr__(self) -> str:
        return f"<Vault at {self.directory}>"

    def preview(self, table: Table) -> Registration:
        """What `add` would return for this table, and so what would become public; adds nothing."""
        return self._prepared(table)[1]

    def add(self, name: str, table: Table) -> Registration:
        """Keep a table: whatever happens on the way, it is in the vault whole or not at all.

        The same rows give the same row root, so they cannot be added twice for a second budget.
        """
        if not valid_name(name):
            raise VaultError("A table's name is 1 to 64 printable characters, without padding.")
        manifest, registration = self._prepared(table, name)
        root = registration.row_root
        with self._locked():
            self._refuse_taken(name, root)
            with new_directory(layout.place(self.directory, root)) as unfinished:
                self._write(unfinished, root, manifest, table)
        return registration

    def list(self) -> tuple[Entry, ...]:
        return tuple(self._entries())

    def registration(self, which: str | bytes) -> Registration:
        """What became public of a table, made again from the vault."""
        root, _, manifest = self._find(which)
        return Registration.of(manifest.schema, rows=manifest.rows, row_root=root)

    def open(self, which: str | bytes) -> PrivateTable:
        """Decrypt a table in memory, as its trainer may see it."""
        return PrivateTable(self.table(which))

    def table(self, which: str | bytes) -> Table:
        """The rows as they were added, for the owner."""
        root, key, manifest = self._find(which)
        return self._read_rows(root, key, manifest)

    def opening(self, which: str | bytes, index: int) -> Opening:
        """Show one row to an auditor: proves it is in the table and tells of no other."""
        root, key, manifest = self._find(which)
        rows = self._read_rows(root, key, manifest).rows()
        path = self._commitment(root, manifest, rows).path(index)
        return Opening(index, salt(manifest.commitment_key, index), rows[index], path)

    def ledger(self, which: str | bytes) -> Ledger:
        """The release ledger of a table: always the same object, since a failed write closes it."""
        root, _, _ = self._find(which)
        path = layout.place(self.directory, root) / layout.RELEASES
        return self._ledgers.setdefault(root, Ledger(path, root))

    def receiving_key(self) -> SealingKey:
        """To which requesters seal models that only this vault's worker shall see."""
        return self._receiving

    def outbox(self, which: str | bytes) -> Outbox:
        """Where results of a table's jobs wait, sealed, until the chain has them."""
        root, _, _ = self._find(which)
        return Outbox(layout.place(self.directory, root) / layout.RESULTS)

    def verify(self) -> None:
        """Decrypt everything and compare it with the row roots; raises at the first damage."""
        for entry in self.list():
            root, key, manifest = self._find(entry.row_root)
            self._commitment(root, manifest, self._read_rows(root, key, manifest).rows())
            _ = self.ledger(root).spent

    def export(self, target: Path) -> None:
        """Back up to a new directory, still encrypted; without the key, so keep that elsewhere."""
        copy_vault(self.directory, target)

    def _prepared(self, table: Table, name: str = "") -> tuple[_Manifest, Registration]:
        if len(table) < MIN_ROWS:
            raise TableError(f"a private table needs at least {MIN_ROWS} rows, found {len(table)}.")
        rows = table.rows()
        key = hmac.digest(self._committing, blake2_256(b"".join(rows)), "sha256")
        root = commit(key, rows).root
        manifest = _Manifest(name, len(rows), table.schema, key)
        return manifest, Registration.of(table.schema, rows=len(rows), row_root=root)

    def _write(self, place: Path, root: bytes, manifest: _Manifest, table: Table) -> None:
        key = at_rest.generate_key()
        write_private(place / layout.KEY, at_rest.wrap(self._wrapping, key))
        for part, data in (
            (layout.MANIFEST, _manifest_to_json(manifest)),
            (layout.ROWS, _rows_to_bytes(table)),
        ):
            write_private(place / part, at_rest.encrypt(key, _context(root, part), data))
        write_private(place / layout.RELEASES, b"")

    def _find(self, which: str | bytes) -> tuple[bytes, bytes, _Manifest]:
        root = which if isinstance(which, bytes) else self._root_of(which)
        if root not in layout.row_roots(self.directory):
            raise UnknownTableError("The vault has no table with this row root.")
        return root, *self._read_manifest(root)

    def _root_of(self, name: str) -> bytes:
        """A damaged table does not keep the others from being found."""
        damage: DamagedError | None = None
        for root in layout.row_roots(self.directory):
            try:
                if self._read_manifest(root)[1].name == name:
                    return root
            except DamagedError as found:
                damage = found
        raise damage or UnknownTableError(f"The vault has no table called {name!r}.")

    def _entries(self) -> Iterator[Entry]:
        for root in layout.row_roots(self.directory):
            manifest = self._read_manifest(root)[1]
            yield Entry(manifest.name, root, manifest.rows)

    def _read_manifest(self, root: bytes) -> tuple[bytes, _Manifest]:
        wrapped = _read(layout.place(self.directory, root) / layout.KEY)
        try:
            key = at_rest.unwrap(self._wrapping, wrapped)
        except at_rest.AtRestBroken:
            key = b""
        if not key:
            raise _damage(root, layout.KEY)
        return key, _manifest_from_json(self._decrypted(root, layout.MANIFEST, key))

    def _read_rows(self, root: bytes, key: bytes, manifest: _Manifest) -> Table:
        return _rows_from_bytes(self._decrypted(root, layout.ROWS, key), manifest)

    def _decrypted(self, root: bytes, part: str, key: bytes) -> bytes:
        data = _read(layout.place(self.directory, root) / part)
        try:
            return at_rest.decrypt(key, _context(root, part), data)
        except at_rest.AtRestBroken:
            pass
        raise _damage(root, part)

    def _commitment(self, root: bytes, manifest: _Manifest, rows: Sequence[bytes]) -> RowCommitment:
        found = commit(manifest.commitment_key, rows)
        if found.root != root:
            raise _damage(root, layout.ROWS)
        return found

    @contextmanager
    def _locked(self) -> Iterator[None]:
        with locked(self.directory / layout.LOCK, create=True):
            sweep(self.directory)
            yield

    def _refuse_taken(self, name: str, root: bytes) -> None:
        for entry in self._entries():
            if entry.row_root == root:
                raise TakenError(f"These very rows are in the vault already, as {entry.name!r}.")
            if entry.name == name:
                raise TakenError(f"The vault has another table called {name!r}.")

    def _prove_key(self) -> None:
        path = self.directory / layout.CHECK
        if not layout.is_vault(self.directory):
            with self._locked():
                if not path.exists():  # another process may have been first
                    create_file(path, at_rest.encrypt(self._wrapping, _CHECK_TEXT, b""))
        try:
            at_rest.decrypt(self._wrapping, _CHECK_TEXT, _read(path))
        except at_rest.AtRestBroken:
            cause = "the key is another vault's, or the vault's check file is damaged"
            raise WrongKeyError(f"The key does not open {self.directory}: {cause}.") from None


def _prepare(directory: Path) -> None:
    if directory.is_dir() and not layout.is_vault(directory):
        found = (path.name for path in directory.iterdir())
        if any(name != layout.LOCK and not name.startswith(UNFINISHED) for name in found):
            raise VaultError(f"{directory} holds other files; give the vault a directory alone.")
    private_directory(directory)


def _context(root: bytes, part: str) -> bytes:
    return b"tilth vault " + part.encode() + b" " + root


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as problem:
        raise DamagedError(f"{path} cannot be read: {problem.strerror}.") from None


def _damage(root: bytes, part: str) -> DamagedError:
    cause = "it was changed, or belongs to another table"
    return DamagedError(f"The {part} of table 0x{root.hex()} is damaged: {cause}.")


def _manifest_to_json(manifest: _Manifest) -> bytes:
    return canonical_json(
        {
            "commitment_key": manifest.commitment_key.hex(),
            "name": manifest.name,
            "rows": manifest.rows,
            "schema": manifest.schema.to_json().decode(),
        }
    )


def _manifest_from_json(data: bytes) -> _Manifest:
    fields: dict[str, Any] = json.loads(data)  # decrypted, so this module wrote it
    return _Manifest(
        fields["name"],
        fields["rows"],
        Schema.from_json(fields["schema"].encode()),
        bytes.fromhex(fields["commitment_key"]),
    )


def _rows_to_bytes(table: Table) -> bytes:
    kind = label_type(table.schema)
    labels = b"" if table.labels is None else table.labels.astype(kind).tobytes()
    return table.features.astype("<f4").tobytes() + labels


def _rows_from_bytes(data: bytes, manifest: _Manifest) -> Table:
    columns = len(manifest.schema.feature_columns)
    split = 4 * columns * manifest.rows
    features = np.frombuffer(data[:split], "<f4").reshape(-1, columns).astype(np.float32)
    if manifest.schema.label is None:
        return Table(manifest.schema, features)
    labels = np.frombuffer(data[split:], label_type(manifest.schema))
    return Table(manifest.schema, features, labels.astype(labels.dtype.newbyteorder("=")))
