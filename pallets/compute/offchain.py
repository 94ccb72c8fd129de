"""What a worker's node owes: derived from the state of jobs, answered by calls."""

from collections.abc import Iterator
from functools import partial
from typing import TYPE_CHECKING, TypeAlias

from tilth.frame import H256, AccountId, RuntimeCall, hashing
from tilth.pallets.compute import crew
from tilth.pallets.compute.disputes import is_juror
from tilth.pallets.compute.tasks import (
    Announce,
    Claim,
    Judge,
    Progress,
    Report,
    Run,
    RunAnswer,
    Sealed,
    Start,
)
from tilth.pallets.compute.traits import Table
from tilth.pallets.compute.types import (
    Claimed,
    Disputed,
    FailureCode,
    Job,
    Queued,
    Running,
    worker_of,
)

if TYPE_CHECKING:
    from tilth.pallets.compute.pallet import Compute

Owed: TypeAlias = Announce | Claim | Start | Run | Report | Judge


def owed_by(compute: "Compute", account: AccountId) -> Iterator[Owed]:
    """Tasks of the worker with this account."""
    if account not in compute.workers:
        return
    free = crew.can_claim(compute, account)
    for job, record in compute.open_jobs():
        table = compute.market.private_table(record.spec.dataset)
        if table is None:
            continue
        if worker_of(record.state) == account:
            yield from _owed(compute, job, record, table)
        elif isinstance(record.state, Disputed) and is_juror(compute, account, record):
            yield _judging(compute, job, record, record.state)
        elif free and isinstance(record.state, Queued) and account in table.workers:
            free -= 1
            yield _claimable(compute, job, record, table, account)


def _claimable(
    compute: "Compute", job: int, record: Job, table: Table, account: AccountId
) -> Announce | Claim:
    if record.spec.secret_model and account not in compute.sealing_keys:
        return Announce(account, partial(_announce, compute))
    then = partial(_claim, compute, job)
    dataset = record.spec.dataset
    return Claim(job, record.attempts, dataset, record.owner, table.row_root, then)


def _owed(
    compute: "Compute", job: int, record: Job, table: Table
) -> Iterator[Start | Run | Report]:
    envelope = compute.envelopes.get(job)
    model = record.spec.model if envelope is None else envelope.content
    known = (job, record.attempts, record.spec, record.spec_hash, model)
    books = (table.row_root, table.delta_pico, record.cost)
    match record.state:
        case Claimed():
            yield Start(*known, *books, partial(_start, compute, job, table.row_root))
        case Running(deadline=deadline):
            yield Run(*known, *books, partial(_deliver, compute, job))
            if _beat_is_due(compute, record.state):
                then = partial(_report, compute, job)
                yield Report(job, record.attempts, deadline, then)
        case _:
            return


def _beat_is_due(compute: "Compute", state: Running) -> bool:
    """When half of the time has passed, unless no beat could gain any more."""
    left = state.deadline - compute.now
    return state.deadline < state.finish and 2 * left <= compute.beat_window


def _judging(compute: "Compute", job: int, record: Job, state: Disputed) -> Judge:
    then = partial(_judge, compute, job)
    return Judge(job, record.spec, record.spec_hash, state.result, state.secret, then)


def _announce(compute: "Compute", key: bytes | None) -> RuntimeCall | None:
    return None if key is None else compute.set_sealing_key.call(key)


def _claim(compute: "Compute", job: int, has_rows: bool) -> RuntimeCall | None:
    return compute.claim_job.call(job) if has_rows else None


def _start(
    compute: "Compute", job: int, row_root: H256, failure: FailureCode | None
) -> RuntimeCall:
    if failure is None:
        return compute.start.call(job, row_root)
    return compute.report_failure.call(job, failure)


def _report(compute: "Compute", job: int, progress: Progress | None) -> RuntimeCall | None:
    return None if progress is None else compute.beat.call(job, progress.stage, progress.permille)


def _judge(compute: "Compute", job: int, measured_ppm: int | None) -> RuntimeCall | None:
    return None if measured_ppm is None else compute.judge.call(job, measured_ppm)


def _deliver(compute: "Compute", job: int, answer: RunAnswer | None) -> RuntimeCall | None:
    if answer is None:
        return None
    if not isinstance(answer, Sealed):
        return compute.report_failure.call(job, answer)
    sealed = answer.ciphertext
    submit = compute.submit_result.call(job, H256(hashing.sha2_256(sealed)), len(sealed))
    return compute.together((compute.content.storing(sealed), submit))
