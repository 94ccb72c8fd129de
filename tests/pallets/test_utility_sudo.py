"""Utility and Sudo: calls within calls, and in whose name they are made."""

from typing import Any

import pytest

from tilth.frame import (
    BAD_ORIGIN,
    CANNOT_LOOKUP,
    NOBODY,
    ROOT,
    AccountId,
    BadOrigin,
    DispatchClass,
    DispatchFailure,
    Err,
    Ok,
    Origin,
    Pays,
    RootCaller,
    SignedCaller,
    Token,
    TokenError,
    Weight,
    signed,
)
from tilth.pallets.balances.events import Transfer
from tilth.pallets.sudo.pallet import Error as SudoError
from tilth.pallets.sudo.pallet import KeyChanged, KeyRemoved, Sudid, SudoAsDone
from tilth.pallets.system.events import Error as SystemError
from tilth.pallets.utility.pallet import (
    BatchCompleted,
    BatchCompletedWithErrors,
    BatchInterrupted,
    DispatchedAs,
    Error,
    IfElseFallbackCalled,
    IfElseMainSuccess,
    ItemCompleted,
    ItemFailed,
    derivative,
)
from tilth.primitives.types import Id, Raw

ALICE, BOB, CAROL = (AccountId(bytes((number,)) * 32) for number in (1, 2, 3))


def pay(bank: Any, amount: int) -> Any:
    return bank.balances.transfer_keep_alive.call(Id(BOB), amount)


def root_only(bank: Any) -> Any:
    return bank.balances.force_transfer.call(Id(BOB), Id(ALICE), 1)


def test_a_batch_makes_its_calls_in_turn(bank: Any) -> None:
    batch = bank.runtime.utility.batch.call((pay(bank, 1), pay(bank, 2)))

    assert bank.dispatch(batch, ALICE) is None

    assert bank.happened() == [
        Transfer(ALICE, BOB, 1),
        ItemCompleted(),
        Transfer(ALICE, BOB, 2),
        ItemCompleted(),
        BatchCompleted(),
    ]


def test_a_batch_stops_at_the_first_failure_and_keeps_what_went_before(bank: Any) -> None:
    batch = bank.runtime.utility.batch.call((pay(bank, 1), root_only(bank), pay(bank, 2)))

    assert bank.dispatch(batch, ALICE) is None

    assert bank.free(BOB) == 1_001
    assert bank.happened() == [
        Transfer(ALICE, BOB, 1),
        ItemCompleted(),
        BatchInterrupted(1, BadOrigin()),
    ]


def test_an_atomic_batch_makes_all_or_nothing(bank: Any) -> None:
    good = bank.runtime.utility.batch_all.call((pay(bank, 1), pay(bank, 2)))
    bad = bank.runtime.utility.batch_all.call((pay(bank, 1), pay(bank, 10_500)))

    assert bank.dispatch(bad, ALICE) == Token(TokenError.FUNDS_UNAVAILABLE)
    assert bank.free(BOB) == 1_000
    assert bank.dispatch(good, ALICE) is None
    assert bank.free(BOB) == 1_003


def test_atomic_batches_do_not_nest_except_for_root(bank: Any) -> None:
    utility = bank.runtime.utility
    inner = utility.batch_all.call((bank.system.remark.call(b""),))
    nested = utility.batch_all.call((inner,))
    hidden = utility.batch_all.call((utility.batch.call((inner,)),))

    assert bank.dispatch(nested, ALICE) is SystemError.CALL_FILTERED
    assert bank.dispatch(hidden, ALICE) is None
    interrupted = BatchInterrupted(0, bank.runtime.dispatch_error(SystemError.CALL_FILTERED))
    assert interrupted in bank.happened()
    assert bank.dispatch(nested) is None


def test_a_forced_batch_goes_on_after_failures(bank: Any) -> None:
    batch = bank.runtime.utility.force_batch.call((root_only(bank), pay(bank, 2)))

    assert bank.dispatch(batch, ALICE) is None

    assert bank.happened() == [
        ItemFailed(BadOrigin()),
        Transfer(ALICE, BOB, 2),
        ItemCompleted(),
        BatchCompletedWithErrors(),
    ]


@pytest.mark.parametrize("name", ["batch", "batch_all", "force_batch"])
def test_nobody_makes_no_batch_and_none_is_too_long(bank: Any, name: str) -> None:
    method = getattr(bank.runtime.utility, name)
    remark = bank.system.remark.call(b"")

    with pytest.raises(DispatchFailure) as failure:
        method.call((remark,)).dispatch(NOBODY)
    assert failure.value.reason == BAD_ORIGIN
    most = bank.runtime.utility.batched_calls_limit
    assert bank.dispatch(method.call((remark,) * (most + 1)), ALICE) is Error.TOO_MANY_CALLS


