"""What the balances pallet keeps with each account."""

from enum import IntEnum
from typing import Annotated, Any, Final, TypeAlias

from tilth.frame import (
    Balance,
    Bounded,
    Fixed,
    Param,
    Path,
    RuntimeFreezeReason,
    RuntimeHoldReason,
    TypeName,
    scale_enum,
    struct,
    u128,
)

# balances/src/types.rs: the top bit says that an account's references follow today's rules
NEW_LOGIC: Final = 1 << 127

ExtraFlags: TypeAlias = Annotated[u128, Path("pallet_balances::types::ExtraFlags")]
AnyHoldReason: TypeAlias = Annotated[Any, Param("HoldReason", RuntimeHoldReason), TypeName("Id")]
AnyFreezeReason: TypeAlias = Annotated[
    Any, Param("FreezeReason", RuntimeFreezeReason), TypeName("Id")
]
Identifier: TypeAlias = Annotated[bytes, Fixed(8)]


@struct(path="pallet_balances::types::AccountData", params={"Balance": Balance})
class AccountData:
    free: Annotated[Balance, TypeName("Balance")] = 0
    reserved: Annotated[Balance, TypeName("Balance")] = 0
    frozen: Annotated[Balance, TypeName("Balance")] = 0
    flags: Annotated[ExtraFlags, TypeName("ExtraFlags")] = NEW_LOGIC

    @property
    def total(self) -> int:
        return self.free + self.reserved

    def with_free(self, free: int) -> "AccountData":
        return AccountData(free, self.reserved, self.frozen, self.flags)

    @property
    def consumes(self) -> bool:
        """Whether money on it is held or frozen, for which the account must go on."""
        return bool(self.reserved or self.frozen)


NO_ACCOUNT: Final = AccountData()


@scale_enum(path="pallet_balances::types::Reasons")
class Reasons(IntEnum):
    FEE = 0
    MISC = 1
    ALL = 2


@struct(path="pallet_balances::types::BalanceLock", params={"Balance": Balance})
class BalanceLock:
    id: Annotated[Identifier, TypeName("LockIdentifier")]
    amount: Annotated[Balance, TypeName("Balance")]
    reasons: Reasons


@struct(
    path="pallet_balances::types::ReserveData",
    params={"ReserveIdentifier": Identifier, "Balance": Balance},
)
class ReserveData:
    id: Annotated[Identifier, TypeName("ReserveIdentifier")]
    amount: Annotated[Balance, TypeName("Balance")]


@struct(
    path="frame_support::traits::tokens::misc::IdAmount",
    params={"Id": RuntimeHoldReason, "Balance": Balance},
)
class HeldAmount:
    id: AnyHoldReason
    amount: Annotated[Balance, TypeName("Balance")]


@struct(
    path="frame_support::traits::tokens::misc::IdAmount",
    params={"Id": RuntimeFreezeReason, "Balance": Balance},
)
class FrozenAmount:
    id: AnyFreezeReason
    amount: Annotated[Balance, TypeName("Balance")]


@scale_enum(path="pallet_balances::types::AdjustmentDirection")
class AdjustmentDirection(IntEnum):
    INCREASE = 0
    DECREASE = 1


# The bounds are the runtime's own and checked where something is added.
_BOUND: Final = Bounded(2**32 - 1)

Holds: TypeAlias = Annotated[tuple[HeldAmount, ...], _BOUND]
Freezes: TypeAlias = Annotated[tuple[FrozenAmount, ...], _BOUND]
Locks: TypeAlias = Annotated[
    tuple[BalanceLock, ...], _BOUND, Path("bounded_collections::weak_bounded_vec::WeakBoundedVec")
]
Reserves: TypeAlias = Annotated[tuple[ReserveData, ...], _BOUND]
