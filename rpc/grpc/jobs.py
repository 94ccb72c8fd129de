"""The Jobs service: creating jobs, watching them, and fetching what they sealed."""

from collections.abc import AsyncIterator
from contextlib import aclosing

from tilth.frame import DecodeError, codec, u64
from tilth.node.content import ContentReader, calls_in
from tilth.node.pool import Undecodable
from tilth.node.service import Node
from tilth.pallets.compute.types import Job
from tilth.primitives.types import H256
from tilth.rpc.grpc.failures import Failure, failed, not_found
from tilth.rpc.grpc.job_messages import is_ended, job_message
from tilth.rpc.grpc.limits import GrpcLimits
from tilth.rpc.grpc.methods import Context
from tilth.rpc.grpc.news import News
from tilth.rpc.grpc.outcomes import Outcome, Outcomes, block_id
from tilth.rpc.grpc.pieces import content_of, pieces
from tilth.rpc.grpc.refusals import failure_of, left, refusal_of, wrong_call
from tilth.rpc.grpc.state import ask
from tilth.rpc.grpc.submission import Submission
from tilth.v1 import jobs_pb2 as pb
from tilth.v1.jobs_pb2_grpc import JobsServicer


class JobsService(JobsServicer):
    def __init__(
        self, node: Node, reader: ContentReader, outcomes: Outcomes, limits: GrpcLimits
    ) -> None:
        self._node = node
        self._reader = reader
        self._outcomes = outcomes
        self._limits = limits

    async def Create(self, request: pb.CreateJobRequest, context: Context) -> pb.CreateJobResponse:
        self._ensure_creates_job(request.extrinsic)
        submission = Submission(
            self._node, request.extrinsic, most_waiting=self._limits.waiting_statuses
        )
        outcome = await self._included(submission)
        return pb.CreateJobResponse(
            job=_created(outcome),
            transaction_hash=submission.hash,
            inclusion=outcome.inclusion(),
        )

    async def Get(self, request: pb.GetJobRequest, context: Context) -> pb.Job:
        return self._message(request.job, self._expect(request.job))

    async def Watch(self, request: pb.WatchJobRequest, context: Context) -> AsyncIterator[pb.Job]:
        with News(self._node.chain) as news:
            job = self._expect(request.job)
            while True:
                yield self._message(request.job, job)
                if is_ended(job):
                    return
                job = await self._changed(news, request.job, job)

    async def FetchResult(
        self, request: pb.FetchResultRequest, context: Context
    ) -> AsyncIterator[pb.FetchResultResponse]:
        result = _result_of(request.job, self._message(request.job, self._expect(request.job)))
        content = content_of(self._reader, result)
        for data in pieces(content, request.offset):
            yield pb.FetchResultResponse(data=data, total_size=len(content))

    def _ensure_creates_job(self, extrinsic: bytes) -> None:
        runtime = self._node.runtime
        try:
            call = runtime.format.decode(extrinsic).call
        except DecodeError as error:
            raise failure_of(refusal_of(Undecodable(str(error)))) from error
        for each in calls_in(call):
            pallet = runtime.by_index[each.method.pallet_index].name
            if (pallet, each.method.name) == ("Compute", "create_job"):
                return
        raise failure_of(wrong_call("call of compute.create_job"))

    async def _included(self, submission: Submission) -> Outcome:
        async with aclosing(submission.steps()) as steps:
            async for step in steps:
                refusal = left(step.name)
                if refusal is not None:
                    raise failure_of(refusal)
                if step.name == "inBlock" and step.block is not None:
                    return self._outcomes.of(step.block, submission.extrinsic)
        raise AssertionError("the pool's last word is one of the above")

    def _job(self, number: int) -> Job | None:
        if number >= 2**64:
            return None
        chain = self._node.chain
        job: Job | None = ask(chain, chain.best, "ComputeApi_job", codec(u64).encode(number))
        return job

    def _expect(self, number: int) -> Job:
        job = self._job(number)
        if job is None:
            raise not_found(f"there is no job {number}")
        return job

    async def _changed(self, news: News, number: int, known: Job) -> Job:
        """The job once its state is another; one that a reorganisation took away may come back."""
        while True:
            await news.next()
            job = self._job(number)
            if job is not None and (job.state, job.attempts) != (known.state, known.attempts):
                return job

    def _message(self, number: int, job: Job) -> pb.Job:
        return job_message(number, job, block_id(self._node.chain.best))


def _created(outcome: Outcome) -> int:
    where = f"the transaction is in block {outcome.block.number}"
    if outcome.error is not None:
        error = outcome.error
        raise Failure(failed("").code, f"{where}, but its call failed: {error.message}", error)
    created = outcome.fields_of("Compute", "JobCreated")
    if not created:
        raise failed(f"{where}, but no job was created")
    number: int = created[0].job
    return number


def _result_of(number: int, job: pb.Job) -> H256:
    match job.WhichOneof("state"):
        case "delivered":
            return H256(job.delivered.result)
        case "completed":
            return H256(job.completed.result)
        case "disputed":
            return H256(job.disputed.result)
        case "refunded":
            raise failed(f"job {number} was refunded: there is no result")
        case state:
            raise failed(f"job {number} has no result yet: it is {state}")
