"""What a follower asks of another node, and what can be wrong with the answers."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from tilth.primitives.types import H256


class PeerFailed(Exception):
    """The peer cannot be reached, or does not answer; it may later."""


class PeerRefused(Exception):
    """The peer says or does what no honest node of this chain would; the text says what."""


class Unfollowable(Exception):
    """The chain goes on with what this node has not; only its operator can help."""


@dataclass(frozen=True, slots=True)
class Tip:
    """Where a peer's chain stands."""

    best: H256
    number: int
    finalized: H256


class Peer(Protocol):
    """Another node of the chain. Every question raises PeerFailed where there is no answer.

    Answers are what it says: whoever asks checks them.
    """

    @property
    def name(self) -> str: ...

    async def connect(self) -> None: ...

    async def close(self) -> None: ...

    async def hashes(self, numbers: Sequence[int]) -> list[H256 | None]:
        """Of the blocks of its best chain at these heights."""
        ...

    async def block(self, hash: H256) -> tuple[bytes, tuple[bytes, ...]] | None:
        """A block's encoded header, and its body."""
        ...

    async def tip(self) -> Tip: ...

    async def moved(self) -> None:
        """Returns once its best or finalized block may be another than at the last call."""
        ...

    async def submit(self, extrinsic: bytes) -> None: ...


class GenesisPeer(Peer, Protocol):
    """A peer that is also asked how the chain begins."""

    async def header(self, hash: H256) -> bytes | None: ...

    async def state(self, hash: H256) -> dict[bytes, bytes]:
        """All that is stored after a block."""
        ...

    async def about(self) -> Mapping[str, Any]:
        """Its chain's name, type and properties."""
        ...
