"""The Jobs service: from a signed call to a sealed result."""

import asyncio
from dataclasses import dataclass
from typing import Any

import grpc
import pytest

from tilth.frame import H256, AccountId
from tilth.pallets.compute import (
    Failed,
    FailureCode,
    Loss,
    NotFinished,
    NotStarted,
    Optimizer,
    Refunded,
    RefundReason,
    Unclaimed,
)
from tilth.pallets.datasets import Anyone, Budget, Policy
from tilth.primitives.crypto.dev import ALICE, BOB
from tilth.primitives.crypto.hashing import blake2_256, sha2_256
from tilth.rpc.grpc.job_messages import refund
from tilth.v1 import errors_pb2 as errors
from tilth.v1 import jobs_pb2 as pb

MODEL, ROW_ROOT, SEALED = b"a model", H256(b"r" * 32), bytes(range(200)) * 5


@dataclass
class Market:
    """A chain with a private table of Alice's, who is its worker; Bob is the buyer."""

    face: Any

    def include(self, *calls: Any, uri: str = "//Alice") -> None:
        """Make these calls in one block; all of them succeed."""
        runtime = self.face.runtime
        batch = runtime.utility.batch_all.call(calls)
        self.face.node.pool.submit(self.face.signed(batch, uri=uri))
        self.face.build()
        with runtime.at(self.face.node.chain.best.state):
            names = [type(record.event.event).__name__ for record in runtime.system.events.get()]
        assert "ExtrinsicFailed" not in names

    def prepare(self) -> None:
        runtime, meta = self.face.runtime, H256(sha2_256(b"meta"))
        policy = Policy(1_000, 500, Anyone(), 4_000_000, 1_000, 10_000, ())
        self.include(
            runtime.storage.storing(b"meta"),
            runtime.storage.storing(MODEL),
            runtime.datasets.register_private.call(
                "patients",
                "LicenseRef-Private",
                meta,
                meta,
                meta,
                ROW_ROOT,
                100,
                policy,
                Budget(8_000_000, 10**6, 50_000),
                (AccountId(ALICE),),
            ),
            runtime.compute.register_worker.call(runtime.compute.min_bond),
        )

    def creating(self) -> bytes:
        """Bob's signed order."""
        create = self.face.runtime.compute.create_job.call(self.face.spec(0, MODEL), 5, None)
        extrinsic: bytes = self.face.signed(create, uri="//Bob")
        return extrinsic

    async def create(self) -> pb.CreateJobResponse:
        call = self.face.jobs.Create(pb.CreateJobRequest(extrinsic=self.creating()))
        await until(lambda: self.face.node.pool.pending_count() == 1)
        self.face.build()
        answer: pb.CreateJobResponse = await call
        return answer

    def claim(self) -> None:
        self.include(self.face.runtime.compute.claim_job.call(0))

    def start(self) -> None:
        self.include(self.face.runtime.compute.start.call(0, ROW_ROOT))

    def deliver(self) -> None:
        runtime, hash = self.face.runtime, H256(sha2_256(SEALED))
        submit = runtime.compute.submit_result.call(0, hash, len(SEALED))
        self.include(runtime.storage.storing(SEALED), submit)


@pytest.fixture
async def market(by_hand: Any) -> Market:
    market = Market(by_hand)
    market.prepare()
    return market


async def until(condition: Any) -> None:
    async with asyncio.timeout(10):
        while not condition():
            await asyncio.sleep(0.01)


async def failure(call: Any) -> grpc.aio.AioRpcError:
    """How a call fails, whose answer may be a stream."""
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await (call.read() if hasattr(call, "read") else call)
    return caught.value


async def test_a_created_job_is_answered_with_its_number_once_it_is_in_a_block(
    market: Market,
) -> None:
    answer = await market.create()

    block = market.face.node.chain.best
    assert answer.job == 0
    assert answer.inclusion.block.hash == block.hash
    extrinsic = block.extrinsics[answer.inclusion.index]
    assert blake2_256(extrinsic) == answer.transaction_hash


