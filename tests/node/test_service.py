"""The node as its faces see it: blocks by hash, nonces that count what waits, a name."""

from typing import Any

import pytest

from tilth.frame import AccountId
from tilth.node.chain import UnknownBlock
from tilth.primitives.crypto import dev
from tilth.primitives.types import H256


async def test_the_next_nonce_counts_what_is_ready_and_not_what_waits(lab: Any) -> None:
    alice, bob = AccountId(dev.ALICE), AccountId(dev.BOB)
    for nonce in (0, 1, 4):
        lab.pool.submit(lab.remark(nonce=nonce))

    assert (lab.node.next_nonce(alice), lab.node.next_nonce(bob)) == (2, 0)
    lab.build()
    assert lab.node.next_nonce(alice) == 2
    for nonce in (2, 3):
        lab.pool.submit(lab.remark(nonce=nonce))
    assert lab.node.next_nonce(alice) == 5


async def test_a_block_is_found_by_hash_and_the_best_one_without(lab: Any) -> None:
    first = lab.build()
    second = lab.build()

    assert lab.node.block() is second
    assert lab.node.block(first.hash) is first
    with pytest.raises(UnknownBlock, match="0x7777"):
        lab.node.block(H256(b"w" * 32))
    assert lab.node.genesis_hash == lab.chain.hash_at(0)


async def test_nodes_have_names_of_their_own_in_libp2ps_form(start: Any) -> None:
    names = {(await start()).node.peer_id for _ in range(3)}

    assert len(names) == 3
    for name in names:
        assert name.startswith("12D3KooW")
        assert len(name) == 52
        assert set(name).isdisjoint("0OIl")


async def test_a_node_stops_twice_and_before_it_started(new_lab: Any) -> None:
    lab = new_lab()

    await lab.node.stop()
    await lab.node.stop()
