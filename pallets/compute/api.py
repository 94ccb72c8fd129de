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
)
from tilth.pallets.compute.types import Job, JobId, JobSpec, Quote


class Jobs(Protocol):
    """What the API reads."""

    def job(self, job: int) -> Job | None: ...

    def quote(self, who: AccountId, spec: JobSpec) -> Quote: ...


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
