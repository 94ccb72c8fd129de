"""What can go wrong on the data owner's side, said without showing a private cell."""


class VaultError(Exception):
    """Anything the vault refuses or cannot do."""


class SchemaError(VaultError):
    """The public description of a table is not a valid one."""


class TableError(VaultError):
    """A source is not the table it should be; says where by number, never what stands there.

    `line` counts physical lines of a CSV, or rows of an array, from 1; `column` counts from 1.
    """

    def __init__(self, cause: str, *, line: int | None = None, column: int | None = None) -> None:
        super().__init__(f"{_place(line, column)}{cause}")
        self.line = line
        self.column = column


class KeyFileError(VaultError):
    """The file of the vault's key cannot be trusted or used."""


class WrongKeyError(VaultError):
    """The key does not open this vault."""


class DamagedError(VaultError):
    """A file of the vault is missing, changed, or belongs to another table."""


class UnknownTableError(VaultError):
    """No table of the vault has this name or row root."""


class TakenError(VaultError):
    """The name, the table or the place exists already."""


class LedgerRefuses(VaultError):
    """The owner's own books do not allow this release, whatever the chain says."""


class LedgerDamagedError(VaultError):
    """The release ledger was changed outside the vault, so nothing may be released on it."""


def _place(line: int | None, column: int | None) -> str:
    named = (("line", line), ("column", column))
    place = ", ".join(f"{word} {number}" for word, number in named if number is not None)
    return f"{place}: " if place else ""
