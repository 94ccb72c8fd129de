"""Whether a transaction may enter the pool or a block, and why not."""

from enum import IntEnum
from typing import Annotated, Final, TypeAlias, final

from tilth.primitives.scale import Path, TypeName, scale_enum, struct, u8, u64

U64_MAX: Final = 2**64 - 1
Tags: TypeAlias = Annotated[tuple[bytes, ...], TypeName("Vec<TransactionTag>")]


@scale_enum(path="sp_runtime::transaction_validity::TransactionSource")
class TransactionSource(IntEnum):
    IN_BLOCK = 0
    LOCAL = 1
    EXTERNAL = 2


@struct
class Call: ...


@struct
class Payment: ...


@struct
class Future: ...


@struct
class Stale: ...


@struct
class BadProof: ...


@struct
class AncientBirthBlock: ...


@struct
class ExhaustsResources: ...


@struct(unnamed=True)
class Custom:
    code: u8


@struct
class BadMandatory: ...


@struct
class MandatoryValidation: ...


@struct
class BadSigner: ...


@struct
class IndeterminateImplicit: ...


@struct
class UnknownOrigin: ...


InvalidTransaction: TypeAlias = Annotated[
    Call
    | Payment
    | Future
    | Stale
    | BadProof
    | AncientBirthBlock
    | ExhaustsResources
    | Custom
    | BadMandatory
    | MandatoryValidation
    | BadSigner
    | IndeterminateImplicit
    | UnknownOrigin,
    Path("sp_runtime::transaction_validity::InvalidTransaction"),
]


@struct
class CannotLookup: ...


@struct
class NoUnsignedValidator: ...


@struct(unnamed=True, name="Custom")
class UnknownCustom:
    code: u8


UnknownTransaction: TypeAlias = Annotated[
    CannotLookup | NoUnsignedValidator | UnknownCustom,
    Path("sp_runtime::transaction_validity::UnknownTransaction"),
]


@struct(unnamed=True)
class Invalid:
    reason: InvalidTransaction


@struct(unnamed=True)
class Unknown:
    reason: UnknownTransaction


TransactionValidityError: TypeAlias = Annotated[
    Invalid | Unknown, Path("sp_runtime::transaction_validity::TransactionValidityError")
]


@struct(path="sp_runtime::transaction_validity::ValidTransaction")
class ValidTransaction:
    """What orders a transaction in the pool: its tags, its worth, and how long it lasts."""

    priority: Annotated[u64, TypeName("TransactionPriority")] = 0
    requires: Tags = ()
    provides: Tags = ()
    longevity: Annotated[u64, TypeName("TransactionLongevity")] = U64_MAX
    propagate: bool = True

    def combine(self, other: "ValidTransaction") -> "ValidTransaction":
        return ValidTransaction(
            min(self.priority + other.priority, U64_MAX),
            self.requires + other.requires,
            self.provides + other.provides,
            min(self.longevity, other.longevity),
            self.propagate and other.propagate,
        )


@final
class InvalidTransactionError(Exception):
    """A transaction that no block may hold."""

    def __init__(self, error: "Invalid | Unknown") -> None:
        self.error = error
        super().__init__(error)


def invalid(reason: InvalidTransaction) -> InvalidTransactionError:
    return InvalidTransactionError(Invalid(reason))


def unknown(reason: UnknownTransaction) -> InvalidTransactionError:
    return InvalidTransactionError(Unknown(reason))
