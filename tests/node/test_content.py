"""Reading content back from block bodies: wherever the call hides, never without its hash."""

import itertools
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tilth.frame import H256, AccountId, Runtime, RuntimeCall, Weight
from tilth.frame.extrinsic import BARE_V5, with_length
from tilth.node.author import ManualSeal
from tilth.node.block import Block
from tilth.node.chain import Chain, genesis_block
from tilth.node.content import ContentLost, ContentReader, NoContent, stored_by
from tilth.node.contents import MemoryContents
from tilth.node.service import Node, NodeConfig
from tilth.node.signer import KeypairSigner
from tilth.pallets.system import BlockLength, BlockWeights, System
from tilth.pallets.transaction_storage import RAW, CidConfig, HashingAlgorithm
from tilth.primitives.crypto.hashing import blake2_256, keccak_256, sha2_256
from tilth.primitives.crypto.keypair import Keypair
from tilth.runtime.dev import DevRuntime
from tilth.runtime.presets import dev_spec

ALICE = Keypair.from_uri("//Alice")
DIGESTS: dict[HashingAlgorithm, Callable[[bytes], bytes]] = {
    HashingAlgorithm.Blake2b256: blake2_256,
    HashingAlgorithm.Sha2_256: sha2_256,
    HashingAlgorithm.Keccak256: keccak_256,
}


class Ticks:
    def __init__(self) -> None:
        self._now = itertools.count(1_700_000_000_000, 6_000)

    def milliseconds(self) -> int:
        return next(self._now)


@pytest.fixture(scope="module")
def runtime() -> Any:
    return DevRuntime()


@pytest.fixture
def node(runtime: Any) -> Node:
    return Node(
        NodeConfig(runtime, dev_spec(runtime), Ticks(), sealing=lambda author, pool: ManualSeal())
    )


@pytest.fixture
def reader(node: Node) -> ContentReader:
    return ContentReader(node.chain)


def hash_of(data: bytes) -> H256:
    return H256(sha2_256(data))


def include(node: Node, call: RuntimeCall) -> Block:
    """Put a call of Alice's into a block."""
    best, nonce = node.chain.best, node.next_nonce(AccountId(ALICE.account))
    with node.runtime.at(best.state):
        node.runtime.executive.begin_validation(best.hash)
        extrinsic = KeypairSigner(ALICE).sign(node.runtime, call, nonce)
    node.pool.submit(extrinsic)
    block = node.author.build()
    assert block.extrinsics[-1] == extrinsic
    return block


def test_stored_content_is_read_by_its_hash(
    node: Node, reader: ContentReader, runtime: Any
) -> None:
    data = bytes(range(256)) * 1000
    include(node, runtime.storage.storing(data))
    node.author.build()

    assert reader.read(hash_of(data)) == data


@pytest.mark.parametrize("algorithm", HashingAlgorithm)
def test_content_is_read_whatever_its_hash_is_of(
    node: Node, reader: ContentReader, runtime: Any, algorithm: HashingAlgorithm
) -> None:
    config = CidConfig(RAW, algorithm)
    include(node, runtime.storage.store_with_cid_config.call(config, b"seed"))

    assert reader.read(H256(DIGESTS[algorithm](b"seed"))) == b"seed"


def test_content_that_was_never_stored_is_none(reader: ContentReader) -> None:
    assert reader.read(hash_of(b"nothing")) is None


def test_the_newest_content_is_known_at_once(
    node: Node, reader: ContentReader, runtime: Any
) -> None:
    assert reader.read(hash_of(b"late")) is None
    include(node, runtime.storage.storing(b"late"))

    assert reader.read(hash_of(b"late")) == b"late"


def test_content_hides_in_batches_of_batches(
    node: Node, reader: ContentReader, runtime: Any
) -> None:
    store, batch = runtime.storage.storing, runtime.utility.batch.call
    remark = runtime.system.remark.call(b"three")
    inner = runtime.utility.batch_all.call((store(b"two"), remark, store(b"three")))
    include(node, batch((store(b"one"), batch((inner, store(b"four"))))))

    for data in (b"one", b"two", b"three", b"four"):
        assert reader.read(hash_of(data)) == data


