"""Disputes: on grounds that anybody could compute again, decided by computing again."""

from typing import TYPE_CHECKING

from tilth.frame import AccountId, ensure, some
from tilth.pallets.compute import crew
from tilth.pallets.compute.docket import job_in, move
from tilth.pallets.compute.errors import Error
from tilth.pallets.compute.events import DisputeOpened, DisputeResolved
from tilth.pallets.compute.settlement import complete, refund
from tilth.pallets.compute.types import (
    AcceptanceFailed,
    Delivered,
    Disputed,
    Ground,
    Job,
    NotAccepted,
    ResultLost,
    ResultMissing,
)
from tilth.primitives.crypto.sealing import SealingKey

if TYPE_CHECKING:
    from tilth.pallets.compute.pallet import Compute

_WHOLE_PPM = 1_000_000


def open_dispute(compute: "Compute", who: AccountId, job: int, ground: Ground) -> None:
    record = job_in(compute, job, Delivered)
    ensure(who == record.requester, Error.NOT_REQUESTER)
    state = record.state
    assert isinstance(state, Delivered), "the job's state was checked"
    if isinstance(ground, ResultMissing):
        _end_lost(compute, job, record, state)
    else:
        _ask_jurors(compute, job, record, state, ground)


def _end_lost(compute: "Compute", job: int, record: Job, state: Delivered) -> None:
    ensure(compute.content.content_size(state.result) != state.size, Error.NO_GROUND)
    crew.note(compute, state.worker, failed=1)
    crew.slash(compute, state.worker, job)
    refund(compute, job, record, ResultLost())


def _ask_jurors(
    compute: "Compute", job: int, record: Job, state: Delivered, ground: AcceptanceFailed
) -> None:
    acceptance = some(record.spec.acceptance, Error.NO_TEST)
    ensure(SealingKey(ground.secret).public == record.spec.result_key, Error.WRONG_KEY)
    bond, deadline = compute.dispute_bond, compute.now + compute.dispute_window
    # a dispute that nobody can decide would pay whoever lets its evidence expire
    for content in (acceptance.evaluation, state.result):
        ensure(compute.content.stays(content, deadline), Error.EVIDENCE_EXPIRES)
    compute.currency.hold(compute.Hold.DISPUTE_BOND, record.requester, bond)
    disputed = Disputed(state.worker, state.result, state.size, ground.secret, bond, deadline)
    move(compute, job, record, disputed)
    compute.emit(DisputeOpened(job, ground))


def is_juror(compute: "Compute", who: AccountId, record: Job) -> bool:
    """Another bonded worker of the dataset, and none of the two that are at odds."""
    state = record.state
    parties = (record.requester, state.worker if isinstance(state, Disputed) else None)
    known = who in compute.workers and who in compute.table(record.spec.dataset).workers
    return known and who not in parties


def judge(compute: "Compute", who: AccountId, job: int, measured_ppm: int) -> None:
    record = job_in(compute, job, Disputed)
    ensure(is_juror(compute, who, record), Error.NOT_A_JUROR)
    ensure(measured_ppm <= _WHOLE_PPM, Error.BAD_MEASURE)
    _resolve(compute, job, record, who, measured_ppm)


def _resolve(
    compute: "Compute", job: int, record: Job, juror: AccountId, measured_ppm: int
) -> None:
    """The measured share decides; who was wrong pays the juror."""
    state, acceptance = record.state, record.spec.acceptance
    assert isinstance(state, Disputed), "only a disputed job is judged: it was checked"
    assert acceptance is not None, "what has no test is not disputed on it"
    upheld = measured_ppm + compute.tolerance_ppm < acceptance.threshold_ppm
    if upheld:
        _return_bond(compute, record.requester, state)
        juror_paid = crew.slash(compute, state.worker, job, juror=juror)
        crew.note(compute, state.worker, failed=1)
        refund(compute, job, record, NotAccepted())
    else:
        juror_paid = _forfeit_bond(compute, record.requester, juror, state)
        complete(compute, job, record)
    compute.emit(DisputeResolved(job, juror, measured_ppm, upheld, juror_paid))


def _return_bond(compute: "Compute", requester: AccountId, state: Disputed) -> None:
    compute.till.pay(compute.Hold.DISPUTE_BOND, requester, requester, state.bond)


def _forfeit_bond(
    compute: "Compute", requester: AccountId, juror: AccountId, state: Disputed
) -> int:
    """Half is the juror's, the rest the worker's, who was kept waiting."""
    held, pay = compute.Hold.DISPUTE_BOND, compute.till.pay
    half = state.bond // 2
    pay(held, requester, state.worker, state.bond - half)
    return pay(held, requester, juror, half)
