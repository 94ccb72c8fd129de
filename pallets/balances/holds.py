"""Money set aside on an account: held for a pallet's reason, or frozen where it lies."""

from collections.abc import Callable, Iterable
from typing import TypeVar, final

from tilth.frame import (
    AccountId,
    ArithmeticError,
    DefaultMap,
    FreezeReason,
    HoldReason,
    Release,
    TokenError,
    ensure,
    replace,
)
from tilth.pallets.balances.events import (
    BurnedHeld,
    Error,
    Event,
    Frozen,
    Held,
    Released,
    Thawed,
    TransferOnHold,
)
from tilth.pallets.balances.ledger import Ledger, Preservation
from tilth.pallets.balances.types import (
    Freezes,
    FrozenAmount,
    HeldAmount,
    Holds,
    Locks,
)

Item = TypeVar("Item", HeldAmount, FrozenAmount)


@final
class HoldBook:
    """What is held on each account, by reason; what is held is reserved, not free."""

    def __init__(
        self, ledger: Ledger, holds: DefaultMap[AccountId, Holds], reasons: Callable[[], int]
    ) -> None:
        self._ledger = ledger
        self._holds = holds
        self._reasons = reasons
        self._tell = ledger.emit if ledger.release >= Release.STABLE2509 else _say_nothing

    def held(self, reason: HoldReason, who: AccountId) -> int:
        return _amount(self._holds[who], reason)

    def can_hold(self, reason: HoldReason, who: AccountId, amount: int) -> bool:
        liquid = self._ledger.spendable(who, Preservation.PROTECT, force=True)
        return self._available(reason, who) and amount <= liquid

    def hold(self, reason: HoldReason, who: AccountId, amount: int) -> None:
        ensure(self._available(reason, who), TokenError.CANNOT_CREATE_HOLD)
        self._ledger.decrease(who, amount, Preservation.PROTECT, force=True)
        self._increase(reason, who, amount)
        self._tell(Held(reason, who, amount))

    def release(self, reason: HoldReason, who: AccountId, amount: int) -> None:
        ensure(self._ledger.can_deposit(who, amount), TokenError.CANNOT_CREATE)
        self._decrease(reason, who, amount)
        given = self._ledger.increase_if_possible(who, amount)
        self._tell(Released(reason, who, given))

    def transfer(self, reason: HoldReason, source: AccountId, dest: AccountId, amount: int) -> None:
        """Move held money into another account's free balance, if freezes allow."""
        ensure(amount <= self._ledger.movable_reserve(source), TokenError.FROZEN)
        ensure(amount <= self.held(reason, source), TokenError.FUNDS_UNAVAILABLE)
        ensure(self._ledger.can_deposit(dest, amount), TokenError.CANNOT_CREATE)
        self._decrease(reason, source, amount)
        self._ledger.increase(dest, amount)
        self._tell(TransferOnHold(reason, source, dest, amount))

    def burn(self, reason: HoldReason, who: AccountId, amount: int) -> None:
        """Destroy held money; no freeze protects it."""
        self._decrease(reason, who, amount)
        self._ledger.rescind(amount)
        self._tell(BurnedHeld(reason, who, amount))

    def _available(self, reason: HoldReason, who: AccountId) -> bool:
        if not self._ledger.accounts.providers_of(who):
            return False
        holds = self._holds[who]
        return len(holds) < self._reasons() or any(hold.id is reason for hold in holds)

    def _increase(self, reason: HoldReason, who: AccountId, amount: int) -> None:
        if amount:
            before = self.held(reason, who)
            ensure(before + amount <= self._ledger.most, ArithmeticError.OVERFLOW)
            self._set(reason, who, before + amount, amount)

    def _decrease(self, reason: HoldReason, who: AccountId, amount: int) -> None:
        before = self.held(reason, who)
        ensure(before >= amount, TokenError.FUNDS_UNAVAILABLE)
        self._set(reason, who, before - amount, -amount)

    def _set(self, reason: HoldReason, who: AccountId, amount: int, change: int) -> None:
        holds = _with(self._holds[who], HeldAmount(reason, amount))
        ensure(len(holds) <= self._reasons(), Error.TOO_MANY_HOLDS)
        account = self._ledger.open(who)
        reserved = account.reserved + change
        ensure(reserved <= self._ledger.most, ArithmeticError.OVERFLOW)
        ensure(reserved >= 0, ArithmeticError.UNDERFLOW)
        self._ledger.write(who, account, replace(account, reserved=reserved))
        self._holds[who] = holds


@final
class FreezeBook:
    """What is frozen on each account, by reason; freezes overlap each other and what is held."""

    def __init__(
        self,
        ledger: Ledger,
        freezes: DefaultMap[AccountId, Freezes],
        locks: DefaultMap[AccountId, Locks],
        most: int,
    ) -> None:
        self._ledger = ledger
        self._freezes = freezes
        self._locks = locks
        self._most = most

    def frozen(self, reason: FreezeReason, who: AccountId) -> int:
        return _amount(self._freezes[who], reason)

    def set(self, reason: FreezeReason, who: AccountId, amount: int) -> None:
        """Freeze exactly so much for the reason; nothing thaws it."""
        freezes = _with(self._freezes[who], FrozenAmount(reason, amount))
        ensure(len(freezes) <= self._most, Error.TOO_MANY_FREEZES)
        account = self._ledger.open(who)
        before = account.frozen
        after = max(_amounts(freezes) + _amounts(self._locks[who]), default=0)
        self._ledger.write(who, account, replace(account, frozen=after))
        if freezes:
            self._freezes[who] = freezes
        else:
            del self._freezes[who]
        if after < before:
            self._ledger.emit(Thawed(who, before - after))
        elif after > before:
            self._ledger.emit(Frozen(who, after - before))

    def extend(self, reason: FreezeReason, who: AccountId, amount: int) -> None:
        """Freeze at least so much for the reason."""
        if amount:
            self.set(reason, who, max(amount, self.frozen(reason, who)))


def _say_nothing(event: Event) -> None:
    """Before stable2509, money was held without an event."""


def _amount(items: Iterable[HeldAmount | FrozenAmount], reason: object) -> int:
    return next((item.amount for item in items if item.id is reason), 0)


def _amounts(items: Iterable[FrozenAmount] | Locks) -> list[int]:
    return [item.amount for item in items]


def _with(items: tuple[Item, ...], item: Item) -> tuple[Item, ...]:
    """The items with this one in its reason's place or at the end, and without it if it is zero."""
    kept = [item if other.id is item.id else other for other in items]
    if not any(other is item for other in kept):
        kept.append(item)
    return tuple(other for other in kept if other.amount)
