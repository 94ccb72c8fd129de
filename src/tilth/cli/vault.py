"""`tilth vault`: the data owner's tables, what of them becomes public, and what may be released."""

import csv
import shlex
import sys
from collections.abc import Callable
from io import StringIO
from itertools import islice
from pathlib import Path
from typing import Annotated, Final

from cyclopts import App, Parameter
from rich.console import Console
from rich.table import Table as Grid

from tilth.cli import fail
from tilth.cli.reading import read_jailed
from tilth.primitives import privacy
from tilth.sdk.terms import micro, pico
from tilth.vault import (
    Budget,
    EpsilonCap,
    Registration,
    Roles,
    Schema,
    Table,
    Vault,
    VaultError,
    read_file,
)

TABLES: Final = "tables"
KEYSTORE: Final = "keystore"
FOLDER: Final = Path.home() / ".tilth"
_SAMPLE_ROWS: Final = 3
_SAMPLE_COLUMNS: Final = 5

app = App(name="vault", help="Keep private tables, and decide what may leave them.")
app.command(
    "tilth.cli.offer:offer",
    name="offer",
    help="Offer a table to computation: models may come to its rows, the rows stay.",
)
for _command, _help in (
    ("backup", "Write all tables, their key and their books to one encrypted file."),
    ("restore", "Bring a backup back to a new folder."),
    ("reconcile", "Tell a restored vault's books what the chain has spent."),
):
    app.command(f"tilth.cli.vault_backup:{_command}", name=_command, help=_help)

Folder = Annotated[
    Path, Parameter(name="--vault", help="The owner's folder: encrypted tables and their key.")
]


Classes = Annotated[list[str] | None, Parameter(negative="", consume_multiple=True)]


class NotNow(Exception):
    """The command cannot go on; the text says why, and what to do."""


def open_vault(folder: Path) -> Vault:
    """The vault in an owner's folder, made on first use: tables and their key side by side."""
    return Vault.at(folder / TABLES, folder / KEYSTORE)


def existing_vault(folder: Path) -> Vault:
    if not (folder / KEYSTORE).exists():
        raise NotNow(f"there is no vault in {folder}: `tilth vault add` makes one")
    return open_vault(folder)


@app.command
def add(
    source: Path,
    /,
    *,
    name: str | None = None,
    label: str | None = None,
    target: str | None = None,
    classes: Classes = None,
    schema: Path | None = None,
    yes: Annotated[bool, Parameter(negative="")] = False,
    vault: Folder = FOLDER,
) -> int:
    """Keep a private table; shows first what would become public if you offer it.

    Parameters
    ----------
    source
        A CSV with a header, or a .parquet, .arrow, .npy or .npz.
    name
        Your own name for it, which stays here; without it, the file's.
    label
        The column of classes that models shall learn to tell.
    target
        Instead of a label: the column of numbers that models shall learn to tell.
    classes
        Other columns that hold classes rather than numbers.
    schema
        Columns, bounds and classes as you declare them: see `tilth vault suggest`.
    yes
        Do not ask.
    """

    def work() -> None:
        table = _read(source, Roles(label, target, classes or []), schema)
        _add(table, name or source.stem, vault, ask=not yes)

    return _told(source, work)


@app.command
def suggest(
    source: Path,
    /,
    *,
    label: str | None = None,
    target: str | None = None,
    classes: Classes = None,
) -> int:
    """Write a schema for you to correct: bounds are rounded outward, but were seen in your rows.

    Parameters
    ----------
    source
        A CSV with a header, or a .parquet, .arrow, .npy or .npz.
    label
        The column of classes that models shall learn to tell.
    target
        Instead of a label: the column of numbers that models shall learn to tell.
    classes
        Other columns that hold classes rather than numbers.
    """

    def work() -> None:
        draft = read_file(source, Roles(label, target, classes or []), parse=read_jailed)
        print(draft.suggest().to_json().decode())

    return _told(source, work)


@app.command(name="list")
def list_tables(*, vault: Folder = FOLDER) -> int:
    """Show the tables in the vault, and what was released of each."""
    return _told(vault, lambda: _show_tables(existing_vault(vault)))


