"""Possession: what an author shows, in each block, of the content that the chain has promised."""

from collections.abc import Mapping
from typing import Any, Final, Protocol, final

from tilth.frame import codec
from tilth.node.block import Block
from tilth.node.content import Blocks, ContentLost
from tilth.primitives.chunks import ChunkProof, prove_chunk
from tilth.primitives.types import H256

# sp_transaction_storage_proof: INHERENT_IDENTIFIER
INHERENT: Final = b"tx_proof"
_CHALLENGE: Final = "ContentApi_challenge"


class Reader(Protocol):
    def read(self, hash: H256, at: Block) -> bytes | None: ...


@final
class Possession:
    """Answers the runtime's question for one chunk; a runtime that asks none gets no answer."""

    def __init__(self, chain: Blocks, reader: Reader) -> None:
        self._chain = chain
        self._reader = reader
        self._proof = codec(ChunkProof)

    def inherent_data(self, parent: Block) -> Mapping[bytes, bytes]:
        """What a block on this parent needs; raises ContentLost where this node has lost it."""
        challenge = self._challenge(parent)
        if challenge is None:
            return {}
        content = self._reader.read(challenge.content_hash, parent)
        if content is None:
            raise ContentLost(
                f"block {parent.number + 1} must show a chunk of content "
                f"0x{challenge.content_hash.hex()}, which is not found"
            )
        return {INHERENT: self._proof.encode(prove_chunk(content, challenge.chunk))}

    def _challenge(self, parent: Block) -> Any:
        try:
            challenge = self._chain.runtime_after(parent).returns(_CHALLENGE)
        except KeyError:
            return None
        return challenge.decode(self._chain.call(parent, _CHALLENGE, parent.hash))
