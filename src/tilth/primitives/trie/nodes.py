"""The nodes of a base-16 Merkle-Patricia trie, and the bytes Substrate hashes for them.

A path is held as lower-case hex digits in `bytes`: slices, prefixes and order then run in C.
"""

from binascii import hexlify, unhexlify
from collections.abc import Callable
from hashlib import blake2b
from typing import NamedTuple, TypeVar

Fetch = Callable[[bytes], bytes]
T = TypeVar("T")

HEX = b"0123456789abcdef"
NIBBLE = bytes(HEX.find(digit) if digit in HEX else 0 for digit in range(128))  # digit -> slot
EMPTY = b"\x00"  # the encoding of a trie without entries
HASH_LENGTH = 32
HASHED = b"\x80"  # compact(32): what stands before a child reference that is a hash
VALUE_NODE_THRESHOLD = 33  # sp_core::storage::TRIE_VALUE_NODE_THRESHOLD
MAX_PARTIAL = 0xFFFF  # trie-db NIBBLE_SIZE_BOUND; upstream cuts a longer one, we refuse it

# (first byte, largest length its low bits hold), sp_trie::trie_constants
LEAF = (0x40, 0x3F)
LEAF_HASHED = (0x20, 0x1F)
BRANCH = (0x80, 0x3F)
BRANCH_VALUE = (0xC0, 0x3F)
BRANCH_HASHED = (0x10, 0x0F)

COMPACT = tuple(bytes((length << 2,)) for length in range(64))


class CorruptNode(Exception):
    """A stored node that is missing, does not match its hash, or is not a trie node."""

    def __init__(self, digest: bytes, fault: str) -> None:
        super().__init__(f"trie node 0x{digest.hex()} {fault}")
        self.hash = digest
        self.fault = fault


class MalformedNode(ValueError):
    """Bytes that no Substrate trie encodes to."""


class Hashed:
    """A value its node holds by hash only; `value` stays None until someone reads it."""

    __slots__ = ("digest", "value")

    def __init__(self, digest: bytes, value: bytes | None = None) -> None:
        self.digest = digest
        self.value = value


Value = bytes | Hashed


class Leaf:
    """The end of one path; never changed once made."""

    __slots__ = ("encoded", "partial", "value")

    def __init__(self, partial: bytes, value: Value, encoded: bytes | None = None) -> None:
        self.partial = partial
        self.value = value
        self.encoded = encoded

    def with_value(self, value: Value) -> "Leaf":
        if self.encoded and isinstance(value, Hashed) and isinstance(self.value, Hashed):
            return Leaf(self.partial, value, self.encoded[:-HASH_LENGTH] + value.digest)
        return Leaf(self.partial, value)

    def with_partial(self, partial: bytes) -> "Leaf":
        return Leaf(partial, self.value)

    def encode(self) -> bytes:
        if self.encoded is None:
            kind = LEAF_HASHED if isinstance(self.value, Hashed) else LEAF
            self.encoded = header(kind, self.partial) + payload(self.value)
        return self.encoded


class Branch:
    """A fork. `refs` are the sixteen references as encoded; a child held by hash may be None.

    Filling in such a child, or the encoding, is the only change after a batch is done; it changes
    no answer.
    """

    __slots__ = ("children", "encoded", "head", "partial", "refs", "value")

    def __init__(
        self,
        partial: bytes,
        value: Value | None,
        children: "list[Node | None]",
        refs: list[bytes],
        head: bytes = b"",
    ) -> None:
        self.partial = partial
        self.value = value
        self.children = children
        self.refs = refs
        self.head = head  # all of the encoding that stands before the references
        self.encoded: bytes | None = None

    def copy(self) -> "Branch":
        return Branch(self.partial, self.value, self.children[:], self.refs[:], self.head)

    def with_partial(self, partial: bytes) -> "Branch":
        moved = Branch(partial, self.value, self.children, self.refs)
        moved.settle()
        return moved

    def settle(self) -> None:
        """Compute the head anew; owed whenever partial, value or the set of children changed."""
        bitmap = sum(1 << slot for slot, ref in enumerate(self.refs) if ref)
        start = header(_branch_kind(self.value), self.partial) + bitmap.to_bytes(2, "little")
        self.head = start if self.value is None else start + payload(self.value)

    def encode(self) -> bytes:
        if self.encoded is None:
            self.encoded = self.head + b"".join(self.refs)
        return self.encoded


