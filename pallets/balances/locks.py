"""Locks: money that may not be spent for a purpose, as older pallets hold it down."""

from collections.abc import Iterable
from typing import final

from tilth.frame import AccountId, DefaultMap, DispatchFailure, Release, replace
from tilth.pallets.balances.events import Locked, Unexpected, UnexpectedKind, Unlocked
from tilth.pallets.balances.ledger import Ledger
from tilth.pallets.balances.types import AccountData, BalanceLock, Freezes, Locks, Reasons


@final
class LockBook:
    """What FRAME's `LockableCurrency` does; locks overlap each other and all freezes."""

    def __init__(
        self,
        ledger: Ledger,
        locks: DefaultMap[AccountId, Locks],
        freezes: DefaultMap[AccountId, Freezes],
    ) -> None:
        self._ledger = ledger
        self._locks = locks
        self._freezes = freezes
        self._beyond_limit = ledger.release >= Release.STABLE2509

    def locked(self, id: bytes, who: AccountId) -> int:
        return sum(lock.amount for lock in self._locks[who] if lock.id == id)

    def set(self, id: bytes, who: AccountId, amount: int, reasons: Reasons = Reasons.ALL) -> None:
        """Lock exactly so much; nothing unlocks it."""
        if amount:
            self._put(who, BalanceLock(id, amount, reasons))
        else:
            self.remove(id, who)

    def extend(
        self, id: bytes, who: AccountId, amount: int, reasons: Reasons = Reasons.ALL
    ) -> None:
        """Lock at least so much, for these reasons too."""
        if not amount:
            return
        before = next((lock for lock in self._locks[who] if lock.id == id), None)
        if before is not None:
            amount = max(before.amount, amount)
            reasons = reasons if reasons is before.reasons else Reasons.ALL
        self._put(who, BalanceLock(id, amount, reasons))

    def remove(self, id: bytes, who: AccountId) -> None:
        self._update(who, [lock for lock in self._locks[who] if lock.id != id])

    def _put(self, who: AccountId, new: BalanceLock) -> None:
        locks = [new if lock.id == new.id else lock for lock in self._locks[who]]
        self._update(who, locks if new in locks else [*locks, new])

    def _update(self, who: AccountId, locks: Iterable[BalanceLock]) -> None:
        """As many as there are: their limit only serves to weigh them."""
        locks = tuple(locks)
        account = self._ledger.open(who)
        claims = (*(lock.amount for lock in locks), *(each.amount for each in self._freezes[who]))
        after = max(claims, default=0)
        self._hold_down(who, account, after)
        if locks:
            self._locks[who] = locks
        else:
            del self._locks[who]
        if after < account.frozen:
            self._ledger.emit(Unlocked(who, account.frozen - after))
        elif after > account.frozen:
            self._ledger.emit(Locked(who, after - account.frozen))

    def _hold_down(self, who: AccountId, account: AccountData, frozen: int) -> None:
        try:
            frozen_down = replace(account, frozen=frozen)
            self._ledger.write(who, account, frozen_down, beyond_limit=self._beyond_limit)
        except DispatchFailure:  # balances/src/lib.rs: update_locks keeps the lock all the same
            if self._beyond_limit:
                self._ledger.emit(Unexpected(UnexpectedKind.FAILED_TO_MUTATE_ACCOUNT))
