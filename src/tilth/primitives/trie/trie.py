"""A persistent base-16 Merkle-Patricia trie: one value per state, sharing what two states share."""

from binascii import hexlify
from collections.abc import Iterable, Iterator, Mapping
from enum import IntEnum
from itertools import compress
from operator import ne

from tilth.primitives.trie.batch import apply
from tilth.primitives.trie.nodes import (
    EMPTY,
    EMPTY_ROOT,
    HASHED,
    HEX,
    NIBBLE,
    VALUE_NODE_THRESHOLD,
    Branch,
    CorruptNode,
    Fetch,
    Hashed,
    Node,
    Value,
    blake2_256,
    child_of,
    fetch_checked,
    is_hash,
    key_of,
    load_node,
    path_of,
    read_value,
    same_value,
)


class Layout(IntEnum):
    """Substrate's state version: V1 keeps values of 33 bytes and more outside their node."""

    V0 = 0
    V1 = 1


class InvalidProof(Exception):
    """The proof's nodes do not lead from the root to the key."""


_Place = tuple[Node, int]  # a point on a path: so many nibbles into this node's partial


def _nowhere(digest: bytes) -> bytes:
    raise KeyError(digest)


class Trie:
    """One state. Its root depends on its entries alone; a change makes another trie."""

    __slots__ = ("_fetch", "_top", "layout", "root")

    def __init__(self, top: Node | None, fetch: Fetch, layout: Layout) -> None:
        """For `empty`, `from_entries`, `load` and `update`, which are how a trie is made."""
        self._top = top
        self._fetch = fetch
        self.layout = layout
        # The top is named by its hash even where it is shorter than one.
        self.root = EMPTY_ROOT if top is None else blake2_256(top.encode())

    @classmethod
    def empty(cls, layout: Layout = Layout.V1) -> "Trie":
        return cls(None, _nowhere, layout)

    @classmethod
    def from_entries(
        cls,
        entries: Mapping[bytes, bytes] | Iterable[tuple[bytes, bytes]],
        layout: Layout = Layout.V1,
    ) -> "Trie":
        return cls.empty(layout).update(dict(entries))

    @classmethod
    def load(cls, root: bytes, fetch: Fetch, layout: Layout = Layout.V1) -> "Trie":
        """The stored trie with this root. Nodes are fetched by hash as they are needed and kept.

        `fetch` raises KeyError where it has nothing. Loading anew is how to forget what was kept.
        The layout governs what is written from here on; nodes of either layout are read.
        """
        return cls(None if root == EMPTY_ROOT else load_node(root, fetch), fetch, layout)

    def get(self, key: bytes) -> bytes | None:
        value = self._find(path_of(key))
        return None if value is None else read_value(value, self._fetch)

    def __contains__(self, key: bytes) -> bool:
        return self._find(path_of(key)) is not None

    def update(self, changes: Mapping[bytes, bytes | None]) -> "Trie":
        """The trie after these changes; None deletes. This one stays as it is."""
        ordered = ((path_of(key), self._value(changes[key])) for key in sorted(changes))
        top = apply(self._top, ordered, self._fetch)
        return self if top is self._top else Trie(top, self._fetch, self.layout)

    def with_digests(self, digests: Mapping[bytes, bytes]) -> "Trie":
        """The trie with more entries, of whose values only the hash is known.

        A node of layout V1 holds no more of a value of 33 bytes and more, so the root is the whole
        trie's. Reading such a value raises CorruptNode.
        """
        if self.layout is Layout.V0:
            raise ValueError("a trie of layout V0 holds whole values: a hash does not do")
        ordered = ((path_of(key), Hashed(digests[key])) for key in sorted(digests))
        return Trie(apply(self._top, ordered, self._fetch), self._fetch, self.layout)

    def keys(self, prefix: bytes = b"", start: bytes | None = None) -> Iterator[bytes]:
        """Keys in ascending order, those after `start` where one is given."""
        return (key_of(path) for path, _ in self._walk(prefix, start))

    def items(
        self, prefix: bytes = b"", start: bytes | None = None
    ) -> Iterator[tuple[bytes, bytes]]:
        """As `keys`, with the values."""
        for path, value in self._walk(prefix, start):
            yield key_of(path), read_value(value, self._fetch)

    def next_key(self, key: bytes) -> bytes | None:
        return next(self.keys(start=key), None)

    def proof(self, keys: Iterable[bytes]) -> list[bytes]:
        """The encoded nodes and hashed values that show what each key holds, or that it is absent.

        A set, in the order of its bytes, as `state_getReadProof` answers.
        """
        nodes = {EMPTY if self._top is None else self._top.encode()}
        for key in keys:
            nodes.update(self._read_along(path_of(key)))
        return sorted(nodes)

    def closest_descendant_merkle_value(self, key: bytes) -> bytes | None:
        """What names the highest node at or below the key: its hash, or itself below 32 bytes.

        What a client compares between two states to learn that something below the key changed.
        trie-db answers a short node with the bytes of the node around it; the JSON-RPC interface
        asks for its own, which is what is given here.
        """
        path = path_of(key)
        for node, at, ref in self._along(path):
            if node.partial.startswith(path[at:]):
                return ref[1:]
        return None

    def nodes_since(self, older: "Trie | None") -> Iterator[tuple[bytes, bytes]]:
        """(hash, bytes) of all nodes and hashed values that are not in `older` at the same place.

        What a store that holds `older` needs in order to load this trie, and next to nothing more;
        only the difference is walked, and what it fetches is not kept.
        """
        for digest, found in self._difference(older):
            if isinstance(found, CorruptNode):
                raise found
            yield digest, found

    def faults_since(self, older: "Trie | None") -> Iterator[CorruptNode]:
        """What `nodes_since` would stop at: every node that is missing or damaged."""
        return (found for _, found in self._difference(older) if isinstance(found, CorruptNode))

    def keys_since(self, older: "Trie", prefix: bytes = b"") -> Iterator[bytes]:
        """Keys below the prefix that hold here what they do not in `older`, in ascending order.

        Those that are gone are found the other way round. Only the difference is walked.
        """
        within = path_of(prefix)
        place = None if older._top is None else (older._top, 0)
        ahead: list[tuple[Node, bytes, _Place | None]] = []
        if self._top is not None and self.root != older.root:
            ahead.append((self._top, b"", place))
        while ahead:
            node, path, place = ahead.pop()
            path += node.partial
            if not (path.startswith(within) or within.startswith(path)):
                continue
            place = _follow(place, node.partial, older._fetch)
            old = place[0] if place and place[1] == len(place[0].partial) else None
            held = None if old is None else old.value
            is_other = node.value is not None and not same_value(node.value, held)
            if is_other and path.startswith(within):
                yield key_of(path)
            if type(node) is Branch:
                for slot in reversed([*_other_slots(node, old)]):
                    fork = path + HEX[slot : slot + 1]
                    if node.refs[slot] and (fork.startswith(within) or within.startswith(fork)):
                        child = child_of(node, slot, self._fetch)
                        assert child is not None, "the branch has a reference in this slot"
                        ahead.append((child, fork, _fork(place, slot, older._fetch)))

    def _value(self, value: bytes | None) -> Value | None:
        if value is None or self.layout is Layout.V0 or len(value) < VALUE_NODE_THRESHOLD:
            return value
        return Hashed(blake2_256(value), value)

    def _find(self, path: bytes) -> Value | None:
        node, at, end = self._top, 0, len(path)
        while node is not None and path.startswith(node.partial, at):
            at += len(node.partial)
            if at == end:
                return node.value
            if type(node) is not Branch:
                return None
            slot = NIBBLE[path[at]]
            node, at = node.children[slot] or child_of(node, slot, self._fetch), at + 1
        return None

    def _along(self, path: bytes) -> Iterator[tuple[Node, int, bytes]]:
        """The nodes on the way to the path, each with where it begins and its reference.

        The last may leave the path.
        """
        node, at, ref = self._top, 0, HASHED + self.root
        while node is not None:
            yield node, at, ref
            if not path.startswith(node.partial, at) or type(node) is not Branch:
                return
            at += len(node.partial)
            if at == len(path):
                return
            slot = NIBBLE[path[at]]
            ref = node.refs[slot]
            node, at = child_of(node, slot, self._fetch), at + 1

    def _read_along(self, path: bytes) -> Iterator[bytes]:
        for node, at, ref in self._along(path):
            if is_hash(ref):
                yield node.encode()
            if path[at:] == node.partial and isinstance(node.value, Hashed):
                yield read_value(node.value, self._fetch)

    def _walk(self, prefix: bytes, start: bytes | None) -> Iterator[tuple[bytes, Value]]:
        """Paths with their values, depth first: a branch's own value stands before its children."""
        within = path_of(prefix)
        after = b"" if start is None else path_of(start)
        node, path = self._descend(within)
        ahead: list[tuple[Branch, int, bytes]] = []
        while node is not None:
            path += node.partial
            if node.value is not None and (start is None or path > after):
                yield path, node.value
            if type(node) is Branch:
                ahead += _forks(node, path, after)
            if not ahead:
                return
            branch, slot, path = ahead.pop()
            node = child_of(branch, slot, self._fetch)

    def _descend(self, within: bytes) -> tuple[Node | None, bytes]:
        """The highest node whose path lies within, and the path that leads to it."""
        node, path = self._top, b""
        while type(node) is Branch and len(path) + len(node.partial) < len(within):
            path += node.partial
            if not within.startswith(path):
                return None, path
            slot, path = NIBBLE[within[len(path)]], within[: len(path) + 1]
            node = child_of(node, slot, self._fetch)
        if node is None or not (path + node.partial).startswith(within):
            return None, path
        return node, path

    def _difference(self, older: "Trie | None") -> Iterator[tuple[bytes, bytes | CorruptNode]]:
        if self._top is None or (older is not None and older.root == self.root):
            return
        yield self.root, self._top.encode()
        fetch_older = _nowhere if older is None else older._fetch
        place = None if older is None or older._top is None else (older._top, 0)
        ahead: list[tuple[Node, _Place | None]] = [(self._top, place)]
        while ahead:
            node, place = ahead.pop()
            place = _follow(place, node.partial, fetch_older)
            old = place[0] if place and place[1] == len(place[0].partial) else None
            value = node.value
            if isinstance(value, Hashed) and not (old and same_value(value, old.value)):
                yield value.digest, self._value_or_fault(value)
            if type(node) is not Branch:
                continue
            for slot in _other_slots(node, old):
                ref = node.refs[slot]
                if is_hash(ref):  # a node short enough to stand in its parent holds no hash
                    child = self._child_or_fault(node, slot)
                    if isinstance(child, CorruptNode):
                        yield ref[1:], child
                    else:
                        yield ref[1:], child.encode()
                        ahead.append((child, _fork(place, slot, fetch_older)))

    def _child_or_fault(self, branch: Branch, slot: int) -> Node | CorruptNode:
        try:
            return branch.children[slot] or load_node(branch.refs[slot][1:], self._fetch)
        except CorruptNode as fault:
            return fault

    def _value_or_fault(self, value: Hashed) -> bytes | CorruptNode:
        try:
            return value.value or fetch_checked(value.digest, self._fetch)
        except CorruptNode as fault:
            return fault