@app.command
def budget(
    name: str,
    /,
    *,
    epsilon: float,
    delta: float = 1e-5,
    output_bytes: int = 10_000_000,
    vault: Folder = FOLDER,
) -> int:
    """Declare what all jobs together may ever take of a table: this node refuses beyond it.

    Parameters
    ----------
    name
        The table.
    epsilon
        How far one row may show in everything that is released: 1 is careful, 8 is generous.
    delta
        The chance that the promise fails; well below one over the number of rows.
    output_bytes
        How many bytes of results.
    """
    return _told(vault, lambda: _declare(vault, name, (epsilon, delta), output_bytes))


def _add(table: Table, name: str, folder: Path, *, ask: bool) -> None:
    keeper = open_vault(folder)
    _show_preview(keeper.preview(table), table)
    if ask and not _agreed():
        raise NotNow("nothing was added; add --yes, or look at `tilth vault suggest`")
    keeper.add(name, table)
    print(f"{name!r} is in the vault, encrypted. Declare what may be released of it:")
    where = "" if folder == FOLDER else f" --vault {shlex.quote(str(folder))}"
    print(f"  tilth vault budget {shlex.quote(name)} --epsilon 4 --delta 1e-5{where}")


def _show_tables(keeper: Vault) -> None:
    grid = Grid(box=None, pad_edge=False, padding=(0, 2, 0, 0))
    for title in ("table", "rows", "jobs", "ε spent", "ε allowed", "row root"):
        grid.add_column(title, justify="right" if title in ("rows", "jobs") else "left")
    for entry in keeper.list():
        spent, allowed, jobs = _books(keeper, entry.row_root)
        root = f"0x{entry.row_root.hex()[:16]}…"
        grid.add_row(entry.name, str(entry.rows), jobs, spent, allowed, root)
    Console(highlight=False).print(grid if grid.row_count else "The vault has no tables yet.")


def _declare(folder: Path, name: str, limit: tuple[float, float], output_bytes: int) -> None:
    cap = EpsilonCap(micro(limit[0]), pico(limit[1]))
    keeper = existing_vault(folder)
    keeper.ledger(name).declare(Budget(cap, output_bytes))
    spent, allowed, _ = _books(keeper, name)
    print(f"{name!r}: {allowed}, of which {spent} is spent; at most {output_bytes:,} bytes.")


def _read(source: Path, roles: Roles, schema: Path | None) -> Table:
    if schema is None:
        draft = read_file(source, roles, parse=read_jailed)
        return draft.table(draft.suggest())
    declared = Schema.from_json(schema.read_bytes())
    return read_file(source, Roles.of(declared), parse=read_jailed).table(declared)


def _show_preview(registration: Registration, table: Table) -> None:
    print(registration.describe())
    print("The mock begins with:")
    lines = csv.reader(StringIO(registration.mock.decode()))
    for cells in islice(lines, _SAMPLE_ROWS + 1):
        more = ", …" if len(cells) > _SAMPLE_COLUMNS else ""
        print("  " + ", ".join(cells[:_SAMPLE_COLUMNS]) + more)
    clamped = sum(table.outside_bounds())
    if clamped:
        print(f"For you alone: {clamped} cells lie outside the bounds and are clamped to them.")


def _agreed() -> bool:
    if not sys.stdin.isatty():
        return False
    return input("Keep it in the vault? [y/N] ").strip().lower() in ("y", "yes")


def _books(keeper: Vault, which: str | bytes) -> tuple[str, str, str]:
    """ε spent, ε allowed and the number of jobs, in words."""
    ledger = keeper.ledger(which)
    allowed, spent = ledger.budget, ledger.spent
    if allowed is None:
        return "0", "none declared", str(spent.jobs)
    cap = allowed.privacy
    if not isinstance(cap, EpsilonCap):
        return "-", "by order", str(spent.jobs)
    taken = privacy.epsilon(spent.cost, cap.delta_pico)
    words = f"ε {cap.epsilon_micro / 1e6:g} at δ {cap.delta_pico / 1e12:g}"
    return f"{taken / 1e6:.3f}".rstrip("0").rstrip("."), words, str(spent.jobs)


def _told(about: Path, work: Callable[[], None]) -> int:
    """The exit status; what goes wrong is one line on stderr."""
    try:
        work()
    except VaultError as error:
        return fail(f"{about}: {error}")
    except (NotNow, ValueError) as error:
        return fail(str(error))
    except OSError as error:
        return fail(f"{error.filename}: {error.strerror}")
    return 0
