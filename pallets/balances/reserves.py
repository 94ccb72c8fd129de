"""Reserved money without a reason, as deposits of older pallets are kept."""

from typing import final

from tilth.frame import (
    AccountId,
    ArithmeticError,
    ensure,
    replace,
)
from tilth.pallets.balances.events import (
    BalanceStatus,
    Error,
    Reserved,
    ReserveRepatriated,
    Unreserved,
)
from tilth.pallets.balances.ledger import Ledger
from tilth.pallets.balances.types import NO_ACCOUNT, AccountData


@final
class ReserveBook:
    """What FRAME's `ReservableCurrency` does."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger

    def reserve(self, who: AccountId, amount: int) -> None:
        if not amount:
            return
        account = self._ledger.open(who)
        left, reserved = account.free - amount, account.reserved + amount
        ensure(left >= 0, Error.INSUFFICIENT_BALANCE)
        ensure(reserved <= self._ledger.most, ArithmeticError.OVERFLOW)
        ensure(left >= account.frozen, Error.LIQUIDITY_RESTRICTIONS)
        self._ledger.settle(who, account, replace(account, free=left, reserved=reserved))
        self._ledger.emit(Reserved(who, amount))

    def unreserve(self, who: AccountId, amount: int) -> int:
        """Free as much of the amount as is reserved; returns the rest."""
        if not amount or not self._ledger.of(who).total:
            return amount
        account = self._ledger.open(who)
        actual = min(account.reserved, amount)
        free, reserved = account.free + actual, account.reserved - actual
        self._ledger.settle(who, account, replace(account, free=free, reserved=reserved))
        self._ledger.emit(Unreserved(who, actual))
        return amount - actual

    def repatriate(
        self, source: AccountId, dest: AccountId, amount: int, status: BalanceStatus
    ) -> int:
        """Move as much of the amount as is reserved to another account; returns the rest."""
        if not amount:
            return 0
        actual = min(amount, self._ledger.movable_reserve(source))
        if source == dest:
            if status is BalanceStatus.FREE:
                return amount - actual + self.unreserve(source, actual)
            return amount - actual
        self._move(source, dest, actual, status)
        self._ledger.emit(ReserveRepatriated(source, dest, actual, status))
        return amount - actual

    def _move(self, source: AccountId, dest: AccountId, amount: int, status: BalanceStatus) -> None:
        ledger = self._ledger
        receiver = ledger.open(dest)
        ensure(receiver != NO_ACCOUNT, Error.DEAD_ACCOUNT)
        richer = self._given(receiver, amount, status)
        giver = ledger.open(source)
        dust = ledger.write(source, giver, replace(giver, reserved=giver.reserved - amount))
        dust += ledger.write(dest, receiver, richer)
        if dust:
            ledger.rescind(dust)

    def _given(self, account: AccountData, amount: int, status: BalanceStatus) -> AccountData:
        if status is BalanceStatus.FREE:
            ensure(account.free + amount <= self._ledger.most, ArithmeticError.OVERFLOW)
            return replace(account, free=account.free + amount)
        ensure(account.reserved + amount <= self._ledger.most, ArithmeticError.OVERFLOW)
        return replace(account, reserved=account.reserved + amount)
