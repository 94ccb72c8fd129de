"""Balances: money, free or set aside, conserved to the smallest unit."""

from collections.abc import Callable, Sequence
from functools import partial
from typing import TYPE_CHECKING, Annotated, Any, Final, TypeAlias

from tilth.frame import (
    CANNOT_LOOKUP,
    AccountId,
    Address,
    AssociatedType,
    Balance,
    Codecs,
    Compact,
    Const,
    DeclarationError,
    DefaultMap,
    DefaultValue,
    DispatchFailure,
    FreezeReason,
    HoldReason,
    Pallet,
    Pays,
    PostInfo,
    Release,
    Root,
    RuntimeFreezeReason,
    RuntimeHoldReason,
    Signed,
    TypeName,
    call,
    ensure,
    replace,
    some,
    u32,
)
from tilth.pallets.balances.events import (
    BalanceSet,
    BalanceStatus,
    Deposit,
    Error,
    Event,
    TotalIssuanceForced,
    Withdraw,
)
from tilth.pallets.balances.holds import FreezeBook, HoldBook
from tilth.pallets.balances.ledger import Accounts, Ledger, Preservation
from tilth.pallets.balances.legacy import LegacyCurrency
from tilth.pallets.balances.locks import LockBook
from tilth.pallets.balances.reserves import NamedReserveBook, ReserveBook
from tilth.pallets.balances.types import (
    AccountData,
    AdjustmentDirection,
    Freezes,
    Holds,
    Identifier,
    Locks,
    Reserves,
)
from tilth.pallets.balances.weights import WEIGHTS

if TYPE_CHECKING:
    from tilth.frame import Runtime

Amount: TypeAlias = Annotated[Compact[Balance], TypeName("T::Balance")]
# A member found through its enum costs Python 3.11 as much as two calls.
_EXPENDABLE: Final = Preservation.EXPENDABLE
_PRESERVE: Final = Preservation.PRESERVE


