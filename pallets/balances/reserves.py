"""Reserved money without a reason, or under a name, as deposits of older pallets are kept."""

from collections.abc import Callable
from typing import final

from tilth.frame import (
    AccountId,
    ArithmeticError,
    DefaultMap,
    DispatchFailure,
    Release,
    ensure,
    replace,
)
from tilth.pallets.balances.events import (
    BalanceStatus,
    Error,
    Reserved,
    ReserveRepatriated,
    Slashed,
    Unreserved,
)
from tilth.pallets.balances.ledger import Ledger
from tilth.pallets.balances.types import NO_ACCOUNT, AccountData, ReserveData, Reserves


@final
class ReserveBook:
    """What FRAME's `ReservableCurrency` does."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger
        self._overlaps_frozen = ledger.release >= Release.STABLE2509

    def can_reserve(self, who: AccountId, amount: int) -> bool:
        account = self._ledger.of(who)
        left = account.free - amount
        free_of_locks = self._overlaps_frozen or left >= account.frozen
        return not amount or (left >= self._ledger.deposit and free_of_locks)

    def reserve(self, who: AccountId, amount: int) -> None:
        if not amount:
            return
        account = self._ledger.open(who)
        left, reserved = account.free - amount, account.reserved + amount
        ensure(left >= 0, Error.INSUFFICIENT_BALANCE)
        ensure(reserved <= self._ledger.most, ArithmeticError.OVERFLOW)
        ensure(self._overlaps_frozen or left >= account.frozen, Error.LIQUIDITY_RESTRICTIONS)
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

    def slash(self, who: AccountId, amount: int) -> int:
        """Take as much of the amount as is reserved; returns what was taken.

        Where that money goes, or that it is gone, is the caller's to say.
        """
        if not amount or not self._ledger.of(who).total:
            return 0
        account = self._ledger.open(who)
        actual = min(account.reserved, amount)
        try:
            less = replace(account, reserved=account.reserved - actual)
            self._ledger.settle(who, account, less)
        except DispatchFailure:
            return 0
        self._ledger.emit(Slashed(who, actual))
        return actual

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
        more_dust = ledger.write(dest, receiver, richer)
        for each in (dust, more_dust):
            if each:
                ledger.take_dust(each)

    def _given(self, account: AccountData, amount: int, status: BalanceStatus) -> AccountData:
        if status is BalanceStatus.FREE:
            ensure(account.free + amount <= self._ledger.most, ArithmeticError.OVERFLOW)
            return replace(account, free=account.free + amount)
        ensure(account.reserved + amount <= self._ledger.most, ArithmeticError.OVERFLOW)
        return replace(account, reserved=account.reserved + amount)


@final
class NamedReserveBook:
    """What FRAME's `NamedReservableCurrency` does: how much is reserved under which name.

    An account's names are kept in order, so that they can be searched.
    """

    def __init__(
        self, book: ReserveBook, ledger: Ledger, named: DefaultMap[AccountId, Reserves], most: int
    ) -> None:
        self._book = book
        self._ledger = ledger
        self._named = named
        self._most = most

    def reserved(self, name: bytes, who: AccountId) -> int:
        return next((each.amount for each in self._named[who] if each.id == name), 0)

    def reserve(self, name: bytes, who: AccountId, amount: int) -> None:
        if not amount:
            return
        reserves = self._raised(name, who, amount)
        self._book.reserve(who, amount)
        self._named[who] = reserves

    def unreserve(self, name: bytes, who: AccountId, amount: int) -> int:
        """Free as much of the amount as is reserved under the name; returns the rest."""
        actual = self._taken(name, who, amount, lambda due: due - self._book.unreserve(who, due))
        if actual and not any(each.amount for each in self._named[who]):
            del self._named[who]
        elif actual:
            self._named[who] = tuple(each for each in self._named[who] if each.amount)
        return amount - actual

    def slash(self, name: bytes, who: AccountId, amount: int) -> int:
        """Take as much of the amount as is reserved under the name; returns what was taken."""
        if not amount or all(each.id != name for each in self._named[who]):
            return 0
        actual = self._taken(name, who, amount, lambda due: self._book.slash(who, due))
        self._ledger.emit(Slashed(who, actual))
        return actual

    def repatriate(
        self, name: bytes, source: AccountId, dest: AccountId, amount: int, status: BalanceStatus
    ) -> int:
        """Move it to another account, under the same name if it stays reserved; returns the rest"""
        if source == dest and status is BalanceStatus.FREE:
            return self.unreserve(name, source, amount)
        if source == dest:
            return max(amount - self.reserved(name, source), 0)
        if not amount:
            return 0

        def move(due: int) -> int:
            moved = due - self._book.repatriate(source, dest, due, status)
            if status is BalanceStatus.RESERVED:
                self._named[dest] = self._raised(name, dest, moved)
            return moved

        return amount - self._taken(name, source, amount, move)

    def _taken(self, name: bytes, who: AccountId, amount: int, take: Callable[[int], int]) -> int:
        """Take of what is reserved under the name; returns how much that was."""
        due = min(self.reserved(name, who), amount)
        if all(each.id != name for each in self._named[who]) or not amount:
            return 0
        actual = take(due)
        self._named[who] = tuple(
            replace(each, amount=each.amount - actual) if each.id == name else each
            for each in self._named[who]
        )
        return actual

    def _raised(self, name: bytes, who: AccountId, amount: int) -> Reserves:
        """The account's names with more under this one; fails where there is no place for it."""
        total = self.reserved(name, who) + amount
        ensure(total <= self._ledger.most, ArithmeticError.OVERFLOW)
        others = [each for each in self._named[who] if each.id != name]
        ensure(len(others) < self._most, Error.TOO_MANY_RESERVES)
        return tuple(sorted((*others, ReserveData(name, total)), key=lambda each: each.id))
