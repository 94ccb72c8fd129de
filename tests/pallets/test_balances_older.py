"""Locks, named reserves, the older currency, and what newer releases tell of holds.

Expectations are those of frame/balances/src/impl_currency.rs.
"""

from collections.abc import Callable, Iterator, Mapping
from typing import Any, ClassVar, Never

import pytest

from tilth.frame import AccountId, DispatchFailure, HoldReason, Pallet, Reason, Release, Runtime
from tilth.pallets.balances import AccountData, Balances, BalanceStatus, Error
from tilth.pallets.balances.events import (
    BurnedHeld,
    Deposit,
    Endowed,
    Held,
    Locked,
    Released,
    Reserved,
    ReserveRepatriated,
    Slashed,
    TransferOnHold,
    Unexpected,
    UnexpectedKind,
    Unlocked,
    Unreserved,
    Withdraw,
)
from tilth.pallets.balances.types import BalanceLock, Reasons, ReserveData
from tilth.pallets.system import System
from tilth.pallets.system.events import NewAccount
from tilth.primitives.types import H256, Digest, Header

ALICE, BOB, CAROL = (AccountId(bytes((number,)) * 32) for number in (1, 2, 3))
VOTE, STAKE, RENT, BOND = b"vote    ", b"staking ", b"rent    ", b"bond    "


class Claims(Pallet[Never, Never]):
    """Only has a reason."""

    class Hold(HoldReason):
        RENT = "Rent."


class Bank(Runtime):
    types: ClassVar[Mapping[object, object]] = {"AccountData": AccountData}

    def __init__(self) -> None:
        super().__init__()
        self.system = self.add(0, System(max_consumers=1))
        self.balances = self.add(
            1,
            Balances(accounts=self.system.accounts, existential_deposit=100, max_reserves=2),
        )
        self.add(2, Claims())
        self.extensions = ()

    def happened(self) -> list[Any]:
        events = [record.event.event for record in self.system.events.get()]
        self.system.events.kill()
        return events


class Newer(Bank):
    release: ClassVar[Release] = Release.STABLE2509


def _open(bank: Bank) -> Iterator[Bank]:
    zero = H256(bytes(32))
    with bank.at(bank.build_genesis({"Balances": {"balances": [(ALICE, 1_000), (BOB, 500)]}})):
        bank.executive.initialize_block(Header(zero, 1, zero, zero, Digest(())))
        yield bank


@pytest.fixture
def bank() -> Iterator[Bank]:
    yield from _open(Bank())


@pytest.fixture
def newer() -> Iterator[Bank]:
    yield from _open(Newer())


def refused(action: Callable[[], object]) -> Reason:
    with pytest.raises(DispatchFailure) as caught:
        action()
    return caught.value.reason


def test_locks_overlap_and_the_largest_counts(bank: Bank) -> None:
    balances = bank.balances
    balances.set_lock(VOTE, ALICE, 300)
    balances.set_lock(STAKE, ALICE, 200)
    balances.set_lock(VOTE, ALICE, 100)

    assert bank.happened() == [Locked(ALICE, 300), Unlocked(ALICE, 100)]
    assert balances.ledger.of(ALICE).frozen == 200
    assert balances.locks[ALICE] == (
        BalanceLock(VOTE, 100, Reasons.ALL),
        BalanceLock(STAKE, 200, Reasons.ALL),
    )
    assert bank.system.account[ALICE].consumers == 1
    bank.try_state()


def test_the_last_lock_leaves_no_trace(bank: Bank) -> None:
    bank.balances.set_lock(VOTE, ALICE, 300)
    bank.balances.remove_lock(VOTE, ALICE)

    assert bank.happened() == [Locked(ALICE, 300), Unlocked(ALICE, 300)]
    assert ALICE not in bank.balances.locks
    assert bank.system.account[ALICE].consumers == 0


def test_a_lock_of_nothing_is_none(bank: Bank) -> None:
    bank.balances.set_lock(VOTE, ALICE, 300)
    bank.balances.extend_lock(VOTE, ALICE, 0)
    assert bank.balances.lock_book.locked(VOTE, ALICE) == 300

    bank.balances.set_lock(VOTE, ALICE, 0)
    assert bank.balances.lock_book.locked(VOTE, ALICE) == 0


