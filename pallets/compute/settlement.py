"""How a job ends: who is paid, what is burned, and what the requester gets back."""

from typing import TYPE_CHECKING

from tilth.frame import AccountId
from tilth.pallets.compute import crew
from tilth.pallets.compute.docket import move
from tilth.pallets.compute.events import (
    JobCompleted,
    JobRefunded,
    JobRequeued,
)
from tilth.pallets.compute.types import (
    AwaitingApproval,
    AwaitingModel,
    Claimed,
    Completed,
    Delivered,
    Disputed,
    Job,
    ModelNotDelivered,
    NotApproved,
    NotFinished,
    NotStarted,
    Queued,
    Refunded,
    RefundReason,
    Running,
    Silent,
    Unclaimed,
    Undecided,
)

if TYPE_CHECKING:
    from tilth.pallets.compute.pallet import Compute


def end_state(compute: "Compute", job: int, record: Job) -> None:
    """What happens at the deadline of each state."""
    match record.state:
        case AwaitingApproval():
            give_back(compute, job, record, NotApproved())
        case Queued():
            give_back(compute, job, record, Unclaimed())
        case AwaitingModel():
            give_back(compute, job, record, ModelNotDelivered())
        case Claimed(worker=worker):
            _blame(compute, worker, job)
            _requeue(compute, job, record)
        case Running(worker=worker, deadline=deadline, finish=finish):
            _blame(compute, worker, job)
            refund(compute, job, record, NotFinished() if deadline >= finish else Silent())
        case Disputed(worker=worker, bond=bond):
            # the owner named who may measure again: where they are silent, it is his loss
            compute.till.pay(compute.Hold.DISPUTE_BOND, record.requester, record.requester, bond)
            refund(compute, job, record, Undecided(), worker=worker)
        case _:
            complete(compute, job, record)


def _blame(compute: "Compute", worker: AccountId, job: int) -> None:
    crew.note(compute, worker, late=1)
    crew.slash(compute, worker, job)


def _requeue(compute: "Compute", job: int, record: Job) -> None:
    attempts = record.attempts + 1
    del compute.envelopes[job]
    if attempts >= compute.max_attempts:
        give_back(compute, job, record, NotStarted())
        return
    state = Queued(compute.now + compute.queue_window)
    move(compute, job, record, state, attempts=attempts)
    compute.emit(JobRequeued(job, attempts))


def complete(compute: "Compute", job: int, record: Job) -> None:
    state, escrow, till = record.state, record.escrow, compute.till
    assert isinstance(state, Delivered | Disputed), "only what was delivered is paid"
    held, requester = compute.Hold.ESCROW, record.requester
    fee = crew.share(escrow.data, compute.market_fee)
    owner_paid = till.pay(held, requester, record.owner, escrow.data - fee)
    worker_paid = till.pay(held, requester, state.worker, escrow.compute + escrow.tip)
    burned = fee if fee and till.burn(held, requester, fee) else 0
    if burned:
        compute.rewards.record_fee(record.spec.dataset, burned)
    crew.note(compute, state.worker, done=1)
    move(compute, job, record, Completed(state.worker, state.result, state.size))
    compute.emit(JobCompleted(job, owner_paid, worker_paid, burned))


def give_back(compute: "Compute", job: int, record: Job, reason: RefundReason) -> None:
    """End a job that touched no row: nothing was spent."""
    spec = record.spec
    compute.market.release(spec.dataset, record.cost, spec.max_output_bytes)
    refund(compute, job, record, reason)


def refund(
    compute: "Compute",
    job: int,
    record: Job,
    reason: RefundReason,
    *,
    worker: AccountId | None = None,
) -> None:
    """End without result; a `worker` that did its part gets the compute fee."""
    pay, held, requester = compute.till.pay, compute.Hold.ESCROW, record.requester
    fee = 0 if worker is None else record.escrow.compute
    worker_paid = 0 if worker is None else pay(held, requester, worker, fee)
    refunded = pay(held, requester, requester, record.escrow.total - fee)
    del compute.envelopes[job]
    move(compute, job, record, Refunded(reason))
    compute.emit(JobRefunded(job, reason, refunded, worker_paid))
