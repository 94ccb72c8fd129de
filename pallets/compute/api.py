"""What clients ask about jobs."""

from typing import Protocol

from tilth.frame import (
    AccountId,
    DispatchError,
    DispatchFailure,
    Err,
    Ok,
    Result,
    Runtime,
    RuntimeApi,
    api_method,
    u32,
)
from tilth.pallets.compute.types import Job, JobId, Quote, Reputation
from tilth.pallets.compute.work import JobSpec, X25519Key


class Jobs(Protocol):
    """What the API reads."""

    def job(self, job: int) -> Job | None: ...

    def quote(self, who: AccountId, spec: JobSpec) -> Quote: ...

    def newest(self, before: int | None, most: int) -> tuple[tuple[int, Job], ...]: ...

    def sealing_key(self, worker: AccountId) -> bytes | None: ...

    def reputation(self, worker: AccountId) -> Reputation: ...


class ComputeApi(RuntimeApi):
    """Jobs by number, and what one would cost."""

    def __init__(self, runtime: Runtime, jobs: Jobs) -> None:
        super().__init__(runtime)
        self._jobs = jobs

    @api_method
    def job(self, job: JobId) -> Job | None:
        """The job and its state."""
        return self._jobs.job(job)

    @api_method
    def quote(self, requester: AccountId, spec: JobSpec) -> Result[Quote, DispatchError]:
        """What the job would cost now, without tip, or why it could not be created."""
        try:
            return Ok(self._jobs.quote(requester, spec))
        except DispatchFailure as failure:
            return Err(self.runtime.dispatch_error(failure.reason))

    @api_method
    def newest(self, before: JobId | None, most: u32) -> tuple[tuple[JobId, Job], ...]:
        """Jobs below a number, newest first, at most 100."""
        return self._jobs.newest(before, most)

    @api_method
    def sealing_key(self, worker: AccountId) -> X25519Key | None:
        """To which key a secret model is sealed for the worker."""
        return self._jobs.sealing_key(worker)

    @api_method
    def reputation(self, worker: AccountId) -> Reputation:
        """What became of the worker's jobs."""
        return self._jobs.reputation(worker)
