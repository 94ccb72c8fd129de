"""Where content is kept by its hash, apart from the blocks that brought it."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final, Protocol

from tilth.frame.indexing import Indexed
from tilth.node.pieces import places
from tilth.primitives.crypto.hashing import blake2_256, keccak_256, sha2_256

# In the order of the Bulletin chain's HashingAlgorithm
_DIGESTS: Final = (blake2_256, sha2_256, keccak_256)


@dataclass(frozen=True, slots=True)
class Card:
    """What is known of a content without reading it."""

    hashing: int
    size: int
    outline: tuple[bytes, ...]

    def fits(self, hash: bytes, data: bytes) -> bool:
        """Whether these are the bytes with this hash."""
        return len(data) == self.size and _DIGESTS[self.hashing](data) == hash

    def encoded(self) -> bytes:
        # Each reference of a trie stands behind its length already.
        return b"".join((bytes((self.hashing,)), self.size.to_bytes(4, "little"), *self.outline))

    @classmethod
    def decoded(cls, record: bytes) -> "Card":
        outline, at = [], 5
        while at < len(record):
            end = at + 1 + (record[at] >> 2)
            outline.append(record[at:end])
            at = end
        return cls(record[0], int.from_bytes(record[1:5], "little"), tuple(outline))


def card_of(content: Indexed) -> Card:
    return Card(content.hashing, len(content.data), content.outline)


class Contents(Protocol):
    """Content by its hash. What is damaged may be put back in its place.

    Reading raises StoreError or DepotFailed.
    """

    def card(self, hash: bytes) -> Card | None: ...

    def content(self, hash: bytes) -> bytes | None: ...

    def put_back(self, hash: bytes, data: bytes) -> None: ...


class DepotFailed(Exception):
    """A depot cannot be reached, or has no room; it may be otherwise later."""


class Depot(Protocol):
    """Somewhere beyond the node's own disk where bytes are kept under a hash.

    What `put` took is there for good when it returns; whatever fails raises DepotFailed.
    """

    def put(self, hash: bytes, data: bytes) -> None: ...

    def get(self, hash: bytes) -> bytes | None: ...


class MemoryContents:
    """Content of a chain in memory: the very bytes of the bodies, not another copy."""

    def __init__(self) -> None:
        self._cards: dict[bytes, Card] = {}
        self._views: dict[bytes, memoryview] = {}

    def add(self, body: Sequence[bytes], contents: Iterable[Indexed]) -> None:
        for start, content in places(body, contents):
            view = memoryview(body[content.extrinsic])[start : start + len(content.data)]
            self._cards.setdefault(content.hash, card_of(content))
            self._views.setdefault(content.hash, view)

    def card(self, hash: bytes) -> Card | None:
        return self._cards.get(hash)

    def content(self, hash: bytes) -> bytes | None:
        view = self._views.get(hash)
        return None if view is None else bytes(view)

    def put_back(self, hash: bytes, data: bytes) -> None:
        self._views[hash] = memoryview(data)
