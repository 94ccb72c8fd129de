"""A block of the tree: header, body, and the state it led to."""

from functools import cached_property
from typing import final

from tilth.primitives.scale import codec
from tilth.primitives.trie import Trie
from tilth.primitives.types import H256, Header


@final
class Block:
    """Immutable; its state is the root of a trie that it shares with its parent."""

    def __init__(
        self, header: Header, hash: H256, extrinsics: tuple[bytes, ...], state: Trie
    ) -> None:
        self.header = header
        self.hash = hash
        self.extrinsics = extrinsics
        """Each encoded with its length prefix."""
        self.state = state

    @property
    def number(self) -> int:
        return self.header.number

    @property
    def parent_hash(self) -> H256:
        return self.header.parent_hash

    @cached_property
    def encoded_header(self) -> bytes:
        return codec(Header).encode(self.header)

    def __repr__(self) -> str:
        return f"Block #{self.number} 0x{self.hash.hex()[:8]}…"
