"""The file an owner names, read by the reader of its kind."""

from collections.abc import Collection
from pathlib import Path

from tilth.vault.array_source import read_npy, read_npz
from tilth.vault.csv_source import read_csv
from tilth.vault.draft import DEFAULT_LIMITS, Draft, Limits
from tilth.vault.errors import TableError


def read_file(
    path: Path,
    *,
    label: str | None = None,
    classes: Collection[str] = (),
    limits: Limits = DEFAULT_LIMITS,
) -> Draft:
    """Read a .csv, .npy or .npz, never more of it than the limit; an .npz has its own label."""
    with path.open("rb") as file:
        data = file.read(limits.bytes + 1)
    match path.suffix.lower():
        case ".csv":
            return read_csv(data, label=label, classes=classes, limits=limits)
        case ".npy":
            return read_npy(data, label=label, classes=classes, limits=limits)
        case ".npz":
            draft = read_npz(data, classes=classes, limits=limits)
            if label not in (None, draft.label):
                raise TableError('the labels of an .npz are its array called "labels".')
            return draft
        case _:
            raise TableError("expected a file called .csv, .npy or .npz.")
