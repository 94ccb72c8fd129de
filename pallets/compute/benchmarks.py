"""What a job costs the chain on its way, in the dearest state that each call may find it in."""

from collections.abc import Iterator
from functools import partial
from typing import Annotated, Protocol, cast

from tilth.frame import H256, AccountId, replace
from tilth.frame.benchmarking import Benchmarks, Linear, Work, benchmark
from tilth.pallets.compute.pallet import Compute
from tilth.pallets.compute.types import (
    AcceptanceFailed,
    AwaitingApproval,
    AwaitingModel,
    Claimed,
    Completed,
    Delivered,
    Disputed,
    FailureCode,
    Job,
    Queued,
    Refunded,
    Running,
    Stage,
    Worker,
    deadline_of,
)
from tilth.pallets.compute.work import Acceptance, JobSpec, Loss, Optimizer, TrainSpec
from tilth.primitives.crypto.sealing import OVERHEAD, SealingKey

_MONEY = 10**17
_ROWS = H256(b"r" * 32)
_MODEL, _RESULT, _ROWS_FILE = b"model", b"result", b"rows"
_SECRET = bytes(31) + b"\x01"


class Market(Protocol):
    """What a job needs beside workers."""

    def stored(self, data: bytes, who: AccountId) -> H256: ...

    def private_table(
        self, owner: AccountId, worker: AccountId, requester: AccountId, row_root: H256
    ) -> int: ...


