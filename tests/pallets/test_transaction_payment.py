"""Transaction payment: what a transaction costs, who pays, and how the price moves."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tilth.frame import (
    AccountId,
    DispatchClass,
    DispatchInfo,
    InvalidTransactionError,
    Pays,
    PostInfo,
    Reason,
    RuntimeCall,
    Transaction,
    ValidTransaction,
    Weight,
    signed,
    validity,
)
from tilth.pallets.balances.events import Deposit, Transfer, Withdraw
from tilth.pallets.sudo.pallet import Sudid
from tilth.pallets.system.events import ExtrinsicSuccess
from tilth.pallets.transaction_payment import ConstantMultiplier, TargetedFeeAdjustment
from tilth.pallets.transaction_payment.multiplier import ONE
from tilth.pallets.transaction_payment.pallet import TransactionFeePaid
from tilth.primitives.types import H256, Digest, Header, Id, PreRuntime
from tilth.runtime.solo2503 import Solo2503

ALICE, BOB = AccountId(b"\x01" * 32), AccountId(b"\x02" * 32)
WEALTH = 10**15
LENGTH = 150


@dataclass
class Till:
    """A block under construction, into which transactions go without signatures."""

    runtime: Solo2503

    def transaction(self, call: RuntimeCall, who: AccountId = ALICE) -> Transaction:
        info = call.info
        weight = self.runtime.pipeline.weight(self.values(0), call)
        info = DispatchInfo(info.call_weight, info.dispatch_class, info.pays_fee, weight)
        return Transaction(signed(who), call, info, LENGTH)

    def values(self, nonce: int, tip: int = 0) -> tuple[Any, ...]:
        values = list(self.runtime.pipeline.values_for(nonce))
        values[7] = type(values[7])(tip)
        return tuple(values)

    def validate(self, call: RuntimeCall, tip: int = 0, who: AccountId = ALICE) -> ValidTransaction:
        return self.runtime.pipeline.validate(self.values(0, tip), self.transaction(call, who))

    def pay(self, call: RuntimeCall, post: PostInfo, tip: int = 0) -> list[Any]:
        """Charge for a call that reports so; returns the events."""
        transaction, values = self.transaction(call), self.values(0, tip)
        self.runtime.pipeline.validate(values, transaction)
        prepared = self.runtime.pipeline.prepare(values, transaction)
        failure: Reason | None = None
        self.runtime.pipeline.post_dispatch(prepared, transaction, post, failure)
        system: Any = self.runtime.system
        return [record.event.event for record in system.events.get()]

    def fee(self, call: RuntimeCall, tip: int = 0) -> int:
        return self.runtime.payment.fee(LENGTH, self.transaction(call).info, tip)

    def balance(self, who: AccountId = ALICE) -> int:
        return self.runtime.balances.free_balance(who)

    @property
    def issuance(self) -> int:
        return self.runtime.balances.total_issuance.get()


@pytest.fixture
def till() -> Iterator[Till]:
    runtime = Solo2503()
    genesis = runtime.build_genesis(
        {"Balances": {"balances": [(ALICE, WEALTH), (BOB, 10**9)]}, "Sudo": {"key": ALICE}}
    )
    zero = H256(bytes(32))
    slot = Digest((PreRuntime(b"aura", (1).to_bytes(8, "little")),))
    with runtime.at(genesis):
        runtime.executive.initialize_block(Header(zero, 1, zero, zero, slot))
        yield Till(runtime)
        runtime.try_state()


def remark(till: Till) -> RuntimeCall:
    return till.runtime.system.remark.call(b"hello")  # type: ignore[attr-defined,no-any-return]


def test_the_fee_is_base_length_and_weight(till: Till) -> None:
    details = till.runtime.payment.fee_details(LENGTH, till.transaction(remark(till)).info, 7)

    assert details.inclusion_fee is not None
    assert details.inclusion_fee.base_fee == 108_157_000
    assert details.inclusion_fee.len_fee == LENGTH
    weight = till.transaction(remark(till)).info.total_weight.ref_time
    assert details.inclusion_fee.adjusted_weight_fee == weight
    assert details.total == 108_157_000 + LENGTH + weight + 7


def test_a_multiplier_below_the_least_is_an_invariant_broken(till: Till) -> None:
    payment = till.runtime.payment
    payment.fee_multiplier_update = TargetedFeeAdjustment(ONE // 4, ONE // 100, minimum=ONE)

    payment.try_state()
    with till.runtime.at(till.runtime.slot.overlay.trie):
        payment.next_fee_multiplier.put(ONE - 1)
        with pytest.raises(AssertionError, match="is below 1000000000000000000"):
            payment.try_state()


def test_the_multiplier_makes_weight_dearer_and_nothing_else(till: Till) -> None:
    before = till.runtime.payment.fee_details(LENGTH, till.transaction(remark(till)).info, 0)
    till.runtime.payment.next_fee_multiplier.put(3 * ONE)
    after = till.runtime.payment.fee_details(LENGTH, till.transaction(remark(till)).info, 0)

    assert before.inclusion_fee is not None
    assert after.inclusion_fee is not None
    assert after.inclusion_fee.adjusted_weight_fee == 3 * before.inclusion_fee.adjusted_weight_fee
    assert after.inclusion_fee.len_fee == before.inclusion_fee.len_fee


def test_weight_beyond_a_block_costs_a_block(till: Till) -> None:
    most = till.runtime.payment.limits.max_block()

    assert till.runtime.payment.fee_of_weight(most * 5) == most.ref_time


def test_the_fee_is_taken_and_destroyed(till: Till) -> None:
    fee = till.fee(remark(till), tip=11)

    events = till.pay(remark(till), PostInfo(), tip=11)

    assert events == [Withdraw(ALICE, fee), TransactionFeePaid(ALICE, fee, 11)]
    assert (till.balance(), till.issuance) == (WEALTH - fee, WEALTH + 10**9 - fee)


def test_weight_that_was_not_used_is_paid_back(till: Till) -> None:
    call = remark(till)
    info = till.transaction(call).info
    less = PostInfo(info.total_weight - Weight(1_000, 0))
    fee = till.fee(call)

    events = till.pay(call, less)

    assert events == [
        Withdraw(ALICE, fee),
        Deposit(ALICE, 1_000),
        TransactionFeePaid(ALICE, fee - 1_000, 0),
    ]


def test_a_call_that_does_not_pay_costs_the_tip_alone(till: Till) -> None:
    fee = till.fee(remark(till), tip=5)

    events = till.pay(remark(till), PostInfo(pays_fee=Pays.NO), tip=5)

    assert events[1:] == [Deposit(ALICE, fee - 5), TransactionFeePaid(ALICE, 5, 5)]


def test_who_cannot_pay_or_would_end_by_it_is_refused(till: Till) -> None:
    for who, tip in ((BOB, 0), (ALICE, WEALTH), (ALICE, WEALTH - till.fee(remark(till)))):
        with pytest.raises(InvalidTransactionError) as error:
            till.validate(remark(till), tip, who)
        assert error.value.error == validity.Invalid(validity.Payment())


def test_tips_and_small_transactions_come_first(till: Till) -> None:
    cheap, dear = till.validate(remark(till)), till.validate(remark(till), tip=1)

    assert dear.priority == 2 * cheap.priority
    heavy: Any = till.runtime.system
    assert till.validate(heavy.remark.call(b"long" * 10_000)).priority < cheap.priority


def test_operational_calls_come_before_normal_ones(till: Till) -> None:
    system: Any = till.runtime.system
    call = system.set_heap_pages.call(64)
    assert call.info.dispatch_class is DispatchClass.OPERATIONAL

    virtual = till.fee(call) * till.runtime.payment.operational_fee_multiplier
    per_block = till.validate(call).priority // (virtual + 1)

    assert till.validate(call).priority == (virtual + 1) * per_block
    assert till.validate(call).priority > till.validate(remark(till), tip=10**6).priority


def test_the_call_runs_between_charge_and_settlement(till: Till) -> None:
    runtime = till.runtime
    call = runtime.sudo.sudo.call(runtime.balances.force_transfer.call(Id(ALICE), Id(BOB), 10))
    transaction, values = till.transaction(call), till.values(0)
    runtime.pipeline.validate(values, transaction)
    prepared = runtime.pipeline.prepare(values, transaction)
    post = call.dispatch(transaction.origin)
    runtime.pipeline.post_dispatch(prepared, transaction, post, None)
    runtime.system.note_applied_extrinsic(None, post, transaction.info)

    system: Any = runtime.system
    kinds = [type(record.event.event) for record in system.events.get()]
    assert kinds == [
        Withdraw,
        Transfer,
        Sudid,
        Deposit,
        TransactionFeePaid,
        ExtrinsicSuccess,
    ]


LIMIT = Weight(1_000_000, 1_000_000)


@dataclass
class Load:
    normal: Weight
    normal_limit: Weight = LIMIT


ADJUSTMENT = TargetedFeeAdjustment(
    target=ONE // 4, variability=ONE // 100, minimum=ONE // 10, maximum=100 * ONE
)


def test_a_constant_price_never_moves() -> None:
    assert ConstantMultiplier().next(5, Load(Weight(10, 10))) == ONE


def test_the_price_holds_at_the_target() -> None:
    assert ADJUSTMENT.next(ONE, Load(Weight(250_000, 0))) == ONE


def test_the_fuller_dimension_decides() -> None:
    by_time = ADJUSTMENT.next(ONE, Load(Weight(900_000, 0)))

    assert ADJUSTMENT.next(ONE, Load(Weight(0, 900_000))) == by_time > ONE


def test_the_price_moves_by_the_published_formula() -> None:
    distance = 0.75 * 0.01
    expected = 1 + distance + distance**2 / 2

    full = ADJUSTMENT.next(ONE, Load(Weight(1_000_000, 0)))

    assert full == pytest.approx(expected * ONE, rel=1e-12)
    empty = ADJUSTMENT.next(ONE, Load(Weight(0, 0)))
    distance = 0.25 * 0.01
    assert empty == pytest.approx((1 - distance + distance**2 / 2) * ONE, rel=1e-12)


@given(used=st.integers(0, 2_000_000), multiplier=st.integers(0, 200 * ONE))
def test_the_price_stays_within_its_bounds(used: int, multiplier: int) -> None:
    following = ADJUSTMENT.next(multiplier, Load(Weight(used, 0)))

    assert ADJUSTMENT.minimum <= following <= ADJUSTMENT.maximum
    within = max(multiplier, ADJUSTMENT.minimum)
    if used <= 250_000:
        assert following <= within
    elif within <= ADJUSTMENT.maximum:
        assert following >= within