def test_an_extended_lock_only_grows_and_takes_on_reasons(bank: Bank) -> None:
    book = bank.balances.lock_book
    book.set(VOTE, ALICE, 300, Reasons.FEE)
    book.extend(VOTE, ALICE, 200, Reasons.MISC)
    book.extend(STAKE, ALICE, 50, Reasons.MISC)

    assert bank.balances.locks[ALICE] == (
        BalanceLock(VOTE, 300, Reasons.ALL),
        BalanceLock(STAKE, 50, Reasons.MISC),
    )


def test_an_account_with_too_many_consumers_is_locked_in_words_until_stable2509(
    bank: Bank,
) -> None:
    """update_locks ignores that its account could not be consumed, and keeps the lock."""
    bank.system.accounts.inc_consumers(ALICE)
    bank.balances.set_lock(VOTE, ALICE, 300)

    assert bank.balances.ledger.of(ALICE).frozen == 0
    assert bank.balances.lock_book.locked(VOTE, ALICE) == 300
    assert bank.happened() == [Locked(ALICE, 300)]


def test_since_stable2509_a_lock_consumes_beyond_the_limit(newer: Bank) -> None:
    newer.system.accounts.inc_consumers(ALICE)
    newer.balances.set_lock(VOTE, ALICE, 300)

    assert newer.balances.ledger.of(ALICE).frozen == 300
    assert newer.system.account[ALICE].consumers == 2


def test_locked_money_may_be_reserved_since_stable2509(bank: Bank, newer: Bank) -> None:
    for each in (bank, newer):
        each.balances.set_lock(VOTE, ALICE, 900)
    assert refused(lambda: bank.balances.reserve(ALICE, 200)) is Error.LIQUIDITY_RESTRICTIONS
    assert not bank.balances.reserve_book.can_reserve(ALICE, 200)

    newer.balances.reserve(ALICE, 200)
    assert newer.balances.ledger.of(ALICE).reserved == 200


def test_reserves_have_names_in_order(bank: Bank) -> None:
    named = bank.balances.named_reserves
    named.reserve(RENT, ALICE, 30)
    named.reserve(BOND, ALICE, 50)
    named.reserve(RENT, ALICE, 5)

    assert bank.balances.reserves[ALICE] == (ReserveData(BOND, 50), ReserveData(RENT, 35))
    assert bank.balances.ledger.of(ALICE).reserved == 85
    assert [type(event) for event in bank.happened()] == [Reserved] * 3
    assert refused(lambda: named.reserve(VOTE, ALICE, 1)) is Error.TOO_MANY_RESERVES


def test_a_name_is_forgotten_with_its_last_unit(bank: Bank) -> None:
    named = bank.balances.named_reserves
    named.reserve(RENT, ALICE, 30)
    named.reserve(BOND, ALICE, 50)
    bank.happened()

    assert named.unreserve(RENT, ALICE, 100) == 70
    assert bank.balances.reserves[ALICE] == (ReserveData(BOND, 50),)
    assert named.unreserve(BOND, ALICE, 20) == 0
    assert named.unreserve(BOND, ALICE, 30) == 0
    assert ALICE not in bank.balances.reserves
    assert named.unreserve(BOND, ALICE, 1) == 1
    assert bank.happened() == [
        Unreserved(ALICE, 30), Unreserved(ALICE, 20), Unreserved(ALICE, 30),
    ]  # fmt: skip


def test_a_named_reserve_may_move_under_its_name(bank: Bank) -> None:
    named = bank.balances.named_reserves
    named.reserve(RENT, ALICE, 30)
    bank.happened()

    assert named.repatriate(RENT, ALICE, BOB, 40, BalanceStatus.RESERVED) == 10
    assert named.reserved(RENT, ALICE) == 0
    assert named.reserved(RENT, BOB) == 30
    assert bank.happened() == [ReserveRepatriated(ALICE, BOB, 30, BalanceStatus.RESERVED)]
    assert named.repatriate(RENT, BOB, BOB, 40, BalanceStatus.RESERVED) == 10
    assert named.repatriate(RENT, BOB, ALICE, 30, BalanceStatus.FREE) == 0
    assert bank.balances.free_balance(ALICE) == 1_000


