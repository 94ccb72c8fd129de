"""Where a chain is kept: an ordered table of bytes, and the blocks and states in it."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from hashlib import blake2b
from typing import NamedTuple, Protocol

from xxhash import xxh3_128

from tilth.frame.indexing import Indexed
from tilth.node.contents import Card, Depot, card_of
from tilth.node.pieces import cut, joined, packed, unpacked
from tilth.primitives.trie.nodes import blake2_256, compact

SCHEMA = 2
_OLDER = (b"tilth 1",)  # which had every body whole
CHECKSUM_LENGTH = 16
HASH_LENGTH = 32

SCHEMA_KEY = b"s"
BEST_KEY = b"mbest"
FINALIZED_KEY = b"mfinalized"
GENESIS_KEY = b"mgenesis"
HEADER = b"h"  # hash -> number and encoded header
BODY = b"x"  # hash -> extrinsics; apart, so that a header is read without them
PIECES = b"p"  # hash -> extrinsics of a block with content, which is kept apart from it
CARD = b"k"  # content hash -> what is known of the content
CONTENT = b"d"  # content hash -> the content, where no depot has it
CANONICAL = b"c"  # number, big-endian -> hash
NODE = b"n"  # hash -> trie node or hashed value; it is its own checksum
AUX = b"a"

Changes = Mapping[bytes, bytes | None]


class StoreError(Exception):
    """The store cannot do what was asked."""


class StoreInUse(StoreError):
    """Another process has the base path open."""


class StoreFailed(StoreError):
    """The engine failed. After a failed commit only a new start tells what is on the disk."""


class CorruptRecord(StoreError):
    """A record that is not as it was written."""

    def __init__(self, key: bytes, fault: str) -> None:
        super().__init__(f"{name_of(key)} {fault}; run `tilth db verify`")
        self.key = key


class ForeignSchema(StoreError):
    """The store was not written by a release that this one can read."""


class Store(Protocol):
    """An ordered table of bytes. `commit` is atomic and, on a disk, durable when it returns."""

    def get(self, key: bytes) -> bytes | None: ...
    def commit(self, batch: Changes) -> None: ...
    def items(self, prefix: bytes) -> Iterator[tuple[bytes, bytes]]: ...
    def close(self) -> None: ...


class MemoryStore:
    """What a temporary chain is kept in; it ends with the process."""

    def __init__(self) -> None:
        self._table: dict[bytes, bytes] = {}

    def get(self, key: bytes) -> bytes | None:
        return self._table.get(key)

    def commit(self, batch: Changes) -> None:
        for key, value in batch.items():
            if value is None:
                self._table.pop(key, None)
            else:
                self._table[key] = value

    def items(self, prefix: bytes) -> Iterator[tuple[bytes, bytes]]:
        for key in sorted(key for key in self._table if key.startswith(prefix)):
            yield key, self._table[key]

    def close(self) -> None:
        self._table.clear()


class StoredHeader(NamedTuple):
    """The SCALE form of a header, and the number in it."""

    number: int
    encoded: bytes

    @property
    def parent(self) -> bytes:
        return self.encoded[:HASH_LENGTH]

    @property
    def state_root(self) -> bytes:
        return self._root(0)

    @property
    def extrinsics_root(self) -> bytes:
        return self._root(1)

    def _root(self, place: int) -> bytes:
        # sp_runtime::generic::Header: parent, compact number, the two roots, digest
        at = HASH_LENGTH * (1 + place) + len(compact(self.number))
        return self.encoded[at : at + HASH_LENGTH]


class BlockStore:
    """Blocks, states and heads in a store. Every record but trie nodes carries its checksum."""

    def __init__(self, store: Store, depot: Depot | None = None) -> None:
        """New content goes to the depot where there is one.

        Raises ForeignSchema where the store holds something else; an empty one becomes ours.
        """
        self._store = store
        self._depot = depot
        self._pending: dict[bytes, bytes | None] | None = None
        self._check_schema()

    def write_block(
        self,
        header: bytes,
        *,
        hash: bytes,
        number: int,
        body: Sequence[bytes],
        nodes: Iterable[tuple[bytes, bytes]],
        best: bytes,
        finalized: bytes,
        contents: Sequence[Indexed] = (),
    ) -> None:
        """Keep a block with all it brought, and where best and finalized now stand, in one commit.

        `nodes` are those of its state that its parent's state has not, `contents` stand in its
        body and are kept once. A block 0 founds the chain.
        """
        if blake2_256(header) != hash or not header.startswith(compact(number), HASH_LENGTH):
            raise ValueError(f"the header given is not that of block {number}, 0x{hash.hex()}")
        with self.together():
            self._check_ancestry(hash, number, header[:HASH_LENGTH])
            self._put(HEADER + hash, number.to_bytes(8, "little") + header)
            self._put_body(hash, body, contents)
            self._changes().update((NODE + digest, node) for digest, node in nodes)
            if number == 0:
                self._put(GENESIS_KEY, hash)
            self._mark(best, finalized)

    def mark(self, *, best: bytes, finalized: bytes) -> None:
        """Move the heads; the numbers of the best chain follow, also to a shorter one."""
        with self.together():
            self._mark(best, finalized)

    @contextmanager
    def together(self) -> Iterator[None]:
        """Everything written within is one commit, made at the end; what fails leaves no part.

        It may be nested: blocks that wait for the same disk share its flush.
        """
        outer = self._pending
        self._pending = {} if outer is None else dict(outer)
        try:
            yield
            changes, self._pending = self._pending, outer
        except BaseException:
            self._pending = outer
            raise
        if outer is not None:
            outer.update(changes)
        elif changes:
            self._store.commit(changes)

    @property
    def best(self) -> bytes | None:
        return self.read(BEST_KEY)

    @property
    def finalized(self) -> bytes | None:
        return self.read(FINALIZED_KEY)

    @property
    def genesis(self) -> bytes | None:
        return self.read(GENESIS_KEY)

    def hash_at(self, number: int) -> bytes | None:
        """The hash at a height of the best chain."""
        return self.read(canonical_key(number))

    def header(self, hash: bytes) -> StoredHeader | None:
        if (record := self.read(HEADER + hash)) is None:
            return None
        return StoredHeader(int.from_bytes(record[:8], "little"), record[8:])

    def body(self, hash: bytes) -> tuple[bytes, ...] | None:
        """The block's extrinsics, as they were given."""
        if (record := self.read(BODY + hash)) is not None:
            return unpacked(record)
        record = self.read(PIECES + hash)
        return None if record is None else joined(record, self._expect_content)

    def card(self, hash: bytes) -> Card | None:
        record = self.read(CARD + hash)
        return None if record is None else Card.decoded(record)

    def content(self, hash: bytes) -> bytes | None:
        """The content that is kept under this hash, which the reader still has to check."""
        if (record := self._record(CONTENT + hash)) is not None:
            return unseal_content(hash, record)
        return None if self._depot is None else self._depot.get(hash)

    def put_back(self, hash: bytes, data: bytes) -> None:
        """Keep content again that was damaged or lost."""
        with self.together():
            self._put_content(hash, data)

    def fetch(self, hash: bytes) -> bytes:
        """A trie node, for `Trie.load`, which checks it against its hash; KeyError if absent."""
        if (node := self._record(NODE + hash)) is None:
            raise KeyError(hash)
        return node

    def hashes(self) -> Iterator[bytes]:
        """Of all blocks kept, forks included, in no order that means something."""
        return (key[1:] for key, _ in self._store.items(HEADER))

    def aux(self, key: bytes) -> bytes | None:
        """A record kept beside the chain for whoever chose the key."""
        return self.read(AUX + key)

    def write_aux(self, changes: Changes) -> None:
        """None deletes."""
        with self.together():
            for key, value in changes.items():
                self._put(AUX + key, value)

    def read(self, key: bytes) -> bytes | None:
        """What is kept under one of this module's keys; CorruptRecord where it was damaged."""
        record = self._record(key)
        return None if record is None else unseal(key, record)

    def records(self, prefix: bytes = b"") -> Iterator[tuple[bytes, bytes]]:
        """Keys and records as they are kept, unchecked."""
        return self._store.items(prefix)

    def close(self) -> None:
        self._store.close()

    def _check_schema(self) -> None:
        schema = self.read(SCHEMA_KEY)
        if schema is not None and schema not in (_SCHEMA_RECORD, *_OLDER):
            raise ForeignSchema(
                f"the database has schema {schema.decode(errors='replace')!r}, this release reads "
                f"{_SCHEMA_RECORD.decode()!r}; use the release that wrote it, or another base path"
            )
        if schema in _OLDER:
            self._store.commit({SCHEMA_KEY: seal(SCHEMA_KEY, _SCHEMA_RECORD)})
        elif schema is None:
            if next(self._store.items(b""), None) is not None:
                raise ForeignSchema("the database was not written by Tilth; use another base path")
            self._store.commit({SCHEMA_KEY: seal(SCHEMA_KEY, _SCHEMA_RECORD)})

    def _check_ancestry(self, hash: bytes, number: int, parent: bytes) -> None:
        if number:
            if self._header(parent).number != number - 1:
                raise ValueError(f"block {number} cannot follow 0x{parent.hex()}: the number skips")
        elif self.genesis not in (None, hash):
            raise ValueError("the store holds another chain: its genesis differs")

    def _put_body(self, hash: bytes, body: Sequence[bytes], contents: Sequence[Indexed]) -> None:
        if not contents:
            self._put(BODY + hash, packed(body))
            return
        self._put(PIECES + hash, cut(body, contents))
        for content in contents:
            if self._record(CARD + content.hash) is None:
                self._put(CARD + content.hash, card_of(content).encoded())
                self._put_content(content.hash, content.data)

    def _put_content(self, hash: bytes, data: bytes) -> None:
        if self._depot is None:
            self._changes()[CONTENT + hash] = _content_checksum(hash, data) + data
        else:
            self._depot.put(hash, data)

    def _expect_content(self, hash: bytes) -> bytes:
        content, card = self.content(hash), self.card(hash)
        if content is None or card is None:
            raise CorruptRecord(CONTENT + hash, "is missing")
        if not card.fits(hash, content):
            raise CorruptRecord(CONTENT + hash, "does not match its hash")
        return content

    def _mark(self, best: bytes, finalized: bytes) -> None:
        if best != (old := self.best):
            self._canonize(best, -1 if old is None else self._header(old).number)
            self._put(BEST_KEY, best)
        if finalized != self.finalized:
            self._header(finalized)
            self._put(FINALIZED_KEY, finalized)

    def _canonize(self, hash: bytes, old_number: int) -> None:
        """Give the numbers up to the block to it and its ancestors, and those above to none."""
        header = self._header(hash)
        number = header.number
        for above in range(number + 1, old_number + 1):
            self._put(canonical_key(above), None)
        while self.hash_at(number) != hash:
            self._put(canonical_key(number), hash)
            if number == 0:
                return
            hash, number = header.parent, number - 1
            header = self._header(hash)

    def _header(self, hash: bytes) -> StoredHeader:
        if (header := self.header(hash)) is None:
            raise ValueError(f"the store has no block 0x{hash.hex()}")
        return header

    def _changes(self) -> dict[bytes, bytes | None]:
        assert self._pending is not None, "every writer opens `together`"
        return self._pending

    def _put(self, key: bytes, payload: bytes | None) -> None:
        self._changes()[key] = None if payload is None else seal(key, payload)

    def _record(self, key: bytes) -> bytes | None:
        if self._pending is not None and key in self._pending:
            return self._pending[key]
        return self._store.get(key)


