"""A trie over a list, keyed by compact index: its root in one pass, and proofs of single values."""

from collections.abc import Iterator, Sequence
from functools import cached_property, lru_cache
from itertools import groupby
from operator import itemgetter
from typing import NamedTuple, TypeAlias

from tilth.primitives.trie.nodes import (
    BRANCH,
    COMPACT,
    EMPTY_ROOT,
    HASH_LENGTH,
    HASHED,
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

_OMITTED = COMPACT[0]


class _Leaf(NamedTuple):
    """Where a value stands, and what is left of its path there."""

    partial: bytes
    value: int


class _Fork(NamedTuple):
    """`head` is all of the encoding that stands before the references."""

    head: bytes
    depth: int
    slots: bytes
    children: "tuple[_Leaf | _Fork, ...]"
    bare: tuple[int, ...]
    """The values below, where each is a leaf without a partial."""


_Place: TypeAlias = _Leaf | _Fork
# How the node of a leaf without a partial begins.
_WHOLE, _HASHED = header(LEAF, b""), header(LEAF_HASHED, b"")
# A list of any length has few distinct partials.
_header = lru_cache(maxsize=4096)(header)


class OrderedTrie:
    """The trie that Substrate builds of a block's extrinsics, or of a content's chunks.

    No key begins another one, so every value stands in a leaf.
    """

    def __init__(
        self, values: Sequence[bytes], layout: Layout, outline: Sequence[bytes] = ()
    ) -> None:
        """Where its `outline` is known, a proof looks at few of the values."""
        self._values = values
        self._layout = layout
        self._top = _shape(len(values)) if values else None
        self._known = self._by_unit(outline) if outline else {}

    @cached_property
    def root(self) -> bytes:
        return EMPTY_ROOT if self._top is None else blake2_256(self._node(self._top))

    @cached_property
    def outline(self) -> tuple[bytes, ...]:
        """The references two levels below the root: all that a proof takes of most values."""
        refs = tuple(self._ref(unit) for unit in _units(self._top))
        self._known = self._by_unit(refs)
        return refs

    def _by_unit(self, refs: Sequence[bytes]) -> dict[int, bytes]:
        return dict(zip(map(id, _units(self._top)), refs, strict=True))

    def proof(self, index: int) -> tuple[bytes, ...]:
        """The compact proof of one value: the nodes on its path, from the root down.

        What a verifier computes himself is left out: the value, and the hash of each node that
        follows (trie-db, proof::generate_proof). Raises MalformedNode where the values looked at
        are not those of the outline.
        """
        above, leaf = self._descent(index)
        nodes = [_header(LEAF, leaf.partial) + _OMITTED]
        for head, refs, slot in reversed(above):
            hashed = len(refs[slot]) > HASH_LENGTH
            refs[slot] = _OMITTED if hashed else reference_to(nodes.pop(0))
            nodes.insert(0, head + b"".join(refs))
        return tuple(nodes)

    def _descent(self, index: int) -> tuple[list[tuple[bytes, list[bytes], int]], _Leaf]:
        """The forks on the way to a value, with which of their children it is below."""
        if not 0 <= index < len(self._values):
            raise IndexError(f"there is no value {index} among {len(self._values)}")
        path, place, forks = path_of(compact(index)), self._top, []
        while isinstance(place, _Fork):
            refs = self._refs(place)
            self._check(place, place.head + b"".join(refs))
            slot = place.slots.index(NIBBLE[path[place.depth]])
            forks.append((place.head, refs, slot))
            place = place.children[slot]
        assert place is not None, "every value stands in a leaf"
        self._check(place, self._node(place))
        return forks, place

    def _check(self, place: _Place, node: bytes) -> None:
        known = self._known.get(id(place))
        if known not in (None, reference_to(node)):
            raise MalformedNode("the values are not those of the outline")

    def _ref(self, place: _Place) -> bytes:
        return self._known.get(id(place)) or reference_to(self._node(place))

    def _node(self, place: _Place) -> bytes:
        if isinstance(place, _Fork):
            return place.head + b"".join(self._refs(place))
        kind, payload = _leaf_of(self._values[place.value], self._layout)
        return _header(kind, place.partial) + payload

    def _refs(self, fork: _Fork) -> list[bytes]:
        if fork.bare and id(fork.children[0]) not in self._known:
            values = [self._values[index] for index in fork.bare]
            if len(min(values, key=len)) >= VALUE_NODE_THRESHOLD:
                if self._layout is Layout.V1:
                    return [HASHED + blake2_256(_HASHED + blake2_256(value)) for value in values]
                return [
                    HASHED + blake2_256(_WHOLE + compact(len(value)) + value) for value in values
                ]
        return [self._ref(child) for child in fork.children]


@lru_cache(maxsize=32)
def _shape(count: int) -> _Place:
    """Where so many values stand; it is the same whatever they are."""
    values = {path_of(compact(index)): index for index in range(count)}
    return _place(sorted(values), 0, values)


def _place(row: list[bytes], depth: int, values: dict[bytes, int]) -> _Place:
    """Of the values whose paths stand in the row, in order, all the same as far as the depth."""
    first, last = row[0], row[-1]
    if len(row) == 1:
        return _Leaf(first[depth:], values[first])
    fork = depth
    while first[fork] == last[fork]:
        fork += 1
    parts = [list(part) for _, part in groupby(row, itemgetter(fork))]
    slots = bytes(NIBBLE[part[0][fork]] for part in parts)
    children = tuple(_place(part, fork + 1, values) for part in parts)
    bitmap = sum(1 << slot for slot in slots).to_bytes(2, "little")
    head = _header(BRANCH, first[depth:fork]) + bitmap
    return _Fork(head, fork, slots, children, _bare(children))


def _bare(children: tuple[_Place, ...]) -> tuple[int, ...]:
    leaves = [child for child in children if isinstance(child, _Leaf) and not child.partial]
    return tuple(leaf.value for leaf in leaves) if len(leaves) == len(children) else ()


def _units(top: _Place | None) -> Iterator[_Place]:
    """What stands two levels below the top, or one where there is nothing further down."""
    for child in top.children if isinstance(top, _Fork) else ():
        yield from child.children if isinstance(child, _Fork) else (child,)


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
