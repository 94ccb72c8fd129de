"""Possession: what an author shows, in each block, of the content that the chain has promised."""

from collections.abc import Mapping
from typing import Any, Final, Protocol, final

from tilth.frame import codec
from tilth.node.block import Block
from tilth.node.content import Blocks
from tilth.primitives.chunks import ChunkProof
from tilth.primitives.types import H256

# sp_transaction_storage_proof: INHERENT_IDENTIFIER
INHERENT: Final = b"tx_proof"
_CHALLENGE: Final = "ContentApi_challenge"


class Reader(Protocol):
    def prove(self, hash: H256, chunk: int, at: Block) -> ChunkProof: ...


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
        proof = self._reader.prove(challenge.content_hash, challenge.chunk, parent)
        return {INHERENT: self._proof.encode(proof)}

    def _challenge(self, parent: Block) -> Any:
        try:
            challenge = self._chain.runtime_after(parent).returns(_CHALLENGE)
        except KeyError:
            return None
        return challenge.decode(self._chain.call(parent, _CHALLENGE, parent.hash))
