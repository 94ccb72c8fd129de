"""Every pallet's invariants are looked at after each block."""

from typing import Any

from tilth.node.invariants import InvariantBroken, check_each_block
from tilth.primitives.crypto.hashing import twox_128


def checked(lab: Any) -> list[InvariantBroken]:
    broken: list[InvariantBroken] = []
    check_each_block(lab.chain, broken.append)
    return broken


async def test_blocks_that_keep_every_promise_are_not_spoken_of(lab: Any) -> None:
    broken = checked(lab)

    lab.pool.submit(lab.remark())
    lab.node.dev.mine(3)

    assert not broken


async def test_a_block_that_breaks_a_promise_is_named_with_the_pallet(lab: Any) -> None:
    broken = checked(lab)
    before = lab.node.dev.mine(1)

    lab.node.dev.set_storage({"Balances": {"TotalIssuance": 5}})

    (said,) = broken
    assert str(said).startswith("Block #2 ")
    assert "Balances: the accounts do not add up to the issuance" in str(said)
    assert before.hash.hex() in str(said)


async def test_storage_that_cannot_be_read_is_a_promise_broken(lab: Any) -> None:
    broken = checked(lab)
    key = twox_128(b"Balances") + twox_128(b"TotalIssuance")

    lab.node.dev.write({key: b"\x01"})

    assert "breaks an invariant: " in str(broken[0])


async def test_a_chain_that_is_broken_already_is_told_of_at_once(lab: Any) -> None:
    lab.node.dev.set_storage({"Balances": {"TotalIssuance": 5}})

    assert "Block #1 " in str(checked(lab)[0])
