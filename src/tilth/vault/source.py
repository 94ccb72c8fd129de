"""The file an owner names, read by the reader of its kind."""

from collections.abc import Callable
from pathlib import Path
from typing import TypeAlias

from tilth.vault.array_source import read_archive, read_matrix
from tilth.vault.arrow_source import ARROW, PARQUET, read_arrow
from tilth.vault.csv_source import read_columns
from tilth.vault.draft import DEFAULT_LIMITS, Draft, Limits, Roles
from tilth.vault.errors import TableError

KINDS = (".csv", ".npy", ".npz", PARQUET, *ARROW)
_PLAIN = Roles()

Parse: TypeAlias = Callable[[bytes, str, Roles, Limits], Draft]


def read_file(
    path: Path,
    roles: Roles = _PLAIN,
    limits: Limits = DEFAULT_LIMITS,
    *,
    parse: Parse | None = None,
) -> Draft:
    """Read a table, never more of it than the limit; an .npz has its own label.

    `parse` may do what `parse_source` does in a jail.
    """
    suffix = path.suffix.lower()
    if suffix not in KINDS:
        raise TableError(f"expected a file called {', '.join(KINDS)}.")
    with path.open("rb") as file:
        data = file.read(limits.bytes + 1)
    return (parse or parse_source)(data, suffix, roles, limits)


def parse_source(data: bytes, suffix: str, roles: Roles, limits: Limits) -> Draft:
    """The table in the bytes of a file that is called so."""
    match suffix:
        case ".csv":
            return read_columns(data, roles, limits)
        case ".npy":
            return read_matrix(data, roles, limits)
        case ".npz":
            return read_archive(data, roles, limits)
        case _:
            return read_arrow(data, suffix, roles, limits)