Node = Leaf | Branch


_BLAKE2_256 = blake2b(digest_size=HASH_LENGTH)


def blake2_256(data: bytes) -> bytes:
    state = _BLAKE2_256.copy()  # a quarter faster than a new one
    state.update(data)
    return state.digest()


EMPTY_ROOT = blake2_256(EMPTY)


def path_of(key: bytes) -> bytes:
    return hexlify(key)


def key_of(path: bytes) -> bytes:
    return unhexlify(path)


def header(kind: tuple[int, int], partial: bytes) -> bytes:
    """The node's first byte, the rest of its partial's length, and the partial, two to a byte."""
    first, most = kind
    length = len(partial)
    packed = unhexlify(b"0" + partial if length & 1 else partial)
    if length < most:
        return bytes((first | length,)) + packed
    if length > MAX_PARTIAL:
        raise ValueError(f"a trie path of {length} nibbles is over the limit of {MAX_PARTIAL}")
    more, last = divmod(length - most, 255)
    return bytes((first | most, *[255] * more, last)) + packed


def _branch_kind(value: Value | None) -> tuple[int, int]:
    if value is None:
        return BRANCH
    return BRANCH_VALUE if type(value) is bytes else BRANCH_HASHED


def payload(value: Value) -> bytes:
    if isinstance(value, Hashed):
        return value.digest
    return compact(len(value)) + value


def compact(number: int) -> bytes:
    """SCALE's compact integer."""
    if number < 1 << 6:
        return COMPACT[number]
    if number < 1 << 14:
        return (number << 2 | 1).to_bytes(2, "little")
    if number < 1 << 30:
        return (number << 2 | 2).to_bytes(4, "little")
    length = (number.bit_length() + 7) // 8
    return bytes(((length - 4) << 2 | 3,)) + number.to_bytes(length, "little")


def reference(node: Node) -> bytes:
    return reference_to(node.encode())


def reference_to(encoded: bytes) -> bytes:
    """How a parent names this child: its hash, or the child itself where that is shorter."""
    if len(encoded) < HASH_LENGTH:
        return COMPACT[len(encoded)] + encoded
    return HASHED + blake2_256(encoded)


def is_hash(ref: bytes) -> bool:
    return len(ref) > HASH_LENGTH


def child_of(branch: Branch, slot: int, fetch: Fetch) -> Node | None:
    child = branch.children[slot]
    if child is None and branch.refs[slot]:
        child = branch.children[slot] = load_node(branch.refs[slot][1:], fetch)
    return child


def load_node(digest: bytes, fetch: Fetch) -> Node:
    try:
        return decode(fetch_checked(digest, fetch))
    except MalformedNode as error:
        raise CorruptNode(digest, f"has the right hash but is malformed: {error}") from error


def fetch_checked(digest: bytes, fetch: Fetch) -> bytes:
    """What the store has under this hash, or CorruptNode; never other bytes."""
    try:
        stored = fetch(digest)
    except KeyError:
        raise CorruptNode(digest, "is missing from the store") from None
    if (found := blake2_256(stored)) != digest:
        raise CorruptNode(digest, f"does not match its hash: the store holds 0x{found.hex()}")
    return stored


def read_value(value: Value, fetch: Fetch) -> bytes:
    if isinstance(value, Hashed):
        if value.value is None:
            value.value = fetch_checked(value.digest, fetch)
        return value.value
    return value


def same_value(one: Value | None, other: Value | None) -> bool:
    if isinstance(one, Hashed):
        return isinstance(other, Hashed) and one.digest == other.digest
    return one == other


class ProofNode(NamedTuple):
    """A node as a compact proof shows it, some of its references empty; a leaf has none."""

    partial: bytes
    value: Value | None
    refs: list[bytes] | None
    head: bytes


def decode_proof_node(encoded: bytes) -> ProofNode:
    """MalformedNode where the bytes are no such node."""
    try:
        kind, length, at = _decode_header(encoded)
        partial, at = _decode_partial(encoded, length, at)
        if kind in (LEAF, LEAF_HASHED):
            leaf, end = _decode_value(encoded, at, hashed=kind is LEAF_HASHED)
            node = ProofNode(partial, leaf, None, encoded[:at])
        else:
            value, bitmap, at = _decode_fork(encoded, kind, at)
            refs, end = _decode_refs(encoded, bitmap, at, shortest=0)
            node = ProofNode(partial, value, refs, encoded[:at])
    except IndexError:
        raise MalformedNode("it ends too early") from None
    return _whole(node, end, encoded)


