"""A chain in process: an open block, calls and transactions in it, time, and ways back."""

from datetime import timedelta
from typing import ClassVar, Never

import pytest

from tilth.frame import (
    BAD_ORIGIN,
    H256,
    ROOT,
    AccountId,
    DefaultValue,
    DispatchFailure,
    InvalidTransactionError,
    Pallet,
    Token,
    TokenError,
    Weight,
    hashing,
    validity,
)
from tilth.node.author import ManualSeal
from tilth.node.service import Node, NodeConfig
from tilth.pallets.balances.events import Endowed, Transfer
from tilth.pallets.datasets import Draft
from tilth.pallets.system.events import ExtrinsicFailed, ExtrinsicSuccess
from tilth.pallets.transaction_storage import ProofChecked
from tilth.primitives.types import Id
from tilth.runtime import DevRuntime
from tilth.runtime.presets import dev_spec
from tilth.testing import Chain, Keyring, TinyRuntime, raises

UNIT = 10**12
Dev = Chain[DevRuntime]


class Still:
    def milliseconds(self) -> int:
        return 0


def test_a_call_is_made_in_the_open_block(chain: Dev, alice: AccountId, bob: AccountId) -> None:
    balances = chain.runtime.balances
    before = balances.free_balance(bob)

    happened = chain.dispatch(balances.transfer_keep_alive.call(Id(bob), UNIT), alice)

    assert happened == [Transfer(alice, bob, UNIT)]
    assert happened[-1] is happened[0]
    assert chain.events[-1] == Transfer(alice, bob, UNIT)
    assert balances.free_balance(bob) == before + UNIT
    assert chain.number == 1


def test_each_test_begins_anew(chain: Dev, bob: AccountId) -> None:
    assert chain.runtime.balances.free_balance(bob) == 1_000_000 * UNIT
    assert len(chain.blocks) == 1


def test_a_failed_call_leaves_nothing(chain: Dev, alice: AccountId, bob: AccountId) -> None:
    state = chain.snapshot().state.root
    call = chain.runtime.balances.transfer_keep_alive.call(Id(bob), 10**30)

    with pytest.raises(DispatchFailure):
        chain.dispatch(call, alice)

    assert chain.snapshot().state.root == state


def test_root_and_others_are_told_apart(chain: Dev, alice: AccountId) -> None:
    call = chain.runtime.balances.force_set_balance.call(Id(alice), UNIT)

    with raises(BAD_ORIGIN):
        chain.dispatch(call, alice)
    chain.dispatch(call, ROOT)

    assert chain.runtime.balances.free_balance(alice) == UNIT


def test_a_transaction_pays_and_counts(chain: Dev, alice: AccountId) -> None:
    before = chain.runtime.balances.free_balance(alice)

    happened = chain.submit(chain.runtime.system.remark.call(b"x"), alice, tip=7)

    assert isinstance(happened[-1], ExtrinsicSuccess)
    assert chain.runtime.balances.free_balance(alice) < before - 7
    assert chain.runtime.system.account_nonce(alice) == 1


def test_a_transaction_that_fails_has_been_paid_for(
    chain: Dev, alice: AccountId, bob: AccountId
) -> None:
    call = chain.runtime.balances.transfer_keep_alive.call(Id(bob), 2_000_000 * UNIT)

    with raises(TokenError.FUNDS_UNAVAILABLE):
        chain.submit(call, alice)

    (failed,) = chain.events.of(ExtrinsicFailed)
    assert failed.dispatch_error == Token(TokenError.FUNDS_UNAVAILABLE)
    assert chain.runtime.system.account_nonce(alice) == 1


def test_a_transaction_may_be_refused(chain: Dev, alice: AccountId) -> None:
    call = chain.runtime.system.remark.call(b"x")

    with raises(validity.Future()):
        chain.submit(call, alice, nonce=1)
    chain.submit(call, alice)
    with raises(validity.Stale()) as refused:
        chain.submit(call, alice, nonce=0)

    assert isinstance(refused.error, InvalidTransactionError)
    with raises(validity.BadProof()):
        chain.include(chain.sign(call, alice)[:-1] + b"y")