_SCHEMA_RECORD = b"tilth %d" % SCHEMA


def seal(key: bytes, payload: bytes) -> bytes:
    """The payload behind a checksum that holds under this key only."""
    return _checksum(key, payload) + payload


def unseal(key: bytes, record: bytes) -> bytes:
    payload = record[CHECKSUM_LENGTH:]
    if _checksum(key, payload) != record[:CHECKSUM_LENGTH]:
        raise CorruptRecord(key, "does not match its checksum")
    return payload


def unseal_content(hash: bytes, record: bytes) -> bytes:
    data = record[CHECKSUM_LENGTH:]
    if _content_checksum(hash, data) != record[:CHECKSUM_LENGTH]:
        raise CorruptRecord(CONTENT + hash, "does not match its checksum")
    return data


def _content_checksum(hash: bytes, data: bytes) -> bytes:
    """Quick: it is for accidents. Who gives content away checks it against its hash besides."""
    state = xxh3_128(hash)
    state.update(data)
    return state.digest()


def name_of(key: bytes) -> str:
    """The record a reader of an error would look for."""
    kind, rest = key[:1], key[1:]
    if kind == CANONICAL:
        return f"the hash of block number {int.from_bytes(rest, 'big')}"
    if kind == b"m":
        return f"the {rest.decode(errors='replace')} head"
    words = {
        HEADER: "header",
        BODY: "body",
        PIECES: "body",
        CARD: "card of content",
        CONTENT: "content",
        NODE: "trie node",
        AUX: "aux record",
    }
    return f"{words[kind]} 0x{rest.hex()}" if kind in words else f"record 0x{key.hex()}"


def canonical_key(number: int) -> bytes:
    return CANONICAL + number.to_bytes(8, "big")


def _checksum(key: bytes, payload: bytes) -> bytes:
    state = blake2b(len(key).to_bytes(4, "little") + key, digest_size=CHECKSUM_LENGTH)
    state.update(payload)
    return state.digest()