def test_a_batch_weighs_what_its_calls_weigh_and_is_paid_for_what_it_did(bank: Any) -> None:
    utility, remark = bank.runtime.utility, bank.system.remark.call(b"")
    batch = utility.batch.call((pay(bank, 1), root_only(bank), remark))

    declared = batch.info.call_weight
    parts = sum((c.info.call_weight for c in batch.args[0]), Weight(0, 0))
    assert declared == parts + utility.own_weight("batch", 3)

    spent = batch.dispatch(signed(ALICE)).actual_weight
    assert spent == declared - remark.info.call_weight - (
        utility.own_weight("batch", 3) - utility.own_weight("batch", 2)
    )


def test_only_a_batch_of_operational_calls_is_operational(bank: Any) -> None:
    batch = bank.runtime.utility.batch
    urgent = bank.system.set_heap_pages.call(1)

    assert batch.call(()).info.dispatch_class is DispatchClass.OPERATIONAL
    assert batch.call((urgent,)).info.dispatch_class is DispatchClass.OPERATIONAL
    assert batch.call((urgent, pay(bank, 1))).info.dispatch_class is DispatchClass.NORMAL


def test_a_derived_account_acts_for_its_owner(bank: Any) -> None:
    pseudonym = derivative(ALICE, 7)
    bank.balances.transfer_between(ALICE, pseudonym, 500, keep_alive=True)
    bank.happened()
    call = bank.runtime.utility.as_derivative.call(7, pay(bank, 50))

    assert bank.dispatch(call, ALICE) is None
    assert bank.happened() == [Transfer(pseudonym, BOB, 50)]
    assert bank.dispatch(call, BOB) == Token(TokenError.FUNDS_UNAVAILABLE)
    assert bank.dispatch(call) == BAD_ORIGIN


def test_a_derived_accounts_failure_tells_what_it_weighed(bank: Any) -> None:
    call = bank.runtime.utility.as_derivative.call(7, pay(bank, 50))

    with pytest.raises(DispatchFailure) as failure:
        call.dispatch(signed(ALICE))

    assert failure.value.post_info.actual_weight == call.info.call_weight


def test_root_acts_as_anybody(bank: Any) -> None:
    as_alice = bank.runtime.utility.dispatch_as.call(SignedCaller(ALICE), pay(bank, 5))

    assert bank.dispatch(as_alice, ALICE) == BAD_ORIGIN
    assert bank.dispatch(as_alice) is None
    assert bank.happened() == [Transfer(ALICE, BOB, 5), DispatchedAs(Ok(None))]
    as_root = bank.runtime.utility.dispatch_as.call(RootCaller(), pay(bank, 5))
    assert bank.dispatch(as_root) is None
    assert bank.happened() == [DispatchedAs(Err(BadOrigin()))]


def test_root_says_what_a_call_weighs(bank: Any) -> None:
    weight = Weight(5, 6)
    call = bank.runtime.utility.with_weight.call(root_only(bank), weight)

    assert call.info.call_weight == weight
    assert bank.dispatch(call, ALICE) == BAD_ORIGIN
    assert bank.dispatch(call) is None
    failing = bank.runtime.utility.with_weight.call(pay(bank, 1), weight)
    assert bank.dispatch(failing) == BAD_ORIGIN


def test_a_filter_reaches_the_calls_of_a_batch(bank: Any) -> None:
    origin = Origin(SignedCaller(ALICE)).restricted(lambda call: call.method.name == "batch")

    bank.runtime.utility.batch.call((pay(bank, 1),)).dispatch(origin)

    filtered = bank.runtime.dispatch_error(SystemError.CALL_FILTERED)
    assert bank.happened() == [BatchInterrupted(0, filtered)]


def test_the_key_makes_root_of_its_holder_alone(bank: Any) -> None:
    call = bank.runtime.sudo.sudo.call(root_only(bank))

    assert bank.dispatch(call, BOB) is SudoError.REQUIRE_SUDO
    assert call.dispatch(signed(ALICE)).pays_fee is Pays.NO
    assert bank.happened() == [Transfer(BOB, ALICE, 1), Sudid(Ok(None))]
    with pytest.raises(DispatchFailure) as failure:
        call.dispatch(NOBODY)
    assert failure.value.reason == BAD_ORIGIN
    call.dispatch(ROOT)


def test_what_root_fails_at_is_told_and_undone(bank: Any) -> None:
    call = bank.runtime.sudo.sudo.call(pay(bank, 5))

    assert bank.dispatch(call, ALICE) is None

    assert bank.happened() == [Sudid(Err(BadOrigin()))]


