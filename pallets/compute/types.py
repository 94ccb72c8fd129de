"""What a job is: its spec, its escrow, and the states it goes through."""

from enum import IntEnum
from typing import Annotated, Final, TypeAlias

from tilth.frame import (
    H256,
    AccountId,
    Balance,
    BlockNumber,
    Fixed,
    Path,
    struct,
    u16,
    u32,
    u64,
)
from tilth.pallets.compute.work import JobSpec, X25519Key
from tilth.primitives import privacy

JobId: TypeAlias = u64
DatasetId: TypeAlias = u32
CostVector: TypeAlias = Annotated[tuple[u64, ...], Fixed(len(privacy.ORDERS))]


class FailureCode(IntEnum):
    """Why a worker gives up; no more than this is ever told."""

    MODEL_REFUSED = 0
    MODEL_MISSING = 1
    ROWS_MISSING = 2
    LEDGER_REFUSED = 3
    TIMED_OUT = 4
    OUT_OF_MEMORY = 5
    CRASHED = 6


MODEL_FAULTS: Final = (FailureCode.TIMED_OUT, FailureCode.OUT_OF_MEMORY, FailureCode.CRASHED)


@struct
class Unclaimed: ...


@struct(name="Cancelled")
class CancelledByRequester: ...


@struct
class NotStarted: ...


@struct
class NotFinished: ...


@struct
class Failed:
    code: FailureCode


@struct
class NotApproved: ...


@struct(name="Rejected")
class RejectedByOwner: ...


@struct
class ModelNotDelivered: ...


@struct
class Silent: ...


@struct
class ResultLost: ...


@struct
class NotAccepted: ...


@struct
class Undecided: ...


RefundReason: TypeAlias = Annotated[
    Unclaimed
    | CancelledByRequester
    | NotStarted
    | NotFinished
    | Failed
    | NotApproved
    | RejectedByOwner
    | ModelNotDelivered
    | Silent
    | ResultLost
    | NotAccepted
    | Undecided,
    Path("pallet_compute::pallet::RefundReason"),
]


@struct
class Queued:
    deadline: BlockNumber


@struct
class Claimed:
    worker: AccountId
    deadline: BlockNumber


class Stage(IntEnum):
    """How far a worker says it is."""

    PREPARING = 0
    COMPUTING = 1
    SEALING = 2


@struct
class Running:
    """The deadline is that of the next beat, and at last the one by which all is delivered."""

    worker: AccountId
    deadline: BlockNumber
    finish: BlockNumber
    stage: Stage
    permille: u16


@struct
class Delivered:
    worker: AccountId
    result: H256
    size: u32
    deadline: BlockNumber


@struct
class Completed:
    worker: AccountId
    result: H256
    size: u32


@struct
class Refunded:
    reason: RefundReason


@struct
class AwaitingApproval:
    deadline: BlockNumber


@struct
class AwaitingModel:
    worker: AccountId
    deadline: BlockNumber


@struct
class Disputed:
    """The requester opened his key, and another worker is to measure the model again."""

    worker: AccountId
    result: H256
    size: u32
    secret: X25519Key
    bond: Balance
    deadline: BlockNumber


JobState: TypeAlias = Annotated[
    Queued
    | Claimed
    | Running
    | Delivered
    | Completed
    | Refunded
    | AwaitingApproval
    | AwaitingModel
    | Disputed,
    Path("pallet_compute::pallet::JobState"),
]


@struct
class Escrow:
    """The requester's money: the owner's price, the worker's fee and what he adds to it."""

    data: Balance
    compute: Balance
    tip: Balance

    @property
    def total(self) -> int:
        return self.data + self.compute + self.tip


@struct
class Job:
    spec: JobSpec
    spec_hash: H256
    requester: AccountId
    owner: AccountId
    escrow: Escrow
    cost: CostVector
    epsilon_micro: u64
    attempts: u32
    created_at: BlockNumber
    state: JobState


@struct
class Worker:
    """A bonded worker; `active` counts the jobs it still owes, `leaving` is when it may go."""

    bond: Balance
    active: u32
    leaving: BlockNumber | None


@struct
class Reputation:
    """What became of a worker's jobs, counted."""

    done: u32 = 0
    failed: u32 = 0
    late: u32 = 0
    slashed: u32 = 0


@struct
class Envelope:
    """A secret model, sealed to its worker and stored as content."""

    content: H256
    bytes: u32


@struct(name="CommitmentMismatch")
class ResultMissing:
    """The chain has no content of the promised hash and size."""


@struct
class AcceptanceFailed:
    """The model falls short of its acceptance test; the secret opens the result to everybody."""

    secret: X25519Key


Ground: TypeAlias = Annotated[
    ResultMissing | AcceptanceFailed, Path("pallet_compute::pallet::Ground")
]


@struct
class Quote:
    """What a job would cost its requester, and the data in ε."""

    escrow: Escrow
    epsilon_micro: u64


def deadline_of(state: JobState) -> int | None:
    """The block at which the state ends by itself; None for the last ones."""
    if isinstance(state, Completed | Refunded):
        return None
    return state.deadline


def worker_of(state: JobState) -> AccountId | None:
    """Who owes the job's next step to the chain."""
    return state.worker if isinstance(state, Claimed | Running | AwaitingModel) else None
