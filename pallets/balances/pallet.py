"""Balances: money, held, frozen and free, conserved to the smallest unit."""

from collections.abc import Callable, Sequence
from typing import Annotated, Any, Protocol, TypeAlias

from tilth.frame import (
    CANNOT_LOOKUP,
    AccountId,
    ArithmeticError,
    Balance,
    Compact,
    Const,
    DefaultMap,
    DefaultValue,
    DispatchFailure,
    ErrorEnum,
    HoldReason,
    MultiAddress,
    Pallet,
    Pays,
    PostInfo,
    Root,
    Signed,
    TokenError,
    TypeName,
    call,
    checked,
    ensure,
    replace,
    some,
    u32,
)
from tilth.pallets.balances import events as ev
from tilth.pallets.balances.consequence import (
    Preservation,
    check_deposit,
    check_withdrawal,
    spendable,
)
from tilth.pallets.balances.types import (
    NEW_LOGIC,
    AccountData,
    AdjustmentDirection,
    Freezes,
    HeldAmount,
    Holds,
    Locks,
    Reserves,
)
from tilth.pallets.balances.weights import WEIGHTS

Address: TypeAlias = Annotated[MultiAddress, TypeName("AccountIdLookupOf<T>")]
Amount: TypeAlias = Annotated[Compact[Balance], TypeName("T::Balance")]
NO_ACCOUNT = AccountData()


class Accounts(Protocol):
    """Where account data is kept, and what keeps an account alive."""

    def data_of(self, who: AccountId) -> Any: ...

    def set_data(self, who: AccountId, data: Any) -> None: ...

    def inc_providers(self, who: AccountId) -> None: ...

    def dec_providers(self, who: AccountId) -> None: ...

    def inc_consumers(self, who: AccountId) -> None: ...

    def inc_consumers_without_limit(self, who: AccountId) -> None: ...

    def dec_consumers(self, who: AccountId) -> None: ...

    def providers_of(self, who: AccountId) -> int: ...

    def can_dec_provider(self, who: AccountId) -> bool: ...


class Error(ErrorEnum):
    VESTING_BALANCE = "The vesting balance is too high to send this amount."
    LIQUIDITY_RESTRICTIONS = "The account's money may not be moved now."
    INSUFFICIENT_BALANCE = "The account has too little money for this."
    EXISTENTIAL_DEPOSIT = "The amount is less than an account needs to exist."
    EXPENDABILITY = "The transfer would end the account."
    EXISTING_VESTING_SCHEDULE = "The account has a vesting schedule already."
    DEAD_ACCOUNT = "The receiving account does not exist."
    TOO_MANY_RESERVES = "The account has too many named reserves."
    TOO_MANY_HOLDS = "The account has too many holds."
    TOO_MANY_FREEZES = "The account has too many freezes."
    ISSUANCE_DEACTIVATED = "The issuance may not be changed now."
    DELTA_ZERO = "A change by nothing is no change."


