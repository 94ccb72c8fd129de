"""Salted commitments to rows: a Merkle root that binds every row and lets nobody guess one.

An owner opens row i to an auditor by showing salt, row and path; the rows beside it stay hidden,
because without its salt even a row with few possible values cannot be found by hashing guesses.
"""

import hmac
from collections.abc import Iterable, Iterator, Sequence

from tilth.primitives.crypto.hashing import blake2_256

# What is hashed says what it is, so a leaf is never an inner node, nor either a root (RFC 6962)
_LEAF, _INNER, _ROOT = b"\x00", b"\x01", b"\x02"


def salt(key: bytes, index: int) -> bytes:
    """The salt of one row, 32 bytes; it can be shown without giving away any other row's."""
    return hmac.digest(key, index.to_bytes(8, "little"), "sha256")


def leaf(salt: bytes, row: bytes) -> bytes:
    """The hash of one row's canonical bytes under its salt."""
    if len(salt) != 32:
        raise ValueError("A salt has 32 bytes.")
    return blake2_256(_LEAF + salt + row)


class RowCommitment:
    """The tree over all rows. Knows leaves, not rows; `root` and `count` are what gets public."""

    __slots__ = ("_levels", "count", "root")

    def __init__(self, leaves: Sequence[bytes]) -> None:
        if not leaves or any(len(leaf) != 32 for leaf in leaves):
            raise ValueError("A commitment is over at least one leaf of 32 bytes.")
        self._levels = [list(leaves)]
        while len(self._levels[-1]) > 1:
            self._levels.append(_parents(self._levels[-1]))
        self.count = len(leaves)
        self.root = _root(self.count, self._levels[-1][0])

    def __repr__(self) -> str:
        return f"<RowCommitment: {self.count} rows, root 0x{self.root.hex()}>"

    def leaf(self, index: int) -> bytes:
        return self._levels[0][_place(index, self.count)]

    def path(self, index: int) -> tuple[bytes, ...]:
        """The hashes beside the way from a row up to the root, lowest first."""
        _place(index, self.count)
        siblings = zip(self._levels, _siblings(index, self.count), strict=False)
        return tuple(level[at] for level, at in siblings if at is not None)


def commit(key: bytes, rows: Iterable[bytes]) -> RowCommitment:
    """Commit to canonical rows, salted by a key that only the owner has."""
    return RowCommitment([leaf(salt(key, index), row) for index, row in enumerate(rows)])


def verify(root: bytes, index: int, count: int, leaf: bytes, path: Sequence[bytes]) -> bool:
    """Whether `root` commits to exactly `count` rows, of which number `index` has this leaf."""
    if not 0 <= index < count < 1 << 64 or any(len(part) != 32 for part in (leaf, *path)):
        return False
    beside, found = iter(path), leaf
    for sibling in _siblings(index, count):
        if sibling is not None:
            other = next(beside, b"")
            found = _inner(other, found) if sibling & 1 == 0 else _inner(found, other)
    return next(beside, None) is None and _root(count, found) == root


def _siblings(index: int, width: int) -> Iterator[int | None]:
    """For each level the place of the neighbour; None where the last node moves up unpaired."""
    while width > 1:
        yield index ^ 1 if index ^ 1 < width else None
        index, width = index // 2, (width + 1) // 2


def _parents(level: list[bytes]) -> list[bytes]:
    paired = [_inner(level[at], level[at + 1]) for at in range(0, len(level) - 1, 2)]
    return paired + level[2 * len(paired) :]


def _inner(left: bytes, right: bytes) -> bytes:
    return blake2_256(_INNER + left + right)


def _root(count: int, top: bytes) -> bytes:
    return blake2_256(_ROOT + count.to_bytes(8, "little") + top)


def _place(index: int, count: int) -> int:
    if not 0 <= index < count:
        raise IndexError(f"Rows are numbered 0 to {count - 1}.")
    return index