def decode(encoded: bytes) -> Node:
    """The node that encodes to exactly these bytes; MalformedNode where there is none."""
    try:
        kind, length, at = _decode_header(encoded)
        partial, at = _decode_partial(encoded, length, at)
        if kind in (LEAF, LEAF_HASHED):
            value, end = _decode_value(encoded, at, hashed=kind is LEAF_HASHED)
            node: Node = Leaf(partial, value, encoded)
        else:
            node, end = _decode_branch(encoded, kind, partial, at)
            node.encoded = encoded
    except IndexError:
        raise MalformedNode("it ends too early") from None
    return _whole(node, end, encoded)


def _whole(node: T, end: int, encoded: bytes) -> T:
    if end != len(encoded):
        raise MalformedNode(f"it is {len(encoded)} bytes long where {end} were expected")
    return node


def _decode_header(encoded: bytes) -> tuple[tuple[int, int], int, int]:
    first = encoded[0]
    for kind in (BRANCH_VALUE, BRANCH, LEAF, LEAF_HASHED, BRANCH_HASHED):
        if first >= kind[0]:
            return kind, *_decode_length(encoded, first & kind[1], kind[1])
    raise MalformedNode(f"0x{first:02x} begins no node")


def _decode_length(encoded: bytes, length: int, most: int) -> tuple[int, int]:
    at = 1
    if length == most:
        while encoded[at] == 255:
            length, at = length + 255, at + 1
        length, at = length + encoded[at], at + 1
    if length > MAX_PARTIAL:
        raise MalformedNode(f"a partial of {length} nibbles")
    return length, at


def _decode_partial(encoded: bytes, length: int, at: int) -> tuple[bytes, int]:
    end = at + (length + 1) // 2
    digits = hexlify(encoded[at:end])
    if not length & 1:
        return digits, end
    if digits[0] != HEX[0]:
        raise MalformedNode("its padding is not zero")
    return digits[1:], end


def _decode_value(encoded: bytes, at: int, *, hashed: bool) -> tuple[Value, int]:
    if hashed:
        end = at + HASH_LENGTH
        return Hashed(encoded[at:end]), end
    length, at = _decode_compact(encoded, at)
    return encoded[at : at + length], at + length


def _decode_branch(
    encoded: bytes, kind: tuple[int, int], partial: bytes, at: int
) -> tuple[Branch, int]:
    value, bitmap, at = _decode_fork(encoded, kind, at)
    refs, end = _decode_refs(encoded, bitmap, at, shortest=1)
    children = [decode(ref[1:]) if ref and not is_hash(ref) else None for ref in refs]
    return Branch(partial, value, children, refs, encoded[:at]), end


def _decode_fork(encoded: bytes, kind: tuple[int, int], at: int) -> tuple[Value | None, int, int]:
    """A branch's value, and which of its children there are."""
    bitmap = encoded[at] | encoded[at + 1] << 8
    if kind is BRANCH:
        return None, bitmap, at + 2
    value, at = _decode_value(encoded, at + 2, hashed=kind is BRANCH_HASHED)
    return value, bitmap, at


def _decode_refs(encoded: bytes, bitmap: int, at: int, *, shortest: int) -> tuple[list[bytes], int]:
    refs = [b""] * 16
    for slot in range(16):
        if bitmap >> slot & 1:
            end = at + _decode_ref_length(encoded[at], shortest)
            refs[slot] = encoded[at:end]
            at = end
    return refs, at


def _decode_ref_length(first: int, shortest: int) -> int:
    if first & 3 or not shortest <= first >> 2 <= HASH_LENGTH:
        raise MalformedNode(f"a child reference cannot begin with 0x{first:02x}")
    return 1 + (first >> 2)


def _decode_compact(encoded: bytes, at: int) -> tuple[int, int]:
    first = encoded[at]
    width = (1, 2, 4, 5 + (first >> 2))[first & 3]
    raw = encoded[at : at + width]
    number = int.from_bytes(raw[1:] if first & 3 == 3 else raw, "little")
    number = number if first & 3 == 3 else number >> 2
    if compact(number) != raw:
        raise MalformedNode("a length is not in its shortest form")
    return number, at + width
