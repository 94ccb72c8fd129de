"""The docket: which job's state ends at which block, and moving a job into its next state."""

from itertools import islice
from typing import TYPE_CHECKING

from tilth.frame import ensure, replace, some
from tilth.pallets.compute import crew
from tilth.pallets.compute.errors import Error
from tilth.pallets.compute.types import Job, JobState, deadline_of, worker_of

if TYPE_CHECKING:
    from tilth.pallets.compute.pallet import Compute


def job_in(compute: "Compute", job: int, *states: type, in_time: bool = True) -> Job:
    """The job, if it is in one of these states and its deadline lies ahead."""
    record = compute.jobs.expect(job, Error.NOT_FOUND)
    ensure(isinstance(record.state, states), Error.WRONG_STATE)
    deadline = deadline_of(record.state)
    ensure(not in_time or deadline is None or compute.now < deadline, Error.DEADLINE_PASSED)
    return record


def ensure_overdue(compute: "Compute", record: Job) -> None:
    deadline = some(deadline_of(record.state), Error.WRONG_STATE)
    ensure(compute.now >= deadline, Error.TOO_EARLY)


def enter(compute: "Compute", job: int, record: Job) -> None:
    """A new job, with its first deadline."""
    deadline = deadline_of(record.state)
    assert deadline is not None, "a job begins in a state that ends"
    compute.jobs_by_deadline[deadline, job] = None
    compute.jobs[job] = record


def move(
    compute: "Compute", job: int, record: Job, state: JobState, *, attempts: int | None = None
) -> None:
    """Put the job into a state: its deadline and its worker's count follow."""
    old, new = deadline_of(record.state), deadline_of(state)
    assert old is not None, "a job that has ended is never moved: its state was checked"
    del compute.jobs_by_deadline[old, job]
    if new is not None:
        compute.jobs_by_deadline[new, job] = None
    crew.count(compute, worker_of(record.state), -1)
    crew.count(compute, worker_of(state), 1)
    attempts = record.attempts if attempts is None else attempts
    compute.jobs[job] = replace(record, state=state, attempts=attempts)


def due(compute: "Compute", now: int) -> list[int]:
    """Jobs whose deadline has come, at most as many as a block processes."""
    block, found = compute.overdue_from.get() or now, list[int]()
    while block <= now and len(found) < compute.max_due:
        left = compute.max_due - len(found)
        found += [job for _, job in islice(compute.jobs_by_deadline.keys(block), left)]
        if len(found) < compute.max_due:
            block += 1
    if block <= now:
        compute.overdue_from.put(block)
    elif compute.overdue_from.exists():
        compute.overdue_from.kill()
    return found
