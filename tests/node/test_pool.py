"""What the pool takes, in which order it gives it out, and what those who watch hear."""

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tilth.frame import validity
from tilth.node.bans import BAN_MS, Bans
from tilth.node.pool import (
    AlreadyImported,
    Banned,
    ImmediatelyDropped,
    Malformed,
    Pool,
    Rejected,
    TooLowPriority,
    Undecodable,
)
from tilth.primitives.crypto.hashing import blake2_256
from tilth.primitives.era import Era
from tilth.primitives.types import H256

UNIT = 10**12
NOBODY = "//Nobody has money"


def ready(lab: Any) -> list[bytes]:
    """The remarks that are ready, in order."""
    return [pooled.extrinsic.call.args[0] for pooled in lab.pool.ready()]


def hashed(data: bytes) -> str:
    return f"0x{blake2_256(data).hex()}"


def reason(refused: pytest.ExceptionInfo[Rejected]) -> type:
    return type(refused.value.error.reason)


async def test_nonces_fill_gaps_in_exact_order(lab: Any) -> None:
    for nonce in (3, 1, 4, 0, 2):
        lab.pool.submit(lab.remark(b"%d" % nonce, nonce=nonce))

    assert ready(lab) == [b"0", b"1", b"2", b"3", b"4"]
    assert lab.pool.pending_count() == len(lab.pool) == 5


async def test_what_waits_for_a_nonce_is_future(lab: Any) -> None:
    lab.pool.submit(lab.remark(b"0", nonce=0))
    _, heard = lab.send(lab.remark(b"2", nonce=2))

    assert ready(lab) == [b"0"]
    assert heard == ["future"]

    lab.pool.submit(lab.remark(b"1", nonce=1))
    assert ready(lab) == [b"0", b"1", b"2"]
    assert heard == ["future", "ready"]


@settings(max_examples=40)
@given(order=st.permutations(range(7)), built_after=st.integers(0, 7))
def test_any_order_of_submission_is_included_by_nonce(
    new_lab: Any, order: list[int], built_after: int
) -> None:
    lab = new_lab()

    for count, nonce in enumerate(order):
        if count == built_after:
            lab.build()
        lab.pool.submit(lab.remark(b"%d" % nonce, nonce=nonce))
    lab.build()

    blocks = [lab.chain.at(n) for n in range(1, lab.chain.best.number + 1)]
    assert b"".join(text for block in blocks for text in lab.texts(block)) == b"0123456"
    assert len(lab.pool) == 0


async def test_who_tips_more_goes_first_but_not_before_his_own_nonce(lab: Any) -> None:
    lab.pool.submit(lab.remark(b"alice 0"))
    lab.pool.submit(lab.remark(b"alice 1", tip=9 * UNIT, nonce=1))
    lab.pool.submit(lab.remark(b"bob 0", uri="//Bob", tip=UNIT))
    lab.pool.submit(lab.remark(b"charlie 0", uri="//Charlie", tip=2 * UNIT))

    assert ready(lab) == [b"charlie 0", b"bob 0", b"alice 0", b"alice 1"]
    assert lab.texts(lab.build()) == [b"charlie 0", b"bob 0", b"alice 0", b"alice 1"]


async def test_equals_go_in_the_order_in_which_they_came(lab: Any) -> None:
    for uri in ("//Dave", "//Alice", "//Charlie", "//Bob"):
        lab.pool.submit(lab.remark(uri[2:3].encode(), uri=uri))

    assert ready(lab) == [b"D", b"A", b"C", b"B"]


async def test_of_equals_the_one_that_dies_sooner_goes_first(lab: Any) -> None:
    lab.pool.submit(lab.remark(b"immortal"))
    lab.pool.submit(lab.remark(b"64", uri="//Bob", era=Era.mortal(64, 0)))
    lab.pool.submit(lab.remark(b"8", uri="//Dave", era=Era.mortal(8, 0)))

    assert ready(lab) == [b"8", b"64", b"immortal"]


