"""What holds of jobs and workers after every call and block."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from tilth.frame import AccountId
from tilth.pallets.compute.types import Claimed, Disputed, Job, Running, deadline_of, worker_of

if TYPE_CHECKING:
    from tilth.pallets.compute.pallet import Compute


def assert_consistent(compute: "Compute") -> None:
    """Every live job has its deadline, its escrow and its worker's bond; an ended one has none."""
    jobs = dict(compute.jobs.items())
    assert sorted(jobs) == list(range(compute.next_job.get())), "a job is missing"
    live = [job for job in jobs.values() if deadline_of(job.state) is not None]
    _assert_scheduled(compute, jobs)
    _assert_escrow(compute, {job.requester for job in jobs.values()}, live)
    _assert_bonds(compute, live)
    _assert_envelopes(compute, jobs)


def _assert_scheduled(compute: "Compute", jobs: dict[int, Job]) -> None:
    ends = {job: deadline_of(record.state) for job, record in jobs.items()}
    scheduled = {(block, job) for job, block in ends.items() if block is not None}
    assert set(compute.jobs_by_deadline.keys()) == scheduled, "a deadline is missing or too many"
    due = compute.overdue_from.get() or compute.runtime.system.block_number() + 1
    assert all(block >= due for block, _ in scheduled), "a deadline was passed over"


def _assert_escrow(compute: "Compute", requesters: set[AccountId], live: Sequence[Job]) -> None:
    for requester in requesters:
        owed = sum(job.escrow.total for job in live if job.requester == requester)
        held = compute.currency.held(compute.Hold.ESCROW, requester)
        assert held == owed, f"0x{requester.hex()} has {held} in escrow for jobs of {owed}"
        _assert_dispute_bonds(compute, requester, live)


def _assert_dispute_bonds(compute: "Compute", requester: AccountId, live: Sequence[Job]) -> None:
    disputed = [job.state for job in live if job.requester == requester]
    bonds = sum(state.bond for state in disputed if isinstance(state, Disputed))
    held = compute.currency.held(compute.Hold.DISPUTE_BOND, requester)
    assert held == bonds, f"0x{requester.hex()} has {held} held for disputes of {bonds}"


def _assert_envelopes(compute: "Compute", jobs: dict[int, Job]) -> None:
    secret = {
        job
        for job, record in jobs.items()
        if record.spec.secret_model and isinstance(record.state, Claimed | Running)
    }
    assert set(compute.envelopes.keys()) == secret, "a secret model is missing, or kept too long"


def _assert_bonds(compute: "Compute", live: Sequence[Job]) -> None:
    for who, worker in compute.workers.items():
        active = sum(worker_of(job.state) == who for job in live)
        assert worker.active == active, f"worker 0x{who.hex()} owes {active} jobs"
        held = compute.currency.held(compute.Hold.WORKER_BOND, who)
        assert held == worker.bond, f"worker 0x{who.hex()} has a bond of {held}"
