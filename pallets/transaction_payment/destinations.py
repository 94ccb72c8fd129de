"""Where fees and tips go: nowhere, to an account, to the block's author, or shared out."""

from collections.abc import Callable
from typing import Protocol, final

from tilth.frame import AccountId
from tilth.pallets.transaction_payment.fees import FeeCurrency, FeeDestination


class Payee(Protocol):
    """Gets one amount."""

    def pay(self, amount: int) -> None: ...


@final
class Burn:
    """Nobody gets it: it ceases to exist."""

    def __init__(self, currency: FeeCurrency) -> None:
        self._currency = currency

    def pay(self, amount: int) -> None:
        self._currency.destroy(amount)

    def take(self, fee: int, tip: int) -> None:
        self.pay(fee + tip)


@final
class PayAccount:
    """One account gets it, such as a treasury's; what it cannot take is destroyed.

    frame/support/src/traits/tokens/imbalance/on_unbalanced.rs: ResolveTo, which only ever sees
    what is not nothing.
    """

    def __init__(self, currency: FeeCurrency, account: AccountId) -> None:
        self._currency = currency
        self._account = account

    def pay(self, amount: int) -> None:
        if not amount:
            return
        self._currency.destroy(amount - self._currency.receive(self._account, amount))

    def take(self, fee: int, tip: int) -> None:
        self.pay(fee + tip)


@final
class PayAuthor:
    """The block's author gets it, where it is known; else it is destroyed."""

    def __init__(self, currency: FeeCurrency, author: Callable[[], AccountId | None]) -> None:
        self._currency = currency
        self._author = author

    def pay(self, amount: int) -> None:
        if not amount:
            return
        author = self._author()
        given = 0 if author is None else self._currency.receive(author, amount)
        self._currency.destroy(amount - given)

    def take(self, fee: int, tip: int) -> None:
        self.pay(fee + tip)


@final
class Share:
    """Fees and tips shared by two, each in parts of the whole: (80, 20) is four fifths to one.

    What does not divide goes to the second, as `Imbalance::ration` leaves it.
    """

    def __init__(
        self,
        first: Payee,
        second: Payee,
        *,
        fees: tuple[int, int] = (80, 20),
        tips: tuple[int, int] = (0, 100),
    ) -> None:
        self._first = first
        self._second = second
        self._fees = fees
        self._tips = tips

    def take(self, fee: int, tip: int) -> None:
        fee_part, tip_part = _part(fee, self._fees), _part(tip, self._tips)
        self._first.pay(fee_part + tip_part)
        self._second.pay(fee - fee_part + tip - tip_part)


def _part(amount: int, parts: tuple[int, int]) -> int:
    return amount * parts[0] // sum(parts)


__all__ = ["Burn", "FeeDestination", "PayAccount", "PayAuthor", "Payee", "Share"]
