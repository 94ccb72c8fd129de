"""The tools of a dev chain, on the node itself."""

import asyncio
from itertools import pairwise
from typing import Any

import pytest

from tilth.frame import AccountId
from tilth.node.author import InstantSeal
from tilth.node.build_mode import BuildMode
from tilth.node.chain_spec import ChainSpec
from tilth.node.devtools import DevError, EmptyPool, NotADevChain
from tilth.node.impersonation import mock_signature
from tilth.node.notices import Finalized, Imported, Phase
from tilth.node.pool import Rejected
from tilth.node.store import BlockStore, MemoryStore
from tilth.primitives.crypto import dev
from tilth.primitives.types import Id

ALICE, BOB = AccountId(dev.ALICE), AccountId(dev.BOB)
NOBODY = AccountId(b"\x07" * 32)
UNIT = 10**12
DAY = 86_400_000


def told(lab: Any) -> list[Any]:
    notices: list[Any] = []
    lab.chain.notices.listen(Phase.HEADS, notices.append)
    return notices


def free(lab: Any, account: AccountId) -> int:
    with lab.runtime.at(lab.chain.best.state):
        return int(lab.runtime.system.account[account].data.free)


async def test_blocks_are_made_when_asked_for(lab: Any) -> None:
    assert lab.node.dev.new_block().number == 1
    assert lab.node.dev.new_block(3).number == 4
    assert lab.node.dev.new_block(to=9).number == 9
    assert lab.node.dev.new_block(to=2).number == 10  # at least one, as by chopsticks


async def test_a_new_block_holds_what_waits_or_just_what_it_is_given(lab: Any) -> None:
    lab.pool.submit(lab.remark(b"waits"))
    given = lab.remark(b"given", uri="//Bob")

    first = lab.node.dev.new_block(transactions=[given])
    second = lab.node.dev.new_block()

    assert lab.texts(first) == [b"given"]
    assert lab.texts(second) == [b"waits"]


async def test_what_may_not_be_included_is_named_and_makes_no_block(lab: Any) -> None:
    with pytest.raises(DevError, match=r"transaction 1 is invalid: Invalid.*Future"):
        lab.node.dev.new_block(transactions=[lab.remark(), lab.remark(nonce=7)])
    with pytest.raises(DevError, match="transaction 0 is no extrinsic"):
        lab.node.dev.new_block(transactions=[b"\x04\x99"])

    assert lab.chain.best.number == 0


async def test_mined_blocks_are_as_far_apart_as_asked(lab: Any) -> None:
    lab.node.dev.new_block()
    last = lab.node.dev.mine(3, interval_ms=6_000)

    moments = [lab.moment(lab.chain.at(number)) for number in range(1, 5)]
    assert [b - a for a, b in pairwise(moments)] == [6_000] * 3
    assert last.number == 4
    with pytest.raises(DevError, match="ask for 1 or more"):
        lab.node.dev.mine(0)


async def test_time_travels_and_goes_on_from_there(lab: Any) -> None:
    tools, start = lab.node.dev, lab.clock.now

    there = tools.time_travel(start + DAY)
    lab.clock.now += 500

    assert lab.moment(there) == start + DAY
    assert lab.moment(tools.new_block()) == start + DAY + 500


async def test_time_travels_back(lab: Any) -> None:
    tools, start = lab.node.dev, lab.clock.now
    tools.new_block()

    there = tools.time_travel(start - DAY)
    lab.clock.now += 500

    assert lab.moment(there) == start - DAY
    assert lab.moment(tools.new_block()) == start - DAY + 500


async def test_the_next_timestamp_is_set_for_one_block(lab: Any) -> None:
    tools, start = lab.node.dev, lab.clock.now
    tools.new_block()

    tools.set_next_timestamp(start + DAY)

    assert lab.moment(tools.new_block()) == start + DAY
    with pytest.raises(DevError, match="cannot be before"):
        tools.set_next_timestamp(start + DAY)


async def test_written_storage_stands_in_a_block_whose_root_is_true(lab: Any) -> None:
    before = lab.chain.best

    block = lab.node.dev.write({b"a": b"1" * 40, b":code": None})

    assert block is lab.chain.best
    assert block.parent_hash == before.hash
    assert block.state.get(b"a") == b"1" * 40
    assert block.state.get(b":code") is None
    assert block.header.state_root == block.state.root
    assert before.state.get(b"a") is None
    assert lab.node.dev.new_block().state.get(b"a") == b"1" * 40


async def test_a_balance_is_set_with_the_issuance(lab: Any) -> None:
    lab.node.dev.set_balance(NOBODY, 5 * UNIT)
    lab.node.dev.set_balance(ALICE, 3 * UNIT)

    assert (free(lab, NOBODY), free(lab, ALICE)) == (5 * UNIT, 3 * UNIT)
    with lab.runtime.at(lab.chain.best.state):
        lab.runtime.try_state()
        assert lab.runtime.system.event_count.get() == 1  # its inherent's, as in any block


