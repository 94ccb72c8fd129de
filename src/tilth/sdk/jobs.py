"""A job under way: its states as they come, and its sealed result."""

from collections.abc import Callable, Iterator
from hashlib import sha256
from typing import Final

from tilth.primitives.crypto.sealing import SealingKey
from tilth.primitives.job_result import result_info
from tilth.sdk.connection import Connection
from tilth.sdk.refusals import JobRefunded, Unreachable, WrongContent, grpc_answers
from tilth.sdk.wire import JobSpec, spec_of
from tilth.v1 import jobs_pb2 as pb

WITH_RESULT: Final = ("delivered", "completed")
_LONGEST_WAIT: Final = 3600.0


class Job:
    """Known by its number; whoever ordered it knows its spec as well."""

    def __init__(self, connection: Connection, number: int, spec: JobSpec | None = None) -> None:
        self.number = number
        self._connection = connection
        self._spec = spec

    def __repr__(self) -> str:
        return f"<Job {self.number}>"

    @property
    def spec(self) -> JobSpec:
        """What was ordered: as this program has it, else as the chain does."""
        if self._spec is None:
            self._spec = spec_of(self.now().spec)
        return self._spec

    def now(self) -> pb.Job:
        """The job at the best block."""
        with grpc_answers(self._connection.target):
            return self._connection.jobs.Get(pb.GetJobRequest(job=self.number))

    def states(self, *, timeout: float = _LONGEST_WAIT) -> Iterator[pb.Job]:
        """The job as it is, then at each change, until it is completed or refunded."""
        request = pb.WatchJobRequest(job=self.number)
        with grpc_answers(self._connection.target):
            watching = self._connection.jobs.Watch(request, timeout=timeout)
            try:
                yield from watching
            finally:
                watching.cancel()

    def wait(
        self,
        progress: Callable[[pb.Job], None] | None = None,
        *,
        timeout: float = _LONGEST_WAIT,
    ) -> pb.Job:
        """Wait for the result, hearing of each state on the way.

        Raises JobRefunded, and TimeoutError after so many seconds.
        """
        for job in self.states(timeout=timeout):
            if progress is not None:
                progress(job)
            state = job.WhichOneof("state")
            if state == "refunded":
                raise refund_of(job)
            if state in WITH_RESULT:
                return job
        raise Unreachable(f"the node stopped before job {self.number} had a result")

    def sealed_result(self) -> bytes:
        """The result as the chain keeps it, checked against the hash there."""
        request = pb.FetchResultRequest(job=self.number)
        with grpc_answers(self._connection.target):
            sealed = b"".join(part.data for part in self._connection.jobs.FetchResult(request))
        job = self.now()
        known = {job.completed.result, job.delivered.result, job.disputed.result}
        if sha256(sealed).digest() not in known:
            raise WrongContent(f"the node sent another result than job {self.number} has")
        return sealed

    def result(self, key: SealingKey) -> bytes:
        """The trained ONNX model; raises SealBroken where it was sealed for something else."""
        info = result_info(self._connection.genesis_hash, self.number, self.spec.hash)
        return key.open(self.sealed_result(), info)


def refund_of(job: pb.Job) -> JobRefunded:
    """Why a refunded job has no result."""
    reason = pb.RefundReason.Name(job.refunded.reason).removeprefix("REFUND_REASON_")
    code = job.refunded.failure
    failure = pb.FailureCode.Name(code).removeprefix("FAILURE_CODE_") if code else ""
    return JobRefunded(job.id, reason, failure)
