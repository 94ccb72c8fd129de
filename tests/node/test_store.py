"""What the block store keeps, gives back, refuses, and finds when it is told to look."""

import re
from collections.abc import Callable
from hashlib import blake2b

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tilth.node.audit import verify
from tilth.node.store import (
    BlockStore,
    Changes,
    CorruptRecord,
    ForeignSchema,
    MemoryStore,
    StoreFailed,
    seal,
)
from tilth.primitives.trie import CorruptNode, Layout, Trie, ordered_root

ACCOUNTS = [blake2b(bytes([n]), digest_size=32).digest() for n in range(40)]
GENESIS = Trie.from_entries(dict.fromkeys(ACCOUNTS, b"rich" * 20))


class Made:
    """A block and the state it led to, made without a runtime."""

    hash: bytes
    header: bytes
    number: int
    state: Trie

    def __init__(self, parent: "Made | None" = None, mark: bytes = b"") -> None:
        self.parent = parent
        self.number = 0 if parent is None else parent.number + 1
        self.body = [] if parent is None else [mark + b"%d" % self.number, b"", bytes(300)]
        above = GENESIS if parent is None else parent.state
        changes = {} if parent is None else {ACCOUNTS[self.number % 40]: mark + b"poor" * 20}
        self.state = above.update(changes)
        self.nodes = list(self.state.nodes_since(None if parent is None else above))
        self.header = (
            (bytes(32) if parent is None else parent.hash)
            + bytes([self.number << 2])
            + self.state.root
            + ordered_root(self.body, Layout.V0)
            + b"\0"
        )
        self.hash = blake2b(self.header, digest_size=32).digest()

    def write(self, store: BlockStore, best: "Made | None" = None) -> None:
        store.write_block(
            self.header,
            hash=self.hash,
            number=self.number,
            body=self.body,
            nodes=self.nodes,
            best=(best or self).hash,
            finalized=store.genesis or self.hash,
        )


def chain(length: int, parent: Made | None = None, mark: bytes = b"") -> list[Made]:
    blocks = [Made(parent, mark)]
    while len(blocks) < length:
        blocks.append(Made(blocks[-1], mark))
    return blocks


def kept(blocks: list[Made]) -> tuple[MemoryStore, BlockStore]:
    table = MemoryStore()
    store = BlockStore(table)
    for block in blocks:
        block.write(store)
    return table, store


def write_all(store: BlockStore, blocks: list[Made]) -> None:
    for block in blocks:
        block.write(store)


def problems(store: BlockStore) -> list[str]:
    return [str(fault) for fault in verify(store)]


def test_an_empty_store_has_no_heads_and_no_faults() -> None:
    store = BlockStore(MemoryStore())

    assert (store.best, store.finalized, store.genesis) == (None, None, None)
    assert (store.hash_at(0), store.header(bytes(32)), store.body(bytes(32))) == (None, None, None)
    assert (problems(store), list(store.hashes())) == ([], [])
    with pytest.raises(KeyError):
        store.fetch(bytes(32))


def test_a_block_comes_back_as_it_was_written() -> None:
    blocks = chain(4)
    _, store = kept(blocks)

    for block in blocks:
        header = store.header(block.hash)
        assert header is not None
        assert (header.number, header.encoded) == (block.number, block.header)
        assert header.state_root == block.state.root
        assert header.extrinsics_root == ordered_root(block.body, Layout.V0)
        assert header.parent == (block.parent.hash if block.parent else bytes(32))
        assert store.body(block.hash) == tuple(block.body)
        assert store.hash_at(block.number) == block.hash
    assert store.hash_at(4) is None
    assert (store.best, store.finalized, store.genesis) == (
        blocks[-1].hash,
        blocks[0].hash,
        blocks[0].hash,
    )
    assert set(store.hashes()) == {block.hash for block in blocks}


def test_every_state_is_read_from_the_store() -> None:
    blocks = chain(5)
    _, store = kept(blocks)

    for block in blocks:
        loaded = Trie.load(block.state.root, store.fetch)
        assert dict(loaded.items()) == dict(block.state.items())


def test_a_fork_that_is_not_best_leaves_the_heads() -> None:
    blocks = chain(3)
    _, store = kept(blocks)
    side = Made(blocks[1], b"side")

    side.write(store, best=blocks[2])

    assert store.best == store.hash_at(2) == blocks[2].hash
    assert store.body(side.hash) == tuple(side.body)
    assert problems(store) == []