async def test_a_job_is_told_with_spec_price_and_deadline(market: Market) -> None:
    await market.create()

    job = await market.face.jobs.Get(pb.GetJobRequest(job=0))

    assert (job.requester, job.owner) == (BOB, ALICE)
    assert (job.spec.dataset, job.spec.model) == (0, sha2_256(MODEL))
    assert (job.spec.train.loss, job.spec.train.optimizer) == (
        pb.LOSS_SOFTMAX_CROSS_ENTROPY,
        pb.OPTIMIZER_SGD,
    )
    assert job.spec.train.sampling_ppb == 10**9
    assert (int(job.escrow.compute), int(job.escrow.tip)) == (10**12, 5)
    assert int(job.escrow.data) > 1_000
    assert 0 < job.epsilon_micro < 4_000_000
    assert job.queued.deadline == job.created_at + market.face.runtime.compute.queue_window
    assert job.as_of.hash == market.face.node.chain.best.hash


async def test_a_watched_job_is_told_at_each_state_and_ends(market: Market) -> None:
    await market.create()
    watch = market.face.jobs.Watch(pb.WatchJobRequest(job=0))
    seen = [await watch.read()]
    for step in (market.claim, market.start, market.deliver):
        step()
        market.face.build()  # a block in which nothing happens to the job
        seen.append(await watch.read())
    market.include(market.face.runtime.compute.acknowledge.call(0), uri="//Bob")
    seen.append(await watch.read())

    assert [job.WhichOneof("state") for job in seen] == [
        "queued",
        "claimed",
        "running",
        "delivered",
        "completed",
    ]
    assert seen[1].claimed.worker == seen[4].completed.worker == ALICE
    assert seen[2].running.deadline > seen[2].as_of.number
    assert seen[3].delivered.result == sha2_256(SEALED)
    assert await watch.read() is grpc.aio.EOF


async def test_a_refunded_job_says_why(market: Market) -> None:
    await market.create()
    market.claim()
    watch = market.face.jobs.Watch(pb.WatchJobRequest(job=0))
    await watch.read()

    market.include(market.face.runtime.compute.report_failure.call(0, FailureCode.ROWS_MISSING))
    job = await watch.read()

    assert job.refunded.reason == pb.REFUND_REASON_FAILED
    assert job.refunded.failure == pb.FAILURE_CODE_ROWS_MISSING
    assert await watch.read() is grpc.aio.EOF


async def test_a_cancelled_job_has_no_failure(market: Market) -> None:
    await market.create()
    market.include(market.face.runtime.compute.cancel.call(0), uri="//Bob")

    job = await market.face.jobs.Get(pb.GetJobRequest(job=0))

    assert job.refunded.reason == pb.REFUND_REASON_CANCELLED
    assert job.refunded.failure == pb.FAILURE_CODE_UNSPECIFIED


@pytest.mark.parametrize("code", FailureCode)
def test_every_failure_has_its_code(code: FailureCode) -> None:
    assert refund(Refunded(Failed(code))).failure == code + 1


@pytest.mark.parametrize("reason", [Unclaimed(), NotStarted(), NotFinished()])
def test_every_reason_has_its_code(reason: RefundReason) -> None:
    told = refund(Refunded(reason))

    assert told.reason not in (pb.REFUND_REASON_UNSPECIFIED, pb.REFUND_REASON_FAILED)
    assert told.failure == pb.FAILURE_CODE_UNSPECIFIED


def test_losses_and_optimizers_are_named_alike() -> None:
    assert [loss.name for loss in Loss] == [each[len("LOSS_") :] for each in pb.Loss.keys()[1:]]
    assert [each.name for each in Optimizer] == [
        each[len("OPTIMIZER_") :] for each in pb.Optimizer.keys()[1:]
    ]


async def test_a_sealed_result_is_fetched_whole_or_from_where_it_was_cut(market: Market) -> None:
    await market.create()
    market.claim()
    market.start()
    market.deliver()

    whole = [e async for e in market.face.jobs.FetchResult(pb.FetchResultRequest(job=0))]
    rest = [e async for e in market.face.jobs.FetchResult(pb.FetchResultRequest(job=0, offset=990))]

    assert b"".join(each.data for each in whole) == SEALED
    assert b"".join(each.data for each in rest) == SEALED[990:]
    assert whole[0].total_size == len(SEALED)


