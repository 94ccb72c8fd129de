"""When blocks are made, what they hold, and what time they tell."""

import asyncio
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tilth.frame import PreRuntime, codec, u64
from tilth.node import author
from tilth.node.author import InstantSeal, SlotSeal
from tilth.node.store import StoreFailed
from tilth.runtime.dev import DevRuntime
from tilth.runtime.presets import dev_spec


async def test_what_arrives_in_one_breath_shares_a_block(start: Any) -> None:
    lab = await start(sealing=InstantSeal)

    for nonce in range(3):
        lab.pool.submit(lab.remark(b"%d" % nonce))
    assert lab.chain.best.number == 0
    await asyncio.sleep(0)

    assert lab.chain.best.number == 1
    assert lab.texts(lab.chain.best) == [b"0", b"1", b"2"]


async def test_breaths_apart_make_blocks_apart(start: Any) -> None:
    lab = await start(sealing=InstantSeal)

    for nonce in range(3):
        lab.pool.submit(lab.remark(b"%d" % nonce))
        await asyncio.sleep(0)

    assert [lab.texts(lab.chain.at(n)) for n in (1, 2, 3)] == [[b"0"], [b"1"], [b"2"]]


async def test_what_is_not_ready_makes_no_block(start: Any) -> None:
    lab = await start(sealing=InstantSeal)

    lab.pool.submit(lab.remark(nonce=7))
    await asyncio.sleep(0.01)

    assert lab.chain.best.number == 0


async def test_a_stopped_instant_seal_makes_no_block(start: Any) -> None:
    lab = await start(sealing=InstantSeal)
    lab.pool.submit(lab.remark())

    lab.node.sealer.stop()
    await asyncio.sleep(0.01)

    assert lab.chain.best.number == 0
    assert lab.pool.pending_count() == 1


async def test_a_full_block_is_followed_by_another_at_once(start: Any) -> None:
    lab = await start(sealing=InstantSeal)
    large = bytes(1_500_000)  # two of them fit into the normal class's 75 % of 5 MiB

    for nonce in range(5):
        lab.pool.submit(lab.signed(lab.runtime.system.remark.call(large), nonce=nonce))
    for _ in range(6):
        await asyncio.sleep(0)

    assert [len(lab.chain.at(n).extrinsics) - 1 for n in (1, 2, 3)] == [2, 2, 1]
    assert lab.chain.best.number == 3
    assert lab.pool.pending_count() == 0


