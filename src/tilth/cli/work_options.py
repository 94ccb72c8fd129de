"""The options of a node that works on jobs for a data owner's private tables."""

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkOptions:
    """Whose private tables this node works on."""

    vault: Path | None = None
    """A data owner's folder, see `tilth vault`; this node then works on jobs for its tables."""

    worker_key: str | None = None
    """The account that works: a file that holds its secret URI, or a dev account. On a dev chain it
    is //Alice//worker unless told otherwise."""

    unconfined_ok: bool = False
    """Work also where this machine cannot keep a foreign model from its files and network."""

    compute: str | None = None
    """Run the vault's jobs on the owner's Ray cluster at ray://HOST:PORT."""
