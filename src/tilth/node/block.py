"""A block of the tree: header, body, and the state it led to."""

from collections.abc import Callable
from functools import cached_property
from typing import Final, TypeAlias, final

from tilth.primitives.scale import codec
from tilth.primitives.trie import Trie
from tilth.primitives.types import H256, Header

Body: TypeAlias = tuple[bytes, ...]

_header: Final = codec(Header)


@final
class Block:
    """Immutable; its state is the root of a trie that it shares with its parent."""

    def __init__(
        self, header: Header, hash: H256, body: Body | Callable[[], Body], state: Trie
    ) -> None:
        """A body that is not at hand is read when somebody asks for it."""
        self.header = header
        self.hash = hash
        self._body = body
        self.state = state

    @property
    def extrinsics(self) -> Body:
        """Each encoded with its length prefix."""
        return self._body if isinstance(self._body, tuple) else self._body()

    def lighten(self, most: int, read: Callable[[], Body]) -> None:
        """Let go of a body of more than so many bytes; `read` has it from now on."""
        if isinstance(self._body, tuple) and sum(map(len, self._body)) > most:
            self._body = read

    @property
    def number(self) -> int:
        return self.header.number

    @property
    def parent_hash(self) -> H256:
        return self.header.parent_hash

    @cached_property
    def encoded_header(self) -> bytes:
        return _header.encode(self.header)

    def __repr__(self) -> str:
        return f"Block #{self.number} 0x{self.hash.hex()[:8]}…"