async def test_a_flood_leaves_room_between_its_blocks(
    start: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(author, "_MOST_AT_ONCE", 2)
    lab, asked = await start(sealing=InstantSeal), list[int]()

    for nonce in range(5):
        lab.pool.submit(lab.remark(b"%d" % nonce, nonce=nonce))
    asyncio.get_running_loop().call_soon(lambda: asked.append(lab.chain.best.number))
    for _ in range(6):
        await asyncio.sleep(0)

    told = [lab.texts(lab.chain.at(n)) for n in (1, 2, 3)]
    assert told == [[b"0", b"1"], [b"2", b"3"], [b"4"]]
    assert asked == [1]


async def test_a_small_transaction_fits_behind_one_that_does_not(lab: Any) -> None:
    large = lab.runtime.system.remark.call(bytes(2_500_000))
    for uri, tip in (("//Alice", 3), ("//Bob", 2)):
        lab.pool.submit(lab.signed(large, uri=uri, tip=tip * 10**12))
    lab.pool.submit(lab.remark(b"after Bob's", uri="//Bob", nonce=1))
    lab.pool.submit(lab.remark(b"small", uri="//Charlie"))

    first, second = lab.build(), lab.build()

    assert lab.texts(first)[1:] == [b"small"]
    assert lab.texts(second)[1:] == [b"after Bob's"]


async def test_slots_make_blocks_empty_or_not(start: Any) -> None:
    lab = await start(sealing=lambda author, pool: SlotSeal(author, 0.02))
    lab.pool.submit(lab.remark(b"once"))

    while lab.chain.best.number < 3:
        await asyncio.sleep(0.01)

    assert [lab.texts(lab.chain.at(n)) for n in (1, 2, 3)] == [[b"once"], [], []]
    lab.node.sealer.stop()
    last = lab.chain.best
    await asyncio.sleep(0.05)
    assert lab.chain.best is last


async def test_slots_go_on_after_a_block_that_could_not_be_made(
    start: Any, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    lab = await start(sealing=lambda author, pool: SlotSeal(author, 0.01))

    def broken(*_: object) -> None:
        raise AssertionError("a hook's fault")

    with monkeypatch.context() as patch:
        patch.setattr(lab.runtime.executive, "initialize_block", broken)
        while "no block could be made" not in caplog.text:
            await asyncio.sleep(0.01)
    while lab.chain.best.number < 1:
        await asyncio.sleep(0.01)


async def test_a_transaction_that_breaks_the_runtime_is_put_out(
    lab: Any, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    _, heard = lab.send(lab.remark(b"poison"))
    lab.pool.submit(lab.remark(b"good", uri="//Bob"))
    apply = lab.runtime.executive.apply_extrinsic

    def breaking(extrinsic: Any, *, verified: bool = False) -> Any:
        failure = apply(extrinsic, verified=verified)
        assert extrinsic.call.args != (b"poison",), "a pallet's fault"
        return failure

    monkeypatch.setattr(lab.runtime.executive, "apply_extrinsic", breaking)
    block = lab.build()

    assert lab.texts(block) == [b"good"]
    assert heard == ["ready", "invalid"]
    assert "a pallet's fault" in caplog.text
    monkeypatch.undo()
    assert lab.chain.execute(lab.chain.genesis, block.header, block.extrinsics).root == (
        block.header.state_root
    )


async def test_a_block_tells_the_clocks_time_and_its_slot(lab: Any) -> None:
    lab.clock.now += 12_345

    block = lab.build()

    (item,) = (log for log in block.header.digest.logs if isinstance(log, PreRuntime))
    assert lab.moment(block) == lab.clock.now
    assert (item.engine, item.data) == (b"aura", codec(u64).encode(lab.clock.now // 6_000))


async def test_times_move_on_while_the_clock_stands(lab: Any) -> None:
    moments = [lab.moment(lab.build()) for _ in range(4)]

    assert moments == [lab.clock.now + n for n in range(4)]


@settings(max_examples=25)
@given(st.lists(st.integers(-(10**9), 10**9), min_size=1, max_size=8))
def test_times_never_go_back_whatever_the_clock_does(new_lab: Any, jumps: list[int]) -> None:
    lab = new_lab()
    moments = []

    for jump in jumps:
        lab.clock.now = max(lab.clock.now + jump, 0)
        moments.append(lab.moment(lab.build()))

    assert all(later > earlier for earlier, later in pairwise(moments))
    assert lab.chain.best.number == len(jumps)


async def test_a_time_that_was_set_is_told_once(lab: Any) -> None:
    lab.node.author.calendar.next_moment = lab.clock.now + 86_400_000

    first, second = lab.build(), lab.build()

    assert lab.moment(first) == lab.clock.now + 86_400_000
    assert lab.moment(second) == lab.moment(first) + 1


async def test_a_fork_tells_a_time_after_its_own_parent(start: Any) -> None:
    lab = await start(finality_lag=9)
    low = lab.build()
    lab.clock.now += 60_000
    lab.build()
    lab.clock.now -= 59_000

    fork = lab.build(low)

    assert lab.moment(low) < lab.moment(fork) == lab.clock.now


class OneBlockPerSlot(DevRuntime):
    """As most chains are: half a slot is the least time between blocks."""

    def __init__(self) -> None:
        super().__init__()
        self.timestamp.minimum_period = 3_000
        self.aura.allow_multiple_blocks_per_slot = False


async def test_a_runtime_of_one_block_per_slot_gets_slots_of_their_own(start: Any) -> None:
    runtime = OneBlockPerSlot()
    lab = await start(runtime=runtime, spec=dev_spec(runtime))

    moments = [lab.moment(lab.build()) for _ in range(3)]

    assert [moment // 6_000 - moments[0] // 6_000 for moment in moments] == [0, 1, 2]


class Failing:
    """A disk that fails from some block on."""

    def __init__(self, after: int) -> None:
        self._left = after

    def keep(self, *_: object) -> None:
        self._left -= 1
        if self._left < 0:
            raise StoreFailed("the disk is full")

    def mark(self, *_: object) -> None: ...

    def block(self, hash: bytes) -> None: ...

    def hash_at(self, number: int) -> None: ...

    def close(self) -> None: ...


async def test_a_failed_store_ends_authorship_and_is_told(
    start: Any, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    lab = await start(sealing=InstantSeal)
    monkeypatch.setattr(lab.chain, "_archive", Failing(after=1))
    told: list[Exception] = []
    lab.chain.on_failure.append(told.append)

    for _ in range(3):
        lab.pool.submit(lab.remark())
        await asyncio.sleep(0.01)

    assert lab.chain.best.number == 1
    assert [str(error) for error in told] == ["the disk is full"]
    assert not caplog.records
    with pytest.raises(StoreFailed):
        lab.build()
    assert len(told) == 1
    assert lab.pool.pending_count() == 2


async def test_the_runtime_is_as_it_was_after_a_block(lab: Any) -> None:
    before = lab.runtime.slot.overlay

    lab.build()

    assert lab.runtime.slot.overlay is before
