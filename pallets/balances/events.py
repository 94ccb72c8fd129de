"""What the balances pallet reports, and why its calls fail."""

from enum import IntEnum
from typing import Annotated, Any, TypeAlias

from tilth.frame import (
    AccountId,
    Balance,
    ErrorEnum,
    Param,
    Release,
    RuntimeHoldReason,
    TypeName,
    event,
    scale_enum,
    since,
    struct,
)

Who: TypeAlias = Annotated[AccountId, TypeName("T::AccountId")]
Reason: TypeAlias = Annotated[
    Any, Param("HoldReason", RuntimeHoldReason), TypeName("T::RuntimeHoldReason")
]


@scale_enum(path="frame_support::traits::tokens::misc::BalanceStatus")
class BalanceStatus(IntEnum):
    """As what money arrives."""

    FREE = 0
    RESERVED = 1


@event
class Endowed:
    """An account came into being with this free balance."""

    account: Who
    free_balance: Balance


@event
class DustLost:
    """An account ended with less than the existential deposit, which is lost."""

    account: Who
    amount: Balance


@event
class Transfer:
    """Money moved from one account's free balance to another's."""

    from_: Who
    to: Who
    amount: Balance


@event
class BalanceSet:
    """Root set an account's free balance."""

    who: Who
    free: Balance


@event
class Reserved:
    """Free money became reserved."""

    who: Who
    amount: Balance


@event
class Unreserved:
    """Reserved money became free."""

    who: Who
    amount: Balance


@event
class ReserveRepatriated:
    """Reserved money moved to another account, where it is what `destination_status` says."""

    from_: Who
    to: Who
    amount: Balance
    destination_status: Annotated[BalanceStatus, TypeName("Status")]


@event
class Deposit:
    """Money was put into an account, such as a fee that was given back."""

    who: Who
    amount: Balance


@event
class Withdraw:
    """Money was taken out of an account, such as a fee."""

    who: Who
    amount: Balance


@event
class Slashed:
    """Money was taken from an account as a punishment."""

    who: Who
    amount: Balance


@event
class Minted:
    """New money was made in an account."""

    who: Who
    amount: Balance


@since(Release.STABLE2509)
@event
class MintedCredit:
    """The total issuance rose by money that an account had been given already."""

    amount: Balance


@event
class Burned:
    """An account's money ceased to exist."""

    who: Who
    amount: Balance


@since(Release.STABLE2509)
@event
class BurnedDebt:
    """The total issuance fell by money that had been taken from an account already."""

    amount: Balance


@event
class Suspended:
    """Money was taken out of an account and may come back."""

    who: Who
    amount: Balance


@event
class Restored:
    """Money that had been suspended came back into an account."""

    who: Who
    amount: Balance


@event
class Upgraded:
    """An account's references were brought to today's rules."""

    who: Who


@event
class Issued:
    """The total issuance rose, for money that is still to be placed."""

    amount: Balance


@event
class Rescinded:
    """The total issuance fell by money that had no place left."""

    amount: Balance


@event
class Locked:
    """Locks hold down more of an account's money than before."""

    who: Who
    amount: Balance


@event
class Unlocked:
    """Locks hold down less of an account's money than before."""

    who: Who
    amount: Balance


@event
class Frozen:
    """Freezes hold down more of an account's money than before."""

    who: Who
    amount: Balance


@event
class Thawed:
    """Freezes hold down less of an account's money than before."""

    who: Who
    amount: Balance


@event
class TotalIssuanceForced:
    """Root changed the total issuance."""

    old: Balance
    new: Balance


@since(Release.STABLE2509)
@event
class Held:
    """Free money was put on hold."""

    reason: Reason
    who: Who
    amount: Balance


@since(Release.STABLE2509)
@event
class BurnedHeld:
    """Money on hold ceased to exist."""

    reason: Reason
    who: Who
    amount: Balance


@since(Release.STABLE2509)
@event
class TransferOnHold:
    """Money on hold moved to another account."""

    reason: Reason
    source: Who
    dest: Who
    amount: Balance


@since(Release.STABLE2509)
@event
class TransferAndHold:
    """Free money moved to another account, where it is on hold."""

    reason: Reason
    source: Who
    dest: Who
    transferred: Balance


@since(Release.STABLE2509)
@event
class Released:
    """Money on hold became free."""

    reason: Reason
    who: Who
    amount: Balance


@scale_enum(path="pallet_balances::pallet::UnexpectedKind")
class UnexpectedKind(IntEnum):
    BALANCE_UPDATED = 0
    FAILED_TO_MUTATE_ACCOUNT = 1


@since(Release.STABLE2509)
@struct(unnamed=True)
class Unexpected:
    """Something happened that this pallet takes to be impossible."""

    kind: Annotated[UnexpectedKind, TypeName("UnexpectedKind")]


Event: TypeAlias = (
    Endowed
    | DustLost
    | Transfer
    | BalanceSet
    | Reserved
    | Unreserved
    | ReserveRepatriated
    | Deposit
    | Withdraw
    | Slashed
    | Minted
    | MintedCredit
    | Burned
    | BurnedDebt
    | Suspended
    | Restored
    | Upgraded
    | Issued
    | Rescinded
    | Locked
    | Unlocked
    | Frozen
    | Thawed
    | TotalIssuanceForced
    | Held
    | BurnedHeld
    | TransferOnHold
    | TransferAndHold
    | Released
    | Unexpected
)


class Error(ErrorEnum):
    VESTING_BALANCE = "The vested balance is too high to send so much."
    LIQUIDITY_RESTRICTIONS = "Locks or freezes on the account forbid it."
    INSUFFICIENT_BALANCE = "The account's balance is too low."
    EXISTENTIAL_DEPOSIT = "So little cannot keep an account alive."
    EXPENDABILITY = "The account would not survive it."
    EXISTING_VESTING_SCHEDULE = "The account has a vesting schedule already."
    DEAD_ACCOUNT = "The beneficiary does not exist."
    TOO_MANY_RESERVES = "The account has as many named reserves as it may."
    TOO_MANY_HOLDS = "The account has as many holds as there are reasons."
    TOO_MANY_FREEZES = "The account has as many freezes as it may."
    ISSUANCE_DEACTIVATED = "The issuance cannot fall below what is deactivated."
    DELTA_ZERO = "A change of nothing is none."
