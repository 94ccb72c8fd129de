"""The block tree: which blocks it takes, which is best, which is final, and who is told when."""

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tilth.frame import InvalidBlock
from tilth.node.archive import WrongChain
from tilth.node.chain import UnknownBlock
from tilth.node.notices import Finalized, Imported, Phase
from tilth.node.store import BlockStore, MemoryStore
from tilth.primitives.trie import Layout, ordered_root
from tilth.primitives.types import H256, Digest, Other
from tilth.runtime.presets import dev_spec

ZERO = H256(bytes(32))


def told(lab: Any) -> list[Any]:
    notices: list[Any] = []
    lab.chain.notices.listen(Phase.HEADS, notices.append)
    return notices


async def test_a_longer_fork_becomes_best_and_says_what_it_changed(start: Any) -> None:
    lab = await start(finality_lag=9)
    notices = told(lab)
    old = [lab.build(), lab.build()]
    lab.clock.now += 500

    first = lab.build(lab.chain.genesis)
    second = lab.build(first)
    assert lab.chain.best is old[1]
    third = lab.build(second)

    assert notices[-3:] == [
        Imported(first, is_best=False),
        Imported(second, is_best=False),
        Imported(third, is_best=True, retracted=(old[1], old[0]), enacted=(first, second, third)),
    ]
    assert lab.chain.best is third
    hashes = [lab.chain.hash_at(number) for number in range(5)]
    fork = [lab.chain.genesis.hash, first.hash, second.hash, third.hash, None]
    assert hashes == fork
    assert lab.chain.block(old[1].hash) is old[1]
    assert not lab.chain.is_final(first)


async def test_forks_that_share_a_beginning_change_only_their_ends(start: Any) -> None:
    lab = await start(finality_lag=9)
    common, left = lab.build(), lab.build()
    notices = told(lab)
    lab.clock.now += 500

    right = lab.build(common)
    top = lab.build(right)

    assert notices[-1] == Imported(top, is_best=True, retracted=(left,), enacted=(right, top))


async def test_the_same_block_is_not_added_twice(start: Any) -> None:
    lab = await start(finality_lag=9)
    first, second = lab.build(), lab.build()
    notices = told(lab)

    again = lab.build(first)  # at the same time, with the same nothing in it

    assert again.hash == second.hash
    assert notices == []
    assert lab.chain.unfinalized() == [first, second]


async def test_a_fork_has_a_state_of_its_own(start: Any) -> None:
    lab = await start(finality_lag=9)
    lab.pool.submit(lab.remark())
    included = lab.build()
    empty = lab.build(lab.chain.genesis)
    key = lab.runtime.system.account.key_of(
        lab.node.runtime.format.decode(included.extrinsics[1]).address.account
    )

    assert included.state.get(key) != empty.state.get(key)
    assert empty.state.get(key) == lab.chain.genesis.state.get(key)


async def test_finality_follows_at_its_distance(start: Any) -> None:
    lab = await start(finality_lag=2)
    notices = told(lab)

    blocks = [lab.build() for _ in range(4)]

    assert [each for each in notices if isinstance(each, Finalized)] == [
        Finalized((blocks[0],)),
        Finalized((blocks[1],)),
    ]
    assert lab.chain.finalized is blocks[1]
    assert [lab.chain.is_final(block) for block in blocks] == [True, True, False, False]
    assert lab.chain.unfinalized() == blocks[2:]


async def test_finality_forgets_the_forks_it_decides_against(start: Any) -> None:
    lab = await start(finality_lag=2)
    notices = told(lab)
    first = lab.build()
    lab.clock.now += 500
    lost = lab.build(lab.chain.genesis)
    lost_too = lab.build(lost)
    second = lab.build(first)
    assert second.number == 2

    third = lab.build(second)

    finalized = notices[-1]
    assert finalized.blocks == (first,)
    assert set(finalized.pruned) == {lost, lost_too}
    assert lab.chain.block(lost.hash) is None
    assert lab.chain.unfinalized() == [second, third]


async def test_whoever_says_so_makes_a_block_final(start: Any) -> None:
    lab = await start(finality_lag=100)
    notices = told(lab)
    blocks = [lab.build() for _ in range(3)]
    lab.clock.now += 500
    side = lab.build(blocks[0])

    with pytest.raises(InvalidBlock, match="not on the best chain"):
        lab.chain.finalize(side.hash)
    lab.chain.finalize(blocks[1].hash)
    lab.chain.finalize(blocks[0].hash)

    assert notices[-1] == Finalized((blocks[0], blocks[1]), (side,))
    assert lab.chain.finalized is blocks[1]


async def test_nothing_is_added_below_the_finalized_block(start: Any) -> None:
    lab = await start(finality_lag=1)
    low = lab.build()
    lab.clock.now += 500
    side = lab.build(lab.chain.genesis)
    for _ in range(3):
        lab.build()
    lab.clock.now += 500

    for parent in (lab.chain.genesis, low, side):
        with pytest.raises((InvalidBlock, UnknownBlock)):
            lab.build(parent)
    assert lab.chain.best.number == 4


