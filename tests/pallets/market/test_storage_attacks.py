"""What people try who want more than their due of content: each attempt comes to nothing."""

from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule, run_state_machine_as_test

from tilth.frame import (
    NOBODY,
    ROOT,
    AccountId,
    DispatchFailure,
    InvalidTransactionError,
    TransactionSource,
    hashing,
    signed,
    validity,
)
from tilth.pallets.transaction_storage import RAW, CidConfig, HashingAlgorithm, pallet
from tilth.pallets.transaction_storage.unsigned import BAD_DATA_SIZE, work_bits, work_payload
from tilth.primitives.work import work

PERIOD = 3
SHA2 = CidConfig(RAW, HashingAlgorithm.Sha2_256)
OTHER_CODEC = CidConfig(0x70, HashingAlgorithm.Sha2_256)


@pytest.fixture
def wealthy(real: Any) -> Any:
    """The market with the balances that the chain ships."""
    real.restart()
    real.transaction_storage.retention_period.put(PERIOD)
    return real


# Without a signature.


def _worked(storage: Any, data: bytes) -> int:
    payload = work_payload(hashing.sha2_256(data), SHA2, storage.season())
    return work(payload, work_bits(storage.anonymous_work_bits, len(data)))


def _refusal(storage: Any, call: Any) -> Any:
    with pytest.raises(InvalidTransactionError) as caught:
        storage.validate_unsigned(TransactionSource.EXTERNAL, call)
    return caught.value.error.reason  # type: ignore[union-attr]


def test_work_is_not_good_for_the_same_content_again(wealthy: Any, alice: Any) -> None:
    storage = wealthy.transaction_storage
    storage.donate(alice, 10**15)
    call = storage.store_anonymously.call(_worked(storage, b"again"), SHA2, b"again")
    storage.pre_dispatch_unsigned(call)
    call.dispatch(NOBODY)
    wealthy.go_to(PERIOD + 3)

    assert storage.content_size(hashing.sha2_256(b"again")) is None
    assert _refusal(storage, call) == validity.Payment()


def test_nobody_renames_what_another_has_worked_for(wealthy: Any, alice: Any) -> None:
    storage = wealthy.transaction_storage
    storage.donate(alice, 10**15)
    nonce = _worked(storage, b"mine")

    assert _refusal(storage, storage.store_anonymously.call(nonce, OTHER_CODEC, b"mine"))
    assert storage.validate_unsigned(
        TransactionSource.EXTERNAL, storage.store_anonymously.call(nonce, SHA2, b"mine")
    ).provides


def test_a_pot_that_could_not_pay_and_live_is_asked_for_nothing(wealthy: Any, alice: Any) -> None:
    """What got into a block and failed there would have cost its sender nothing."""
    storage = wealthy.transaction_storage
    storage.donate(alice, storage.entry_fee.get() + storage.byte_fee.get())

    call = storage.store_anonymously.call(_worked(storage, b"x"), SHA2, b"x")
    assert _refusal(storage, call) == validity.Payment()


def test_too_much_content_is_refused_before_it_is_hashed(
    wealthy: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    storage = wealthy.transaction_storage
    monkeypatch.setattr(pallet, "digest", pytest.fail)
    monkeypatch.setattr(storage, "max_transaction_size", 4)

    assert _refusal(storage, storage.store.call(b"large")) == BAD_DATA_SIZE


# In full blocks.


def test_in_a_full_block_nobody_signs_in_vain(
    wealthy: Any, alice: Any, bob: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    storage = wealthy.transaction_storage
    monkeypatch.setattr(storage, "max_block_transactions", 1)
    storage.authorize_account(ROOT, bob, 9, 99)
    storage.store(signed(alice), b"the last")
    for who in (alice, bob):
        with pytest.raises(InvalidTransactionError) as caught:
            storage.store.feeless_if(signed(who), b"one more")
        assert caught.value.error.reason == validity.ExhaustsResources()  # type: ignore[union-attr]


# Deposits, whatever people do.

PEOPLE = tuple(AccountId(bytes((n,)) * 32) for n in (0xA1, 0xB0, 0xC0))
contents = st.sampled_from((b"a", b"b" * 256, b"c" * 257, b"d" * 1000))
people = st.sampled_from(PEOPLE)


class Commons(RuleBasedStateMachine):
    """Three people store, renew, pin, publish and pay for the same few contents."""

    market: Any

    def __init__(self) -> None:
        super().__init__()
        self.market.restart()
        self.storage = self.market.transaction_storage
        self.storage.retention_period.put(PERIOD)
        self.reason = self.storage.Hold.STORAGE_FEE_HOLD

    def _try(self, act: Any, *args: Any) -> None:
        mark = self.market.slot.overlay.mark()
        try:
            act(*args)
        except DispatchFailure:
            self.market.slot.overlay.rollback(mark)

    @rule(who=people, data=contents)
    def store(self, who: Any, data: bytes) -> None:
        self._try(self.storage.store, signed(who), data)

    @rule(who=people, back=st.integers(0, PERIOD + 1), place=st.integers(0, 3))
    def renew(self, who: Any, back: int, place: int) -> None:
        block = max(self.market.system.block_number() - back, 0)
        self._try(self.storage.renew, signed(who), block, place)

    @rule(who=people, data=contents)
    def pin(self, who: Any, data: bytes) -> None:
        self._try(self.storage.keep, who, hashing.blake2_256(data))

    @rule(who=people, data=contents)
    def authorize(self, who: Any, data: bytes) -> None:
        self.storage.authorize_account(ROOT, who, 1, len(data))

    @rule(who=people, dest=people, amount=st.sampled_from((1, 10**9, 10**18)))
    def spend(self, who: Any, dest: Any, amount: int) -> None:
        move = self.market.money.transfer_between
        self._try(lambda: move(who, dest, amount, keep_alive=False))

    @rule(blocks=st.integers(1, 2 * PERIOD))
    def wait(self, blocks: int) -> None:
        self.market.go_to(self.market.system.block_number() + blocks)

    @invariant()
    def all_that_is_held_is_for_content_that_is_there(self) -> None:
        owed = dict.fromkeys(PEOPLE, 0)
        for paid in (*self.storage.entries.provenances(), *self.storage.pinned.all()):
            if paid.depositor is not None:
                owed[paid.depositor] += paid.deposit
        assert owed == {who: self.market.money.held(self.reason, who) for who in PEOPLE}
        self.market.try_state()


@pytest.mark.parametrize("money", ["built", "real"])
def test_every_deposit_is_for_content_that_is_there(
    money: str, request: pytest.FixtureRequest
) -> None:
    machine = type(money, (Commons,), {"market": request.getfixturevalue(money)})
    slow = (HealthCheck.too_slow, HealthCheck.filter_too_much)
    run_state_machine_as_test(
        machine, settings=settings(max_examples=30, deadline=None, suppress_health_check=slow)
    )
