"""A runtime without Aura makes blocks as well, and nothing in them speaks of slots."""

from typing import Any

import pytest

from tilth.frame import AccountId
from tilth.primitives.crypto import dev
from tilth.primitives.types import Id
from tilth.runtime.minimal import Minimal
from tilth.runtime.presets import dev_spec


@pytest.fixture
def minimal(new_lab: Any) -> Any:
    runtime = Minimal()
    return new_lab(runtime=runtime, spec=dev_spec(runtime))


async def test_transactions_are_included(minimal: Any) -> None:
    bob = AccountId(dev.BOB)
    minimal.pool.submit(
        minimal.signed(minimal.runtime.balances.transfer_keep_alive.call(Id(bob), 7))
    )

    block = minimal.node.dev.new_block()

    assert len(block.extrinsics) == 2
    assert block.header.digest.logs == ()
    assert minimal.chain.import_block(block.header, block.extrinsics) is block


async def test_blocks_are_as_far_apart_as_the_runtime_asks_and_time_goes_back_too(
    minimal: Any,
) -> None:
    first, second = minimal.node.dev.mine(1), minimal.node.dev.mine(1)
    earlier = minimal.moment(first) - 1000

    assert minimal.moment(second) == minimal.moment(first) + 1
    assert minimal.moment(minimal.node.dev.time_travel(earlier)) == earlier
    assert minimal.node.dev.new_block().number == 4
