"""What storing costs those whom no authorization covers: a deposit, by the byte and the entry."""

from collections.abc import Iterable
from contextlib import suppress
from typing import Protocol, final

from tilth.frame import AccountId, Balance, Currency, DispatchFailure, HoldReason, StorageValue


class Paid(Protocol):
    """An entry, or a pin, and whose deposit it is there for."""

    @property
    def depositor(self) -> AccountId | None: ...

    @property
    def deposit(self) -> int: ...


@final
class DepositBook:
    """Deposits that are held of content's depositors, all for the same reason."""

    def __init__(
        self,
        currency: Currency,
        reason: HoldReason,
        *,
        byte_fee: StorageValue[Balance],
        entry_fee: StorageValue[Balance],
    ) -> None:
        self._currency = currency
        self._reason = reason
        self._byte_fee = byte_fee
        self._entry_fee = entry_fee

    def price(self, size: int) -> int:
        return (self._entry_fee.get() or 0) + size * (self._byte_fee.get() or 0)

    def can_pay(self, who: AccountId, size: int) -> bool:
        return self._currency.can_hold(self._reason, who, self.price(size))

    def take(self, who: AccountId, size: int) -> None:
        self._currency.hold(self._reason, who, self.price(size))

    def give_back(self, who: AccountId, deposit: int) -> None:
        """What root has taken or freed behind the book's back stays as it is: blocks go on."""
        held = self._currency.held(self._reason, who)
        with suppress(DispatchFailure):
            self._currency.release(self._reason, who, min(deposit, held))

    def assert_held(self, paid: Iterable[Paid]) -> None:
        owed: dict[AccountId, int] = {}
        for each in paid:
            if each.depositor is not None:
                owed[each.depositor] = owed.get(each.depositor, 0) + each.deposit
        for who, deposits in owed.items():
            held = self._currency.held(self._reason, who)
            assert held >= deposits, f"{who.hex()} has {held} held of deposits of {deposits}"
