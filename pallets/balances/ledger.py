"""Every account's money, under the law that none lives on less than the existential deposit."""

from collections.abc import Callable, Iterator
from enum import Enum, auto
from typing import Final, Protocol, final

from tilth.frame import (
    AccountId,
    ArithmeticError,
    DefaultValue,
    DispatchFailure,
    Release,
    TokenError,
    ensure,
    replace,
)
from tilth.pallets.balances.events import (
    Burned,
    BurnedDebt,
    DustLost,
    Endowed,
    Event,
    Minted,
    Transfer,
    Upgraded,
)
from tilth.pallets.balances.types import NEW_LOGIC, NO_ACCOUNT, AccountData


class Preservation(Enum):
    """What must be left of an account that money is taken from."""

    EXPENDABLE = auto()
    """It may end, if nobody needs it."""
    PROTECT = auto()
    """It must not end; it may live on another provider than its money."""
    PRESERVE = auto()
    """It must keep the existential deposit."""


# A member found through its enum costs Python 3.11 as much as two calls.
_EXPENDABLE: Final = Preservation.EXPENDABLE
_PROTECT: Final = Preservation.PROTECT
_PRESERVE: Final = Preservation.PRESERVE
_FUNDS_UNAVAILABLE: Final = TokenError.FUNDS_UNAVAILABLE
_FROZEN: Final = TokenError.FROZEN
_ONLY_PROVIDER: Final = TokenError.ONLY_PROVIDER
_BELOW_MINIMUM: Final = TokenError.BELOW_MINIMUM
_NOT_EXPENDABLE: Final = TokenError.NOT_EXPENDABLE
_OVERFLOW: Final = ArithmeticError.OVERFLOW
_UNDERFLOW: Final = ArithmeticError.UNDERFLOW


class Accounts(Protocol):
    """Where balances are kept beside each account, and who provides for and consumes it."""

    def data_of(self, who: AccountId) -> AccountData: ...

    def set_data(self, who: AccountId, data: AccountData) -> None: ...

    def all_data(self) -> Iterator[tuple[AccountId, AccountData]]: ...

    def exists(self, who: AccountId) -> bool: ...

    def providers_of(self, who: AccountId) -> int: ...

    def consumers_of(self, who: AccountId) -> int: ...

    def can_dec_provider(self, who: AccountId) -> bool: ...

    def inc_providers(self, who: AccountId) -> None: ...

    def dec_providers(self, who: AccountId) -> None: ...

    def inc_consumers(self, who: AccountId) -> None: ...

    def inc_consumers_without_limit(self, who: AccountId) -> None: ...

    def dec_consumers(self, who: AccountId) -> None: ...