def test_a_call_that_failed_before_it_does_not_mislead(
    node: Node, reader: ContentReader, runtime: Any
) -> None:
    store = runtime.storage.storing
    calls = (store(b""), store(b"same size 1"), store(b"same size 2"))
    include(node, runtime.utility.force_batch.call(calls))

    assert reader.read(hash_of(b"same size 1")) == b"same size 1"
    assert reader.read(hash_of(b"same size 2")) == b"same size 2"


def test_content_of_a_block_that_was_taken_back_is_gone(
    node: Node, reader: ContentReader, runtime: Any
) -> None:
    far = Node(
        NodeConfig(
            runtime,
            dev_spec(runtime),
            Ticks(),
            sealing=lambda author, pool: ManualSeal(),
            finality_lag=10,
        )
    )
    include(far, runtime.storage.storing(b"fleeting"))
    fork = far.author.build(far.author.build(far.chain.genesis))
    assert far.chain.best is fork

    assert ContentReader(far.chain).read(hash_of(b"fleeting")) is None


def test_content_that_is_not_where_the_state_says_is_never_made_up(
    node: Node, reader: ContentReader, runtime: Any
) -> None:
    include(node, runtime.storage.storing(b"true words"))
    node.chain.contents.put_back(hash_of(b"true words"), b"lies words")

    with pytest.raises(ContentLost, match="does not match its hash"):
        reader.read(hash_of(b"true words"))


def test_content_of_a_body_that_was_kept_whole_is_found_in_it(
    node: Node, reader: ContentReader, runtime: Any
) -> None:
    block = include(node, runtime.storage.storing(b"true words"))
    forget_contents(node)
    assert reader.read(hash_of(b"true words")) == b"true words"

    forged = block.extrinsics[-1].replace(b"true words", b"lies words")
    body = (*block.extrinsics[:-1], forged)
    node.chain._blocks[block.hash] = Block(block.header, block.hash, body, block.state)
    node.author.build()
    with pytest.raises(ContentLost, match="block 1"):
        ContentReader(node.chain).read(hash_of(b"true words"))


def forget_contents(node: Node) -> None:
    """As a release that kept bodies whole would have left it."""
    node.chain.contents = MemoryContents()


def test_what_was_read_lately_is_kept_within_bounds(node: Node, runtime: Any) -> None:
    reader = ContentReader(node.chain, cached_bytes=250)
    contents = [bytes((number,)) * 100 for number in range(4)]
    include(node, runtime.utility.batch_all.call(tuple(map(runtime.storage.storing, contents))))
    for data in (*contents, *reversed(contents)):
        assert reader.read(hash_of(data)) == data
    kept = [data for data in contents if hash_of(data) in reader._cache]

    assert kept == contents[:2]  # what was read last, backwards


def test_a_runtime_without_content_says_so() -> None:
    class Bare(Runtime):
        def __init__(self) -> None:
            super().__init__()
            weights = BlockWeights.with_sensible_defaults(Weight(2 * 10**12, 2**64 - 1))
            length = BlockLength.max_with_normal_ratio(5 * 1024 * 1024)
            self.system = self.add(0, System(block_weights=weights, block_length=length))
            self.extensions = ()

    bare = Bare()
    chain = Chain(bare, genesis_block(bare.build_genesis({}), H256(bytes(32))))

    with pytest.raises(NoContent):
        ContentReader(chain).read(hash_of(b""))


Tree = bytes | list[Any]
trees = st.recursive(
    st.binary(max_size=8), lambda inner: st.lists(inner, max_size=4), max_leaves=20
)


@given(tree=trees)
def test_stored_contents_come_in_the_order_of_their_calls(runtime: Any, tree: Tree) -> None:
    extrinsic = with_length(bytes((BARE_V5,)) + _call(runtime, tree).encode())

    assert stored_by(runtime, extrinsic) == list(_leaves(tree))


def _call(runtime: Any, tree: Tree) -> RuntimeCall:
    if isinstance(tree, bytes):
        call: RuntimeCall = runtime.storage.storing(tree)
    else:
        call = runtime.utility.batch.call(tuple(_call(runtime, branch) for branch in tree))
    return call


def _leaves(tree: Tree) -> Any:
    if isinstance(tree, bytes):
        yield tree
    else:
        for branch in tree:
            yield from _leaves(branch)
