"""What the payment pallet stores and answers."""

from enum import IntEnum
from typing import Annotated, TypeAlias

from tilth.frame import (
    Balance,
    DispatchClass,
    Path,
    TypeName,
    Weight,
    scale_enum,
    struct,
    u128,
)

Multiplier: TypeAlias = Annotated[
    u128, Path("sp_arithmetic::fixed_point::FixedU128"), TypeName("Multiplier")
]


@scale_enum(path="pallet_transaction_payment::Releases")
class Releases(IntEnum):
    V1_ANCIENT = 0
    V2 = 1


@struct(path="pallet_transaction_payment::types::InclusionFee", params={"Balance": Balance})
class InclusionFee:
    base_fee: Annotated[Balance, TypeName("Balance")]
    len_fee: Annotated[Balance, TypeName("Balance")]
    adjusted_weight_fee: Annotated[Balance, TypeName("Balance")]

    @property
    def total(self) -> int:
        return self.base_fee + self.len_fee + self.adjusted_weight_fee


@struct(path="pallet_transaction_payment::types::FeeDetails", params={"Balance": Balance})
class FeeDetails:
    inclusion_fee: Annotated[InclusionFee | None, TypeName("Option<InclusionFee<Balance>>")]
    tip: Annotated[Balance, TypeName("Balance")] = 0

    @property
    def total(self) -> int:
        return self.tip + (self.inclusion_fee.total if self.inclusion_fee is not None else 0)


@struct(
    path="pallet_transaction_payment::types::RuntimeDispatchInfo",
    params={"Balance": Balance, "Weight": Weight},
)
class RuntimeDispatchInfo:
    weight: Annotated[Weight, TypeName("Weight")]
    class_: DispatchClass
    partial_fee: Annotated[Balance, TypeName("Balance")]
