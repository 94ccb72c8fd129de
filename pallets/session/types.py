"""What the session pallet reports and refuses, and whom it asks."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Any, Protocol, TypeAlias

from tilth.frame import (
    AccountId,
    ErrorEnum,
    HoldReason,
    KeyTypeId,
    Perbill,
    Release,
    TypeName,
    event,
    since,
    struct,
    u32,
)

Validator: TypeAlias = Annotated[AccountId, TypeName("T::ValidatorId")]
SessionIndex: TypeAlias = Annotated[u32, TypeName("SessionIndex")]
OwnedKey: TypeAlias = tuple[KeyTypeId, bytes]
"""A public key and what it is for."""


@struct(unnamed=True, path="sp_staking::offence::OffenceSeverity")
class OffenceSeverity:
    """The part of what a validator has at stake that an offence costs."""

    part: Annotated[Perbill, TypeName("Perbill")]


@event
class NewSession:
    """A session has begun; this is its number, not a block's."""

    session_index: SessionIndex


@since(Release.STABLE2506)
@event
class NewQueued:
    """With the session that has begun, others were chosen for the next."""


@since(Release.STABLE2503)
@event
class ValidatorDisabled:
    """A validator may do nothing for the rest of the session."""

    validator: Validator


@since(Release.STABLE2503)
@event
class ValidatorReenabled:
    """A disabled validator is at work again."""

    validator: Validator


Event: TypeAlias = NewSession | NewQueued | ValidatorDisabled | ValidatorReenabled


class Error(ErrorEnum):
    INVALID_PROOF = "The proof does not show that the keys are the caller's."
    NO_ASSOCIATED_VALIDATOR_ID = "The account is no validator's."
    DUPLICATED_KEY = "Another validator has registered one of the keys."
    NO_KEYS = "The account has no keys registered."
    NO_ACCOUNT = "The account cannot keep keys: it has no balance."


class References(Protocol):
    """What keeps the accounts alive that have keys."""

    def can_inc_consumer(self, who: AccountId) -> bool: ...

    def inc_consumers(self, who: AccountId) -> None: ...

    def inc_consumers_without_limit(self, who: AccountId) -> None: ...

    def dec_consumers(self, who: AccountId) -> None: ...

    def inc_providers(self, who: AccountId) -> None: ...


class KeyDeposits(Protocol):
    """Holds what having keys costs."""

    def hold(self, reason: HoldReason, who: AccountId, amount: int) -> None: ...

    def held(self, reason: HoldReason, who: AccountId) -> int: ...

    def release(self, reason: HoldReason, who: AccountId, amount: int) -> None: ...


class SessionEnd(Protocol):
    """Tells when a session is over."""

    def should_end_session(self, now: int) -> bool: ...


class SessionManager(Protocol):
    """Chooses the validators; None keeps those who are at work."""

    def new_session_genesis(self, index: int) -> Sequence[AccountId] | None: ...

    def new_session(self, index: int) -> Sequence[AccountId] | None: ...

    def start_session(self, index: int) -> None: ...

    def end_session(self, index: int) -> None: ...


class KeyHolder(Protocol):
    """A pallet whose authorities are known by one of the session keys."""

    def on_genesis_session(self, validators: Sequence[tuple[AccountId, Any]]) -> None: ...

    def on_new_session(
        self, index: int, *, changed: bool, validators: Sequence[tuple[AccountId, Any]]
    ) -> None: ...

    def on_disabled(self, index: int) -> None: ...


@dataclass(frozen=True, slots=True)
class PeriodicSessions:
    """Sessions of equal length, in blocks, from a block on."""

    period: int
    offset: int = 0

    def should_end_session(self, now: int) -> bool:
        return now >= self.offset and (now - self.offset) % self.period == 0