async def test_each_phase_is_over_before_the_next_begins(lab: Any) -> None:
    order: list[tuple[str, str]] = []
    for phase in reversed(Phase):
        lab.chain.notices.listen(
            phase, lambda notice, name=phase.name: order.append((name, type(notice).__name__))
        )

    lab.build()

    names = ["STATE", "HEADS", "TRANSACTIONS", "WORK"]
    assert order == [(name, "Imported") for name in names] + [(name, "Finalized") for name in names]


async def test_whoever_hears_of_a_block_finds_it(lab: Any) -> None:
    seen = []
    lab.chain.notices.listen(
        Phase.STATE,
        lambda notice: seen.append(
            (type(notice).__name__, lab.chain.best.number, lab.chain.finalized.number)
        ),
    )

    lab.build()

    assert seen == [("Imported", 1, 0), ("Finalized", 1, 1)]


async def test_who_stops_listening_hears_no_more(lab: Any) -> None:
    heard: list[Any] = []
    stop = lab.chain.notices.listen(Phase.HEADS, heard.append)

    stop()
    stop()
    lab.build()

    assert heard == []


async def block_of_another(lab: Any, start: Any) -> Any:
    """A block with transactions that this chain does not know yet."""
    other = await start()
    for uri in ("//Alice", "//Bob"):
        other.pool.submit(other.remark(b"from " + uri.encode(), uri=uri))
    assert other.chain.genesis.hash == lab.chain.genesis.hash
    return other.build()


async def test_another_authors_block_is_executed_again(lab: Any, start: Any) -> None:
    theirs = await block_of_another(lab, start)

    ours = lab.chain.import_block(theirs.header, theirs.extrinsics)

    assert lab.chain.best is ours
    assert ours.hash == theirs.hash
    assert ours.state.root == theirs.header.state_root
    assert lab.chain.import_block(theirs.header, theirs.extrinsics) is ours


def reroot(block: Any, body: tuple[bytes, ...]) -> Any:
    """The header with the root of another body."""
    return replace(block.header, extrinsics_root=H256(ordered_root(list(body), Layout.V0)))


def forged(data: bytes) -> bytes:
    return data[:40] + bytes((data[40] ^ 1,)) + data[41:]


TAMPERED: dict[str, Any] = {
    "state root": lambda b: (replace(b.header, state_root=ZERO), b.extrinsics),
    "extrinsics root": lambda b: (replace(b.header, extrinsics_root=ZERO), b.extrinsics),
    "number": lambda b: (replace(b.header, number=2), b.extrinsics),
    "number 0": lambda b: (replace(b.header, number=0), b.extrinsics),
    "no digest": lambda b: (replace(b.header, digest=Digest(())), b.extrinsics),
    "more digest": lambda b: (
        replace(b.header, digest=Digest((*b.header.digest.logs, Other(b"x")))),
        b.extrinsics,
    ),
    "less": lambda b: (b.header, b.extrinsics[:-1]),
    "less, with its root": lambda b: (reroot(b, b.extrinsics[:-1]), b.extrinsics[:-1]),
    "no inherent": lambda b: (reroot(b, b.extrinsics[1:]), b.extrinsics[1:]),
    "two inherents": lambda b: (b.header, (b.extrinsics[0], *b.extrinsics)),
    "inherent at the end": lambda b: (b.header, (*b.extrinsics[1:], b.extrinsics[0])),
    "twice": lambda b: (b.header, (*b.extrinsics, b.extrinsics[-1])),
    "swapped": lambda b: (b.header, (b.extrinsics[0], b.extrinsics[2], b.extrinsics[1])),
    "forged": lambda b: (b.header, (*b.extrinsics[:2], forged(b.extrinsics[2]))),
    "garbage": lambda b: (b.header, (*b.extrinsics, b"\x10garb")),
    "nothing": lambda b: (b.header, ()),
}


@pytest.mark.parametrize("how", TAMPERED)
async def test_a_tampered_block_is_refused_and_leaves_no_trace(
    lab: Any, start: Any, how: str
) -> None:
    theirs = await block_of_another(lab, start)
    header, body = TAMPERED[how](theirs)
    notices = told(lab)
    overlay = lab.runtime.slot.overlay

    with pytest.raises(InvalidBlock, match=r"^block \d"):
        lab.chain.import_block(header, body)

    assert lab.chain.best is lab.chain.genesis
    assert lab.chain.block(header.hash) is None
    assert notices == []
    assert lab.runtime.slot.overlay is overlay
    assert lab.chain.import_block(theirs.header, theirs.extrinsics).hash == theirs.hash


