"""Session: which validators are at work, by which keys they are known, and when that changes.

A change takes effect a session after the next: who registers keys now is queued when the next
session begins and at work when the one after it begins.
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from types import MappingProxyType
from typing import Any, Final

from tilth.frame import (
    AccountId,
    AssociatedType,
    DefaultValue,
    DispatchFailure,
    HoldReason,
    Keys,
    Pallet,
    Perbill,
    Release,
    Signed,
    StorageMap,
    Twox64,
    Weight,
    call,
    ensure,
    is_owned,
    key_types,
    since,
    some,
    u32,
)
from tilth.pallets.session.types import (
    Error,
    Event,
    KeyDeposits,
    KeyHolder,
    NewQueued,
    NewSession,
    OffenceSeverity,
    OwnedKey,
    References,
    SessionEnd,
    SessionManager,
    ValidatorDisabled,
    ValidatorReenabled,
)
from tilth.pallets.session.weights import WEIGHTS

WORST: Final = OffenceSeverity(Perbill(10**9))


class Session(Pallet[Event, Error]):
    associated = (
        AssociatedType("ValidatorId", AccountId, "What names a validator."),
        AssociatedType("Keys", Keys, "The public keys by which a validator works."),
    )
    weights = WEIGHTS
    storage_version = 1

    accounts: References
    ends: SessionEnd | None = None
    """When sessions end; without it the first never does."""
    manager: SessionManager | None = None
    """Who chooses the validators; without it they stay."""
    holders: Mapping[str, KeyHolder] = MappingProxyType({})
    """The pallets that learn of new sessions, by the name of their key."""
    deposits: KeyDeposits | None = None
    """Where a deposit for keys is held: balances, from stable2509 on."""
    key_deposit: int = 0
    """What is held for having keys."""

    @since(Release.STABLE2509)
    class Hold(HoldReason):
        KEYS = "Keys are registered."

    validators = DefaultValue[tuple[AccountId, ...]]()
    """The accounts of those who author, in the order of their turns."""
    current_index = DefaultValue[u32]()
    """The number of the session."""
    queued_changed = DefaultValue[bool]()
    """Whether the queued validators are others, or the same under other conditions."""
    queued_keys = DefaultValue[tuple[tuple[AccountId, Keys], ...]]()
    """Who is at work in the next session, and by which keys."""
    disabled_validators = DefaultValue[tuple[tuple[u32, OffenceSeverity], ...]]()
    """Who may do nothing for the rest of the session, by place, and how bad it was."""
    next_keys = StorageMap[Twox64[AccountId], Keys]()
    """The keys that a validator has registered."""
    key_owner = StorageMap[Twox64[OwnedKey], AccountId]()
    """Whose a key is."""

    @call(0)
    def set_keys(self, who: Signed, keys: Keys, proof: bytes) -> None:
        """Register one's keys; they count from the session after the next one.

        The proof is every key's signature under the caller; before stable2603 any will do.
        """
        asks = self.runtime.release >= Release.STABLE2603
        ensure(not asks or is_owned(keys, who, proof), Error.INVALID_PROOF)
        ensure(self.accounts.can_inc_consumer(who), Error.NO_ACCOUNT)
        if self._register(who, keys) is None:
            if self.deposits is not None and self.key_deposit:
                self.deposits.hold(self.Hold.KEYS, who, self.key_deposit)
            self.accounts.inc_consumers(who)

    @call(1)
    def purge_keys(self, who: Signed) -> None:
        """Take one's keys back."""
        keys = some(self.next_keys.take(who), Error.NO_KEYS)
        for owned in self._owned(keys):
            del self.key_owner[owned]
        self._return_deposit(who)
        self.accounts.dec_consumers(who)

    def genesis(
        self,
        *,
        keys: Sequence[tuple[AccountId, AccountId, Keys]] = (),
        non_authority_keys: Sequence[tuple[AccountId, AccountId, Keys]] = (),
        validators: Sequence[AccountId] = (),
    ) -> None:
        """`validators` are those of a chain that has no session keys."""
        for account, validator, theirs in (*keys, *non_authority_keys):
            self._endow(account, validator, theirs)
        known = tuple(validator for _, validator, _ in keys) or tuple(validators)
        first = self._chosen_at_genesis(0, known)
        queued = self._with_keys(self._chosen_at_genesis(1, first))
        for name, holder in self.holders.items():
            holder.on_genesis_session(_of(name, queued))
        self.validators.put(first)
        self.queued_keys.put(queued)
        if self.manager is not None:
            self.manager.start_session(0)

    def on_initialize(self, now: int) -> Weight | None:
        if self.ends is None or not self.ends.should_end_session(now):
            return None
        self.rotate()
        limit: Weight = self.runtime.system.block_weights.max_block
        return limit  # nothing else fits into a block that begins a session

    def rotate(self) -> None:
        """End the session and begin the next."""
        changed, at_work = self.queued_changed.get(), self.queued_keys.get()
        index = self.current_index.get() + 1
        if self.manager is not None:
            self.manager.end_session(index - 1)
        self.validators.put(tuple(validator for validator, _ in at_work))
        if changed:
            self._enable_all()
        self.current_index.put(index)
        if self.manager is not None:
            self.manager.start_session(index)
        self._queue(index + 1, at_work)
        self.emit(NewSession(index))
        for name, holder in self.holders.items():
            holder.on_new_session(index, changed=changed, validators=_of(name, at_work))

    def disable(self, place: int, severity: OffenceSeverity = WORST) -> bool:
        """Disable a validator by its place; False where there is none."""
        validators = self.validators.get()
        if place >= len(validators):
            return False
        disabled = dict(self.disabled_validators.get())
        known = disabled.get(place)
        if known is None or severity.part.parts > known.part.parts:
            disabled[place] = severity
            self.disabled_validators.put(tuple(sorted(disabled.items(), key=lambda each: each[0])))
        if known is None:
            self.emit(ValidatorDisabled(validators[place]))
            for holder in self.holders.values():
                holder.on_disabled(place)
        return True

    def enable(self, place: int) -> bool:
        """Let a disabled validator work again; False where there is no such one."""
        validators = self.validators.get()
        disabled = self.disabled_validators.get()
        left = tuple(each for each in disabled if each[0] != place)
        if place >= len(validators) or len(left) == len(disabled):
            return False
        self.disabled_validators.put(left)
        self.emit(ValidatorReenabled(validators[place]))
        return True

    def try_state(self) -> None:
        for validator, keys in self.next_keys.items():
            for owned in self._owned(keys):
                owner = self.key_owner.get(owned)
                assert owner == validator, f"a key of {validator.hex()} is not known as theirs"

    def _return_deposit(self, who: AccountId) -> None:
        """Told even where nothing was held; what cannot be returned stays where it is."""
        deposits = self.deposits
        if deposits is not None:
            with suppress(DispatchFailure):
                deposits.release(self.Hold.KEYS, who, deposits.held(self.Hold.KEYS, who))

    def _enable_all(self) -> None:
        if self.runtime.release >= Release.STABLE2506:
            self.disabled_validators.kill()
        else:
            self.disabled_validators.take()

    def _owned(self, keys: Any) -> Iterator[OwnedKey]:
        return ((each.id, getattr(keys, name)) for name, each in key_types(type(keys)).items())

    def _register(self, validator: AccountId, keys: Any) -> Any:
        """Returns the keys that the validator had before."""
        for owned in self._owned(keys):
            ensure(self.key_owner.get(owned) in (None, validator), Error.DUPLICATED_KEY)
        old = self.next_keys.get(validator)
        before = () if old is None else tuple(self._owned(old))
        now = tuple(self._owned(keys))
        for owned in before:
            if owned not in now:
                del self.key_owner[owned]
        for owned in now:
            if owned not in before:
                self.key_owner[owned] = validator
        self.next_keys[validator] = keys
        return old

    def _endow(self, account: AccountId, validator: AccountId, keys: Any) -> None:
        self._register(validator, keys)
        if self.accounts.can_inc_consumer(account):
            self.accounts.inc_consumers_without_limit(account)
        else:  # who has no balance at genesis is kept alive by this
            self.accounts.inc_providers(account)

    def _chosen_at_genesis(self, index: int, known: Sequence[AccountId]) -> tuple[AccountId, ...]:
        chosen = None if self.manager is None else self.manager.new_session_genesis(index)
        return tuple(known if chosen is None else chosen)

    def _with_keys(self, validators: Sequence[AccountId]) -> tuple[tuple[AccountId, Any], ...]:
        found = ((validator, self.next_keys.get(validator)) for validator in validators)
        return tuple((validator, keys) for validator, keys in found if keys is not None)

    def _queue(self, index: int, at_work: Sequence[tuple[AccountId, Any]]) -> None:
        """Prepare a session: a new choice counts as a change even if it is the same."""
        chosen = None if self.manager is None else self.manager.new_session(index)
        if chosen is not None and self.runtime.release >= Release.STABLE2506:
            self.emit(NewQueued())
        queued = self._with_keys(self.validators.get() if chosen is None else chosen)
        other = any(old != new for (_, old), (_, new) in zip(at_work, queued, strict=False))
        self.queued_keys.put(queued)
        self.queued_changed.put(chosen is not None or other)


def _of(name: str, queued: Sequence[tuple[AccountId, Any]]) -> list[tuple[AccountId, Any]]:
    """The validators with one key each."""
    return [(validator, getattr(keys, name)) for validator, keys in queued]
