"""The file an owner names, read by the reader of its kind."""

from pathlib import Path

from tilth.vault.array_source import read_archive, read_matrix
from tilth.vault.csv_source import read_columns
from tilth.vault.draft import DEFAULT_LIMITS, Draft, Limits, Roles
from tilth.vault.errors import TableError

_PLAIN = Roles()


def read_file(path: Path, roles: Roles = _PLAIN, limits: Limits = DEFAULT_LIMITS) -> Draft:
    """Read a .csv, .npy or .npz, never more of it than the limit; an .npz has its own label."""
    with path.open("rb") as file:
        data = file.read(limits.bytes + 1)
    match path.suffix.lower():
        case ".csv":
            return read_columns(data, roles, limits)
        case ".npy":
            return read_matrix(data, roles, limits)
        case ".npz":
            return read_archive(data, roles, limits)
        case _:
            raise TableError("expected a file called .csv, .npy or .npz.")
