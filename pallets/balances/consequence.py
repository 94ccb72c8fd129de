"""What would follow from taking or giving money: the rules that every transfer passes."""

from enum import Enum, auto

from tilth.frame import ArithmeticError, TokenError, checked, ensure
from tilth.pallets.balances.types import AccountData


class Preservation(Enum):
    """Whether the account may end."""

    EXPENDABLE = auto()
    PROTECT = auto()
    PRESERVE = auto()


def spendable(data: AccountData, needed: int, *, force: bool) -> int:
    """The free balance without what is frozen, unless forced, and what the account must keep.

    Freezes cover the total, so what is held counts towards them.
    """
    frozen = 0 if force else max(data.frozen - data.reserved, 0)
    return max(data.free - max(frozen, needed), 0)


def check_withdrawal(
    data: AccountData,
    amount: int,
    *,
    liquid: int,
    existential_deposit: int,
    issuance: int,
    may_end: bool,
) -> int | None:
    """What remains of an account that ends by it, None where it goes on; fails where it may not.

    balances/src/impl_fungible.rs: can_withdraw
    """
    if not amount:
        return None
    ensure(issuance >= amount, ArithmeticError.UNDERFLOW)
    ensure(data.free >= amount, TokenError.FUNDS_UNAVAILABLE)
    ensure(amount <= liquid, TokenError.FROZEN)
    left = data.free - amount
    ends = left < existential_deposit
    ensure(may_end or not ends, TokenError.ONLY_PROVIDER)
    ensure(left + data.reserved >= data.frozen, TokenError.FROZEN)
    return left if ends else None


def check_deposit(data: AccountData, amount: int, existential_deposit: int) -> None:
    if amount:
        ensure(checked(data.free + amount) >= existential_deposit, TokenError.BELOW_MINIMUM)
