"""Balances: money that is held, frozen or reserved."""

from typing import Any

import pytest

from tilth.frame import AccountId, Currency, DispatchFailure, HoldReason, Token, TokenError
from tilth.pallets.balances import BalanceStatus, Error
from tilth.pallets.balances.events import (
    Frozen,
    Reserved,
    ReserveRepatriated,
    Thawed,
    Unreserved,
)
from tilth.primitives.types import Id

ALICE, BOB, CAROL = (AccountId(bytes((number,)) * 32) for number in (1, 2, 3))
DEPOSIT = 100


def currency(bank: Any) -> Currency:
    money: Currency = bank.balances
    return money


def rent(bank: Any) -> HoldReason:
    reason: HoldReason = bank.runtime.claims.Hold.RENT
    return reason


def fails_for(failure: pytest.ExceptionInfo[DispatchFailure], error: TokenError) -> bool:
    return failure.value.reason == Token(error)


def test_held_money_is_neither_free_nor_lost(bank: Any) -> None:
    currency(bank).hold(rent(bank), BOB, 400)

    assert bank.free(BOB) == 600
    assert currency(bank).held(rent(bank), BOB) == 400
    assert bank.system.account[BOB].data.reserved == 400
    assert currency(bank).total_issuance_now() == 11_000
    assert bank.happened() == []


def test_a_hold_leaves_the_deposit_free(bank: Any) -> None:
    with pytest.raises(DispatchFailure) as failure:
        currency(bank).hold(rent(bank), BOB, 1_000 - DEPOSIT + 1)

    assert fails_for(failure, TokenError.FUNDS_UNAVAILABLE)
    assert bank.balances.can_hold(rent(bank), BOB, 1_000 - DEPOSIT)


def test_nothing_is_held_where_there_is_no_account(bank: Any) -> None:
    with pytest.raises(DispatchFailure) as failure:
        currency(bank).hold(rent(bank), CAROL, 1)

    assert fails_for(failure, TokenError.CANNOT_CREATE_HOLD)


def test_reasons_are_kept_apart(bank: Any) -> None:
    bond = bank.runtime.claims.Hold.BOND
    currency(bank).hold(rent(bank), BOB, 100)
    currency(bank).hold(bond, BOB, 200)
    currency(bank).hold(rent(bank), BOB, 50)

    assert currency(bank).held(rent(bank), BOB) == 150
    assert currency(bank).held(bond, BOB) == 200
    with pytest.raises(DispatchFailure) as failure:
        currency(bank).release(rent(bank), BOB, 151)
    assert fails_for(failure, TokenError.FUNDS_UNAVAILABLE)


def test_a_hold_keeps_the_account_alive_until_it_is_released(bank: Any) -> None:
    everything = bank.balances.transfer_allow_death.call(Id(ALICE), 600)
    currency(bank).hold(rent(bank), BOB, 400)
    assert bank.system.account[BOB].consumers == 1

    assert bank.dispatch(everything, BOB) == Token(TokenError.FROZEN)
    currency(bank).release(rent(bank), BOB, 400)

    assert bank.system.account[BOB].consumers == 0
    assert bank.dispatch(everything, BOB) is None


def test_held_money_moves_to_another_account(bank: Any) -> None:
    currency(bank).hold(rent(bank), BOB, 400)

    currency(bank).transfer_held(rent(bank), BOB, CAROL, 300)

    assert bank.free(CAROL) == 300
    assert currency(bank).held(rent(bank), BOB) == 100


def test_held_money_makes_no_account_below_the_deposit(bank: Any) -> None:
    currency(bank).hold(rent(bank), BOB, 400)

    with pytest.raises(DispatchFailure) as failure:
        currency(bank).transfer_held(rent(bank), BOB, CAROL, DEPOSIT - 1)

    assert fails_for(failure, TokenError.CANNOT_CREATE)


def test_held_money_can_be_destroyed(bank: Any) -> None:
    currency(bank).hold(rent(bank), BOB, 400)

    currency(bank).burn_held(rent(bank), BOB, 400)

    assert currency(bank).total_issuance_now() == 10_600
    assert bank.system.account[BOB].consumers == 0