def test_the_holder_acts_as_anybody(bank: Any) -> None:
    send = bank.balances.transfer_keep_alive.call(Id(ALICE), 5)
    call = bank.runtime.sudo.sudo_as.call(Id(BOB), send)

    assert bank.dispatch(call, ALICE) is None
    assert bank.happened() == [Transfer(BOB, ALICE, 5), SudoAsDone(Ok(None))]
    nowhere = bank.runtime.sudo.sudo_as.call(Raw(b""), send)
    assert bank.dispatch(nowhere, ALICE) == CANNOT_LOOKUP


def test_the_key_changes_hands_and_can_be_thrown_away(bank: Any) -> None:
    sudo = bank.runtime.sudo

    assert bank.dispatch(sudo.set_key.call(Id(BOB)), ALICE) is None
    assert bank.dispatch(sudo.set_key.call(Id(ALICE)), ALICE) is SudoError.REQUIRE_SUDO
    assert bank.dispatch(sudo.remove_key.call(), BOB) is None

    assert bank.happened() == [KeyChanged(ALICE, BOB), KeyRemoved()]
    assert sudo.key.get() is None
    assert bank.dispatch(sudo.remove_key.call(), BOB) is SudoError.REQUIRE_SUDO


def test_a_call_of_root_has_the_inner_calls_class_and_more_weight(bank: Any) -> None:
    inner = bank.system.set_heap_pages.call(1)
    call = bank.runtime.sudo.sudo.call(inner)
    unchecked = bank.runtime.sudo.sudo_unchecked_weight.call(inner, Weight(1, 2))

    assert call.info.dispatch_class is DispatchClass.OPERATIONAL
    assert inner.info.call_weight.all_lte(call.info.call_weight)
    assert unchecked.info.call_weight == Weight(1, 2)
    assert bank.dispatch(unchecked, ALICE) is None


def test_a_fallback_is_made_only_if_the_main_call_fails(bank: Any) -> None:
    if_else = bank.runtime.utility.if_else

    assert bank.dispatch(if_else.call(pay(bank, 1), pay(bank, 2)), ALICE) is None
    assert bank.happened() == [Transfer(ALICE, BOB, 1), IfElseMainSuccess()]

    assert bank.dispatch(if_else.call(root_only(bank), pay(bank, 2)), ALICE) is None
    assert bank.happened() == [Transfer(ALICE, BOB, 2), IfElseFallbackCalled(BadOrigin())]


def test_a_fallback_that_fails_too_fails_the_call_with_its_own_reason(bank: Any) -> None:
    utility = bank.runtime.utility
    both = utility.if_else.call(root_only(bank), pay(bank, 10_500))

    assert bank.dispatch(both, ALICE) == Token(TokenError.FUNDS_UNAVAILABLE)

    with pytest.raises(DispatchFailure) as failed:
        both.dispatch(signed(ALICE))
    made = root_only(bank).info.call_weight + pay(bank, 1).info.call_weight
    assert failed.value.post_info.actual_weight == utility.own_weight("if_else") + made


def test_a_fallback_that_was_not_made_is_not_paid_for(bank: Any) -> None:
    utility = bank.runtime.utility
    choice = utility.if_else.call(pay(bank, 1), bank.system.remark.call(bytes(100)))

    post = choice.dispatch(signed(ALICE))

    assert post.actual_weight == utility.own_weight("if_else") + pay(bank, 1).info.call_weight
    assert post.actual_weight.ref_time < choice.info.call_weight.ref_time


def test_a_choice_is_operational_only_if_both_calls_are(bank: Any) -> None:
    if_else, remark = bank.runtime.utility.if_else, bank.system.remark.call(b"")
    urgent = bank.system.set_heap_pages.call(1)

    assert urgent.info.dispatch_class is DispatchClass.OPERATIONAL
    assert if_else.call(urgent, urgent).info.dispatch_class is DispatchClass.OPERATIONAL
    assert if_else.call(urgent, remark).info.dispatch_class is DispatchClass.NORMAL


def test_nobody_makes_no_choice(bank: Any) -> None:
    remark = bank.system.remark.call(b"")

    with pytest.raises(DispatchFailure) as failed:
        bank.runtime.utility.if_else.call(remark, remark).dispatch(NOBODY)

    assert failed.value.reason is BAD_ORIGIN


def test_root_calls_in_anothers_name_and_fails_if_the_call_fails(bank: Any) -> None:
    fallible = bank.runtime.utility.dispatch_as_fallible
    alice = SignedCaller(ALICE)

    assert bank.dispatch(fallible.call(alice, pay(bank, 1)), ALICE) is BAD_ORIGIN
    assert bank.dispatch(fallible.call(alice, pay(bank, 10_500))) == Token(
        TokenError.FUNDS_UNAVAILABLE
    )
    assert bank.dispatch(fallible.call(alice, pay(bank, 7))) is None
    assert bank.happened() == [Transfer(ALICE, BOB, 7), DispatchedAs(Ok(None))]
