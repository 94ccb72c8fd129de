"""What the multisig pallet keeps, reports and refuses."""

from typing import Annotated, TypeAlias

from tilth.frame import (
    AccountId,
    Balance,
    BlockNumber,
    Bounded,
    DispatchError,
    ErrorEnum,
    Fixed,
    Release,
    Result,
    TypeName,
    event,
    since,
    struct,
    u32,
)

Who: TypeAlias = Annotated[AccountId, TypeName("T::AccountId")]
Hash32: TypeAlias = Annotated[bytes, Fixed(32)]
CallHash: TypeAlias = Annotated[bytes, Fixed(32), TypeName("CallHash")]
Outcome: TypeAlias = Annotated[Result[None, DispatchError], TypeName("DispatchResult")]
Deposit: TypeAlias = Annotated[Balance, TypeName("BalanceOf<T>")]


@struct(path="pallet_multisig::Timepoint", params={"BlockNumber": BlockNumber})
class Timepoint:
    """The extrinsic that opened an operation: no other one has this block and index."""

    height: Annotated[BlockNumber, TypeName("BlockNumber")]
    index: u32


When: TypeAlias = Annotated[Timepoint, TypeName("Timepoint<BlockNumberFor<T>>")]


# The bound is the runtime's own and checked where an approval is added.
Approvals: TypeAlias = Annotated[
    tuple[AccountId, ...],
    Bounded(2**32 - 1),
    TypeName("BoundedVec<AccountId, MaxApprovals>"),
]


@struct(
    path="pallet_multisig::Multisig",
    params={
        "BlockNumber": BlockNumber,
        "Balance": Balance,
        "AccountId": AccountId,
        "MaxApprovals": ...,
    },
)
class Operation:
    """A call that waits for approvals."""

    when: Annotated[Timepoint, TypeName("Timepoint<BlockNumber>")]
    deposit: Annotated[Balance, TypeName("Balance")]
    depositor: Annotated[AccountId, TypeName("AccountId")]
    approvals: Approvals
    """In ascending order."""


@event
class NewMultisig:
    """A call was proposed in the name of several accounts."""

    approving: Who
    multisig: Who
    call_hash: CallHash


@event
class MultisigApproval:
    """One more signatory approved a call."""

    approving: Who
    timepoint: When
    multisig: Who
    call_hash: CallHash


@event
class MultisigExecuted:
    """Enough signatories approved and the call was made; it may have failed."""

    approving: Who
    timepoint: When
    multisig: Who
    call_hash: CallHash
    result: Outcome


@event
class MultisigCancelled:
    """Who proposed a call withdrew it."""

    cancelling: Who
    timepoint: When
    multisig: Who
    call_hash: CallHash


@since(Release.STABLE2503)
@event
class DepositPoked:
    """The deposit for an open call was brought to what one costs today."""

    who: Who
    call_hash: CallHash
    old_deposit: Deposit
    new_deposit: Deposit


Event: TypeAlias = (
    NewMultisig | MultisigApproval | MultisigExecuted | MultisigCancelled | DepositPoked
)


class Error(ErrorEnum):
    MINIMUM_THRESHOLD = "At least two must agree; a single one has a call of its own."
    ALREADY_APPROVED = "The signatory has approved the call already."
    NO_APPROVALS_NEEDED = "The call needs no more approvals."
    TOO_FEW_SIGNATORIES = "There are no other signatories."
    TOO_MANY_SIGNATORIES = "There are too many signatories."
    SIGNATORIES_OUT_OF_ORDER = "The other signatories are not in ascending order."
    SENDER_IN_SIGNATORIES = "The caller is among the other signatories."
    NOT_FOUND = "No such call waits for approvals."
    NOT_OWNER = "Only who proposed the call, and paid the deposit, may do this."
    NO_TIMEPOINT = "The call was proposed already, and its timepoint is not given."
    WRONG_TIMEPOINT = "The call was proposed at another timepoint."
    UNEXPECTED_TIMEPOINT = "A timepoint is given for a call that nobody has proposed."
    MAX_WEIGHT_TOO_LOW = "The call weighs more than the caller allows."
    ALREADY_STORED = "The call is stored already."