async def test_a_higher_tip_replaces_and_what_depends_on_it_stays(lab: Any) -> None:
    first, heard = lab.send(lab.remark(b"cheap"))
    _, next_heard = lab.send(lab.remark(b"next", nonce=1))

    dear, dear_heard = lab.send(lab.remark(b"dear!", nonce=0, tip=UNIT))

    assert ready(lab) == [b"dear!", b"next"]
    assert first not in lab.pool
    assert heard == ["ready", {"usurped": f"0x{dear.hex()}"}]
    assert dear_heard == next_heard == ["ready"]
    assert lab.texts(lab.build()) == [b"dear!", b"next"]


@pytest.mark.parametrize("tip", [0, 5])
async def test_what_is_worth_no_more_does_not_replace(lab: Any, tip: int) -> None:
    lab.pool.submit(lab.remark(b"first", tip=5))
    lab.pool.submit(lab.remark(b"next", nonce=1))

    with pytest.raises(TooLowPriority) as refused:
        lab.pool.submit(lab.remark(b"other", nonce=0, tip=tip))

    assert refused.value.old >= refused.value.new
    assert ready(lab) == [b"first", b"next"]


async def test_what_waits_is_replaced_when_its_rival_is_ready_first(lab: Any) -> None:
    _, cheap = lab.send(lab.remark(b"cheap 1", nonce=1))
    _, dear = lab.send(lab.remark(b"dear 1!", nonce=1, tip=UNIT))
    _, cheaper = lab.send(lab.remark(b"cheap again", nonce=1))

    taken = lab.pool.submit(lab.remark(b"0", nonce=0))

    assert taken in lab.pool
    assert ready(lab) == [b"0", b"dear 1!"]
    assert dear == ["future", "ready"]
    assert cheap[:2] == ["future", "ready"]
    assert [list(each[-1]) for each in (cheap, cheaper)] == [["usurped"], ["usurped"]]


async def test_the_same_bytes_are_taken_once(lab: Any) -> None:
    extrinsic = lab.remark()
    lab.pool.submit(extrinsic)

    for _ in range(2):
        with pytest.raises(AlreadyImported) as refused:
            lab.pool.submit(extrinsic)
        assert refused.value.hash == blake2_256(extrinsic)


async def test_a_refused_watcher_hears_nothing_of_the_one_that_was_there(lab: Any) -> None:
    extrinsic = lab.remark()
    _, first = lab.send(extrinsic)
    second: list[Any] = []

    with pytest.raises(AlreadyImported):
        lab.pool.submit(extrinsic, watcher=second.append)
    lab.build()

    assert second == []
    assert first[-1] == {"finalized": f"0x{lab.chain.best.hash.hex()}"}


async def test_included_bytes_are_banned_for_half_an_hour(lab: Any) -> None:
    extrinsic = lab.remark()
    lab.pool.submit(extrinsic)
    lab.build()

    with pytest.raises(Banned):
        lab.pool.submit(extrinsic)
    lab.clock.now += BAN_MS - 1
    with pytest.raises(Banned):
        lab.pool.submit(extrinsic)
    lab.clock.now += 1
    with pytest.raises(Rejected) as refused:
        lab.pool.submit(extrinsic)

    assert reason(refused) is validity.Stale


async def test_invalid_bytes_are_refused_with_the_reason_then_banned(lab: Any) -> None:
    lab.pool.submit(lab.remark())
    lab.build()
    good = lab.remark(b"abc")
    cases = {
        validity.Stale: lab.remark(nonce=0),
        validity.BadProof: good[:-1] + bytes((good[-1] ^ 1,)),
        validity.Payment: lab.remark(uri=NOBODY),
    }

    for expected, extrinsic in cases.items():
        with pytest.raises(Rejected) as refused:
            lab.pool.submit(extrinsic)
        assert reason(refused) is expected
        with pytest.raises(Banned):
            lab.pool.submit(extrinsic)
    assert len(lab.pool) == 0


