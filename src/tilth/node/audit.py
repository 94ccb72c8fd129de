"""Finds everything in a store that is not as a chain wrote it."""

from collections.abc import Iterator
from dataclasses import dataclass

from tilth.node.store import (
    BEST_KEY,
    BODY,
    CANONICAL,
    CARD,
    CONTENT,
    FINALIZED_KEY,
    GENESIS_KEY,
    HEADER,
    NODE,
    PIECES,
    BlockStore,
    CorruptRecord,
    StoredHeader,
    StoreError,
    canonical_key,
    name_of,
    unseal,
    unseal_content,
)
from tilth.primitives.trie import CorruptNode, Layout, Trie, ordered_root
from tilth.primitives.trie.nodes import blake2_256, compact


@dataclass(frozen=True, slots=True)
class Fault:
    record: str
    problem: str

    def __str__(self) -> str:
        return f"{self.record} {self.problem}"


def verify(store: BlockStore) -> Iterator[Fault]:
    """Each fault once: in the records, the heads, the best chain, its forks, and every state."""
    audit = _Audit(store)
    told: set[Fault] = set()
    for _ in audit.steps():
        fresh = [fault for fault in dict.fromkeys(audit.faults) if fault not in told]
        told.update(fresh)
        audit.faults.clear()
        yield from fresh


class _Audit:
    """Goes through the store in small steps; what is found meanwhile is in `faults`."""

    def __init__(self, store: BlockStore) -> None:
        self.store = store
        self.faults: list[Fault] = []
        self.checked: set[bytes] = set()  # blocks, by hash

    def steps(self) -> Iterator[None]:
        for key, record in self.scan(b""):
            self.check_record(key, record)
            yield
        best = self.header_of(BEST_KEY)
        for number in range(best.number + 1 if best else 0):
            self.check_height(number)
            yield
        for kind in (HEADER, BODY, PIECES):
            for key, _ in self.scan(kind):
                self.check_block(key[1:])
                yield
        self.check_heads()
        yield

    def scan(self, prefix: bytes) -> Iterator[tuple[bytes, bytes]]:
        """The records with the prefix; behind damage in the engine's files it cannot go on."""
        try:
            yield from self.store.records(prefix)
        except StoreError as error:
            self.faults.append(Fault("a scan of the records", f"ended early: {error}"))

    def check_record(self, key: bytes, record: bytes) -> None:
        if key[:1] == NODE and blake2_256(record) != key[1:]:
            self.note(key, "does not match its hash")
        elif key[:1] == CONTENT:
            self.check_content(key, record)
        elif key[:1] != NODE:
            self.payload(key, record)

    def check_content(self, key: bytes, record: bytes) -> None:
        hash = key[1:]
        try:
            data, card = unseal_content(hash, record), self.store.card(hash)
        except CorruptRecord as error:
            self.note(error.key, "does not match its checksum")
            return
        if card is None:
            self.note(CARD + hash, "is missing")
        elif not card.fits(hash, data):
            self.note(key, "does not match its hash")

    def check_heads(self) -> None:
        for key in (BEST_KEY, FINALIZED_KEY, GENESIS_KEY):
            hash, header = self.read(key), self.header_of(key)
            if hash is None:
                if self.checked:
                    self.note(key, "is missing or cannot be read")
            elif header is None:
                self.note(key, f"is 0x{hash.hex()}, which is missing or cannot be read")
            elif self.read(canonical_key(header.number)) != hash:
                self.note(key, "is not on the best chain")
        if best := self.header_of(BEST_KEY):
            for key, _ in self.scan(CANONICAL):
                if key > canonical_key(best.number):
                    self.note(key, "is above the best block")

    def check_height(self, number: int) -> None:
        key = canonical_key(number)
        if (hash := self.read(key)) is None:
            self.note(key, "is missing")
            return
        if header := self.header(hash):
            if header.number != number:
                self.note(key, f"is that of a block {header.number}")
            below = self.read(canonical_key(number - 1)) if number else bytes(32)
            if header.parent != below:
                self.note(key, "is not that of a child of the block below it")
        self.check_block(hash)

    def check_block(self, hash: bytes) -> None:
        if hash in self.checked:
            return
        self.checked.add(hash)
        if (header := self.header(hash)) is None:
            self.note(HEADER + hash, "is missing or cannot be read")
            return
        if blake2_256(header.encoded) != hash:
            self.note(HEADER + hash, "does not match its hash")
            return
        if not header.encoded.startswith(compact(header.number), len(header.parent)):
            self.note(HEADER + hash, f"is not kept under its number but under {header.number}")
            return
        self.check_body(hash, header.extrinsics_root)
        self.check_state(hash, header)

    def check_body(self, hash: bytes, root: bytes) -> None:
        try:
            body = self.store.body(hash)
        except StoreError as error:
            self.note(BODY + hash, f"cannot be read: {error}")
            return
        if body is None:
            self.note(BODY + hash, "is missing")
        # A runtime of system_version 2 takes V1 here; either binds every byte of the body.
        elif root not in (ordered_root(body, layout) for layout in Layout):
            self.note(BODY + hash, "does not match the header's extrinsics root")

    def check_state(self, hash: bytes, header: StoredHeader) -> None:
        """Only what the parent's state does not share, which was checked with the parent."""
        older = None
        if header.number:
            parent = self.header(header.parent)
            if parent is None or parent.number != header.number - 1:
                self.note(HEADER + hash, f"has no parent: 0x{header.parent.hex()} is not below it")
            older = parent and self.state(parent)
        state = self.state(header)
        if isinstance(state, CorruptNode):
            self.note_node(state)
        else:
            for fault in state.faults_since(older if isinstance(older, Trie) else None):
                self.note_node(fault)

    def state(self, header: StoredHeader) -> Trie | CorruptNode:
        try:
            return Trie.load(header.state_root, self.fetch)
        except CorruptNode as fault:
            return fault

    def fetch(self, hash: bytes) -> bytes:
        try:
            return self.store.fetch(hash)
        except StoreError as error:
            raise KeyError(hash) from error

    def header(self, hash: bytes) -> StoredHeader | None:
        try:
            return self.store.header(hash)
        except StoreError as error:
            self.note(HEADER + hash, f"cannot be read: {error}")
            return None

    def header_of(self, head: bytes) -> StoredHeader | None:
        hash = self.read(head)
        return None if hash is None else self.header(hash)

    def read(self, key: bytes) -> bytes | None:
        try:
            return self.store.read(key)
        except StoreError as error:
            self.note(key, f"cannot be read: {error}")
            return None

    def payload(self, key: bytes, record: bytes) -> None:
        try:
            unseal(key, record)
        except CorruptRecord:
            self.note(key, "does not match its checksum")

    def note_node(self, fault: CorruptNode) -> None:
        self.note(NODE + fault.hash, fault.fault)

    def note(self, key: bytes, problem: str) -> None:
        self.faults.append(Fault(name_of(key), problem))
