"""Where things lie in a vault's directory; every file there is encrypted or public.

check              proves the key before anything is blamed on damage
lock               held while tables are added or copied
<row root>/key       the table's own random key, wrapped by the vault's
<row root>/manifest  name, schema, row count, key of the commitment
<row root>/rows      the rows in canonical form
<row root>/releases  the release ledger: what is in it is on the chain too
<row root>/results/  sealed results, each named after its job, until and after they are sent
"""

from pathlib import Path

CHECK = "check"
LOCK = "lock"
KEY = "key"
MANIFEST = "manifest"
ROWS = "rows"
RELEASES = "releases"
RESULTS = "results"
TABLE_FILES = (KEY, MANIFEST, ROWS, RELEASES)


def place(directory: Path, row_root: bytes) -> Path:
    return directory / row_root.hex()


def row_roots(directory: Path) -> tuple[bytes, ...]:
    """Of every table in the vault, in order."""
    names = sorted(found.name for found in directory.iterdir())
    return tuple(bytes.fromhex(name) for name in names if _is_root(name))


def is_vault(directory: Path) -> bool:
    return directory.is_dir() and ((directory / CHECK).exists() or bool(row_roots(directory)))


def _is_root(name: str) -> bool:
    return len(name) == 64 and set(name) <= set("0123456789abcdef")
