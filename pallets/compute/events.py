"""What happens to jobs and workers."""

from tilth.frame import H256, AccountId, Balance, BlockNumber, event, u16, u32, u64
from tilth.pallets.compute.types import (
    DatasetId,
    Escrow,
    Ground,
    JobId,
    RefundReason,
    Stage,
)
from tilth.pallets.compute.work import X25519Key


@event
class WorkerRegistered:
    """A worker stands with this bond."""

    worker: AccountId
    bond: Balance


@event
class WorkerLeaving:
    """A worker takes no more jobs and may take its bond back from this block on."""

    worker: AccountId
    at: BlockNumber


@event
class WorkerLeft:
    """A worker took its bond back."""

    worker: AccountId
    bond: Balance


@event
class WorkerSlashed:
    """A worker broke its word, and part of its bond was burned."""

    worker: AccountId
    job: JobId
    amount: Balance


@event
class JobCreated:
    """A job waits for a worker; its price is held, its privacy reserved."""

    job: JobId
    requester: AccountId
    dataset: DatasetId
    spec_hash: H256
    escrow: Escrow
    epsilon_micro: u64


@event
class JobClaimed:
    """A worker promised to start a job."""

    job: JobId
    worker: AccountId


@event
class JobStarted:
    """A worker proved that it has the rows; the privacy is spent."""

    job: JobId
    worker: AccountId


@event
class ResultSubmitted:
    """The sealed result is on the chain."""

    job: JobId
    result: H256
    size: u32


@event
class JobCompleted:
    """Owner and worker were paid, and the market's fee was burned."""

    job: JobId
    owner_paid: Balance
    worker_paid: Balance
    burned: Balance


@event
class JobRefunded:
    """A job ended without result, and the requester got this much back."""

    job: JobId
    reason: RefundReason
    refunded: Balance
    worker_paid: Balance


@event
class JobRequeued:
    """A job was not started in time and waits for a worker again."""

    job: JobId
    attempts: u32


@event
class SealingKeySet:
    """Secret models can be sealed to a worker."""

    worker: AccountId
    key: X25519Key


@event
class JobApproved:
    """The owner let a job wait for a worker."""

    job: JobId


@event
class ModelDelivered:
    """The requester sealed his model to the worker."""

    job: JobId
    content: H256


@event
class Beat:
    """A worker is still at it."""

    job: JobId
    stage: Stage
    permille: u16


@event
class DisputeOpened:
    """The requester says that the result is not what was promised."""

    job: JobId
    ground: Ground


@event
class DisputeResolved:
    """It was measured again; the losing side paid the juror."""

    job: JobId
    juror: AccountId
    measured_ppm: u32
    upheld: bool
    juror_paid: Balance
