"""A chain that goes on with other code: what changes, what stays, and who is told."""

from typing import Any, Never

import pytest

from tilth.frame import AccountId, DefaultValue, Pallet, Runtime, Signed, Weight, call, u32
from tilth.node.archive import WrongChain
from tilth.node.store import BlockStore, MemoryStore
from tilth.node.upgrade import UpgradeFailed, resumed
from tilth.primitives.crypto import dev
from tilth.primitives.crypto.hashing import blake2_256
from tilth.runtime.dev import DevRuntime

ALICE = AccountId(dev.ALICE)


class Counter(Pallet[Never, Never]):
    count = DefaultValue[u32]()

    @call(0)
    def add(self, who: Signed, by: u32) -> None:
        """Count on."""
        self.count.put(self.count.get() + by)


class Doubling(Pallet[Never, Never]):
    """The same pallet in its next version, under the same name."""

    count = DefaultValue[u32]()

    @call(0)
    def add(self, who: Signed, by: u32) -> None:
        """Count on, twice as fast."""
        self.count.put(self.count.get() + 2 * by)

    @call(1)
    def reset(self, who: Signed) -> None:
        """Begin again."""
        self.count.kill()

    def on_runtime_upgrade(self) -> Weight:
        self.count.put(self.count.get() + 1000)
        return Weight(0, 0)


class First(DevRuntime):
    def __init__(self) -> None:
        super().__init__()
        self.counter = self.add(40, Counter(), "Counter")


class Second(DevRuntime):
    def __init__(self) -> None:
        super().__init__()
        self.counter = self.add(40, Doubling(), "Counter")


class Third(Second):
    spec_version = 9


class Broken(DevRuntime):
    def __init__(self) -> None:
        super().__init__()
        self.counter = self.add(40, Failing(), "Counter")


class Failing(Pallet[Never, Never]):
    count = DefaultValue[u32]()

    def on_runtime_upgrade(self) -> Weight:
        raise ValueError("this migration was never tried")


@pytest.fixture
async def lab(start: Any) -> Any:
    return await start(runtime=First())


def counted(lab: Any) -> int:
    with lab.runtime.at(lab.chain.best.state):
        return int(lab.runtime.counter.count.get())


async def test_storage_stays_migrations_run_and_new_calls_are_there(lab: Any) -> None:
    lab.pool.submit(lab.signed(lab.runtime.counter.add.call(5)))
    lab.build()

    done = lab.node.dev.upgrade(Second)

    assert (done.before.spec_version, done.after.spec_version) == (1, 2)
    assert (done.brought_by.number, done.first.number) == (2, 3)
    assert counted(lab) == 1005
    assert done.brought_by.state.get(b":code") == lab.runtime.code
    assert [type(log).__name__ for log in done.brought_by.header.digest.logs] == [
        "PreRuntime",
        "RuntimeEnvironmentUpdated",
    ]
    lab.pool.submit(lab.signed(lab.runtime.counter.add.call(5)))
    lab.build()
    assert counted(lab) == 1015
    with lab.runtime.at(lab.chain.best.state):
        assert lab.runtime.system.last_runtime_upgrade.get().spec_version == 2


async def test_a_version_that_the_author_raised_is_kept(lab: Any) -> None:
    assert lab.node.dev.upgrade(Third).after.spec_version == 9
    assert lab.node.dev.upgrade(Third).after.spec_version == 10
    assert lab.node.dev.upgrade(First).after.spec_version == 11


async def test_older_blocks_keep_their_runtime(lab: Any) -> None:
    old = lab.runtime
    before = lab.build()
    lab.node.dev.upgrade(Second)
    runtimes = lab.chain.runtimes

    assert runtimes.at(before.state) is old
    assert runtimes.metadata(before.state, 14) == old.metadata(14)
    assert runtimes.metadata(lab.chain.best.state, 14) == lab.runtime.metadata(14)
    assert runtimes.metadata(before.state, 14) != lab.runtime.metadata(14)
    assert runtimes.version(before.state).spec_version == 1
    answer = lab.chain.call(before, "Metadata_metadata_at_version", (15).to_bytes(4, "little"))
    assert old.metadata(15) in answer


async def test_a_runtime_that_cannot_go_on_changes_nothing(lab: Any) -> None:
    best, runtime = lab.chain.best, lab.runtime

    with pytest.raises(UpgradeFailed, match="ValueError: this migration was never tried"):
        lab.node.dev.upgrade(Broken)

    assert lab.chain.best is best
    assert lab.runtime is runtime
    lab.pool.submit(lab.signed(runtime.counter.add.call(1)))
    lab.build()
    assert counted(lab) == 1
    assert lab.node.dev.upgrade(Second).after.spec_version == 2