@final
class Ledger:
    """What FRAME's `fungible` traits do for free balances; amounts never exceed `most`."""

    def __init__(
        self,
        accounts: Accounts,
        issuance: DefaultValue[int],
        deposit: int,
        most: int,
        emit: Callable[[Event], None],
        release: Release = Release.STABLE2503,
        take_dust: Callable[[int], None] | None = None,
    ) -> None:
        self.accounts = accounts
        self.of = accounts.data_of
        self.issuance = issuance
        self.deposit = deposit
        self.most = most
        self.emit = emit
        self.release = release
        self._reports_drops = release >= Release.STABLE2509
        self.take_dust = take_dust or self.drop
        """Gets what is left of accounts that end."""

    def spendable(self, who: AccountId, keep: Preservation, *, force: bool = False) -> int:
        """How much of the free balance may go; `force` ignores freezes."""
        return self._spendable(who, self.of(who), keep, force=force)

    def _spendable(
        self, who: AccountId, account: AccountData, keep: Preservation, *, force: bool = False
    ) -> int:
        # Freezes cover the total, so what is held counts towards them.
        untouchable = 0 if force else account.frozen - account.reserved
        if untouchable < self.deposit and self._needs_deposit(who, account, keep):
            untouchable = self.deposit
        return account.free if untouchable <= 0 else max(account.free - untouchable, 0)

    def _needs_deposit(self, who: AccountId, account: AccountData, keep: Preservation) -> bool:
        if keep is _PRESERVE:
            return True
        if not account.free:
            return False
        if keep is _PROTECT:
            return self.accounts.providers_of(who) == 1
        return not self.accounts.can_dec_provider(who)

    def movable_reserve(self, who: AccountId) -> int:
        """How much of what is reserved may leave the account; freezes cover the total."""
        account = self.of(who)
        return max(account.reserved - max(account.frozen - account.free, 0), 0)

    def ends_by(self, who: AccountId, amount: int) -> bool:
        """Whether a withdrawal would end the account; fails where it may not be made at all."""
        return self._ends_by(who, self.of(who), amount)

    def _ends_by(self, who: AccountId, account: AccountData, amount: int) -> bool:
        # balances/src/impl_fungible.rs: can_withdraw
        if not amount:
            return False
        ensure(amount <= self.issuance.get(), _UNDERFLOW)
        left = account.free - amount
        if left >= self.deposit and left + account.reserved >= account.frozen:
            return False  # however much may not be touched, so much is left of it
        ensure(left >= 0, _FUNDS_UNAVAILABLE)
        ensure(amount <= self._spendable(who, account, _EXPENDABLE), _FROZEN)
        ends = left < self.deposit
        ensure(not ends or self.accounts.can_dec_provider(who), _ONLY_PROVIDER)
        ensure(left + account.reserved >= account.frozen, _FROZEN)
        return ends

    def check_deposit(self, account: AccountData, amount: int) -> None:
        """Fail where the amount may not be given."""
        free = account.free + amount
        if not amount or self.deposit <= free <= self.most - account.reserved:
            return
        ensure(free <= self.most, _OVERFLOW)
        ensure(free >= self.deposit, _BELOW_MINIMUM)
        raise DispatchFailure(_OVERFLOW)

    def can_deposit(self, who: AccountId, amount: int) -> bool:
        try:
            self.check_deposit(self.of(who), amount)
        except DispatchFailure:
            return False
        return True

    def transfer(self, source: AccountId, dest: AccountId, amount: int, keep: Preservation) -> None:
        giver = self.of(source)
        ends = self._ends_by(source, giver, amount)
        ensure(not ends or keep is _EXPENDABLE, _NOT_EXPENDABLE)
        self.check_deposit(self.of(dest), amount)
        if source == dest:
            return
        self._add(source, self._opened(source, giver), -amount)
        self.increase_if_possible(dest, amount)
        self.emit(Transfer(source, dest, amount))

    def mint(self, who: AccountId, amount: int) -> None:
        ensure(self.issuance.get() + amount <= self.most, _OVERFLOW)
        self.increase(who, amount)
        self.issue(amount)
        self.emit(Minted(who, amount))

    def burn(self, who: AccountId, amount: int, keep: Preservation) -> None:
        ensure(self.spendable(who, keep) >= amount, _FUNDS_UNAVAILABLE)
        ensure(self.issuance.get() >= amount, _OVERFLOW)
        self.decrease(who, amount, keep)
        self.rescind(amount)
        self.emit(Burned(who, amount))

    def issue(self, amount: int) -> None:
        """Count money that was made."""
        self.issuance.put(min(self.issuance.get() + amount, self.most))

    def rescind(self, amount: int) -> None:
        """Count money that ceased to exist."""
        self.issuance.put(max(self.issuance.get() - amount, 0))

    def drop(self, amount: int) -> None:
        """Destroy money that was taken from an account and that nobody got."""
        if not amount:
            return
        self.rescind(amount)
        if self._reports_drops:
            self.emit(BurnedDebt(amount))

    def decrease(
        self, who: AccountId, amount: int, keep: Preservation, *, force: bool = False
    ) -> None:
        """Take all of the amount or fail; where the money goes is the caller's to say."""
        account = self.open(who)
        spendable = self._spendable(who, account, keep, force=force)
        ensure(spendable >= amount, _FUNDS_UNAVAILABLE)
        self._add(who, account, -amount)

    def increase(self, who: AccountId, amount: int) -> None:
        """Give all of the amount or fail; where the money comes from is the caller's to say."""
        account = self.open(who)
        free = account.free + amount
        ensure(free <= self.most, _OVERFLOW)
        ensure(free >= self.deposit, _BELOW_MINIMUM)
        if amount:
            self._add(who, account, amount)

    def increase_if_possible(self, who: AccountId, amount: int) -> int:
        """Give the amount, or nothing if that would not make an account; returns what was given."""
        account = self.of(who)
        given = min(amount, self.most - account.free)
        if not given or account.free + given < self.deposit:
            return 0
        self._add(who, self._opened(who, account), given)
        return given

    def _add(self, who: AccountId, account: AccountData, amount: int) -> None:
        new = account.with_free(account.free + amount)
        if account.free >= self.deposit <= new.free and not (new.reserved or new.frozen):
            self.accounts.set_data(who, new)  # it lived and lives on: nothing else changes
        else:
            self.settle(who, account, new)

    def open(self, who: AccountId) -> AccountData:
        """An account that is about to change, brought to today's rules."""
        return self._opened(who, self.of(who))

    def _opened(self, who: AccountId, account: AccountData) -> AccountData:
        if account.flags & NEW_LOGIC:
            return account
        self.upgrade(who)
        return self.of(who)

    def settle(self, who: AccountId, old: AccountData, new: AccountData) -> None:
        """Write a change and destroy what it leaves below the deposit."""
        dust = self.write(who, old, new)
        if dust:
            self.take_dust(dust)

    def write(
        self, who: AccountId, old: AccountData, new: AccountData, *, beyond_limit: bool = False
    ) -> int:
        """Begin, keep or end the account as its money demands; returns the dust it leaves.

        balances/src/lib.rs: try_mutate_account. The total issuance is the caller's to keep true.
        `beyond_limit` lets money that is frozen consume the account however many others do.
        """
        self._refer(who, old, new, beyond_limit)
        lives = new.free >= self.deposit or new.reserved
        self.accounts.set_data(who, new if lives else NO_ACCOUNT)
        if not old.free and old == NO_ACCOUNT:
            self.emit(Endowed(who, new.free))
        if lives or not new.free:
            return 0
        self.emit(DustLost(who, new.free))
        return new.free

    def _refer(
        self, who: AccountId, old: AccountData, new: AccountData, beyond_limit: bool
    ) -> None:
        """Free money of a deposit provides for an account; held or frozen money consumes it."""
        accounts = self.accounts
        provided, provides = old.free >= self.deposit, new.free >= self.deposit
        if provides and not provided:
            accounts.inc_providers(who)
        if old.reserved != new.reserved or old.frozen != new.frozen:
            self._refer_to_set_aside(who, old, new, beyond_limit)
        if new.consumes and not accounts.consumers_of(who):
            accounts.inc_consumers(who)  # only raw storage can have left it without one
        if provided and not provides:
            accounts.dec_providers(who)  # last, for it may end the account

    def _refer_to_set_aside(
        self, who: AccountId, old: AccountData, new: AccountData, beyond_limit: bool
    ) -> None:
        if old.consumes and not new.consumes:
            self.accounts.dec_consumers(who)
        if new.consumes and not old.consumes and beyond_limit:
            self.accounts.inc_consumers_without_limit(who)
        elif new.consumes and not old.consumes:
            self.accounts.inc_consumers(who)

    def upgrade(self, who: AccountId) -> bool:
        """Count the references of an account that older rules left uncounted, once."""
        account = self.of(who)
        if account.flags & NEW_LOGIC:
            return False
        account = replace(account, flags=account.flags | NEW_LOGIC)
        if account.reserved and not account.frozen:
            account = self._provided(who, account)
            self.accounts.inc_consumers_without_limit(who)
        self.accounts.set_data(who, account)
        self.emit(Upgraded(who))
        return True

    def _provided(self, who: AccountId, account: AccountData) -> AccountData:
        if self.accounts.providers_of(who):
            return account
        self.accounts.inc_providers(who)
        return replace(account, free=max(account.free, self.deposit))