async def test_garbage_is_told_from_bytes_of_no_length(lab: Any) -> None:
    good = lab.remark()

    for framed in (b"\x10garb", b"\x04\x84", good[:2] + b"\x83" + good[3:]):
        with pytest.raises(Undecodable) as refused:
            lab.pool.submit(framed)
        assert not isinstance(refused.value, Malformed)
    for unframed in (b"", b"\x10", good[:-1], good + b"\0", b"\x01\x00a"):
        with pytest.raises(Malformed):
            lab.pool.submit(unframed)


async def test_an_inherent_is_not_a_transaction(lab: Any) -> None:
    (inherent,) = lab.build().extrinsics
    lab.clock.now += BAN_MS

    with pytest.raises(Rejected) as refused:
        lab.pool.submit(inherent)

    assert reason(refused) is validity.MandatoryValidation


def small(lab: Any, **limits: int) -> Pool:
    """A pool with limits of its own beside the node's."""
    lab.pool = pool = Pool(lab.chain, lab.clock, **limits)
    return pool


async def test_a_full_pool_prefers_the_dearer_then_the_newer(lab: Any) -> None:
    small(lab, ready_limit=2)
    heard = [
        lab.send(lab.remark(b"%d" % n, uri=f"//{name}", tip=tip))[1]
        for n, name, tip in ((0, "Alice", 5), (1, "Bob", 3), (2, "Charlie", 4), (3, "Dave", 4))
    ]

    assert ready(lab) == [b"0", b"3"]
    assert heard == [["ready"], ["ready", "dropped"], ["ready", "dropped"], ["ready"]]
    with pytest.raises(ImmediatelyDropped):
        lab.pool.submit(lab.remark(b"cheap", uri="//Eve"))
    assert ready(lab) == [b"0", b"3"]


async def test_what_a_full_pool_drops_takes_along_what_depends_on_it(lab: Any) -> None:
    small(lab, ready_limit=3)
    _, zero = lab.send(lab.remark(b"a0"))
    second, one = lab.send(lab.remark(b"a1", nonce=1, tip=UNIT))
    lab.pool.submit(lab.remark(b"b0", uri="//Bob", tip=1))

    lab.pool.submit(lab.remark(b"c0", uri="//Charlie", tip=1))

    assert ready(lab) == [b"b0", b"c0"]
    assert zero == one == ["ready", "dropped"]
    assert second not in lab.pool


async def test_a_full_pool_counts_bytes(lab: Any) -> None:
    small(lab, ready_bytes=10_000)
    lab.pool.submit(lab.remark(bytes(4_000), uri="//Alice"))
    lab.pool.submit(lab.remark(bytes(4_000), uri="//Bob"))

    with pytest.raises(ImmediatelyDropped):
        lab.pool.submit(lab.remark(bytes(11_000), uri="//Charlie"))
    lab.pool.submit(lab.remark(bytes(4_000), uri="//Dave", tip=UNIT))

    assert lab.pool.pending_count() == 2


async def test_only_a_tenth_may_wait_and_the_oldest_goes(lab: Any) -> None:
    small(lab, ready_limit=30)
    heard = [lab.send(lab.remark(b"%d" % nonce, nonce=nonce))[1] for nonce in (5, 6, 7, 8)]

    assert heard == [["future", "dropped"], ["future"], ["future"], ["future"]]
    assert len(lab.pool) == 3


async def test_the_limits_are_those_of_substrate(lab: Any) -> None:
    for nonce in range(1, 821):
        lab.pool.submit(lab.remark(nonce=nonce))

    assert len(lab.pool) == 819