async def test_what_waited_was_signed_for_the_old_runtime(lab: Any) -> None:
    _, heard = lab.send(lab.signed(lab.runtime.counter.add.call(5)))

    lab.node.dev.upgrade(Second)

    assert heard == ["ready", "invalid"]
    assert len(lab.pool) == 0


async def test_what_waits_without_a_signature_of_the_version_is_kept_and_read_anew(
    start: Any,
) -> None:
    """Impersonated transactions are valid whatever was signed."""
    lab = await start(runtime=First())
    lab.node.dev.impersonate(ALICE)
    lab.pool.submit(lab.signed(lab.runtime.counter.add.call(5)))

    done = lab.node.dev.upgrade(Second)

    assert len(done.first.extrinsics) == 2
    assert counted(lab) == 1010


async def test_a_revert_past_an_upgrade_brings_the_old_runtime_back(lab: Any) -> None:
    old, snapshot = lab.runtime, lab.node.dev.snapshot()
    lab.node.dev.upgrade(Second)

    lab.node.dev.revert(snapshot)

    assert lab.runtime is old
    lab.pool.submit(lab.signed(old.counter.add.call(5)))
    lab.build()
    assert counted(lab) == 5


async def test_a_fork_from_before_an_upgrade_runs_the_old_code(start: Any) -> None:
    lab = await start(runtime=First(), finality_lag=9)
    before, old = lab.build(), lab.runtime
    given = lab.signed(old.counter.add.call(5))
    lab.node.dev.upgrade(Second)

    lab.node.dev.reorg(2, transactions=[given])

    assert lab.runtime is old
    assert lab.chain.best.number == before.number + 3
    assert counted(lab) == 5


def reopened(new_lab: Any, store: BlockStore, kind: type[Runtime], **config: Any) -> Any:
    from tilth.node.archive import code_in

    return new_lab(runtime=resumed(kind, code_in(store)), store=store, **config)


async def test_an_upgraded_chain_opens_again_with_all_its_past(new_lab: Any) -> None:
    store = BlockStore(MemoryStore())
    lab = new_lab(runtime=First(), store=store)
    before = lab.build()
    old = lab.runtime
    lab.node.dev.upgrade(Second)
    head = lab.chain.best

    again = reopened(new_lab, store, Second)

    assert again.chain.best.hash == head.hash
    assert again.chain.genesis.hash == lab.chain.genesis.hash
    assert again.runtime.code == head.state.get(b":code")
    assert again.runtime.spec_version == 2
    state = again.chain.expect(before.hash).state
    assert again.chain.runtimes.metadata(state, 14) == old.metadata(14)
    assert again.chain.runtimes.version(state).spec_version == 1
    answer = again.chain.call(again.chain.expect(before.hash), "Metadata_metadata", b"")
    assert old.metadata(14) in answer
    again.clock.now += 10_000
    again.pool.submit(again.signed(again.runtime.counter.add.call(2)))
    again.build()
    assert counted(again) == 1004


async def test_a_chain_goes_on_with_files_that_changed_while_it_was_down(new_lab: Any) -> None:
    store = BlockStore(MemoryStore())
    lab = new_lab(runtime=First(), store=store)
    lab.pool.submit(lab.signed(lab.runtime.counter.add.call(5)))
    lab.build()

    with pytest.raises(WrongChain, match="--reload goes on with a changed one"):
        reopened(new_lab, store, Second)
    again = reopened(new_lab, store, Second, evolves=True)
    again.clock.now += 10_000
    done = again.node.dev.upgrade(Second)

    assert again.runtime.spec_version == 2
    assert done.first.state.get(b":code") == again.runtime.code
    assert counted(again) == 1005
    assert reopened(new_lab, store, Second).chain.best.hash == done.first.hash


async def test_many_upgrades_keep_what_the_first_said(lab: Any) -> None:
    before, said = lab.build(), blake2_256(lab.runtime.metadata(14))

    for _ in range(9):
        lab.node.dev.upgrade(Second)
        lab.node.dev.upgrade(First)

    assert lab.runtime.spec_version == 19
    assert blake2_256(lab.chain.runtimes.metadata(before.state, 14)) == said
    assert len(list(lab.chain.runtimes)) == 16