@pytest.mark.parametrize("lag", [0, 9])
async def test_a_snapshot_is_returned_to_again_and_again(start: Any, lag: int) -> None:
    lab = await start(finality_lag=lag)
    tools = lab.node.dev
    tools.mine(2)
    snapshot, head = tools.snapshot(), lab.chain.best
    final = lab.chain.finalized

    for _ in range(2):
        lab.pool.submit(lab.remark(b"undone"))
        tools.mine(3)
        assert tools.revert(snapshot) is head
        assert (lab.chain.best, lab.chain.finalized) == (head, final)
        assert lab.chain.hash_at(3) is None
        assert len(lab.pool) == 0

    assert tools.new_block().parent_hash == head.hash


async def test_snapshots_nest(lab: Any) -> None:
    tools = lab.node.dev
    outer = tools.snapshot()
    tools.mine(2)
    inner, middle = tools.snapshot(), lab.chain.best
    tools.mine(2)

    assert tools.revert(inner) is middle
    assert tools.revert(outer) is lab.chain.genesis
    with pytest.raises(DevError, match="no snapshot 2"):
        tools.revert(inner)


async def test_a_revert_brings_back_pool_and_time(lab: Any) -> None:
    tools, began = lab.node.dev, lab.clock.now
    waits = lab.remark(b"waits")
    lab.pool.submit(waits)
    snapshot = tools.snapshot()
    tools.time_travel(began + DAY)
    tools.new_block()
    later, heard = lab.send(lab.remark(b"later"))

    tools.revert(snapshot)

    assert lab.pool.pending() == [waits]
    assert heard == ["ready", "dropped"]
    assert later not in lab.pool
    assert lab.moment(tools.new_block()) == began


async def test_who_watches_what_waits_over_a_revert_hears_nothing(lab: Any) -> None:
    tools = lab.node.dev
    _, ready = lab.send(lab.remark())
    _, future = lab.send(lab.remark(nonce=7))
    snapshot = tools.snapshot()
    tools.revert(snapshot)
    tools.mine(1)

    tools.revert(snapshot)

    assert future == ["future"]
    assert [each if isinstance(each, str) else next(iter(each)) for each in ready] == [
        "ready",
        "inBlock",
        "finalized",
    ]


async def test_a_revert_below_finality_tells_where_it_went_back_to(lab: Any) -> None:
    tools = lab.node.dev
    tools.mine(1)
    snapshot, kept = tools.snapshot(), lab.chain.best
    tools.mine(2)
    left = [lab.chain.best, lab.chain.at(2)]
    notices = told(lab)

    tools.revert(snapshot)

    moved = Imported(kept, is_best=True, retracted=tuple(left), enacted=(), is_new=False)
    assert notices == [moved, Finalized((kept,))]
    assert all(lab.chain.block(block.hash) is None for block in left)
    assert lab.chain.unfinalized() == []


async def test_a_revert_is_kept_by_the_store(new_lab: Any) -> None:
    store = BlockStore(MemoryStore())
    lab = new_lab(store=store)
    lab.node.dev.mine(2)
    snapshot = lab.node.dev.snapshot()
    lab.node.dev.mine(300)
    lab.node.dev.revert(snapshot)
    head = lab.node.dev.new_block()
    lab.clock.now += DAY

    again = new_lab(store=store)

    assert again.chain.best.hash == head.hash
    assert again.chain.finalized.hash == head.hash
    assert again.node.dev.new_block().number == 4


async def test_an_older_block_is_made_the_head_and_what_is_left_does_not_come_back(
    start: Any,
) -> None:
    lab = await start(finality_lag=9)
    tools = lab.node.dev
    first = tools.new_block()
    _, heard = lab.send(lab.remark(b"left"))
    second = tools.new_block()
    tools.mine(2)

    assert tools.set_head(-3) is first

    assert heard[1:3] == [
        {"inBlock": f"0x{second.hash.hex()}"},
        {"retracted": f"0x{second.hash.hex()}"},
    ]
    assert heard[-1] == "dropped"
    assert lab.chain.best is first
    assert tools.set_head(second) is second
    with pytest.raises(DevError, match="Block not found 77"):
        tools.set_head(77)


async def test_a_fork_finality_decided_against_is_not_returned_to(start: Any) -> None:
    lab = await start(finality_lag=1)
    lab.build()
    lab.clock.now += 5
    lost = lab.build(lab.chain.genesis)
    lab.node.dev.mine(2)

    with pytest.raises(DevError, match="cannot be returned to"):
        lab.node.dev.set_head(lost)


