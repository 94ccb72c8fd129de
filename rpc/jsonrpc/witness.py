"""The witness of a block: the trie nodes that its execution reads, whole and compacted."""

from collections.abc import Iterator
from dataclasses import dataclass

from tilth.frame import Runtime
from tilth.node.block import Block
from tilth.primitives.scale import Compact, codec, u32
from tilth.primitives.trie import Trie
from tilth.primitives.trie.nodes import (
    BRANCH_HASHED,
    BRANCH_VALUE,
    HASH_LENGTH,
    LEAF,
    LEAF_HASHED,
    Branch,
    Hashed,
    Node,
    decode,
    header,
    is_hash,
)


@dataclass(frozen=True, slots=True)
class Witness:
    root: bytes
    nodes: dict[bytes, bytes]
    """By hash: encoded nodes, and values that are stored by their hash."""

    def size(self) -> int:
        """Of sp_trie's StorageProof, in SCALE."""
        return _vector_size(len(node) for node in self.nodes.values())

    def compact_size(self) -> int:
        """Of sp_trie's CompactProof, in SCALE."""
        return _vector_size(self._compact_sizes(decode(self.nodes[self.root])))

    def _compact_sizes(self, node: Node) -> Iterator[int]:
        """trie-db's encode_compact: a hash is left out where what it stands for follows."""
        size = len(node.encode())
        value = node.value
        detached = self.nodes.get(value.digest) if isinstance(value, Hashed) else None
        if detached is not None:
            size += _change_of_header(node) + 1 - HASH_LENGTH + 1  # an empty value, an escape
        below = node.refs if type(node) is Branch else []
        held = [child for ref in below if is_hash(ref) and (child := self.nodes.get(ref[1:]))]
        yield size - HASH_LENGTH * len(held)
        if detached is not None:
            yield len(detached)
        for child in held:
            yield from self._compact_sizes(decode(child))


def _change_of_header(node: Node) -> int:
    """A node whose value stands in it has more room for the length of its partial."""
    inline, hashed = (BRANCH_VALUE, BRANCH_HASHED) if type(node) is Branch else (LEAF, LEAF_HASHED)
    return len(header(inline, node.partial)) - len(header(hashed, node.partial))


def witness_of(runtime: Runtime, parent: Block, block: Block) -> Witness:
    """Execute the block on a trie that is loaded as it is read; raises InvalidBlock."""
    state = parent.state
    known = dict(state.nodes_since(None))
    read: dict[bytes, bytes] = {}

    def fetch(digest: bytes) -> bytes:
        read[digest] = known[digest]
        return known[digest]

    decoded = [runtime.format.decode(data) for data in block.extrinsics]
    with runtime.at(Trie.load(state.root, fetch, state.layout)):
        runtime.executive.execute_block(block.header, decoded)
    return Witness(state.root, read)


def _vector_size(sizes: Iterator[int]) -> int:
    length = codec(Compact[u32]).encode
    each = [len(length(size)) + size for size in sizes]
    return len(length(len(each))) + sum(each)
