"""How a fee travels: out of the payer's account before the call, to its destination after it."""

from typing import Protocol, final

from tilth.frame import AccountId, StorageValue


class FeeCurrency(Protocol):
    """Where fees are taken from: `Balances` itself, or its older currency (`Balances.legacy`)."""

    @property
    def holds_fees(self) -> bool:
        """Whether a fee may wait in storage until the call has run."""
        ...

    def can_withdraw(self, who: AccountId, amount: int) -> bool: ...

    def withdraw_fee(self, who: AccountId, amount: int) -> bool:
        """Take a fee, if the account lives on without it; tells whether it did."""
        ...

    def give_back(self, who: AccountId, amount: int) -> int:
        """Give back some of a fee, if the account still lives; returns what was given."""
        ...

    def receive(self, who: AccountId, amount: int) -> int:
        """Give all of the amount to whom it is due, or nothing; returns what was given."""
        ...

    def destroy(self, amount: int) -> None:
        """Count fees as gone."""
        ...


class LivingCurrency(FeeCurrency, Protocol):
    def lives(self, who: AccountId) -> bool: ...


class FeeDestination(Protocol):
    """Gets what transactions paid."""

    def take(self, fee: int, tip: int) -> None: ...


class Settlement(Protocol):
    """One way of charging."""

    def charge(self, who: AccountId, fee: int, tip: int) -> bool:
        """Take a fee that contains the tip; tells whether the payer could pay it."""
        ...

    def settle(self, who: AccountId, paid: int, fee: int, tip: int) -> None:
        """Give back what the call turned out not to cost; the rest goes to its destination."""
        ...


@final
class Immediate:
    """The fee is between accounts while the call runs."""

    def __init__(
        self, currency: FeeCurrency, destination: FeeDestination, *, tells_empty_refunds: bool
    ) -> None:
        self._currency = currency
        self._destination = destination
        self._tells_empty_refunds = tells_empty_refunds

    def charge(self, who: AccountId, fee: int, tip: int) -> bool:
        return not fee or self._currency.withdraw_fee(who, fee)

    def settle(self, who: AccountId, paid: int, fee: int, tip: int) -> None:
        if not paid:
            return
        kept, refund = paid, max(paid - fee, 0)
        if refund or self._tells_empty_refunds:
            kept -= self._currency.give_back(who, refund)
        tip = min(tip, kept)
        self._destination.take(kept - tip, tip)


@final
class Stored:
    """The fee, but not the tip, waits in storage, where calls may take of it: since stable2512."""

    def __init__(
        self, currency: LivingCurrency, destination: FeeDestination, credit: StorageValue[int]
    ) -> None:
        self._currency = currency
        self._destination = destination
        self._credit = credit

    def charge(self, who: AccountId, fee: int, tip: int) -> bool:
        if not fee:
            return True
        if not self._currency.withdraw_fee(who, fee):
            return False
        self._credit.put((self._credit.get() or 0) + max(fee - tip, 0))
        return True

    def settle(self, who: AccountId, paid: int, fee: int, tip: int) -> None:
        left = self._credit.get()
        if left is not None:
            self._credit.kill()
        kept = left = left or 0
        if self._currency.lives(who):
            kept = min(left, max(fee - tip, 0))
        refund = left - kept
        if refund and not self._currency.receive(who, refund):
            kept = left
        self._destination.take(kept, min(tip, paid))