class Balances(Pallet[Event, Error]):
    """Balances are kept beside the accounts; other pallets meet them as `tilth.frame.Currency`."""

    associated = (
        AssociatedType("RuntimeHoldReason", RuntimeHoldReason, "Why pallets hold money."),
        AssociatedType("Balance", Balance, "An amount of money."),
        AssociatedType("ReserveIdentifier", Identifier, "What names a reserve."),
        AssociatedType("FreezeIdentifier", RuntimeFreezeReason, "Why pallets freeze money."),
    )
    weights = WEIGHTS
    type_params = ("T", "I")
    storage_version = 1

    accounts: Accounts
    existential_deposit: Const[Balance]
    """The least free balance that keeps an account alive."""
    max_locks: Const[u32] = 50
    """How many locks an account is expected to have at most."""
    max_reserves: Const[u32] = 0
    """Most named reserves of an account."""
    max_freezes: Const[u32] = 0
    """Most freezes of an account."""
    take_dust: Callable[[int], None] | None = None
    """Gets what is left of accounts that end; nobody does, unless said."""

    total_issuance = DefaultValue[Balance]()
    """All money there is."""
    inactive_issuance = DefaultValue[Balance]()
    """Money that does not count where the share of all money matters."""
    account = DefaultMap[AccountId, AccountData]()
    """Unused here: balances are kept with the accounts of the system pallet."""
    locks = DefaultMap[AccountId, Locks]()
    """What locks hold down on each account; freezes have taken their place."""
    reserves = DefaultMap[AccountId, Reserves]()
    """What is reserved on each account under a name; holds have taken their place."""
    holds = DefaultMap[AccountId, Holds]()
    """What is held on each account, by reason."""
    freezes = DefaultMap[AccountId, Freezes]()
    """What is frozen on each account, by reason."""

    def bind(self, runtime: "Runtime", name: str, index: int, codecs: Codecs) -> None:
        super().bind(runtime, name, index, codecs)
        if runtime.types.get("AccountData") is not AccountData:
            raise DeclarationError(
                f"{name} keeps money in every account's data: say so in the runtime, "
                'types = {"AccountData": AccountData}, with the AccountData of balances'
            )
        most = (1 << 8 * (codecs.of(Balance).fixed_size or 16)) - 1
        self.ledger = Ledger(
            self.accounts,
            self.total_issuance,
            self.existential_deposit,
            most,
            self.emit,
            runtime.release,
            self.take_dust,
        )
        self.legacy = LegacyCurrency(self.ledger)
        self._tries_fees = runtime.release < Release.STABLE2412
        self.hold_book = HoldBook(self.ledger, self.holds, partial(_hold_reasons, runtime))
        self.freeze_book = FreezeBook(self.ledger, self.freezes, self.locks, self.max_freezes)
        self.reserve_book = ReserveBook(self.ledger)
        self.named_reserves = NamedReserveBook(
            self.reserve_book, self.ledger, self.reserves, self.max_reserves
        )
        self.lock_book = LockBook(self.ledger, self.locks, self.freezes)

    @call(0)
    def transfer_allow_death(self, who: Signed, dest: Address, value: Amount) -> None:
        """Send money, even if the sender's account ends by it."""
        self.ledger.transfer(who, self._account(dest), value, _EXPENDABLE)

    @call(2)
    def force_transfer(self, _: Root, source: Address, dest: Address, value: Amount) -> None:
        """Send another account's money."""
        sender = self._account(source)
        self.ledger.transfer(sender, self._account(dest), value, _EXPENDABLE)

    @call(3)
    def transfer_keep_alive(self, who: Signed, dest: Address, value: Amount) -> None:
        """Send money, but only if the sender's account lives on."""
        self.ledger.transfer(who, self._account(dest), value, _PRESERVE)

    @call(4)
    def transfer_all(self, who: Signed, dest: Address, keep_alive: bool) -> None:
        """Send all that may be sent."""
        keep = _keeping(keep_alive)
        amount = self.ledger.spendable(who, keep)
        self.ledger.transfer(who, self._account(dest), amount, keep)

    @call(5)
    def force_unreserve(
        self, _: Root, who: Address, amount: Annotated[Balance, TypeName("T::Balance")]
    ) -> None:
        """Free an account's reserved money."""
        self.unreserve(self._account(who), amount)

    @call(6)
    def upgrade_accounts(
        self, _: Signed, who: Annotated[tuple[AccountId, ...], TypeName("Vec<T::AccountId>")]
    ) -> PostInfo:
        """Bring accounts to today's rules; free where nine of ten needed it."""
        upgraded = sum(self.ledger.upgrade(account) for account in who)
        deserved = bool(who) and upgraded * 10 >= len(who) * 9
        return PostInfo(pays_fee=Pays.NO if deserved else Pays.YES)

    @call(8)
    def force_set_balance(self, _: Root, who: Address, new_free: Amount) -> None:
        """Set an account's free balance; less than the existential deposit is nothing."""
        account = self._account(who)
        free = new_free if new_free >= self.existential_deposit else 0
        before = self.ledger.open(account)
        self.ledger.settle(account, before, replace(before, free=free))
        self.legacy.make(max(free - before.free, 0))
        self.legacy.destroy(max(before.free - free, 0))
        self.emit(BalanceSet(account, free))

    @call(9)
    def force_adjust_total_issuance(
        self, _: Root, direction: AdjustmentDirection, delta: Amount
    ) -> None:
        """Correct the number that says how much money there is."""
        ensure(delta, Error.DELTA_ZERO)
        old = self.total_issuance.get()
        if direction is AdjustmentDirection.INCREASE:
            new = min(old + delta, self.ledger.most)
        else:
            new = max(old - delta, 0)
        ensure(self.inactive_issuance.get() <= new, Error.ISSUANCE_DEACTIVATED)
        self.total_issuance.put(new)
        self.emit(TotalIssuanceForced(old, new))

    @call(10)
    def burn(self, who: Signed, value: Amount, keep_alive: bool) -> None:
        """Destroy one's own money."""
        self.ledger.burn(who, value, _keeping(keep_alive))

    def genesis(self, *, balances: Sequence[tuple[AccountId, int]] = ()) -> None:
        assert len({who for who, _ in balances}) == len(balances), "an account is endowed twice"
        self.total_issuance.put(sum(amount for _, amount in balances))
        for who, amount in balances:
            assert amount >= self.existential_deposit, f"{who.hex()} cannot live on {amount}"
            self.accounts.inc_providers(who)
            self.accounts.set_data(who, AccountData(free=amount))

    # What other pallets ask.

    def free_balance(self, who: AccountId) -> int:
        return self.ledger.of(who).free

    def total_issuance_now(self) -> int:
        return self.total_issuance.get()

    def transfer_between(
        self, source: AccountId, dest: AccountId, amount: int, *, keep_alive: bool
    ) -> None:
        self.ledger.transfer(source, dest, amount, _keeping(keep_alive))

    def mint_into(self, who: AccountId, amount: int) -> None:
        self.ledger.mint(who, amount)

    def burn_from(self, who: AccountId, amount: int) -> None:
        self.ledger.burn(who, amount, _PRESERVE)

    def can_hold(self, reason: HoldReason, who: AccountId, amount: int) -> bool:
        return self.hold_book.can_hold(reason, who, amount)

    def hold(self, reason: HoldReason, who: AccountId, amount: int) -> None:
        self.hold_book.hold(reason, who, amount)

    def held(self, reason: HoldReason, who: AccountId) -> int:
        return self.hold_book.held(reason, who)

    def release(self, reason: HoldReason, who: AccountId, amount: int) -> None:
        self.hold_book.release(reason, who, amount)

    def transfer_held(
        self, reason: HoldReason, source: AccountId, dest: AccountId, amount: int
    ) -> None:
        self.hold_book.transfer(reason, source, dest, amount)

    def burn_held(self, reason: HoldReason, who: AccountId, amount: int) -> None:
        self.hold_book.burn(reason, who, amount)

    def frozen(self, reason: FreezeReason, who: AccountId) -> int:
        return self.freeze_book.frozen(reason, who)

    def set_freeze(self, reason: FreezeReason, who: AccountId, amount: int) -> None:
        self.freeze_book.set(reason, who, amount)

    def extend_freeze(self, reason: FreezeReason, who: AccountId, amount: int) -> None:
        self.freeze_book.extend(reason, who, amount)

    def reserve(self, who: AccountId, amount: int) -> None:
        self.reserve_book.reserve(who, amount)

    def unreserve(self, who: AccountId, amount: int) -> int:
        """Free as much of the amount as is reserved; returns the rest."""
        return self.reserve_book.unreserve(who, amount)

    def repatriate_reserved(
        self, source: AccountId, dest: AccountId, amount: int, status: BalanceStatus
    ) -> int:
        """Move as much of the amount as is reserved to another account; returns the rest."""
        return self.reserve_book.repatriate(source, dest, amount, status)

    def slash_reserved(self, who: AccountId, amount: int) -> int:
        """Take as much of the amount as is reserved; the caller decides where it goes."""
        return self.reserve_book.slash(who, amount)

    def set_lock(self, id: bytes, who: AccountId, amount: int) -> None:
        self.lock_book.set(id, who, amount)

    def extend_lock(self, id: bytes, who: AccountId, amount: int) -> None:
        self.lock_book.extend(id, who, amount)

    def remove_lock(self, id: bytes, who: AccountId) -> None:
        self.lock_book.remove(id, who)

    # What transaction payment asks.

    @property
    def holds_fees(self) -> bool:
        return True

    def can_withdraw(self, who: AccountId, amount: int) -> bool:
        """Whether the account could pay so much and live on."""
        if self._tries_fees:  # before stable2412, validation took the fee and threw the block away
            return self.ledger.spendable(who, _PRESERVE) >= amount
        try:
            return not self.ledger.ends_by(who, amount)
        except DispatchFailure:
            return False

    def withdraw_fee(self, who: AccountId, amount: int) -> bool:
        """Take a fee, if the account lives on without it."""
        try:
            self.ledger.decrease(who, amount, _PRESERVE)
        except DispatchFailure:
            return False
        self.emit(Withdraw(who, amount))
        return True

    def give_back(self, who: AccountId, amount: int) -> int:
        """Give back what was withdrawn, if the account still lives; returns what was given."""
        if not self.ledger.of(who).total:
            return 0
        given = self.ledger.increase_if_possible(who, amount)
        self.emit(Deposit(who, given))
        return given

    def receive(self, who: AccountId, amount: int) -> int:
        """Give all of an amount that was withdrawn, or nothing; returns what was given."""
        try:
            self.ledger.increase(who, amount)
        except DispatchFailure:
            return 0
        self.emit(Deposit(who, amount))
        return amount

    def destroy(self, amount: int) -> None:
        """Drop money that was withdrawn and that nobody got."""
        self.ledger.drop(amount)

    def lives(self, who: AccountId) -> bool:
        """Whether there is anything known of the account."""
        return self.accounts.exists(who)

    def try_state(self) -> None:
        owned = 0
        for who, account in self.accounts.all_data():
            owned += account.total
            self._check_account(who, account)
        assert owned == self.total_issuance.get(), "the accounts do not add up to the issuance"
        assert self.inactive_issuance.get() <= owned, "more money is inactive than there is"

    def _check_account(self, who: AccountId, account: AccountData) -> None:
        name, deposit = who.hex(), self.existential_deposit
        held = sum(hold.amount for hold in self.holds[who])
        assert held <= account.reserved, f"{name} has more on hold than is reserved"
        claims = [freeze.amount for freeze in self.freezes[who]]
        claims += [lock.amount for lock in self.locks[who]]
        assert account.frozen == max(claims, default=0), f"{name} is frozen as nobody asked"
        alive = account.free >= deposit or account.reserved or not account.free
        assert alive, f"{name} lives on less than the existential deposit"

    def _account(self, address: Any) -> AccountId:
        return some(self._runtime.lookup(address), CANNOT_LOOKUP)


def _hold_reasons(runtime: "Runtime") -> int:
    """How many reasons to hold all pallets have."""
    return sum(len(pallet.declared.hold_reasons or ()) for pallet in runtime.pallets)


def _keeping(keep_alive: bool) -> Preservation:
    return _PRESERVE if keep_alive else _EXPENDABLE
