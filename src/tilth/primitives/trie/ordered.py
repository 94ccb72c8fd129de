"""A trie over a list, keyed by compact index: its root in one pass, and proofs of single values."""

from bisect import bisect_right
from collections.abc import Iterator, Sequence
from functools import cached_property, lru_cache

from tilth.primitives.trie.nodes import (
    BRANCH,
    COMPACT,
    EMPTY_ROOT,
    HASH_LENGTH,
    LEAF,
    LEAF_HASHED,
    NIBBLE,
    VALUE_NODE_THRESHOLD,
    MalformedNode,
    ProofNode,
    blake2_256,
    compact,
    decode_proof_node,
    header,
    path_of,
    reference_to,
)
from tilth.primitives.trie.trie import Layout

_BEYOND_DIGITS = b"g"
_OMITTED = COMPACT[0]


class OrderedTrie:
    """The trie that Substrate builds of a block's extrinsics, or of a content's chunks.

    No key begins another one, so every value stands in a leaf.
    """

    def __init__(self, values: Sequence[bytes], layout: Layout) -> None:
        paths = [path_of(compact(index)) for index in range(len(values))]
        order = sorted(range(len(values)), key=paths.__getitem__)
        self._paths = [paths[index] for index in order]
        self._leaves = [_leaf_of(values[index], layout) for index in order]

    @cached_property
    def root(self) -> bytes:
        return blake2_256(self._node(0, len(self._paths), 0)) if self._paths else EMPTY_ROOT

    def proof(self, index: int) -> tuple[bytes, ...]:
        """The compact proof of one value: the nodes on its path, from the root down.

        What a verifier computes himself is left out: the value, and the hash of each node that
        follows (trie-db, proof::generate_proof).
        """
        place = self._paths.index(path_of(compact(index)))
        return tuple(self._proof(0, len(self._paths), 0, place))

    def _node(self, start: int, end: int, depth: int) -> bytes:
        if end - start == 1:
            kind, payload = self._leaves[start]
            return _header(kind, self._paths[start][depth:]) + payload
        fork = self._fork(start, end, depth)
        refs = [
            (slot, reference_to(self._node(first, last, fork + 1)))
            for slot, first, last in self._children(start, end, fork)
        ]
        return _branch(self._paths[start][depth:fork], refs)

    def _proof(self, start: int, end: int, depth: int, place: int) -> list[bytes]:
        if end - start == 1:
            return [_header(LEAF, self._paths[start][depth:]) + _OMITTED]
        fork = self._fork(start, end, depth)
        refs, below = [], list[bytes]()
        for slot, first, last in self._children(start, end, fork):
            ref = reference_to(self._node(first, last, fork + 1))
            if first <= place < last:
                below = self._proof(first, last, fork + 1, place)
                ref = _OMITTED if len(ref) > HASH_LENGTH else reference_to(below.pop(0))
            refs.append((slot, ref))
        return [_branch(self._paths[start][depth:fork], refs), *below]

    def _fork(self, start: int, end: int, depth: int) -> int:
        """Where the paths of a range, sorted as they are, first differ."""
        first, last = self._paths[start], self._paths[end - 1]
        while first[depth] == last[depth]:
            depth += 1
        return depth

    def _children(self, start: int, end: int, fork: int) -> Iterator[tuple[int, int, int]]:
        while start < end:
            path = self._paths[start]
            after = bisect_right(self._paths, path[: fork + 1] + _BEYOND_DIGITS, start, end)
            yield NIBBLE[path[fork]], start, after
            start = after


def ordered_root(values: Sequence[bytes], layout: Layout) -> bytes:
    """The root over a list, keyed by compact index: V0 of a block's extrinsics is its header's."""
    return OrderedTrie(values, layout).root


def verify_ordered(
    root: bytes, proof: Sequence[bytes], index: int, value: bytes, layout: Layout
) -> bool:
    """Whether a compact proof shows that the list with this root holds the value at the index."""
    waiting = iter(proof)
    try:
        rebuilt = _rebuilt(next(waiting, b""), waiting, path_of(compact(index)), value, layout)
    except MalformedNode:
        return False
    return next(waiting, None) is None and blake2_256(rebuilt) == root


def _rebuilt(
    encoded: bytes, waiting: Iterator[bytes], path: bytes, value: bytes, layout: Layout
) -> bytes:
    """The node in full, with what its proof left out; MalformedNode where that does not fit."""
    node = decode_proof_node(encoded)
    if node.refs is None:
        if node.partial != path or node.value != b"":
            raise MalformedNode("it is not the leaf of this value, or it repeats the value")
        kind, payload = _leaf_of(value, layout)
        return _header(kind, path) + payload
    slot, rest = _descent(node, path)
    refs = list(node.refs)
    refs[slot] = reference_to(_rebuilt(_below(refs[slot], waiting), waiting, rest, value, layout))
    return node.head + b"".join(refs)


def _descent(node: ProofNode, path: bytes) -> tuple[int, bytes]:
    depth = len(node.partial)
    if not path.startswith(node.partial) or len(path) == depth:
        raise MalformedNode("it is not on the way to this value")
    return NIBBLE[path[depth]], path[depth + 1 :]


def _below(ref: bytes, waiting: Iterator[bytes]) -> bytes:
    if ref == _OMITTED:
        return next(waiting, b"")
    if not ref or len(ref) > HASH_LENGTH:
        raise MalformedNode("it leads nowhere, or repeats a hash that follows from the rest")
    return ref[1:]


def _leaf_of(value: bytes, layout: Layout) -> tuple[tuple[int, int], bytes]:
    """What kind of leaf holds the value, and how it stands there."""
    if layout is Layout.V0 or len(value) < VALUE_NODE_THRESHOLD:
        return LEAF, compact(len(value)) + value
    return LEAF_HASHED, blake2_256(value)


# A list of any length has few distinct partials.
_header = lru_cache(maxsize=4096)(header)


def _branch(partial: bytes, refs: Sequence[tuple[int, bytes]]) -> bytes:
    bitmap = sum(1 << slot for slot, _ in refs)
    return b"".join(
        (_header(BRANCH, partial), bitmap.to_bytes(2, "little"), *(ref for _, ref in refs))
    )
