"""Money as FRAME's older `Currency` moves it: fees of chains that still charge through it."""

from typing import final

from tilth.frame import AccountId, DispatchFailure, Release, ensure, replace
from tilth.pallets.balances.events import (
    Deposit,
    Error,
    Issued,
    Rescinded,
    Slashed,
    Withdraw,
)
from tilth.pallets.balances.ledger import Ledger
from tilth.pallets.balances.types import NO_ACCOUNT, AccountData


@final
class LegacyCurrency:
    """What is taken and given here becomes an imbalance; one that nobody takes is dropped."""

    holds_fees = False

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger
        self._reports_drops = ledger.release >= Release.STABLE2409
        self._tries_fees = ledger.release < Release.STABLE2412

    def can_withdraw(self, who: AccountId, amount: int) -> bool:
        """Since stable2412, whether the account lives on is only asked when the fee is taken."""
        account = self._ledger.of(who)
        if amount and self._tries_fees:
            return self._is_payable(account, amount)
        return not amount or account.free - amount >= account.frozen

    def _is_payable(self, account: AccountData, amount: int) -> bool:
        try:
            self._left(account, amount)
        except DispatchFailure:
            return False
        return True

    def withdraw_fee(self, who: AccountId, amount: int) -> bool:
        """Take money of an account that goes on living; tells whether it did."""
        if not amount:
            return True
        account = self._ledger.open(who)
        try:
            left = self._left(account, amount)
        except DispatchFailure:
            return False
        self._ledger.emit(Withdraw(who, amount))
        self._ledger.settle(who, account, account.with_free(left))
        return True

    def _left(self, account: AccountData, amount: int) -> int:
        left = account.free - amount
        ensure(left >= 0, Error.INSUFFICIENT_BALANCE)
        dies = left < self._ledger.deposit <= account.free
        ensure(not dies, Error.EXPENDABILITY)
        ensure(left >= account.frozen, Error.LIQUIDITY_RESTRICTIONS)
        return left

    def give_back(self, who: AccountId, amount: int) -> int:
        """Give to an account that exists; returns what was given."""
        if not amount:
            return 0
        account = self._ledger.open(who)
        return 0 if account == NO_ACCOUNT else self._give(who, account, amount)

    def receive(self, who: AccountId, amount: int) -> int:
        """Give, even if that makes the account; returns what was given."""
        if not amount:
            return 0
        account = self._ledger.open(who)
        makes_dust = account == NO_ACCOUNT and amount < self._ledger.deposit
        return 0 if makes_dust else self._give(who, account, amount)

    def _give(self, who: AccountId, account: AccountData, amount: int) -> int:
        free = account.free + amount
        if free > self._ledger.most:
            return 0
        self._ledger.emit(Deposit(who, amount))
        self._ledger.settle(who, account, account.with_free(free))
        return amount

    def lives(self, who: AccountId) -> bool:
        return self._ledger.accounts.exists(who)

    def slash(self, who: AccountId, amount: int) -> int:
        """Take as much of the free money as the account can lose; returns what was taken."""
        account = self._ledger.of(who)
        if not amount or not account.total:
            return 0
        account = self._ledger.open(who)
        kept = 0 if self._ledger.accounts.can_dec_provider(who) else self._ledger.deposit
        actual = min(amount, max(account.free - kept, 0))
        try:
            self._ledger.settle(who, account, replace(account, free=account.free - actual))
        except DispatchFailure:
            return 0
        self._ledger.emit(Slashed(who, actual))
        return actual

    def destroy(self, amount: int) -> None:
        """Drop money that was taken and that nobody got."""
        if not amount:
            return
        self._ledger.rescind(amount)
        if self._reports_drops:
            self._ledger.emit(Rescinded(amount))

    def make(self, amount: int) -> None:
        """Count money that somebody was given and that was taken from nobody."""
        if not amount:
            return
        self._ledger.issue(amount)
        if self._reports_drops:
            self._ledger.emit(Issued(amount))