def _other_slots(branch: Branch, old: Node | None) -> Iterable[int]:
    """Slots with another reference than the old node's, or with none where it had one."""
    if type(old) is Branch:
        return compress(range(16), map(ne, branch.refs, old.refs))
    return compress(range(16), branch.refs)


def _forks(branch: Branch, path: bytes, after: bytes) -> Iterator[tuple[Branch, int, bytes]]:
    """The children that may hold a path after the one, the last one first."""
    for slot in range(15, -1, -1):
        if branch.refs[slot]:
            fork = path + HEX[slot : slot + 1]
            if fork > after or after.startswith(fork):
                yield branch, slot, fork


def _follow(place: _Place | None, path: bytes, fetch: Fetch) -> _Place | None:
    while place is not None and path:
        node, depth = place
        rest = node.partial[depth:] if depth else node.partial
        if rest.startswith(path):
            return node, depth + len(path)
        if not path.startswith(rest):
            return None
        place = _fork((node, len(node.partial)), NIBBLE[path[len(rest)]], fetch)
        path = path[len(rest) + 1 :]
    return place


def _fork(place: _Place | None, slot: int, fetch: Fetch) -> _Place | None:
    """One nibble on."""
    if place is None:
        return None
    node, depth = place
    if depth < len(node.partial):
        return (node, depth + 1) if node.partial[depth] == HEX[slot] else None
    try:
        child = child_of(node, slot, fetch) if type(node) is Branch else None
    except CorruptNode:
        return None  # an older node that cannot be read shares nothing
    return None if child is None else (child, 0)


def verify_proof(root: bytes, proof: Iterable[bytes], key: bytes) -> bytes | None:
    """What the state with this root holds under the key; None is proved absence."""
    nodes = {blake2_256(node): node for node in proof}
    try:
        return Trie.load(root, nodes.__getitem__).get(key)
    except CorruptNode as error:
        raise InvalidProof(
            f"the proof does not decide 0x{hexlify(key).decode()}: {error}"
        ) from error