@given(st.data())
def test_the_numbers_follow_the_best_block_wherever_it_goes(data: st.DataObject) -> None:
    store = BlockStore(MemoryStore())
    blocks = [Made()]
    blocks[0].write(store)
    best = blocks[0]
    for n in range(data.draw(st.integers(1, 8))):
        parent = data.draw(st.sampled_from(blocks))
        blocks.append(Made(parent, b"%d" % n))
        best = data.draw(st.sampled_from(blocks))
        blocks[-1].write(store, best=best)
        line: list[Made] = [best]
        while line[-1].parent:
            line.append(line[-1].parent)

        assert store.best == best.hash
        numbers = [store.hash_at(number) for number in range(10)]
        assert numbers == [b.hash for b in reversed(line)] + [None] * (10 - len(line))
    assert problems(store) == []


def test_the_heads_move_without_a_block() -> None:
    blocks = chain(4)
    _, store = kept(blocks)

    store.mark(best=blocks[2].hash, finalized=blocks[1].hash)

    assert (store.best, store.finalized) == (blocks[2].hash, blocks[1].hash)
    assert store.hash_at(3) is None
    assert problems(store) == []


def test_a_block_is_refused_that_does_not_belong_to_the_chain() -> None:
    blocks = chain(2)
    table, store = kept(blocks)
    before = dict(table.items(b""))
    orphan = Made(Made(blocks[1]))

    with pytest.raises(ValueError, match="has no block"):
        orphan.write(store)
    other = Made()
    other.header += b"\0"
    other.hash = blake2b(other.header, digest_size=32).digest()
    with pytest.raises(ValueError, match="genesis differs"):
        other.write(store)
    wrong = Made(blocks[1])
    wrong.hash = bytes(32)
    with pytest.raises(ValueError, match="not that of block 2"):
        wrong.write(store)
    wrong = Made(blocks[1])
    wrong.number = 1
    with pytest.raises(ValueError, match="not that of block 1"):
        wrong.write(store)
    with pytest.raises(ValueError, match="has no block"):
        store.mark(best=blocks[1].hash, finalized=bytes(32))
    skipping = Made(blocks[1])
    skipping.header = blocks[0].hash + skipping.header[32:]
    skipping.hash = blake2b(skipping.header, digest_size=32).digest()
    with pytest.raises(ValueError, match="number skips"):
        skipping.write(store)
    assert dict(table.items(b"")) == before


class Recording(MemoryStore):
    def __init__(self) -> None:
        super().__init__()
        self.commits: list[Changes] = []

    def commit(self, batch: Changes) -> None:
        self.commits.append(batch)
        super().commit(batch)


def test_a_block_is_one_commit_and_blocks_that_wait_can_share_one() -> None:
    table = Recording()
    store = BlockStore(table)
    blocks = chain(5)
    blocks[0].write(store)
    blocks[1].write(store)
    assert len(table.commits) == 3  # the schema, and one for each

    with store.together():
        for block in blocks[2:]:
            block.write(store)
        assert store.best == blocks[4].hash
        assert len(table.commits) == 3
    assert len(table.commits) == 4
    assert problems(store) == []

    store.mark(best=blocks[4].hash, finalized=blocks[0].hash)
    assert len(table.commits) == 4, "nothing changed"


def test_what_fails_within_a_shared_commit_leaves_no_part() -> None:
    blocks = chain(3)
    table, store = kept(blocks[:1])
    before = dict(table.items(b""))

    with store.together():
        blocks[1].write(store)
        with pytest.raises(ValueError, match="has no block"):
            Made(blocks[2]).write(store)
        blocks[2].write(store)
    assert store.best == blocks[2].hash
    assert problems(store) == []
    table, store = kept(blocks[:1])
    with pytest.raises(ValueError, match="has no block"), store.together():
        write_all(store, [blocks[1], Made(blocks[2])])
    assert dict(table.items(b"")) == before


def test_a_commit_that_fails_is_not_taken_for_done() -> None:
    class Broken(MemoryStore):
        broken = False

        def commit(self, batch: Changes) -> None:
            if self.broken:
                raise StoreFailed("no disk")
            super().commit(batch)

    table = Broken()
    store = BlockStore(table)
    blocks = chain(2)
    blocks[0].write(store)
    table.broken = True

    with pytest.raises(StoreFailed):
        blocks[1].write(store)
    assert store.best == blocks[0].hash
    assert store.header(blocks[1].hash) is None


def test_records_beside_the_chain_are_kept_and_deleted() -> None:
    store = BlockStore(MemoryStore())
    store.write_aux({b"one": b"1", b"two": b""})
    store.write_aux({b"one": None})

    assert (store.aux(b"one"), store.aux(b"two")) == (None, b"")


def test_a_store_opens_again_and_a_foreign_one_does_not() -> None:
    table, store = kept(chain(2))
    assert BlockStore(table).best == store.best

    table.commit({b"s": seal(b"s", b"tilth 3")})
    with pytest.raises(ForeignSchema, match="schema 'tilth 3', this release reads 'tilth 2'"):
        BlockStore(table)
    foreign = MemoryStore()
    foreign.commit({b"key": b"value"})
    with pytest.raises(ForeignSchema, match="not written by Tilth"):
        BlockStore(foreign)
    store.close()