async def test_a_job_without_result_has_nothing_to_fetch(market: Market) -> None:
    await market.create()
    waiting = await failure(market.face.jobs.FetchResult(pb.FetchResultRequest(job=0)))
    market.include(market.face.runtime.compute.cancel.call(0), uri="//Bob")
    refunded = await failure(market.face.jobs.FetchResult(pb.FetchResultRequest(job=0)))

    assert waiting.code() is refunded.code() is grpc.StatusCode.FAILED_PRECONDITION
    assert "queued" in str(waiting.details())
    assert "refunded" in str(refunded.details())


async def test_an_unknown_job_is_not_found(face: Any) -> None:
    for number in (0, 2**64 - 1):
        for call in (
            face.jobs.Get(pb.GetJobRequest(job=number)),
            face.jobs.Watch(pb.WatchJobRequest(job=number)),
            face.jobs.FetchResult(pb.FetchResultRequest(job=number)),
        ):
            assert (await failure(call)).code() is grpc.StatusCode.NOT_FOUND


async def test_a_job_that_the_chain_refuses_tells_the_pallets_error(face: Any) -> None:
    creating = face.signed(face.runtime.compute.create_job.call(face.spec(), 0, None))

    error = await failure(face.jobs.Create(pb.CreateJobRequest(extrinsic=creating)))

    assert error.code() is grpc.StatusCode.FAILED_PRECONDITION
    metadata: Any = error.trailing_metadata()
    found = errors.DispatchError()
    assert (
        errors.ErrorStatus.FromString(metadata["grpc-status-details-bin"]).details[0].Unpack(found)
    )
    assert (found.pallet, found.name) == ("Compute", "ModelNotStored")
    assert found.message in str(error.details())


async def test_what_creates_no_job_is_not_even_submitted(by_hand: Any) -> None:
    remark = await failure(by_hand.jobs.Create(pb.CreateJobRequest(extrinsic=by_hand.remark())))
    garbage = await failure(by_hand.jobs.Create(pb.CreateJobRequest(extrinsic=b"garbage")))

    assert remark.code() is garbage.code() is grpc.StatusCode.INVALID_ARGUMENT
    assert "create_job" in str(remark.details())
    assert len(by_hand.node.pool) == 0


async def test_a_job_that_leaves_the_pool_is_refused(market: Market) -> None:
    extrinsic = market.creating()
    call = market.face.jobs.Create(pb.CreateJobRequest(extrinsic=extrinsic))
    await until(lambda: market.face.node.pool.pending_count() == 1)
    market.face.node.pool.remove([H256(blake2_256(extrinsic))])

    error = await failure(call)

    assert error.code() is grpc.StatusCode.FAILED_PRECONDITION
    assert "can no longer be included" in str(error.details())


async def test_a_batch_that_ends_before_the_job_created_none(market: Market) -> None:
    runtime = market.face.runtime
    calls = (
        runtime.storage.storing(b""),
        runtime.compute.create_job.call(market.face.spec(0, MODEL), 0, None),
    )
    extrinsic = market.face.signed(runtime.utility.batch.call(calls), uri="//Bob")
    call = market.face.jobs.Create(pb.CreateJobRequest(extrinsic=extrinsic))
    await until(lambda: market.face.node.pool.pending_count() == 1)
    market.face.build()

    error = await failure(call)

    assert error.code() is grpc.StatusCode.FAILED_PRECONDITION
    assert "no job" in str(error.details())


async def test_a_cancelled_watch_stops_listening(market: Market) -> None:
    await market.create()
    before = market.face.listeners()
    watch = market.face.jobs.Watch(pb.WatchJobRequest(job=0))
    await watch.read()
    assert market.face.listeners() == before + 1

    watch.cancel()

    await until(lambda: market.face.listeners() == before)
