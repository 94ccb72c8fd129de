"""Balances: transfers, the existential deposit, and what root may do to money."""

from collections.abc import Mapping
from typing import Any, ClassVar

import pytest

from tilth.frame import (
    BAD_ORIGIN,
    CANNOT_LOOKUP,
    AccountId,
    Arithmetic,
    ArithmeticError,
    DeclarationError,
    DispatchFailure,
    Pays,
    Runtime,
    Token,
    TokenError,
    replace,
    signed,
    u64,
)
from tilth.pallets.balances import AdjustmentDirection, Balances, Error
from tilth.pallets.balances.events import (
    BalanceSet,
    Burned,
    DustLost,
    Endowed,
    Issued,
    Rescinded,
    TotalIssuanceForced,
    Transfer,
    Upgraded,
)
from tilth.pallets.balances.types import AccountData
from tilth.pallets.system import System
from tilth.pallets.system.events import KilledAccount, NewAccount
from tilth.primitives.types import Address20, Id, Index, Raw

ALICE, BOB, CAROL = (AccountId(bytes((number,)) * 32) for number in (1, 2, 3))
DEPOSIT = 100


def test_a_transfer_moves_money_and_says_so(bank: Any) -> None:
    call = bank.balances.transfer_allow_death.call(Id(BOB), 250)

    assert bank.dispatch(call, ALICE) is None

    assert (bank.free(ALICE), bank.free(BOB)) == (9_750, 1_250)
    assert bank.happened() == [Transfer(ALICE, BOB, 250)]


def test_a_transfer_to_nobody_creates_an_account(bank: Any) -> None:
    call = bank.balances.transfer_keep_alive.call(Id(CAROL), DEPOSIT)

    assert bank.dispatch(call, ALICE) is None

    assert bank.happened() == [
        NewAccount(CAROL),
        Endowed(CAROL, DEPOSIT),
        Transfer(ALICE, CAROL, DEPOSIT),
    ]
    assert bank.system.account[CAROL].providers == 1


def test_less_than_the_deposit_creates_no_account(bank: Any) -> None:
    call = bank.balances.transfer_allow_death.call(Id(CAROL), DEPOSIT - 1)

    assert bank.dispatch(call, ALICE) == Token(TokenError.BELOW_MINIMUM)
    assert CAROL not in bank.system.account


def test_who_gives_everything_away_is_no_more(bank: Any) -> None:
    call = bank.balances.transfer_allow_death.call(Id(ALICE), 1_000)

    assert bank.dispatch(call, BOB) is None

    assert BOB not in bank.system.account
    assert bank.happened() == [KilledAccount(BOB), Transfer(BOB, ALICE, 1_000)]


def test_what_is_left_below_the_deposit_is_lost(bank: Any) -> None:
    call = bank.balances.transfer_allow_death.call(Id(ALICE), 1_000 - 30)

    assert bank.dispatch(call, BOB) is None

    assert bank.balances.total_issuance.get() == 11_000 - 30
    assert bank.happened() == [KilledAccount(BOB), DustLost(BOB, 30), Transfer(BOB, ALICE, 970)]


def test_a_careful_sender_does_not_end(bank: Any) -> None:
    everything = bank.balances.transfer_keep_alive.call(Id(ALICE), 1_000)
    all_but_the_deposit = bank.balances.transfer_keep_alive.call(Id(ALICE), 1_000 - DEPOSIT)

    assert bank.dispatch(everything, BOB) == Token(TokenError.NOT_EXPENDABLE)
    assert bank.dispatch(all_but_the_deposit, BOB) is None
    assert bank.free(BOB) == DEPOSIT


def test_nobody_sends_more_than_he_has(bank: Any) -> None:
    call = bank.balances.transfer_allow_death.call(Id(ALICE), 1_001)

    assert bank.dispatch(call, BOB) == Token(TokenError.FUNDS_UNAVAILABLE)


def test_money_sent_to_oneself_stays_without_a_word(bank: Any) -> None:
    assert bank.dispatch(bank.balances.transfer_allow_death.call(Id(BOB), 10), BOB) is None

    assert bank.free(BOB) == 1_000
    assert bank.happened() == []


def test_sending_all_empties_or_spares_the_deposit(bank: Any) -> None:
    assert bank.dispatch(bank.balances.transfer_all.call(Id(BOB), True), ALICE) is None
    assert bank.free(ALICE) == DEPOSIT

    assert bank.dispatch(bank.balances.transfer_all.call(Id(BOB), False), ALICE) is None
    assert ALICE not in bank.system.account
    assert bank.free(BOB) == 11_000


@pytest.mark.parametrize("address", [Raw(ALICE), Address20(bytes(20)), Index(None)])
def test_only_accounts_are_addresses(bank: Any, address: Any) -> None:
    call = bank.balances.transfer_allow_death.call(address, 10)

    assert bank.dispatch(call, BOB) == CANNOT_LOOKUP


def test_an_account_that_something_consumes_keeps_its_deposit(bank: Any) -> None:
    bank.system.accounts.inc_consumers(BOB)

    ends = bank.balances.transfer_allow_death.call(Id(ALICE), 1_000)
    assert bank.dispatch(ends, BOB) == Token(TokenError.FROZEN)
    goes_on = bank.balances.transfer_allow_death.call(Id(ALICE), 900)
    assert bank.dispatch(goes_on, BOB) is None