def flip(table: MemoryStore, key: bytes, bit: int) -> bytes:
    record = table.get(key)
    assert record is not None
    flipped = (int.from_bytes(record, "little") ^ 1 << bit).to_bytes(len(record), "little")
    table.commit({key: flipped})
    return record


def everything(store: BlockStore, blocks: list[Made]) -> object:
    heads = [store.best, store.finalized, store.genesis, store.aux(b"note")]
    numbers = [store.hash_at(number) for number in range(len(blocks) + 1)]
    parts = [(store.header(block.hash), store.body(block.hash)) for block in blocks]
    states = [dict(Trie.load(block.state.root, store.fetch).items()) for block in blocks]
    return heads, numbers, parts, states


def test_no_flipped_bit_of_any_record_changes_an_answer() -> None:
    blocks = chain(3)
    table, store = kept(blocks)
    store.write_aux({b"note": b"beside"})
    right = everything(store, blocks)
    for key, record in list(table.items(b"")):
        for bit in {0, 7, 4 * len(record), 8 * len(record) - 1}:
            flip(table, key, bit)

            with pytest.raises((CorruptRecord, CorruptNode)):
                everything(BlockStore(table), blocks)
            table.commit({key: record})
    assert everything(store, blocks) == right


def test_a_record_under_anothers_key_is_not_taken_for_it() -> None:
    blocks = chain(3)
    table, store = kept(blocks)
    table.commit({b"mbest": table.get(b"mfinalized")})

    with pytest.raises(CorruptRecord, match="the best head does not match its checksum"):
        _ = store.best


def test_verify_finds_every_flipped_bit_and_names_the_record() -> None:
    table, store = kept(chain(3))
    store.write_aux({b"note": b"beside"})
    for key, record in list(table.items(b"")):
        flip(table, key, 8 * len(record) // 2)

        found = problems(store)
        assert found
        assert any(key[1:].hex() in line or "head" in line or "number" in line for line in found)
        table.commit({key: record})
    assert problems(store) == []


def test_verify_finds_every_lost_record() -> None:
    blocks = chain(4)
    side = Made(blocks[1], b"side")
    table, store = kept(blocks)
    side.write(store, best=blocks[3])
    for key, record in list(table.items(b"")):
        if key != b"s":
            table.commit({key: None})

            assert problems(store), key
            table.commit({key: record})
    assert problems(store) == []


def reseal(key: bytes, payload: bytes) -> Callable[[MemoryStore], None]:
    return lambda table: table.commit({key: seal(key, payload)})


def finalize_stranger(table: MemoryStore) -> None:
    STRANGER.write(BlockStore(table), best=THIRD)
    reseal(b"mfinalized", STRANGER.hash)(table)


FIRST, SECOND, THIRD = chain(3)
STRANGER = Made(FIRST, b"stranger")
WELL_SEALED = {
    "a header under another's hash": (
        reseal(b"h" + THIRD.hash, (2).to_bytes(8, "little") + SECOND.header),
        "header .* does not match its hash",
    ),
    "a header under another number": (
        reseal(b"h" + THIRD.hash, (7).to_bytes(8, "little") + THIRD.header),
        "not kept under its number but under 7",
    ),
    "another block's body": (
        reseal(b"x" + THIRD.hash, b"\x01\0\0\0?"),
        "body .* does not match the header's extrinsics root",
    ),
    "a body of no block": (
        reseal(b"x" + bytes(32), b""),
        "header 0x0000.* is missing",
    ),
    "a number given to the wrong block": (
        reseal(b"c" + (1).to_bytes(8, "big"), THIRD.hash),
        "block number 1 is that of a block 2",
    ),
    "a number above the best block": (
        reseal(b"c" + (9).to_bytes(8, "big"), THIRD.hash),
        "block number 9 is above the best block",
    ),
    "a best block that is on no chain": (
        reseal(b"mbest", STRANGER.hash),
        "the best head is 0x.*, which is missing",
    ),
    "a finalized block that is on no chain": (
        finalize_stranger,
        "the finalized head is not on the best chain",
    ),
    "a gap in the best chain": (
        reseal(b"c" + (1).to_bytes(8, "big"), STRANGER.hash),
        "block number 2 is not that of a child",
    ),
    "a block on a parent that is not below it": (
        reseal(b"h" + SECOND.hash, (5).to_bytes(8, "little") + SECOND.header),
        "has no parent",
    ),
}


@pytest.mark.parametrize(("damage", "expected"), WELL_SEALED.values(), ids=WELL_SEALED)
def test_verify_does_not_stop_at_checksums(
    damage: Callable[[MemoryStore], None], expected: str
) -> None:
    table, store = kept([FIRST, SECOND, THIRD])
    damage(table)

    assert re.search(expected, "\n".join(problems(store)))