def test_frozen_money_stays_but_what_is_held_counts_towards_it(bank: Any) -> None:
    vote = bank.runtime.claims.Freeze.VOTE
    bank.balances.set_freeze(vote, BOB, 700)
    assert bank.happened() == [Frozen(BOB, 700)]
    transfer = bank.balances.transfer_keep_alive.call(Id(ALICE), 500)

    assert bank.dispatch(transfer, BOB) == Token(TokenError.FROZEN)
    currency(bank).hold(rent(bank), BOB, 400)
    assert bank.dispatch(bank.balances.transfer_keep_alive.call(Id(ALICE), 300), BOB) is None

    assert bank.free(BOB) == 300


def test_freezes_overlap_and_thaw(bank: Any) -> None:
    freeze = bank.runtime.claims.Freeze
    bank.balances.set_freeze(freeze.VOTE, BOB, 500)
    bank.balances.extend_freeze(freeze.STAKE, BOB, 300)
    bank.balances.extend_freeze(freeze.VOTE, BOB, 200)
    bank.happened()

    assert bank.system.account[BOB].data.frozen == 500
    bank.balances.set_freeze(freeze.VOTE, BOB, 0)
    assert bank.happened() == [Thawed(BOB, 200)]
    bank.balances.set_freeze(freeze.STAKE, BOB, 0)
    assert bank.happened() == [Thawed(BOB, 300)]
    assert BOB not in bank.balances.freezes


def test_a_freeze_holds_back_what_is_held_from_leaving(bank: Any) -> None:
    currency(bank).hold(rent(bank), BOB, 800)
    bank.balances.set_freeze(bank.runtime.claims.Freeze.VOTE, BOB, 900)

    with pytest.raises(DispatchFailure) as failure:
        currency(bank).transfer_held(rent(bank), BOB, ALICE, 200)

    assert fails_for(failure, TokenError.FROZEN)
    currency(bank).transfer_held(rent(bank), BOB, ALICE, 100)


def test_as_many_freezes_as_the_runtime_allows(bank: Any) -> None:
    bank.balances.max_freezes, bank.balances.freeze_book._most = 1, 1
    freeze = bank.runtime.claims.Freeze
    bank.balances.set_freeze(freeze.VOTE, BOB, 1)

    with pytest.raises(DispatchFailure) as failure:
        bank.balances.set_freeze(freeze.STAKE, BOB, 1)

    assert failure.value.reason is Error.TOO_MANY_FREEZES


def test_reserved_money_comes_back(bank: Any) -> None:
    bank.balances.reserve(BOB, 300)
    assert bank.happened() == [Reserved(BOB, 300)]

    assert bank.balances.unreserve(BOB, 1_000) == 700

    assert bank.happened() == [Unreserved(BOB, 300)]
    assert bank.free(BOB) == 1_000


def test_root_frees_what_is_reserved(bank: Any) -> None:
    bank.balances.reserve(BOB, 300)

    assert bank.dispatch(bank.balances.force_unreserve.call(Id(BOB), 100)) is None

    assert bank.system.account[BOB].data.reserved == 200


def test_reserved_money_is_taken_from_what_is_free_and_not_frozen(bank: Any) -> None:
    bank.balances.set_freeze(bank.runtime.claims.Freeze.VOTE, BOB, 800)

    with pytest.raises(DispatchFailure) as failure:
        bank.balances.reserve(BOB, 201)
    assert failure.value.reason is Error.LIQUIDITY_RESTRICTIONS
    with pytest.raises(DispatchFailure) as failure:
        bank.balances.reserve(BOB, 1_001)
    assert failure.value.reason is Error.INSUFFICIENT_BALANCE


@pytest.mark.parametrize("status", list(BalanceStatus))
def test_reserved_money_moves_as_what_it_shall_be(bank: Any, status: BalanceStatus) -> None:
    bank.balances.reserve(BOB, 300)
    bank.happened()

    assert bank.balances.repatriate_reserved(BOB, ALICE, 500, status) == 200

    assert bank.happened() == [ReserveRepatriated(BOB, ALICE, 300, status)]
    alice = bank.system.account[ALICE].data
    expected = (10_300, 0) if status is BalanceStatus.FREE else (10_000, 300)
    assert (alice.free, alice.reserved) == expected


def test_nobody_is_given_reserved_money_who_does_not_exist(bank: Any) -> None:
    bank.balances.reserve(BOB, 300)

    with pytest.raises(DispatchFailure) as failure:
        bank.balances.repatriate_reserved(BOB, CAROL, 300, BalanceStatus.FREE)

    assert failure.value.reason is Error.DEAD_ACCOUNT
