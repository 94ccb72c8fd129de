"""Every block shows a chunk of what is pinned, whatever has become of the node since it came."""

from typing import Any

import pytest

from tilth.frame import H256, hashing
from tilth.node.content import ContentReader
from tilth.node.store import BlockStore, MemoryStore
from tilth.node.upgrade import resumed
from tilth.pallets.datasets import Draft
from tilth.pallets.system import CheckMetadataHash
from tilth.runtime.dev import DevRuntime

CONTENT = bytes(range(256)) * 5 + b"\x04x\x08yz"  # which reads as lengths, too
HASH = H256(hashing.sha2_256(CONTENT))


class Leaner(DevRuntime):
    """No transaction of the runtime before it can be read by this one."""

    def __init__(self) -> None:
        super().__init__()
        self.extensions = tuple(
            each for each in self.extensions if not isinstance(each, CheckMetadataHash)
        )


def publish(lab: Any) -> None:
    """Content that stays for ever, in the next block."""
    draft = Draft(HASH, HASH, None, 1, 1, H256(bytes(32)), None)
    publishing = lab.runtime.datasets.publish.call("corpus", "MIT", (), draft, (HASH,), None)
    batch = lab.runtime.utility.batch_all.call((lab.runtime.storage.storing(CONTENT), publishing))
    lab.pool.submit(lab.signed(batch))
    lab.build()


def proofs(lab: Any, block: Any) -> int:
    """How many the block has."""
    calls = (lab.runtime.format.decode(data).call for data in block.extrinsics)
    return sum(call.method.name == "check_proof" for call in calls)


@pytest.fixture
async def lab(start: Any) -> Any:
    return await start(runtime=DevRuntime())


async def test_blocks_go_on_when_transactions_have_another_form(lab: Any) -> None:
    publish(lab)
    lab.node.dev.upgrade(Leaner)

    assert proofs(lab, lab.build()) == 1
    assert ContentReader(lab.chain).read(HASH) == CONTENT


async def test_a_node_that_never_knew_the_old_form_goes_on(new_lab: Any) -> None:
    from tilth.node.archive import code_in

    store = BlockStore(MemoryStore())
    lab = new_lab(runtime=DevRuntime(), store=store)
    publish(lab)
    lab.node.dev.upgrade(Leaner)

    again = new_lab(runtime=resumed(Leaner, code_in(store)), store=store)
    again.clock.now += 10_000
    assert proofs(again, again.build()) == 1
    assert ContentReader(again.chain).read(HASH) == CONTENT


async def test_a_block_beside_the_best_one_shows_what_its_own_past_has_pinned(start: Any) -> None:
    lab = await start(runtime=DevRuntime(), finality_lag=10)
    lab.build()
    before = lab.chain.best
    publish(lab)
    pinned = lab.chain.best

    assert proofs(lab, lab.node.author.build(before)) == 0
    fork = lab.node.author.build(pinned)
    assert proofs(lab, fork) == 1
    assert proofs(lab, lab.node.author.build(fork)) == 1