async def test_a_reorganisation_is_seen_by_who_watches(start: Any) -> None:
    lab = await start(finality_lag=3)
    tools = lab.node.dev
    tools.mine(2)
    _, heard = lab.send(lab.remark(b"moves"))
    old = tools.new_block()
    notices = told(lab)

    moved = tools.reorg(2)
    again = tools.new_block()
    tools.mine(3)

    assert [block.number for block in moved.retracted] == [3, 2]
    assert [block.number for block in moved.enacted] == [2, 3, 4]
    assert notices[2] == Imported(moved.enacted[-1], True, moved.retracted, moved.enacted)
    assert {old.hash} < {b.hash for n in notices if isinstance(n, Finalized) for b in n.pruned}
    assert heard == [
        "ready",
        {"inBlock": f"0x{old.hash.hex()}"},
        {"retracted": f"0x{old.hash.hex()}"},
        "ready",
        {"inBlock": f"0x{again.hash.hex()}"},
        {"finalized": f"0x{again.hash.hex()}"},
    ]


async def test_a_fork_may_hold_other_transactions_and_drop_the_old(start: Any) -> None:
    lab = await start(finality_lag=3)
    tools, rival = lab.node.dev, lab.remark(b"rival")
    lab.pool.submit(lab.remark(b"old"))
    waits = lab.remark(b"waits", uri="//Bob")
    tools.new_block()
    lab.pool.submit(waits)

    moved = tools.reorg(1, transactions=[rival], keep=False)

    assert [lab.texts(block) for block in moved.enacted] == [[b"rival"], []]
    assert lab.pool.pending() == [waits]


async def test_no_fork_replaces_what_is_final(start: Any) -> None:
    lab = await start(finality_lag=2)
    lab.node.dev.mine(5)

    with pytest.raises(DevError, match="--finality-lag 3"):
        lab.node.dev.reorg(3)
    with pytest.raises(DevError, match="at least 1"):
        lab.node.dev.reorg(0)


def dummy(lab: Any, account: AccountId, signature: bytes = bytes(64)) -> bytes:
    """A remark of the account with no signature worth the name."""
    from tilth.frame.extrinsic import SIGNED_V4, with_length
    from tilth.primitives.scale import codec
    from tilth.primitives.types import MultiAddress, MultiSignature, Sr25519

    runtime = lab.runtime
    call = runtime.system.remark_with_event.call(b"not me").encode()
    return with_length(
        bytes((SIGNED_V4,))
        + codec(MultiAddress).encode(Id(account))
        + codec(MultiSignature).encode(Sr25519(signature))
        + runtime.pipeline.explicit.encode(runtime.pipeline.values_for(0))
        + call
    )


async def test_an_impersonated_account_needs_no_key(lab: Any) -> None:
    tools = lab.node.dev
    tools.set_balance(NOBODY, 5 * UNIT)
    with pytest.raises(Rejected, match="BadProof"):
        lab.pool.submit(dummy(lab, NOBODY))

    tools.impersonate(NOBODY)
    lab.pool.submit(dummy(lab, NOBODY))
    block = tools.new_block()
    tools.stop_impersonating(NOBODY)

    assert lab.texts(block) == [b"not me"]
    with pytest.raises(Rejected):
        lab.pool.submit(dummy(lab, BOB))


async def test_mock_signatures_are_taken_only_where_told(lab: Any) -> None:
    tools, mocked = lab.node.dev, dummy(lab, BOB, mock_signature())
    with pytest.raises(Rejected, match="BadProof"):
        lab.pool.submit(mocked)

    tools.accept_mock_signatures(True)
    lab.pool.submit(mocked)
    tools.accept_mock_signatures(False)

    assert mocked.find(b"\xde\xad\xbe\xef" + b"\xcd" * 60) > 0
    assert len(lab.pool) == 1


async def test_blocks_are_made_in_the_mode_that_is_set(start: Any) -> None:

    lab = await start(sealing=InstantSeal)
    tools = lab.node.dev

    tools.automine(False)
    lab.pool.submit(lab.remark(b"waits"))
    await asyncio.sleep(0.01)
    assert lab.chain.best.number == 0

    tools.automine(True)
    await asyncio.sleep(0.01)
    assert lab.texts(lab.chain.best) == [b"waits"]

    tools.set_build_mode(BuildMode.BATCH)
    for text in (b"one", b"two"):
        lab.pool.submit(lab.remark(text))
        await asyncio.sleep(0.02)
    assert lab.chain.best.number == 1
    await asyncio.sleep(0.2)
    assert lab.texts(lab.chain.best) == [b"one", b"two"]


async def test_manual_seal_makes_no_empty_block_unasked(start: Any) -> None:
    lab = await start(finality_lag=9)
    tools = lab.node.dev

    with pytest.raises(EmptyPool):
        tools.create_block(create_empty=False, finalize=False)
    assert lab.chain.best.number == 0

    empty = tools.create_block(create_empty=True, finalize=True)
    assert lab.chain.finalized is empty
    lab.clock.now += 5
    fork = tools.create_block(create_empty=True, finalize=False, parent=empty)
    assert fork is lab.chain.best


async def test_a_live_chain_has_no_tools(new_lab: Any) -> None:
    genesis = new_lab().node.spec.genesis
    lab = new_lab(spec=ChainSpec("Commons", "commons", "Live", genesis))

    with pytest.raises(NotADevChain, match="Commons is a live chain"):
        lab.node.dev.mine(1)