class ComputeBenchmarks(Benchmarks[Compute]):
    @benchmark
    def register_worker(self) -> Iterator[Work]:
        yield self.dispatch(self.pallet.register_worker.call(self.pallet.min_bond))
        assert self.caller in self.pallet.workers

    @benchmark
    def unbond(self) -> Iterator[Work]:
        """The second time, when the bond comes back."""
        self.pallet.register_worker(self.caller, self.pallet.min_bond)
        self.pallet.unbond(self.caller)
        self.stand_in_block(1 + self.pallet.cool_down)
        yield self.dispatch(self.pallet.unbond.call())
        assert self.caller not in self.pallet.workers

    @benchmark
    def set_sealing_key(self) -> Iterator[Work]:
        self.pallet.register_worker(self.caller, self.pallet.min_bond)
        yield self.dispatch(self.pallet.set_sealing_key.call(b"k" * 32))
        assert self.caller in self.pallet.sealing_keys

    @benchmark
    def approve_job(self) -> Iterator[Work]:
        job = self._unapproved()
        yield self.dispatch(self.pallet.approve_job.call(job))
        assert isinstance(self.pallet.jobs[job].state, Queued)

    @benchmark
    def reject_job(self) -> Iterator[Work]:
        job = self._unapproved()
        yield self.dispatch(self.pallet.reject_job.call(job))
        assert isinstance(self.pallet.jobs[job].state, Refunded)

    @benchmark
    def deliver_model(self) -> Iterator[Work]:
        job = self._claimed(worker=self.account(2, _MONEY), requester=self.caller)
        record, worker = self.pallet.jobs[job], self.account(2)
        secret = replace(record.spec, secret_model=True)
        waiting = replace(record, spec=secret, state=AwaitingModel(worker, _deadline(record)))
        self.pallet.jobs[job] = waiting
        envelope = self._stage.stored(bytes(len(_MODEL) + OVERHEAD), self.caller)
        yield self.dispatch(self.pallet.deliver_model.call(job, envelope))
        assert isinstance(self.pallet.jobs[job].state, Claimed)

    @benchmark
    def beat(self) -> Iterator[Work]:
        job = self._started(worker=self.caller)
        yield self.dispatch(self.pallet.beat.call(job, Stage.COMPUTING, 1))
        state = self.pallet.jobs[job].state
        assert isinstance(state, Running)
        assert state.permille == 1

    @benchmark
    def dispute(self) -> Iterator[Work]:
        job = self._delivered(worker=self.account(2, _MONEY), requester=self.caller)
        yield self.dispatch(self.pallet.dispute.call(job, AcceptanceFailed(_SECRET)))
        assert isinstance(self.pallet.jobs[job].state, Disputed)

    @benchmark
    def judge(self) -> Iterator[Work]:
        """For the worker, where most people are paid."""
        job = self._delivered(worker=self.caller)
        record = self.pallet.jobs[job]
        self.pallet.dispute(record.requester, job, AcceptanceFailed(_SECRET))
        disputed = self.pallet.jobs[job]
        state = replace(cast("Disputed", disputed.state), worker=self.account(5, _MONEY))
        self.pallet.jobs[job] = replace(disputed, state=state)
        yield self.dispatch(self.pallet.judge.call(job, 1_000_000))
        assert isinstance(self.pallet.jobs[job].state, Completed)

    @benchmark
    def create_job(self) -> Iterator[Work]:
        spec = self._spec(owner=self.account(1, _MONEY), worker=self.account(2))
        yield self.dispatch(self.pallet.create_job.call(spec, 1, None))
        assert self.pallet.next_job.get() == 1

    @benchmark
    def claim_job(self) -> Iterator[Work]:
        job = self._queued(worker=self.caller)
        yield self.dispatch(self.pallet.claim_job.call(job))
        assert self.pallet.workers[self.caller].active == 1

    @benchmark
    def start(self) -> Iterator[Work]:
        job = self._claimed(worker=self.caller)
        yield self.dispatch(self.pallet.start.call(job, _ROWS))
        assert isinstance(self.pallet.jobs[job].state, Running)

    @benchmark
    def submit_result(self) -> Iterator[Work]:
        job = self._started(worker=self.caller)
        result = self._stage.stored(_RESULT, self.caller)
        yield self.dispatch(self.pallet.submit_result.call(job, result, len(_RESULT)))
        assert isinstance(self.pallet.jobs[job].state, Delivered)

    @benchmark
    def report_failure(self) -> Iterator[Work]:
        """Of a job that runs, which slashes the worker."""
        job = self._started(worker=self.caller)
        yield self.dispatch(self.pallet.report_failure.call(job, FailureCode.ROWS_MISSING))
        assert isinstance(self.pallet.jobs[job].state, Refunded)

    @benchmark
    def acknowledge(self) -> Iterator[Work]:
        job = self._delivered(worker=self.account(2, _MONEY), requester=self.caller)
        yield self.dispatch(self.pallet.acknowledge.call(job))
        assert isinstance(self.pallet.jobs[job].state, Completed)

    @benchmark
    def finalize(self) -> Iterator[Work]:
        job = self._overdue()
        yield self.dispatch(self.pallet.finalize.call(job))
        assert isinstance(self.pallet.jobs[job].state, Completed)

    @benchmark
    def expire(self) -> Iterator[Work]:
        job = self._overdue()
        yield self.dispatch(self.pallet.expire.call(job))
        assert isinstance(self.pallet.jobs[job].state, Completed)

    @benchmark
    def cancel(self) -> Iterator[Work]:
        job = self._queued(worker=self.account(2, _MONEY), requester=self.caller)
        yield self.dispatch(self.pallet.cancel.call(job))
        assert isinstance(self.pallet.jobs[job].state, Refunded)

    @benchmark
    def on_initialize(self, jobs: Annotated[int, Linear(1, 64)]) -> Iterator[Work]:
        """Results of as many requesters and workers are paid."""
        first = self._delivered(worker=self.account(2, _MONEY))
        for number in range(1, jobs):
            self._add_like(first, number)
        yield partial(self.pallet.on_initialize, 1 + self.pallet.challenge_window)
        assert not list(self.pallet.jobs_by_deadline.keys())

    # How a job gets there.

    @property
    def _stage(self) -> Market:
        stage: Market = self.runtime.benchmark_stage()
        return stage

    def _spec(
        self, owner: AccountId, worker: AccountId, requester: AccountId | None = None
    ) -> JobSpec:
        """Never twice the same noise, whose cost could be remembered."""
        dataset = self._stage.private_table(owner, worker, requester or self.caller, _ROWS)
        noise = 10_000 + self.round
        train = TrainSpec(
            loss=Loss.SOFTMAX_CROSS_ENTROPY,
            optimizer=Optimizer.ADAM,
            steps=1_000,
            learning_rate_micro=1,
            clip_micro=1,
            noise_multiplier_milli=noise,
            sampling_ppb=10_000_000,
        )
        model = self._stage.stored(_MODEL, self.caller)
        acceptance = Acceptance(self._stage.stored(_ROWS_FILE, self.caller), 1_000_000)
        return JobSpec(
            dataset,
            model,
            len(_MODEL),
            1,
            train,
            1_000,
            SealingKey(_SECRET).public,
            acceptance=acceptance,
        )

    def _queued(self, worker: AccountId, requester: AccountId | None = None) -> int:
        requester = requester or self.account(3, _MONEY)
        spec = self._spec(self.account(1, _MONEY), worker, requester)
        self.pallet.register_worker(worker, self.pallet.min_bond)
        self.pallet.create_job(requester, spec, 1, None)
        return 0

    def _unapproved(self) -> int:
        """A job on the caller's table."""
        job = self._queued(self.account(2, _MONEY))
        record = self.pallet.jobs[job]
        waiting = AwaitingApproval(_deadline(record))
        self.pallet.jobs[job] = replace(record, owner=self.caller, state=waiting)
        return job

    def _claimed(self, worker: AccountId, requester: AccountId | None = None) -> int:
        job = self._queued(worker, requester)
        self.pallet.claim_job(worker, job)
        return job

    def _started(self, worker: AccountId, requester: AccountId | None = None) -> int:
        job = self._claimed(worker, requester)
        self.pallet.start(worker, job, _ROWS)
        return job

    def _delivered(self, worker: AccountId, requester: AccountId | None = None) -> int:
        job = self._started(worker, requester)
        result = self._stage.stored(_RESULT, self.caller)
        self.pallet.submit_result(worker, job, result, len(_RESULT))
        return job

    def _overdue(self) -> int:
        job = self._delivered(worker=self.account(2, _MONEY))
        self.stand_in_block(1 + self.pallet.challenge_window)
        return job

    def _add_like(self, first: int, job: int) -> None:
        """The same job again, of another requester and another worker."""
        pallet, record = self.pallet, self.pallet.jobs[first]
        requester, worker = self.account(1_000 + job, _MONEY), self.account(2_000 + job, _MONEY)
        state = replace(cast("Delivered", record.state), worker=worker)
        pallet.currency.hold(pallet.Hold.ESCROW, requester, record.escrow.total)
        pallet.workers[worker] = Worker(0, 1, None)
        pallet.jobs[job] = replace(record, requester=requester, state=state)
        pallet.jobs_by_deadline[state.deadline, job] = None
        pallet.next_job.put(job + 1)


def _deadline(record: Job) -> int:
    deadline = deadline_of(record.state)
    assert deadline is not None
    return deadline