async def test_a_long_chain_of_nonces_leaves_at_once(lab: Any) -> None:
    hashes = [lab.pool.submit(lab.remark(nonce=nonce)) for nonce in range(1_500)]

    removed = lab.pool.remove(hashes[:1])

    assert sorted(removed) == sorted(hashes)
    assert len(lab.pool) == 0


async def test_who_is_removed_hears_invalid_and_only_the_named_is_banned(lab: Any) -> None:
    zero, one, future = lab.remark(nonce=0), lab.remark(nonce=1), lab.remark(nonce=9)
    heard = [lab.send(extrinsic)[1] for extrinsic in (zero, one, future)]

    removed = lab.pool.remove([H256(blake2_256(each)) for each in (zero, future, b"unknown")])

    assert {f"0x{hash.hex()}" for hash in removed} == {hashed(each) for each in (zero, one, future)}
    assert heard == [["ready", "invalid"], ["ready", "invalid"], ["future", "invalid"]]
    with pytest.raises(Banned):
        lab.pool.submit(zero)
    lab.pool.submit(one)
    assert len(lab.pool) == 1


async def test_a_mortal_transaction_expires_in_either_queue(lab: Any) -> None:
    _, heard_ready = lab.send(lab.remark(b"mortal", uri="//Bob", era=Era.mortal(4, 0)))
    _, heard_future = lab.send(lab.remark(b"late", nonce=5, era=Era.mortal(4, 0)))
    lab.pool.submit(lab.remark(b"immortal", uri="//Dave"))
    parent = lab.chain.best
    for _ in range(4):  # another author's blocks, which leave ours waiting
        header, extrinsics = foreign(lab, parent)
        parent = lab.chain.import_block(header, extrinsics)

    assert heard_ready == ["ready", "invalid"]
    assert heard_future == ["future", "invalid"]
    assert ready(lab) == [b"immortal"]


def foreign(lab: Any, parent: Any, *extrinsics: bytes) -> tuple[Any, tuple[bytes, ...]]:
    """A block of another author on a parent: its header and body."""
    other = type(lab)(type(lab.node)(lab.node.config), lab.clock)
    ancestors = [parent, *lab.chain.ancestors(parent)]
    for block in reversed(ancestors[:-1]):
        other.chain.import_block(block.header, block.extrinsics)
    for extrinsic in extrinsics:
        other.pool.submit(extrinsic)
    block = other.build()
    return block.header, block.extrinsics


async def test_what_turns_out_invalid_is_put_out_with_what_depends_on_it(lab: Any) -> None:
    everything = lab.runtime.balances.transfer_all.call
    bob = lab.runtime.format.decode(lab.remark(uri="//Bob")).address
    first = lab.signed(everything(bob, False), tip=9)
    poor, heard_poor = lab.send(lab.remark(b"poor", nonce=1))
    _, heard_first = lab.send(first)
    _, heard_next = lab.send(lab.remark(b"poor too", nonce=2))

    block = lab.build()

    assert len(block.extrinsics) == 2
    assert heard_first[-1] == {"finalized": f"0x{block.hash.hex()}"}
    assert heard_poor == ["future", "ready", "invalid"]
    assert heard_next == ["ready", "invalid"]
    assert poor not in lab.pool


async def test_a_watcher_hears_of_inclusion_then_of_finality(start: Any) -> None:
    lab = await start(finality_lag=1)
    _, heard = lab.send(lab.remark())

    block = lab.build()
    assert heard == ["ready", {"inBlock": f"0x{block.hash.hex()}"}]
    lab.build()
    assert heard[2:] == [{"finalized": f"0x{block.hash.hex()}"}]
    lab.build()
    assert len(heard) == 3


async def test_too_many_blocks_without_finality_end_the_watching(start: Any) -> None:
    lab = await start(finality_lag=10_000)
    _, first = lab.send(lab.remark())
    block = lab.build()

    for _ in range(512):
        assert len(first) == 2
        lab.send(lab.remark())
        lab.build()

    assert first[2:] == [{"finalityTimeout": f"0x{block.hash.hex()}"}]


