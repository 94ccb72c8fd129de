"""What a job is: the spec that one hash covers, its escrow, and the states it goes through."""

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
    u32,
    u64,
)
from tilth.primitives import privacy

JobId: TypeAlias = u64
DatasetId: TypeAlias = u32
X25519Key: TypeAlias = Annotated[bytes, Fixed(32)]
CostVector: TypeAlias = Annotated[tuple[u64, ...], Fixed(len(privacy.ORDERS))]


class Loss(IntEnum):
    SOFTMAX_CROSS_ENTROPY = 0
    BINARY_CROSS_ENTROPY = 1
    MEAN_SQUARED_ERROR = 2


class Optimizer(IntEnum):
    SGD = 0
    MOMENTUM = 1
    ADAM = 2


@struct
class TrainSpec:
    """How to train; `sampling_ppb` is the share of rows drawn for a step, 10⁹ for every row.

    Noise zero means none, which only a spec that the owner has listed may ask for.
    """

    loss: Loss
    optimizer: Optimizer
    steps: u32
    learning_rate_micro: u32
    clip_micro: u32
    noise_multiplier_milli: u32
    sampling_ppb: u32


@struct
class JobSpec:
    """Everything that will run. The model is named by the sha2-256 of its file, stored as content;
    `max_output_bytes` bounds the result before it is sealed to the one-time result key.
    """

    dataset: DatasetId
    model: H256
    model_bytes: u32
    params: u32
    train: TrainSpec
    max_output_bytes: u32
    result_key: X25519Key


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


RefundReason: TypeAlias = Annotated[
    Unclaimed | CancelledByRequester | NotStarted | NotFinished | Failed,
    Path("pallet_compute::pallet::RefundReason"),
]


@struct
class Queued:
    deadline: BlockNumber


@struct
class Claimed:
    worker: AccountId
    deadline: BlockNumber


@struct
class Running:
    worker: AccountId
    deadline: BlockNumber


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


JobState: TypeAlias = Annotated[
    Queued | Claimed | Running | Delivered | Completed | Refunded,
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
    return state.worker if isinstance(state, Claimed | Running) else None
