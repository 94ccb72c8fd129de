"""`tilth vault backup`, `restore`, `reconcile`: a vault survives its disk and forgets nothing."""

import sys
from dataclasses import dataclass
from datetime import UTC, datetime
from getpass import getpass
from pathlib import Path
from shutil import rmtree
from typing import Annotated, Any, Final

from cyclopts import Parameter

from tilth.cli.clients import GRPC, URL, Grpc, Url, Yes, confirm, told
from tilth.cli.vault import FOLDER, KEYSTORE, TABLES, Folder, NotNow, existing_vault
from tilth.primitives import privacy
from tilth.sdk.client import Client
from tilth.vault import Vault, keep_key, read_key, unpack_backup, write_backup
from tilth.vault.files import new_directory

_SHORTEST: Final = 12

Password = Annotated[Path | None, Parameter(name="--password-file")]


def backup(file: Path, /, *, password_file: Password = None, vault: Folder = FOLDER) -> int:
    """Write all tables, their key and their books to one encrypted file.

    Parameters
    ----------
    file
        A new one; keep it on another machine.
    password_file
        Holds the password, which is asked for otherwise. Without it the backup is lost.
    """

    def work() -> None:
        keeper = existing_vault(vault)
        password = _password(password_file, twice=True)
        write_backup(keeper.directory, read_key(vault / KEYSTORE), file, password)
        count = len(keeper.list())
        print(
            f"{file} holds every table and the vault's key, under your password. Tables: {count}."
        )

    return told(work)


def restore(file: Path, /, *, password_file: Password = None, vault: Folder = FOLDER) -> int:
    """Bring a backup back to a new folder; nothing leaves it before `tilth vault reconcile`.

    Parameters
    ----------
    file
        What `tilth vault backup` wrote.
    password_file
        Holds the password, which is asked for otherwise.
    """

    def work() -> None:
        if vault.exists():
            cause = "an older backup would forget what was released since"
            raise NotNow(f"{vault} exists, and {cause}; name a folder that does not: --vault")
        _restore(file, vault, _password(password_file, twice=False))
        print(f"{vault} holds the tables again, as they were when {file} was written.")
        print("They release nothing until their books know what was released since:")
        print("  tilth vault reconcile")

    return told(work)


def reconcile(
    *,
    nothing_since: Annotated[bool, Parameter(negative="")] = False,
    yes: Yes = False,
    vault: Folder = FOLDER,
    url: Url = URL,
    grpc: Grpc = GRPC,
) -> int:
    """Tell a restored vault's books what the chain has spent; until then they refuse.

    Ask a node that you trust, and that has every block: what it does not know of is forgotten.

    Parameters
    ----------
    nothing_since
        Of tables that the chain does not know you vouch that nothing was released since the backup.
    """

    def work() -> None:
        keeper = existing_vault(vault)
        behind = [entry for entry in keeper.list() if keeper.ledger(entry.row_root).behind]
        if not behind:
            raise NotNow("no table of this vault waits for it")
        with Client(url, grpc) as client:
            chain = _Chain.now(client)
            found = {entry.row_root: chain.spent(client, entry.row_root) for entry in behind}
        names = {entry.row_root: entry.name for entry in behind}
        _show(chain, [(names[root], spent) for root, spent in found.items()])
        if not yes:
            confirm("Is that chain up to date?", "nothing was changed")
        _reconcile(keeper, chain, found, nothing_since=nothing_since)

    return told(work)


@dataclass(frozen=True, slots=True)
class _Spent:
    dataset: int
    cost: privacy.Cost
    released_bytes: int


@dataclass(frozen=True, slots=True)
class _Chain:
    """One block of it, of which everything is asked."""

    genesis: bytes
    block: str
    number: int
    time: datetime

    @classmethod
    def now(cls, client: Client) -> "_Chain":
        if client.ask("system_health")["isSyncing"]:
            raise NotNow("this node does not have every block yet; wait until it has")
        block = client.block_hash()
        number = int(client.query("System", "Number", at=block))
        seconds = int(client.query("Timestamp", "Now", at=block)) / 1000
        return cls(client.genesis_hash, block, number, datetime.fromtimestamp(seconds, UTC))

    def spent(self, client: Client, row_root: bytes) -> _Spent | None:
        """None where the table was never offered on this chain."""
        dataset = client.query("Datasets", "ByRowRoot", "0x" + row_root.hex(), at=self.block)
        if dataset is None:
            return None
        for number, job in client.entries("Compute", "Jobs", at=self.block):
            if _runs(job, int(dataset)):
                cause = f"job {number} still runs, and might be answered a second time"
                raise NotNow(f"{cause}; wait for its end or its deadline")
        books: Any = client.query("Datasets", "Ledgers", int(dataset), at=self.block)
        cost = tuple(int(order) for order in books["spent"])
        return _Spent(int(dataset), cost, int(books["bytes_spent"]))


def _runs(job: Any, dataset: int) -> bool:
    """Whether it has begun to read the table's rows and has not answered."""
    return int(job["spec"]["dataset"]) == dataset and "Running" in job["state"]


def _show(chain: _Chain, tables: list[tuple[str, _Spent | None]]) -> None:
    print(f"The chain 0x{chain.genesis.hex()}")
    print(f"at block {chain.number}, of {chain.time:%Y-%m-%d %H:%M:%S} UTC, knows:")
    for name, spent in tables:
        if spent is None:
            print(f"  {name!r}: nothing, it was never offered there")
        else:
            taken = privacy.epsilon(spent.cost, 10**7) / 1e6
            bytes_said = f"{spent.released_bytes:,} bytes of results"
            print(f"  {name!r}: dataset {spent.dataset}, ε {taken:.3f} at δ 1e-5, {bytes_said}")


def _reconcile(
    keeper: Vault, chain: _Chain, found: dict[bytes, _Spent | None], *, nothing_since: bool
) -> None:
    left = 0
    for root, spent in found.items():
        if spent is not None:
            keeper.ledger(root).reconcile(chain.genesis, spent.cost, spent.released_bytes)
        elif nothing_since:
            keeper.ledger(root).reconcile(chain.genesis, privacy.NOTHING, 0)
        else:
            left += 1
    print(f"Books that go on: {len(found) - left}.")
    if left:
        cause = "this chain does not know of them"
        raise NotNow(
            f"tables that stay closed, for {cause}: {left}; ask theirs, or --nothing-since"
        )


def _restore(file: Path, folder: Path, password: str) -> None:
    """All of the folder, or nothing."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    with new_directory(folder) as unfinished:
        unpacked = unfinished / "unpacked"
        unpacked.mkdir(mode=0o700)
        kek = unpack_backup(file, unpacked, password)
        Vault.restore(unpacked, unfinished / TABLES, kek)
        rmtree(unpacked)
        keep_key(unfinished / KEYSTORE, kek)


def _password(file: Path | None, *, twice: bool) -> str:
    if file is not None:
        password = file.read_text().rstrip("\n")
    elif sys.stdin.isatty():
        password = getpass("Password of the backup: ")
        if twice and password != getpass("Again: "):
            raise NotNow("the passwords differ")
    else:
        raise NotNow("nobody can be asked for the password; name its file: --password-file")
    if twice and len(password) < _SHORTEST:
        raise NotNow(f"the key of all tables lies under it: take at least {_SHORTEST} characters")
    return password