def test_what_is_slashed_is_no_longer_anybodys(bank: Bank) -> None:
    named = bank.balances.named_reserves
    named.reserve(RENT, ALICE, 30)
    bank.balances.reserve(ALICE, 20)
    bank.happened()

    assert named.slash(RENT, ALICE, 100) == 30
    assert bank.balances.slash_reserved(ALICE, 100) == 20
    # the name tells it a second time
    assert bank.happened() == [Slashed(ALICE, 30), Slashed(ALICE, 30), Slashed(ALICE, 20)]
    assert bank.balances.ledger.of(ALICE) == AccountData(free=950)
    assert bank.balances.slash_reserved(CAROL, 100) == 0


def test_the_older_currency_says_deposit_before_the_account_is_there(bank: Bank) -> None:
    legacy = bank.balances.legacy

    assert legacy.receive(CAROL, 99) == 0, "less than the deposit makes no account"
    assert legacy.give_back(CAROL, 500) == 0, "nor is one made by giving back"
    assert legacy.receive(CAROL, 100) == 100
    assert bank.happened() == [Deposit(CAROL, 100), NewAccount(CAROL), Endowed(CAROL, 100)]


def test_the_older_currency_takes_no_fee_that_ends_an_account(bank: Bank) -> None:
    legacy = bank.balances.legacy

    assert not legacy.withdraw_fee(BOB, 401)
    assert not legacy.withdraw_fee(BOB, 501)
    assert legacy.withdraw_fee(BOB, 400)
    assert bank.happened() == [Withdraw(BOB, 400)]
    bank.balances.set_lock(VOTE, ALICE, 900)
    assert not legacy.can_withdraw(ALICE, 101)
    assert not legacy.withdraw_fee(ALICE, 101)


def test_slashing_leaves_an_account_that_is_needed_alive(bank: Bank) -> None:
    bank.system.accounts.inc_consumers(BOB)

    assert bank.balances.legacy.slash(BOB, 1_000) == 400
    assert bank.balances.legacy.slash(CAROL, 1_000) == 0
    assert bank.happened() == [Slashed(BOB, 400)]


def hold_and_let_go(bank: Bank) -> list[Any]:
    balances, rent = bank.balances, Claims.Hold.RENT
    balances.hold(rent, ALICE, 100)
    balances.release(rent, ALICE, 10)
    balances.transfer_held(rent, ALICE, BOB, 20)
    balances.burn_held(rent, ALICE, 30)
    bank.try_state()
    return bank.happened()


def test_holds_are_silent_until_stable2509(bank: Bank) -> None:
    assert hold_and_let_go(bank) == []


def test_holds_are_told_since_stable2509(newer: Bank) -> None:
    rent = Claims.Hold.RENT

    told = hold_and_let_go(newer)

    assert told == [
        Held(rent, ALICE, 100),
        Released(rent, ALICE, 10),
        TransferOnHold(rent, ALICE, BOB, 20),
        BurnedHeld(rent, ALICE, 30),
    ]
    encoded = [newer.balances.encode_event(event)[:4] for event in told]
    # Balances is pallet 1; then the event; then the reason: Claims is pallet 2
    assert encoded == [bytes((1, index, 2, 0)) for index in (24, 28, 26, 25)]


def test_a_lock_on_nobodys_account_is_told_as_unexpected(bank: Bank, newer: Bank) -> None:
    """frame/balances/src/lib.rs: update_locks of stable2509 tells what older ones only logged."""
    bank.balances.set_lock(VOTE, CAROL, 30)
    assert bank.happened() == [Locked(CAROL, 30)]

    newer.balances.set_lock(VOTE, CAROL, 30)
    failed = Unexpected(UnexpectedKind.FAILED_TO_MUTATE_ACCOUNT)
    assert newer.happened() == [failed, Locked(CAROL, 30)]
    assert newer.balances.locks[CAROL] == (BalanceLock(VOTE, 30, Reasons.ALL),)