class Balances(Pallet[ev.Event, Error]):
    weights = WEIGHTS
    storage_version = 1

    accounts: Accounts
    existential_deposit: Const[Balance]
    """The least an account must own; one that falls below ceases to exist."""
    max_locks: Const[u32] = 50
    """Most locks of an account."""
    max_reserves: Const[u32] = 0
    """Most named reserves of an account."""
    max_freezes: Const[u32] = 0
    """Most freezes of an account."""

    total_issuance = DefaultValue[Balance]()
    """All money there is."""
    inactive_issuance = DefaultValue[Balance]()
    """Money that does not count as being in use."""
    account = DefaultMap[AccountId, AccountData]()
    """Unused: account data is kept in the system pallet."""
    locks = DefaultMap[AccountId, Locks]()
    """What may not be moved, by whose claim."""
    reserves = DefaultMap[AccountId, Reserves]()
    """Named reserves."""
    holds = DefaultMap[AccountId, Holds]()
    """What is held, by reason."""
    freezes = DefaultMap[AccountId, Freezes]()
    """What is frozen, by reason."""

    @call(0)
    def transfer_allow_death(self, who: Signed, dest: Address, value: Amount) -> None:
        """Send money, even if the sender's account ends by it."""
        self._transfer(who, self._lookup(dest), value, Preservation.EXPENDABLE)

    @call(2)
    def force_transfer(self, who: Root, source: Address, dest: Address, value: Amount) -> None:
        """Send another account's money."""
        source_account = self._lookup(source)
        self._transfer(source_account, self._lookup(dest), value, Preservation.EXPENDABLE)

    @call(3)
    def transfer_keep_alive(self, who: Signed, dest: Address, value: Amount) -> None:
        """Send money, but never so much that the sender's account ends."""
        self._transfer(who, self._lookup(dest), value, Preservation.PRESERVE)

    @call(4)
    def transfer_all(self, who: Signed, dest: Address, keep_alive: bool) -> None:
        """Send everything that can be sent."""
        preservation = _keeping(keep_alive)
        amount = self.reducible(who, preservation)
        self._transfer(who, self._lookup(dest), amount, preservation)

    @call(5)
    def force_unreserve(
        self,
        who: Root,
        account: Annotated[Address, TypeName("AccountIdLookupOf<T>")],
        amount: Annotated[Balance, TypeName("T::Balance")],
    ) -> None:
        """Free an account's reserved money."""
        self.unreserve(self._lookup(account), amount)

    @call(6)
    def upgrade_accounts(
        self, who: Signed, accounts: Annotated[tuple[AccountId, ...], TypeName("Vec<T::AccountId>")]
    ) -> PostInfo:
        """Bring accounts to today's rules; free of fee where nine of ten needed it."""
        if not accounts:
            return PostInfo()
        upgraded = sum(self._ensure_upgraded(account) for account in accounts)
        return PostInfo(pays_fee=Pays.NO if upgraded * 10 >= len(accounts) * 9 else Pays.YES)

    @call(8)
    def force_set_balance(self, who: Root, account: Address, new_free: Amount) -> None:
        """Set what an account has."""
        target = self._lookup(account)
        free = new_free if new_free >= self.existential_deposit else 0
        old = self.data(target).free
        self._mutate(target, lambda data: replace(data, free=free))
        self._adjust_issuance(free - old)
        self.emit(ev.BalanceSet(target, free))

    @call(9)
    def force_adjust_total_issuance(
        self, who: Root, direction: AdjustmentDirection, delta: Amount
    ) -> None:
        """Change the number that says how much money there is."""
        ensure(delta > 0, Error.DELTA_ZERO)
        old = self.total_issuance.get()
        increase = direction is AdjustmentDirection.INCREASE
        new = min(old + delta, 2**128 - 1) if increase else max(old - delta, 0)
        ensure(self.inactive_issuance.get() <= new, Error.ISSUANCE_DEACTIVATED)
        self.total_issuance.put(new)
        self.emit(ev.TotalIssuanceForced(old, new))

    @call(10)
    def burn(self, who: Signed, value: Amount, keep_alive: bool) -> None:
        """Destroy one's own money."""
        self._burn(who, value, _keeping(keep_alive))

    def genesis(self, *, balances: Sequence[tuple[AccountId, int]] = ()) -> None:
        for who, amount in balances:
            assert amount >= self.existential_deposit, "an account begins with enough to exist"
            self.accounts.inc_providers(who)
            self.accounts.set_data(who, AccountData(free=amount))
        self.total_issuance.put(sum(amount for _, amount in balances))

    # What other pallets ask: tilth.frame.Currency.

    def data(self, who: AccountId) -> AccountData:
        return self.accounts.data_of(who) or NO_ACCOUNT

    def free_balance(self, who: AccountId) -> int:
        return self.data(who).free

    def total_issuance_now(self) -> int:
        return self.total_issuance.get()

    def reducible(self, who: AccountId, preservation: Preservation, *, force: bool = False) -> int:
        """How much of the free balance may go."""
        data, accounts = self.data(who), self.accounts
        needed = {
            Preservation.PRESERVE: lambda: True,
            Preservation.PROTECT: lambda: data.free > 0 and accounts.providers_of(who) == 1,
            Preservation.EXPENDABLE: lambda: data.free > 0 and not accounts.can_dec_provider(who),
        }[preservation]()
        return spendable(data, self.existential_deposit if needed else 0, force=force)

    def transfer_between(
        self, source: AccountId, dest: AccountId, amount: int, *, keep_alive: bool
    ) -> None:
        self._transfer(source, dest, amount, _keeping(keep_alive))

    def can_hold(self, who: AccountId, amount: int) -> bool:
        return amount <= self.reducible(who, Preservation.PROTECT, force=True)

    def hold(self, reason: HoldReason, who: AccountId, amount: int) -> None:
        ensure(self.can_hold(who, amount), TokenError.FUNDS_UNAVAILABLE)
        self._decrease(who, amount, Preservation.PROTECT, force=True)
        self._set_held(reason, who, self.held(reason, who) + amount)

    def held(self, reason: HoldReason, who: AccountId) -> int:
        return sum(held.amount for held in self.holds[who] if held.id is reason)

    def release(self, reason: HoldReason, who: AccountId, amount: int) -> None:
        self._decrease_held(reason, who, amount)
        self._increase(who, amount)

    def transfer_held(
        self, reason: HoldReason, source: AccountId, dest: AccountId, amount: int
    ) -> None:
        check_deposit(self.data(dest), amount, self.existential_deposit)
        self._decrease_held(reason, source, amount)
        self._increase(dest, amount)
        if amount:
            self.emit(ev.Transfer(source, dest, amount))

    def burn_held(self, reason: HoldReason, who: AccountId, amount: int) -> None:
        self._decrease_held(reason, who, amount)
        self._set_issuance(self.total_issuance.get() - amount)

    def mint_into(self, who: AccountId, amount: int) -> None:
        check_deposit(self.data(who), amount, self.existential_deposit)
        self._set_issuance(self.total_issuance.get() + amount)
        self._increase(who, amount)
        self.emit(ev.Minted(who, amount))

    def burn_from(self, who: AccountId, amount: int) -> None:
        self._burn(who, amount, Preservation.PRESERVE)

    # What transaction payment asks.

    def can_withdraw(self, who: AccountId, amount: int) -> bool:
        try:
            left = self._check_withdrawal(who, amount)
        except DispatchFailure:
            return False
        return left is None

    def withdraw_fee(self, who: AccountId, amount: int) -> bool:
        if self.reducible(who, Preservation.PRESERVE) < amount:
            return False
        self._decrease(who, amount, Preservation.PRESERVE)
        self.emit(ev.Withdraw(who, amount))
        return True

    def settle_fee(self, who: AccountId, paid: int, refund: int) -> int:
        if refund and self.data(who).free + refund >= self.existential_deposit:
            self._increase(who, refund)
            self.emit(ev.Deposit(who, refund))
        else:
            refund = 0
        if paid != refund:
            self._set_issuance(self.total_issuance.get() - (paid - refund))
        return refund

    # Reserved money without a reason, as older pallets use it.

    def reserve(self, who: AccountId, amount: int) -> None:
        if not amount:
            return
        ensure(self.reducible(who, Preservation.PROTECT) >= amount, Error.INSUFFICIENT_BALANCE)
        self._mutate(
            who,
            lambda d: replace(d, free=d.free - amount, reserved=checked(d.reserved + amount)),
        )
        self.emit(ev.Reserved(who, amount))

    def unreserve(self, who: AccountId, amount: int) -> int:
        """Free as much of the amount as is reserved; returns what was not."""
        actual = min(self.data(who).reserved, amount)
        if actual:
            self._mutate(
                who,
                lambda d: replace(d, free=d.free + actual, reserved=d.reserved - actual),
            )
            self.emit(ev.Unreserved(who, actual))
        return amount - actual

    def _lookup(self, address: Any) -> AccountId:
        return some(self.runtime.lookup(address), CANNOT_LOOKUP)

    def _check_withdrawal(self, who: AccountId, amount: int) -> int | None:
        """What an account that would end by it has left; None where it goes on."""
        return check_withdrawal(
            self.data(who),
            amount,
            liquid=self.reducible(who, Preservation.EXPENDABLE),
            existential_deposit=self.existential_deposit,
            issuance=self.total_issuance.get(),
            may_end=self.accounts.can_dec_provider(who),
        )

    def _transfer(
        self, source: AccountId, dest: AccountId, amount: int, preservation: Preservation
    ) -> None:
        left = self._check_withdrawal(source, amount)
        ends = left is not None and preservation is not Preservation.EXPENDABLE
        ensure(not ends, TokenError.NOT_EXPENDABLE)
        check_deposit(self.data(dest), amount, self.existential_deposit)
        if source == dest:
            return
        amount = min(amount, self.reducible(source, preservation))
        self._decrease(source, amount, preservation)
        self._increase(dest, amount)
        self.emit(ev.Transfer(source, dest, amount))

    def _burn(self, who: AccountId, amount: int, preservation: Preservation) -> None:
        ensure(self.reducible(who, preservation) >= amount, TokenError.FUNDS_UNAVAILABLE)
        issuance = self.total_issuance.get()
        ensure(issuance >= amount, ArithmeticError.OVERFLOW)
        self._decrease(who, amount, preservation)
        self._set_issuance(self.total_issuance.get() - amount)
        self.emit(ev.Burned(who, amount))

    def _decrease(
        self, who: AccountId, amount: int, preservation: Preservation, *, force: bool = False
    ) -> None:
        ensure(
            self.reducible(who, preservation, force=force) >= amount, TokenError.FUNDS_UNAVAILABLE
        )
        self._mutate(who, lambda data: replace(data, free=data.free - amount))

    def _increase(self, who: AccountId, amount: int) -> None:
        """Best effort: what would not make an account is not given."""
        data = self.data(who)
        if amount and data.free + amount >= self.existential_deposit:
            self._mutate(who, lambda data: replace(data, free=checked(data.free + amount)))

    def _decrease_held(self, reason: HoldReason, who: AccountId, amount: int) -> None:
        held = self.held(reason, who)
        ensure(held >= amount, TokenError.FUNDS_UNAVAILABLE)
        self._set_held(reason, who, held - amount)

    def _set_held(self, reason: HoldReason, who: AccountId, amount: int) -> None:
        others = tuple(held for held in self.holds[who] if held.id is not reason)
        change = amount - self.held(reason, who)
        self._mutate(who, lambda data: replace(data, reserved=checked(data.reserved + change)))
        holds = (*others, HeldAmount(reason, amount)) if amount else others
        if holds:
            self.holds[who] = holds
        else:
            del self.holds[who]

    def _mutate(self, who: AccountId, change: Callable[[AccountData], AccountData]) -> None:
        """Change an account's data; begins, keeps or ends the account as its money demands.

        balances/src/lib.rs: try_mutate_account
        """
        old = self.data(who)
        is_new = old == NO_ACCOUNT
        data = change(old)
        self._refer(who, old, data)
        dust = data.free if data.free < self.existential_deposit and not data.reserved else 0
        ended = dust or not (data.free or data.reserved)
        self.accounts.set_data(who, NO_ACCOUNT if ended else data)
        if is_new:
            self.emit(ev.Endowed(who, data.free))
        if dust:
            self.emit(ev.DustLost(who, dust))
            self._set_issuance(self.total_issuance.get() - dust)

    def _refer(self, who: AccountId, old: AccountData, new: AccountData) -> None:
        deposit, accounts = self.existential_deposit, self.accounts
        did_provide, does_provide = old.free >= deposit, new.free >= deposit
        did_consume, does_consume = (
            bool(old.reserved or old.frozen),
            bool(new.reserved or new.frozen),
        )
        if does_provide and not did_provide:
            accounts.inc_providers(who)
        if did_consume and not does_consume:
            accounts.dec_consumers(who)
        if does_consume and not did_consume:
            accounts.inc_consumers(who)
        if did_provide and not does_provide:
            accounts.dec_providers(who)

    def _set_issuance(self, amount: int) -> None:
        self.total_issuance.put(checked(amount))

    def _adjust_issuance(self, change: int) -> None:
        if change > 0:
            self._set_issuance(self.total_issuance.get() + change)
            self.emit(ev.Issued(change))
        elif change < 0:
            self._set_issuance(self.total_issuance.get() + change)
            self.emit(ev.Rescinded(-change))

    def _ensure_upgraded(self, who: AccountId) -> bool:
        data = self.accounts.data_of(who)
        if data is None or data.flags & NEW_LOGIC:
            return False
        if data.reserved:
            self.accounts.inc_consumers_without_limit(who)
        self.accounts.set_data(who, replace(data, flags=data.flags | NEW_LOGIC))
        self.emit(ev.Upgraded(who))
        return True

    def try_state(self) -> None:
        system = self.runtime.pallets[0]
        owned = 0
        for who, info in system.account.items():  # type: ignore[attr-defined]
            data = info.data
            owned += data.total
            held = sum(hold.amount for hold in self.holds[who])
            assert held <= data.reserved, f"{who.hex()} has more on hold than is reserved"
            alive = data.free >= self.existential_deposit or data.reserved or not data.total
            assert alive, f"{who.hex()} has less than an account needs"
        assert owned == self.total_issuance.get(), "the accounts do not add up to the issuance"


def _keeping(keep_alive: bool) -> Preservation:
    return Preservation.PRESERVE if keep_alive else Preservation.EXPENDABLE
