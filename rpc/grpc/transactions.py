"""The Transactions service: what clients signed, on its way into a block."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import aclosing

from tilth.node.pool import PoolError
from tilth.node.service import Node
from tilth.rpc.grpc.limits import GrpcLimits
from tilth.rpc.grpc.methods import Context
from tilth.rpc.grpc.outcomes import Outcomes, block_id
from tilth.rpc.grpc.refusals import refusal_of
from tilth.rpc.grpc.submission import Step, Submission, submit
from tilth.v1 import transactions_pb2 as pb
from tilth.v1.transactions_pb2_grpc import TransactionsServicer


class TransactionsService(TransactionsServicer):
    def __init__(self, node: Node, outcomes: Outcomes, limits: GrpcLimits) -> None:
        self._node = node
        self._outcomes = outcomes
        self._limits = limits

    async def Submit(self, request: pb.SubmitRequest, context: Context) -> pb.SubmitResponse:
        return pb.SubmitResponse(transaction_hash=submit(self._node, request.extrinsic))

    async def SubmitAndWatch(
        self, request: pb.SubmitAndWatchRequest, context: Context
    ) -> AsyncIterator[pb.TransactionStatus]:
        submission = Submission(
            self._node, request.extrinsic, most_waiting=self._limits.waiting_statuses
        )
        async with aclosing(submission.steps()) as steps:
            async for step in steps:
                yield self._status(submission, step)

    async def SubmitStream(
        self, request_iterator: AsyncIterator[pb.SubmitStreamRequest], context: Context
    ) -> AsyncIterator[pb.SubmitStreamResponse]:
        async for request in request_iterator:
            yield pb.SubmitStreamResponse(outcomes=await self._take(list(request.extrinsics)))

    async def _take(self, extrinsics: list[bytes]) -> list[pb.SubmitOutcome]:
        """Others get their turn between the slices of a batch."""
        outcomes: list[pb.SubmitOutcome] = []
        for start in range(0, len(extrinsics), self._limits.batch_slice):
            slice = extrinsics[start : start + self._limits.batch_slice]
            outcomes += [self._outcome(extrinsic) for extrinsic in slice]
            await asyncio.sleep(0)
        return outcomes

    def _outcome(self, extrinsic: bytes) -> pb.SubmitOutcome:
        try:
            return pb.SubmitOutcome(transaction_hash=self._node.pool.submit(extrinsic))
        except PoolError as error:
            return pb.SubmitOutcome(refused=refusal_of(error))

    def _status(self, submission: Submission, step: Step) -> pb.TransactionStatus:
        status = pb.TransactionStatus(transaction_hash=submission.hash)
        match step:
            case Step(name="inBlock", block=block) if block is not None:
                outcome = self._outcomes.of(block, submission.extrinsic)
                status.in_block.CopyFrom(outcome.inclusion())
            case Step(name="finalized", block=block) if block is not None:
                outcome = self._outcomes.of(block, submission.extrinsic)
                status.finalized.CopyFrom(outcome.inclusion())
            case Step(name="retracted", block=block) if block is not None:
                status.retracted.CopyFrom(block_id(block))
            case Step(name="usurped"):
                status.usurped = step.rival
            case _:
                getattr(status, step.name).SetInParent()  # future, ready, dropped, invalid
        return status
