"""Content in chunks: the root that stands for all of them, and the proof that one is possessed."""

from typing import Final

from tilth.primitives.scale import struct
from tilth.primitives.trie import Layout, OrderedTrie, ordered_root, verify_ordered

# sp_transaction_storage_proof: CHUNK_SIZE
CHUNK_SIZE: Final = 256


@struct(path="sp_transaction_storage_proof::TransactionStorageProof")
class ChunkProof:
    """A chunk, and the compact trie proof that it belongs to some content."""

    chunk: bytes
    proof: tuple[bytes, ...]


def count_chunks(size: int) -> int:
    return -(-size // CHUNK_SIZE)


def chunk_root(content: bytes) -> bytes:
    return ordered_root(_chunks(content), Layout.V1)


def drawn_chunk(seed: bytes, total: int) -> int:
    """Which of so many chunks a block's parent hash asks for."""
    return int.from_bytes(seed[:8], "big") % total


def prove_chunk(content: bytes, index: int) -> ChunkProof:
    chunks = _chunks(content)
    return ChunkProof(chunks[index], OrderedTrie(chunks, Layout.V1).proof(index))


def verify_chunk(root: bytes, index: int, proof: ChunkProof) -> bool:
    return verify_ordered(root, proof.proof, index, proof.chunk, Layout.V1)


def _chunks(content: bytes) -> list[bytes]:
    return [content[start : start + CHUNK_SIZE] for start in range(0, len(content), CHUNK_SIZE)]
