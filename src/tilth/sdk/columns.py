"""What a table's columns hold, told from their cells."""

import re
from enum import Enum
from typing import Final

_INTEGER: Final = re.compile(r"-?(0|[1-9][0-9]{0,17})")
_FLOAT: Final = re.compile(r"-?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][-+]?[0-9]+)?")
_PADDED: Final = re.compile(r"-?0[0-9]")
_BOOLEANS: Final = frozenset(("true", "false", "True", "False"))


class Kind(Enum):
    """By the names that Croissant has for them."""

    BOOLEAN = "sc:Boolean"
    INTEGER = "sc:Integer"
    FLOAT = "sc:Float"
    TEXT = "sc:Text"


class Column:
    """Takes cells as text, and narrows no more than they all allow; empty ones say nothing."""

    def __init__(self, name: str) -> None:
        self.name = name
        self._kind: Kind | None = None
        self._gaps = False

    @property
    def kind(self) -> Kind:
        """Integers with gaps are numbers to every reader that knows only NaN for a gap."""
        if self._gaps and self._kind is Kind.INTEGER:
            return Kind.FLOAT
        if self._gaps and self._kind is Kind.BOOLEAN:
            return Kind.TEXT
        return self._kind or Kind.TEXT

    def take(self, cell: str) -> None:
        if not cell:
            self._gaps = True
        elif self._kind is not Kind.TEXT:
            self._kind = _widened(self._kind, cell)


def _widened(kind: Kind | None, cell: str) -> Kind:
    if kind in (None, Kind.BOOLEAN) and cell in _BOOLEANS:
        return Kind.BOOLEAN
    if kind in (None, Kind.INTEGER) and _INTEGER.fullmatch(cell):
        return Kind.INTEGER
    numeric = kind is not Kind.BOOLEAN and _FLOAT.fullmatch(cell) and not _PADDED.match(cell)
    return Kind.FLOAT if numeric else Kind.TEXT