def test_only_root_moves_the_money_of_others(bank: Any) -> None:
    call = bank.balances.force_transfer.call(Id(BOB), Id(ALICE), 500)

    assert bank.dispatch(call, ALICE) == BAD_ORIGIN
    assert bank.dispatch(call) is None
    assert bank.free(BOB) == 500


def test_root_sets_a_balance_and_the_issuance_follows(bank: Any) -> None:
    assert bank.dispatch(bank.balances.force_set_balance.call(Id(CAROL), 700)) is None
    assert bank.happened() == [
        NewAccount(CAROL),
        Endowed(CAROL, 700),
        Issued(700),
        BalanceSet(CAROL, 700),
    ]
    assert bank.balances.total_issuance.get() == 11_700

    assert bank.dispatch(bank.balances.force_set_balance.call(Id(CAROL), DEPOSIT - 1)) is None
    assert bank.happened() == [KilledAccount(CAROL), Rescinded(700), BalanceSet(CAROL, 0)]
    assert bank.balances.total_issuance.get() == 11_000


def test_root_corrects_the_issuance_but_not_by_nothing(bank: Any) -> None:
    adjust = bank.balances.force_adjust_total_issuance
    assert bank.dispatch(adjust.call(AdjustmentDirection.INCREASE, 0)) is Error.DELTA_ZERO

    assert bank.dispatch(adjust.call(AdjustmentDirection.INCREASE, 5)) is None
    assert bank.happened() == [TotalIssuanceForced(11_000, 11_005)]
    with pytest.raises(AssertionError, match="add up"):
        bank.balances.try_state()
    assert bank.dispatch(adjust.call(AdjustmentDirection.DECREASE, 5)) is None


def test_the_issuance_stays_above_what_is_inactive(bank: Any) -> None:
    bank.balances.inactive_issuance.put(11_000)
    call = bank.balances.force_adjust_total_issuance.call(AdjustmentDirection.DECREASE, 1)

    assert bank.dispatch(call) is Error.ISSUANCE_DEACTIVATED


def test_money_burned_is_gone(bank: Any) -> None:
    assert bank.dispatch(bank.balances.burn.call(300, True), BOB) is None

    assert bank.happened() == [Burned(BOB, 300)]
    assert bank.balances.total_issuance.get() == 10_700
    too_much = bank.balances.burn.call(700, True)
    assert bank.dispatch(too_much, BOB) == Token(TokenError.FUNDS_UNAVAILABLE)
    assert bank.dispatch(bank.balances.burn.call(700, False), BOB) is None
    assert BOB not in bank.system.account


def test_minting_stops_at_the_largest_number(bank: Any) -> None:
    with pytest.raises(DispatchFailure) as failure:
        bank.balances.mint_into(BOB, 2**128 - 1)

    assert failure.value.reason == Arithmetic(ArithmeticError.OVERFLOW)


def test_accounts_of_older_rules_are_upgraded_once_and_freely(bank: Any) -> None:
    old = AccountData(free=900, reserved=100, flags=0)
    bank.system.account[BOB] = replace(bank.system.account[BOB], data=old)
    call = bank.balances.upgrade_accounts.call((BOB,))

    assert call.dispatch(signed(ALICE)).pays_fee is Pays.NO

    assert bank.happened() == [Upgraded(BOB)]
    assert bank.system.account[BOB].consumers == 1
    assert call.dispatch(signed(ALICE)).pays_fee is Pays.YES
    assert bank.happened() == []


def test_an_old_account_is_upgraded_when_it_is_touched(bank: Any) -> None:
    info = bank.system.account[BOB]
    bank.system.account[BOB] = replace(info, data=replace(info.data, flags=0))

    assert bank.dispatch(bank.balances.transfer_allow_death.call(Id(BOB), 1), ALICE) is None

    assert bank.happened() == [Upgraded(BOB), Transfer(ALICE, BOB, 1)]


def test_genesis_endows_nobody_twice_and_nobody_too_little(bank: Any) -> None:
    runtime = type(bank.runtime)()

    with pytest.raises(AssertionError, match="twice"):
        runtime.build_genesis({"Balances": {"balances": [(BOB, 500), (BOB, 500)]}})
    with pytest.raises(AssertionError, match="cannot live"):
        runtime.build_genesis({"Balances": {"balances": [(BOB, DEPOSIT - 1)]}})


def test_balances_may_be_narrower(bank: Any) -> None:
    class Narrow(type(bank.runtime)):  # type: ignore[misc]
        types: ClassVar[Mapping[object, object]] = {**type(bank.runtime).types, "Balance": u64}

    runtime = Narrow()
    genesis = runtime.build_genesis({"Balances": {"balances": [(BOB, 2**64 - 1)]}})
    with runtime.at(genesis):
        stored = genesis.get(runtime.frame_system.account.key_of(BOB))
        assert stored is not None
        assert len(stored) == 16 + 3 * 8 + 16
        with pytest.raises(DispatchFailure) as failure:
            runtime.balances.mint_into(BOB, 1)
    assert failure.value.reason == Arithmetic(ArithmeticError.OVERFLOW)


def test_a_runtime_whose_accounts_hold_no_money_is_told_so() -> None:
    class Moneyless(Runtime):
        spec_name = "moneyless"

        def __init__(self) -> None:
            super().__init__()
            system = self.add(0, System())
            self.add(1, Balances(accounts=system.accounts, existential_deposit=1))

    with pytest.raises(DeclarationError, match="the AccountData of balances"):
        Moneyless()