def test_a_mortal_transaction_dies(chain: Dev, alice: AccountId) -> None:
    call = chain.runtime.system.remark.call(b"")
    mortal = chain.sign(call, alice, period=4)

    with chain.snapshot():
        chain.build(2)
        chain.include(mortal)
    chain.build(8)
    with raises(validity.BadProof()):  # another block's hash is signed for another era
        chain.include(mortal)


def test_blocks_can_be_looked_back_at(chain: Dev, alice: AccountId, bob: AccountId) -> None:
    balances = chain.runtime.balances
    chain.submit(balances.transfer_keep_alive.call(Id(bob), UNIT), alice)
    first = chain.build()
    chain.dispatch(balances.transfer_keep_alive.call(Id(bob), UNIT), alice)

    assert balances.free_balance(bob) == 1_000_002 * UNIT
    with chain.at(first) as then:
        assert then.balances.free_balance(bob) == 1_000_001 * UNIT
        assert Transfer(alice, bob, UNIT) in chain.events
    with chain.at(0) as then:
        assert then.balances.free_balance(bob) == 1_000_000 * UNIT
        assert chain.events == []
    assert first.number == 1
    assert chain.blocks[-1] is first


def test_its_blocks_are_those_of_a_node(chain: Dev, alice: AccountId) -> None:
    """What was done by transactions alone, a node executes again to the same state."""
    chain.submit(chain.runtime.system.remark_with_event.call(b"hello"), alice)
    first, second = chain.build(), chain.build()
    runtime = DevRuntime()
    config = NodeConfig(
        runtime, dev_spec(runtime), Still(), sealing=lambda author, pool: ManualSeal()
    )
    node = Node(config)

    for block in (first, second):
        imported = node.chain.import_block(block.header, block.extrinsics)
        assert imported.state.root == block.state.root

    assert node.chain.best.hash == second.hash


def test_time_passes_between_blocks(chain: Dev) -> None:
    before = chain.now

    chain.build()
    assert chain.now - before == timedelta(seconds=6)
    chain.travel(timedelta(days=30))
    chain.travel(chain.now + timedelta(days=1))

    assert chain.now - before == timedelta(days=31, seconds=6)
    assert chain.runtime.timestamp.now.get() == chain.now.timestamp() * 1000
    assert chain.number == 4
    with pytest.raises(ValueError, match="time only goes on"):
        chain.travel(chain.now)


def test_it_goes_on_to_a_block(chain: Dev) -> None:
    chain.build_to(12)

    assert chain.number == 12
    with pytest.raises(ValueError, match="block 12 is open already"):
        chain.build_to(11)


def test_snapshots_nest_and_can_be_used_again(chain: Dev, alice: AccountId) -> None:
    remark = chain.runtime.system.remark_with_event
    chain.submit(remark.call(b"1"), alice)
    begun, number = chain.snapshot(), chain.number

    for _ in range(2):
        chain.build(3)
        chain.submit(remark.call(b"2"), alice)
        with chain.snapshot():
            chain.submit(remark.call(b"3"), alice)
            chain.build()
        assert (chain.runtime.system.account_nonce(alice), chain.number) == (2, number + 3)
        chain.revert(begun)
        assert (chain.runtime.system.account_nonce(alice), chain.number) == (1, number)

    assert len(chain.build().extrinsics) == 2


def test_a_reverted_future_is_not_returned_to(chain: Dev) -> None:
    past = chain.snapshot()
    chain.build(2)
    future = chain.snapshot()
    chain.revert(past)
    chain.build(2)

    with pytest.raises(ValueError, match="a future that was reverted"):
        chain.revert(future)


def test_a_new_account_has_money_and_signs(chain: Dev, bob: AccountId) -> None:
    rich, poor = chain.account(5 * UNIT), chain.account()

    chain.submit(chain.runtime.balances.transfer_keep_alive.call(Id(bob), UNIT), rich)

    assert Endowed(rich, 5 * UNIT) in chain.events
    assert chain.runtime.balances.free_balance(poor) == 0
    assert rich != poor


