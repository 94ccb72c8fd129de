"""Content apart from the bodies it came in: once, checked, proven quickly, and in every block."""

import itertools
import logging
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tilth.frame import H256, AccountId, Indexed, RuntimeCall
from tilth.node.audit import verify
from tilth.node.author import ManualSeal
from tilth.node.block import Block
from tilth.node.content import ContentLost
from tilth.node.contents import DepotFailed
from tilth.node.pieces import cut, joined
from tilth.node.rocks import RocksStore
from tilth.node.service import Node, NodeConfig
from tilth.node.signer import KeypairSigner
from tilth.node.store import (
    CARD,
    CONTENT,
    PIECES,
    SCHEMA_KEY,
    BlockStore,
    CorruptRecord,
    MemoryStore,
    seal,
)
from tilth.primitives.chunks import verify_chunk
from tilth.primitives.crypto.hashing import sha2_256
from tilth.primitives.crypto.keypair import Keypair
from tilth.runtime.dev import DevRuntime
from tilth.runtime.presets import dev_spec

ALICE = Keypair.from_uri("//Alice")


class Ticks:
    def __init__(self) -> None:
        self._now = itertools.count(1_700_000_000_000, 6_000)

    def milliseconds(self) -> int:
        return next(self._now)


@pytest.fixture(scope="module")
def runtime() -> Any:
    return DevRuntime()


def node_on(runtime: Any, store: BlockStore | None) -> Node:
    spec, sealing = dev_spec(runtime), lambda author, pool: ManualSeal()
    return Node(NodeConfig(runtime, spec, Ticks(), sealing=sealing, store=store))


def include(node: Node, call: RuntimeCall) -> Block:
    best, nonce = node.chain.best, node.next_nonce(AccountId(ALICE.account))
    with node.runtime.at(best.state):
        node.runtime.executive.begin_validation(best.hash)
        extrinsic = KeypairSigner(ALICE).sign(node.runtime, call, nonce)
    node.pool.submit(extrinsic)
    block = node.author.build()
    assert block.extrinsics[-1] == extrinsic
    return block