async def test_another_authors_block_prunes_ours(lab: Any) -> None:
    extrinsic = lab.remark(b"known")
    _, heard = lab.send(extrinsic)
    _, next_heard = lab.send(lab.remark(b"next", nonce=1))

    lab.chain.import_block(*foreign(lab, lab.chain.best, extrinsic))

    assert ready(lab) == [b"next"]
    assert [each if isinstance(each, str) else next(iter(each)) for each in heard] == [
        "ready",
        "inBlock",
        "finalized",
    ]
    assert next_heard == ["ready"]


async def test_another_authors_transaction_usurps_ours_and_readies_what_waits(lab: Any) -> None:
    theirs = lab.remark(b"theirs", nonce=0)
    ours, heard = lab.send(lab.remark(b"ours", nonce=0))
    _, waiting = lab.send(lab.remark(b"2", uri="//Bob", nonce=1))
    _, also = lab.send(lab.remark(b"next", nonce=1))

    bobs = lab.remark(b"1", uri="//Bob", nonce=0)
    lab.chain.import_block(*foreign(lab, lab.chain.best, theirs, bobs))

    assert ours not in lab.pool
    assert heard == ["ready", {"usurped": hashed(theirs)}]
    assert waiting == ["future", "ready"]
    assert also == ["ready"]
    assert sorted(ready(lab)) == [b"2", b"next"]


async def test_a_watcher_of_a_retracted_transaction_hears_where_it_went(start: Any) -> None:
    lab = await start(finality_lag=5)
    extrinsic = lab.remark()
    _, heard = lab.send(extrinsic)
    low = lab.build()

    fork = lab.build(lab.chain.genesis)
    assert heard == ["ready", {"inBlock": f"0x{low.hash.hex()}"}]
    lab.build(fork)

    assert heard[2:] == [{"retracted": f"0x{low.hash.hex()}"}, "ready"]
    again = lab.build()
    assert heard[4:] == [{"inBlock": f"0x{again.hash.hex()}"}]
    for _ in range(5):
        lab.build()
    assert heard[5:] == [{"finalized": f"0x{again.hash.hex()}"}]


async def test_a_transaction_that_both_forks_hold_is_told_in_order(start: Any) -> None:
    lab = await start(finality_lag=1)
    extrinsic = lab.remark()
    _, heard = lab.send(extrinsic)
    low = lab.build()

    lab.clock.now += 1
    fork = lab.chain.import_block(*foreign(lab, lab.chain.genesis, extrinsic))
    lab.build(fork)

    assert heard == [
        "ready",
        {"inBlock": f"0x{low.hash.hex()}"},
        {"retracted": f"0x{low.hash.hex()}"},
        {"inBlock": f"0x{fork.hash.hex()}"},
        {"finalized": f"0x{fork.hash.hex()}"},
    ]
    assert len(lab.pool) == 0


async def test_what_cannot_come_back_after_a_fork_ends_as_invalid(start: Any) -> None:
    lab = await start(finality_lag=5)
    ours, theirs = lab.remark(b"ours", nonce=0), lab.remark(b"theirs", nonce=0)
    _, heard = lab.send(ours)
    low = lab.build()

    fork = lab.chain.import_block(*foreign(lab, lab.chain.genesis, theirs))
    lab.build(fork)

    assert heard[2:] == [{"retracted": f"0x{low.hash.hex()}"}, "invalid"]
    assert len(lab.pool) == 0


def test_bans_forget_the_oldest_first() -> None:
    class Clock:
        def milliseconds(self) -> int:
            return 0

    bans = Bans(Clock(), expected=10)
    hashes = [H256(bytes((n,)) * 32) for n in range(21)]
    for hash in hashes:
        bans.add((hash,))

    assert [hash in bans for hash in hashes] == [False] * 11 + [True] * 10