def test_who_is_unknown_cannot_sign(chain: Dev) -> None:
    stranger = AccountId(b"\x07" * 32)
    call = chain.runtime.system.remark.call(b"")

    with pytest.raises(LookupError, match="nobody here knows the secret of 5C"):
        chain.submit(call, stranger)


def test_any_secret_can_be_added(keyring: Keyring, ferdie: AccountId) -> None:
    account = keyring.add("//Ferdie/soft")

    assert keyring.uri(account) == "//Ferdie/soft"
    assert keyring.uri(ferdie) == "//Ferdie"
    assert keyring.pair(ferdie).account == ferdie


class Greeter(Pallet[Never, Never]):
    greeting = DefaultValue[bytes]()


class LouderGreeter(Greeter):
    def on_runtime_upgrade(self) -> Weight:
        self.greeting.put(self.greeting.get().upper())
        return Weight(1, 0)


class Before(TinyRuntime):
    def __init__(self, greeter: type[Greeter] = Greeter) -> None:
        super().__init__()
        self.greeter = self.add(10, greeter(), name="Greeter")


class After(Before):
    spec_version: ClassVar[int] = 2

    def __init__(self) -> None:
        super().__init__(LouderGreeter)


def test_a_migration_is_tested_by_upgrading(bob: AccountId) -> None:
    old = Before()
    with Chain.begun(old, old.build_genesis(dev_spec(old).genesis)) as chain:
        chain.runtime.greeter.greeting.put(b"hello")
        chain.build()

        with chain.upgraded(After()) as newer:
            assert newer.runtime.greeter.greeting.get() == b"HELLO"
            newer.submit(newer.runtime.system.remark.call(b""), bob)
            newer.build()
            assert newer.runtime.greeter.greeting.get() == b"HELLO"
            assert newer.number == 4


class Later(DevRuntime):
    spec_version: ClassVar[int] = 2


def _publish(chain: Dev, alice: AccountId, data: bytes, *, signed: bool) -> None:
    """Content that stays for ever, by a transaction or by calls without one."""
    content = H256(hashing.sha2_256(data))
    draft = Draft(content, content, None, 1, 1, content, None)
    calls = (
        chain.runtime.storage.storing(data),
        chain.runtime.datasets.publish.call("corpus", "MIT", (), draft, (), None),
    )
    for call in (chain.runtime.utility.batch_all.call(calls),) if signed else calls:
        (chain.submit if signed else chain.dispatch)(call, alice)


@pytest.mark.parametrize("signed", [True, False])
def test_what_a_test_has_published_is_proven_in_every_block(
    chain: Dev, alice: AccountId, signed: bool
) -> None:
    _publish(chain, alice, bytes(1000), signed=signed)
    chain.build(3)

    assert ProofChecked() in chain.events
    with chain.snapshot():
        _publish(chain, alice, b"of a future that does not come", signed=signed)
        chain.build(2)
    chain.build()
    assert ProofChecked() in chain.events


@pytest.mark.parametrize("signed", [True, False])
def test_what_was_published_is_proven_after_an_upgrade(alice: AccountId, signed: bool) -> None:
    old = DevRuntime()
    with Chain.begun(old, old.build_genesis(dev_spec(old).genesis)) as chain:
        _publish(chain, alice, b"from the days before", signed=signed)
        chain.build()
        with chain.upgraded(Later()) as newer:
            newer.build()
            assert ProofChecked() in newer.events


def test_a_tiny_runtime_takes_no_tip(bob: AccountId) -> None:
    runtime = TinyRuntime()
    with (
        Chain.begun(runtime, runtime.build_genesis({})) as chain,
        pytest.raises(ValueError, match="none can carry a tip"),
    ):
        chain.submit(runtime.system.remark.call(b""), bob, tip=1)
