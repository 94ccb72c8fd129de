"""Content in chunks: the root that stands for all of them, and the proof that one is possessed."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final, overload

from tilth.primitives.scale import struct
from tilth.primitives.trie import Layout, OrderedTrie, verify_ordered

# sp_transaction_storage_proof: CHUNK_SIZE
CHUNK_SIZE: Final = 256


@struct(path="sp_transaction_storage_proof::TransactionStorageProof")
class ChunkProof:
    """A chunk, and the compact trie proof that it belongs to some content."""

    chunk: bytes
    proof: tuple[bytes, ...]


def count_chunks(size: int) -> int:
    return -(-size // CHUNK_SIZE)


@dataclass(frozen=True, slots=True)
class Outline:
    """A content's chunk root, and what a proof of any chunk takes of most of the others."""

    root: bytes
    refs: tuple[bytes, ...]


def outline_of(content: bytes) -> Outline:
    trie = OrderedTrie(list(_Chunks(content)), Layout.V1)
    refs = trie.outline
    return Outline(trie.root, refs)


def chunk_root(content: bytes) -> bytes:
    return OrderedTrie(list(_Chunks(content)), Layout.V1).root


def drawn_chunk(seed: bytes, total: int) -> int:
    """Which of so many chunks a block's parent hash asks for."""
    return int.from_bytes(seed[:8], "big") % total


def prove_chunk(content: bytes, index: int, refs: Sequence[bytes] = ()) -> ChunkProof:
    """`refs` of the content's outline save hashing all of it.

    Raises MalformedNode where what is looked at of the content is not as in the outline.
    """
    chunks = _Chunks(content)
    return ChunkProof(chunks[index], OrderedTrie(chunks, Layout.V1, refs).proof(index))


def verify_chunk(root: bytes, index: int, proof: ChunkProof) -> bool:
    return verify_ordered(root, proof.proof, index, proof.chunk, Layout.V1)


class _Chunks(Sequence[bytes]):
    """Cut when they are looked at."""

    def __init__(self, content: bytes) -> None:
        self._content = content

    def __len__(self) -> int:
        return count_chunks(len(self._content))

    @overload
    def __getitem__(self, index: int) -> bytes: ...
    @overload
    def __getitem__(self, index: slice) -> list[bytes]: ...
    def __getitem__(self, index: int | slice) -> bytes | list[bytes]:
        if isinstance(index, slice):
            return [self[each] for each in range(*index.indices(len(self)))]
        if not 0 <= index < len(self):
            raise IndexError(f"there is no chunk {index} among {len(self)}")
        start = index * CHUNK_SIZE
        return self._content[start : start + CHUNK_SIZE]

    def __iter__(self) -> Iterator[bytes]:
        content = self._content
        return (content[at : at + CHUNK_SIZE] for at in range(0, len(content), CHUNK_SIZE))