def noise(size: int, seed: int = 1) -> bytes:
    return sha2_256(bytes((seed,))) * (size // 32 + 1)


def hash_of(data: bytes) -> H256:
    return H256(sha2_256(data))


@given(st.lists(st.lists(st.binary(min_size=1, max_size=9), max_size=4), max_size=4))
def test_a_body_in_pieces_is_joined_to_the_very_same(rows: list[list[bytes]]) -> None:
    body = [b"head" + b"between".join(row) + b"tail" for row in rows]
    contents = [
        Indexed(hash_of(data), 1, index, data, ()) for index, row in enumerate(rows) for data in row
    ]
    kept = {content.hash: content.data for content in contents}

    assert joined(cut(body, contents), kept.__getitem__) == tuple(body)


def test_content_that_an_extrinsic_does_not_have_leaves_the_body_whole() -> None:
    stray = Indexed(hash_of(b"other"), 1, 0, b"other", ())

    assert joined(cut([b"body"], [stray]), dict[bytes, bytes]().__getitem__) == (b"body",)


def test_content_is_kept_once_however_often_it_is_stored(runtime: Any) -> None:
    table = MemoryStore()
    store = BlockStore(table)
    node, data = node_on(runtime, store), noise(100_000)
    storing = runtime.storage.storing
    first = include(node, storing(data))
    second = include(node, runtime.utility.batch_all.call((storing(data), storing(data))))

    assert len(list(table.items(CONTENT))) == 1
    assert sum(len(record) for _, record in table.items(b"")) < 2 * len(data)
    assert store.body(first.hash) == first.extrinsics
    assert store.body(second.hash) == second.extrinsics
    assert node.content.read(hash_of(data)) == data
    assert not list(verify(store))


def test_content_is_there_after_a_restart_and_old_blocks_are_read_whole(
    runtime: Any, tmp_path: Path
) -> None:
    database = RocksStore(tmp_path)
    node, data = node_on(runtime, BlockStore(database)), noise(300_000)
    block = include(node, runtime.storage.storing(data))
    for _ in range(12):
        node.author.build()
    assert node.chain.expect(block.hash).extrinsics == block.extrinsics
    database.close()

    again = node_on(runtime, BlockStore(RocksStore(tmp_path)))
    assert again.content.read(hash_of(data)) == data
    assert again.chain.expect(block.hash).extrinsics[-1].endswith(data)
    again.chain.close()


def test_a_chunk_is_shown_without_reading_a_block(runtime: Any) -> None:
    store = BlockStore(MemoryStore())
    node, data = node_on(runtime, store), noise(300_000)
    include(node, runtime.storage.storing(data))
    root = runtime_root(node, data)
    for chunk in (0, 63, 64, 700, 1171):
        proof = node.content.prove(hash_of(data), chunk, node.chain.best)
        assert proof.chunk == data[chunk * 256 : chunk * 256 + 256]
        assert verify_chunk(root, chunk, proof)


def runtime_root(node: Node, data: bytes) -> bytes:
    with node.runtime.at(node.chain.best.state):
        block, place = node.runtime.storage.transaction_by_content_hash[hash_of(data)]  # type: ignore[attr-defined]
        root: bytes = node.runtime.storage.transactions[block][place].chunk_root  # type: ignore[attr-defined]
    return root


@pytest.mark.parametrize("byte", [0, 16, 5000, 300_015])
def test_a_flipped_byte_is_noticed_at_a_read_a_proof_and_an_audit_and_can_be_mended(
    runtime: Any, caplog: pytest.LogCaptureFixture, byte: int
) -> None:
    table = MemoryStore()
    store = BlockStore(table)
    node, data = node_on(runtime, store), noise(300_000)
    block = include(node, runtime.storage.storing(data))
    key = CONTENT + hash_of(data)
    record = bytearray(table.get(key) or b"")
    record[byte] ^= 1
    table.commit({key: bytes(record)})
    lost: list[H256] = []
    node.content.on_loss.append(lost.append)

    with caplog.at_level(logging.ERROR), pytest.raises(ContentLost, match="checksum"):
        node.content.read(hash_of(data))
    assert hash_of(data).hex() in caplog.text
    with pytest.raises(ContentLost, match="checksum"):
        node.content.prove(hash_of(data), 1, node.chain.best)
    with pytest.raises(CorruptRecord, match="content 0x"):
        store.body(block.hash)
    assert any("content" in str(fault) for fault in verify(store))
    assert lost == [hash_of(data)] * 2

    assert not node.content.restore(hash_of(data), b"something else")
    assert node.content.restore(hash_of(data), data)
    assert node.content.read(hash_of(data)) == data
    assert store.body(block.hash) == block.extrinsics
    assert not list(verify(store))


def test_an_audit_finds_content_and_cards_that_are_gone(runtime: Any) -> None:
    for kind in (CARD, CONTENT, PIECES):
        table = MemoryStore()
        store = BlockStore(table)
        node = node_on(runtime, store)
        include(node, runtime.storage.storing(b"seed" * 100))
        (key,) = [key for key, _ in table.items(kind)]
        table.commit({key: None})

        assert list(verify(store))


class Cupboard:
    """A depot in memory."""

    def __init__(self) -> None:
        self.kept: dict[bytes, bytes] = {}

    def put(self, hash: bytes, data: bytes) -> None:
        self.kept[hash] = data

    def get(self, hash: bytes) -> bytes | None:
        return self.kept.get(hash)


def test_a_depot_holds_the_content_and_the_disk_does_not(runtime: Any) -> None:
    table, depot = MemoryStore(), Cupboard()
    store = BlockStore(table, depot)
    node, data = node_on(runtime, store), noise(200_000)
    block = include(node, runtime.storage.storing(data))

    assert depot.kept == {hash_of(data): data}
    assert not list(table.items(CONTENT))
    assert node.content.read(hash_of(data)) == data
    assert store.body(block.hash) == block.extrinsics

    depot.kept[hash_of(data)] = data[:-1] + b"?"
    with pytest.raises(ContentLost):
        node.content.prove(hash_of(data), 781, node.chain.best)
    with pytest.raises(CorruptRecord, match="does not match its hash"):
        store.body(block.hash)


def test_a_block_waits_for_a_depot_that_fails(runtime: Any) -> None:
    class Full(Cupboard):
        def put(self, hash: bytes, data: bytes) -> None:
            if not self.kept:
                self.kept[hash] = b"half"
                raise DepotFailed("no room")
            super().put(hash, data)

    node = node_on(runtime, BlockStore(MemoryStore(), Full()))
    with pytest.raises(DepotFailed, match="no room"):
        include(node, runtime.storage.storing(b"seed"))
    assert node.chain.best.number == 0

    node.author.build()  # the transaction waited
    assert node.content.read(hash_of(b"seed")) == b"seed"


def test_a_store_of_the_release_before_goes_on_and_that_release_then_refuses_it() -> None:
    table = MemoryStore()
    table.commit({SCHEMA_KEY: seal(SCHEMA_KEY, b"tilth 1")})
    BlockStore(table)

    assert table.get(SCHEMA_KEY) == seal(SCHEMA_KEY, b"tilth 2")
