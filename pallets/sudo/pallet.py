"""Sudo: one account that may act as root; on dev chains only."""

from typing import Annotated, Any, TypeAlias

from tilth.frame import (
    CANNOT_LOOKUP,
    ROOT,
    AccountId,
    Address,
    AssociatedType,
    DispatchError,
    DispatchFailure,
    DispatchInfo,
    Err,
    ErrorEnum,
    Ok,
    Origin,
    Pallet,
    Pays,
    PostInfo,
    Result,
    RuntimeCall,
    SignedOrRoot,
    StorageValue,
    TypeName,
    Weight,
    call,
    ensure,
    event,
    signed,
    some,
)
from tilth.pallets.sudo.weights import WEIGHTS

Outcome: TypeAlias = Annotated[Result[None, DispatchError], TypeName("DispatchResult")]
Call: TypeAlias = Annotated[RuntimeCall, TypeName("Box<<T as Config>::RuntimeCall>")]


@event
class Sudid:
    """Root's call was made; it may have failed."""

    sudo_result: Outcome
    """What became of the call."""


@event
class KeyChanged:
    """Another account may act as root now."""

    old: Annotated[AccountId | None, TypeName("Option<T::AccountId>")]
    """Who held the key before, if anyone."""
    new: Annotated[AccountId, TypeName("T::AccountId")]
    """Who holds it now."""


@event
class KeyRemoved:
    """Nobody may act as root any more."""


@event
class SudoAsDone:
    """A call was made in another account's name; it may have failed."""

    sudo_result: Outcome
    """What became of the call."""


class Error(ErrorEnum):
    REQUIRE_SUDO = "Only the account that holds the key may act as root."


def _with_inner(pallet: "Sudo", call: RuntimeCall, name: str) -> DispatchInfo:
    inner = call.info
    own = pallet.priced(pallet.weights.get(name))
    return DispatchInfo(own + inner.call_weight, inner.dispatch_class)


class Sudo(Pallet[Sudid | KeyChanged | KeyRemoved | SudoAsDone, Error]):
    associated = (AssociatedType("RuntimeCall", RuntimeCall, "The calls that root may make: all."),)
    weights = WEIGHTS

    key = StorageValue[AccountId]()
    """The account that may act as root, if there is one."""

    @call(0, info=lambda pallet, call: _with_inner(pallet, call, "sudo"))
    def sudo(self, who: SignedOrRoot, call: Call) -> PostInfo:
        """Make a call as root."""
        self._ensure_sudo(who)
        self.emit(Sudid(self._outcome(call, ROOT)))
        return PostInfo(pays_fee=Pays.NO)

    @call(1, info=lambda pallet, call, weight: DispatchInfo(weight, call.info.dispatch_class))
    def sudo_unchecked_weight(self, who: SignedOrRoot, call: Call, weight: Weight) -> PostInfo:
        """Make a call as root that weighs as much as is said here."""
        self._ensure_sudo(who)
        self.emit(Sudid(self._outcome(call, ROOT)))
        return PostInfo(pays_fee=Pays.NO)

    @call(2)
    def set_key(self, who: SignedOrRoot, new: Address) -> PostInfo:
        """Hand the key over."""
        self._ensure_sudo(who)
        account = some(self.runtime.lookup(new), CANNOT_LOOKUP)
        old = self.key.get()
        self.key.put(account)
        self.emit(KeyChanged(old, account))
        return PostInfo(pays_fee=Pays.NO)

    @call(3, info=lambda pallet, who, call: _with_inner(pallet, call, "sudo_as"))
    def sudo_as(self, caller: SignedOrRoot, who: Address, call: Call) -> PostInfo:
        """Make a call in another account's name."""
        self._ensure_sudo(caller)
        target = some(self.runtime.lookup(who), CANNOT_LOOKUP)
        self.emit(SudoAsDone(self._outcome(call, signed(target))))
        return PostInfo(pays_fee=Pays.NO)

    @call(4)
    def remove_key(self, who: SignedOrRoot) -> PostInfo:
        """Give the key up for ever."""
        self._ensure_sudo(who)
        self.emit(KeyRemoved())
        self.key.kill()
        return PostInfo(pays_fee=Pays.NO)

    def genesis(self, *, key: AccountId | None = None) -> None:
        if key is not None:
            self.key.put(key)

    def _ensure_sudo(self, who: AccountId | None) -> None:
        """Root itself, who is nobody, needs no key."""
        ensure(who is None or who == self.key.get(), Error.REQUIRE_SUDO)

    def _outcome(self, call: RuntimeCall, origin: Origin) -> Any:
        try:
            call.dispatch_bypassing_filter(origin)
        except DispatchFailure as failure:
            return Err(self.runtime.dispatch_error(failure.reason))
        return Ok(None)
