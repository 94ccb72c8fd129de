"""What a worker's node owes: derived from the state of jobs, answered by calls."""

from collections.abc import Iterator
from functools import partial
from typing import TYPE_CHECKING

from tilth.frame import H256, AccountId, RuntimeCall, hashing
from tilth.pallets.compute.tasks import Claim, Sealed, Start, Train, TrainAnswer
from tilth.pallets.compute.traits import Table
from tilth.pallets.compute.types import Claimed, FailureCode, Job, Queued, worker_of

if TYPE_CHECKING:
    from tilth.pallets.compute.pallet import Compute


def owed_by(compute: "Compute", account: AccountId) -> Iterator[Claim | Start | Train]:
    """Tasks of the worker with this account."""
    if account not in compute.workers:
        return
    free = compute.can_claim(account)
    for job, record in compute.open_jobs():
        table = compute.market.private_table(record.spec.dataset)
        if table is None:
            continue
        if worker_of(record.state) == account:
            yield _owed(compute, job, record, table)
        elif free and isinstance(record.state, Queued) and account in table.workers:
            free -= 1
            yield _claimable(compute, job, record, table)


def _claimable(compute: "Compute", job: int, record: Job, table: Table) -> Claim:
    then = partial(_claim, compute, job)
    dataset = record.spec.dataset
    return Claim(job, record.attempts, dataset, record.owner, table.row_root, then)


def _owed(compute: "Compute", job: int, record: Job, table: Table) -> Start | Train:
    known = (job, record.attempts, record.spec, record.spec_hash)
    books = (table.row_root, table.delta_pico, record.cost)
    if isinstance(record.state, Claimed):
        return Start(*known, *books, partial(_start, compute, job, table.row_root))
    return Train(*known, *books, partial(_deliver, compute, job))


def _claim(compute: "Compute", job: int, has_rows: bool) -> RuntimeCall | None:
    return compute.claim_job.call(job) if has_rows else None


def _start(
    compute: "Compute", job: int, row_root: H256, failure: FailureCode | None
) -> RuntimeCall:
    if failure is None:
        return compute.start.call(job, row_root)
    return compute.report_failure.call(job, failure)


def _deliver(compute: "Compute", job: int, answer: TrainAnswer) -> RuntimeCall:
    if not isinstance(answer, Sealed):
        return compute.report_failure.call(job, answer)
    sealed = answer.ciphertext
    submit = compute.submit_result.call(job, H256(hashing.sha2_256(sealed)), len(sealed))
    return compute.together((compute.content.storing(sealed), submit))