async def test_a_block_without_a_known_parent_is_refused(lab: Any, start: Any) -> None:
    theirs = await block_of_another(lab, start)
    orphan = replace(theirs.header, parent_hash=H256(b"\x11" * 32))

    with pytest.raises(UnknownBlock, match="0x1111"):
        lab.chain.import_block(orphan, theirs.extrinsics)


async def test_a_runtime_call_writes_nothing(lab: Any) -> None:
    block = lab.build()
    header = lab.runtime.codecs.of(type(block.header)).encode(
        replace(block.header, number=2, parent_hash=block.hash)
    )
    before = lab.chain.call(block, "AccountNonceApi_account_nonce", bytes(32))

    lab.chain.call(block, "Core_initialize_block", header)

    assert lab.chain.call(block, "AccountNonceApi_account_nonce", bytes(32)) == before
    assert block.state.root == block.header.state_root


async def test_a_kept_chain_goes_on_where_it_was(start: Any) -> None:
    table = MemoryStore()
    first = await start(store=BlockStore(table))
    first.pool.submit(first.remark(b"before"))
    blocks = [first.build() for _ in range(3)]

    again = await start(store=BlockStore(table))

    assert again.chain.best.hash == blocks[2].hash
    assert again.chain.finalized.hash == blocks[2].hash
    assert again.chain.best.state.root == blocks[2].header.state_root
    assert again.texts(again.chain.at(1)) == [b"before"]
    again.pool.submit(again.remark(b"after"))
    following = again.build()
    assert (following.number, again.texts(following)) == (4, [b"after"])
    assert again.moment(following) > first.moment(blocks[2])


async def test_what_was_not_final_is_known_after_a_start_and_can_be_left(start: Any) -> None:
    table = MemoryStore()
    first = await start(store=BlockStore(table), finality_lag=3)
    blocks = [first.build() for _ in range(5)]

    again = await start(store=BlockStore(table), finality_lag=3)
    assert [block.hash for block in again.chain.unfinalized()] == [b.hash for b in blocks[2:]]
    again.clock.now += 1_000
    fork = again.build(again.chain.at(2))
    for _ in range(3):
        fork = again.build(fork)

    assert again.chain.best is fork
    assert again.chain.hash_at(3) not in [block.hash for block in blocks]
    third = await start(store=BlockStore(table), finality_lag=3)
    assert third.chain.best.hash == fork.hash
    assert third.chain.finalized.hash == again.chain.finalized.hash


async def test_long_final_blocks_are_read_from_the_archive(start: Any) -> None:
    table = MemoryStore()
    lab = await start(store=BlockStore(table))
    blocks = [lab.build() for _ in range(300)]

    assert len(lab.chain._blocks) < 270
    for block in (blocks[0], blocks[40], blocks[299], lab.chain.genesis):
        found = lab.chain.at(block.number)
        assert (found.hash, found.extrinsics) == (block.hash, block.extrinsics)
        assert found.state.root == block.header.state_root
        assert lab.chain.is_final(found)
    assert lab.chain.block(blocks[3].hash).hash == blocks[3].hash
    assert next(iter(lab.chain.ancestors(lab.chain.at(2)))).hash == blocks[0].hash


async def test_another_genesis_is_refused(start: Any, runtime: Any) -> None:
    table = MemoryStore()
    await start(store=BlockStore(table))
    spec = dev_spec(runtime)
    other = replace(spec, genesis={**spec.genesis, "Balances": {"balances": []}})

    with pytest.raises(WrongChain, match=r"genesis 0x[0-9a-f]{64}.*another base path"):
        await start(store=BlockStore(table), spec=other)


@settings(max_examples=30)
@given(st.lists(st.integers(0, 5), min_size=1, max_size=14), st.integers(0, 4))
def test_any_tree_has_one_best_chain_that_agrees_with_itself(
    new_lab: Any, parents: list[int], lag: int
) -> None:
    """Each number says how far below the newest block the next one is put."""
    lab = new_lab(finality_lag=lag)
    built = [lab.chain.genesis]
    retracted: set[H256] = set()

    def on_notice(notice: Any) -> None:
        if isinstance(notice, Imported):
            retracted.update(block.hash for block in notice.retracted)
            retracted.difference_update(block.hash for block in notice.enacted)

    lab.chain.notices.listen(Phase.STATE, on_notice)
    for back in parents:
        parent = built[max(len(built) - 1 - back, 0)]
        lab.clock.now += 1
        try:
            built.append(lab.build(parent))
        except (InvalidBlock, UnknownBlock):
            assert parent.number <= lab.chain.finalized.number or (
                lab.chain.block(parent.hash) is None
            )

    best = lab.chain.best
    path = [best, *lab.chain.ancestors(best)]
    assert best.number == max(block.number for block in built)
    assert [lab.chain.hash_at(block.number) for block in path] == [block.hash for block in path]
    assert not retracted & {block.hash for block in path}
    assert lab.chain.finalized in path
    assert best.number - lab.chain.finalized.number == min(lag, best.number)
