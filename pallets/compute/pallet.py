"""Compute: jobs that come to private tables, their money, their deadlines, and who runs them."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

from tilth.frame import (
    H256,
    AccountId,
    Balance,
    BlockNumber,
    Const,
    Currency,
    DefaultValue,
    HoldReason,
    Measured,
    Offchain,
    Pallet,
    Perbill,
    Runtime,
    RuntimeApi,
    Signed,
    StorageDoubleMap,
    StorageMap,
    StorageValue,
    Task,
    Twox64,
    call,
    ensure,
    some,
    u16,
    u32,
)
from tilth.pallets.compute import crew, disputes, docket, ordering, settlement
from tilth.pallets.compute.api import ComputeApi
from tilth.pallets.compute.docket import job_in, move
from tilth.pallets.compute.errors import Error
from tilth.pallets.compute.events import (
    Beat,
    DisputeOpened,
    DisputeResolved,
    JobApproved,
    JobClaimed,
    JobCompleted,
    JobCreated,
    JobRefunded,
    JobRequeued,
    JobStarted,
    ModelDelivered,
    ResultSubmitted,
    SealingKeySet,
    WorkerLeaving,
    WorkerLeft,
    WorkerRegistered,
    WorkerSlashed,
)
from tilth.pallets.compute.invariants import assert_consistent
from tilth.pallets.compute.offchain import owed_by
from tilth.pallets.compute.till import Till
from tilth.pallets.compute.traits import ContentStore, DataMarket, FeeSink, Table, Together
from tilth.pallets.compute.types import (
    MODEL_FAULTS,
    AwaitingApproval,
    AwaitingModel,
    CancelledByRequester,
    Claimed,
    DatasetId,
    Delivered,
    Envelope,
    Failed,
    FailureCode,
    Ground,
    Job,
    JobId,
    Queued,
    Quote,
    RejectedByOwner,
    Reputation,
    Running,
    Stage,
    Worker,
    worker_of,
)
from tilth.pallets.compute.weights import WEIGHTS
from tilth.pallets.compute.work import JobSpec, X25519Key
from tilth.primitives.crypto.sealing import OVERHEAD

if TYPE_CHECKING:
    from tilth.primitives.scale import Codecs

_WHOLE_PERMILLE = 1_000
_MOST_LISTED = 100


class Compute(
    Pallet[
        WorkerRegistered
        | WorkerLeaving
        | WorkerLeft
        | WorkerSlashed
        | JobCreated
        | JobClaimed
        | JobStarted
        | ResultSubmitted
        | JobCompleted
        | JobRefunded
        | JobRequeued
        | SealingKeySet
        | JobApproved
        | ModelDelivered
        | Beat
        | DisputeOpened
        | DisputeResolved,
        Error,
    ]
):
    weights = WEIGHTS

    currency: Currency
    market: DataMarket
    content: ContentStore
    rewards: FeeSink
    together: Together
    min_bond: Const[Balance] = 10_000_000_000_000
    """Least bond of a worker that takes jobs."""
    compute_fee: Const[Balance] = 1_000_000_000_000
    """What a worker earns with a job, besides the tip, and a juror with a verdict."""
    dispute_bond: Const[Balance] = 2_000_000_000_000
    """What a requester loses whose dispute a recomputation does not bear out."""
    market_fee: Const[Perbill] = Perbill(50_000_000)
    """The share of the owner's price that is burned."""
    slash: Const[Perbill] = Perbill(100_000_000)
    """The share of its bond that a worker loses when it breaks its word."""
    tolerance_ppm: Const[u32] = 2_000
    """By how much two machines may measure the same model differently, in millionths."""
    queue_window: Const[BlockNumber] = 1_000
    """How long a job waits for a worker."""
    model_window: Const[BlockNumber] = 100
    """How long a requester may take to seal a secret model to its worker."""
    start_window: Const[BlockNumber] = 300
    """How long a worker may take to start a job it claimed."""
    beat_window: Const[BlockNumber] = 600
    """How long a worker may be silent about a job that it runs."""
    finish_window: Const[BlockNumber] = 3_000
    """How long a worker may take to deliver what it started."""
    challenge_window: Const[BlockNumber] = 300
    """How long the requester may look at a result before it is paid."""
    dispute_window: Const[BlockNumber] = 300
    """How long another worker may take to measure a disputed model again."""
    cool_down: Const[BlockNumber] = 600
    """How long a leaving worker's bond stays held."""
    max_attempts: Const[u32] = 3
    """How often a job is claimed and not started before it is given up."""
    max_active: Const[u32] = 4
    """How many jobs a worker may owe at a time."""
    max_due: Const[u32] = 64
    """How many deadlines one block processes; further ones wait for the next."""

    workers = StorageMap[AccountId, Worker]()
    """Every bonded worker."""
    next_job = DefaultValue[JobId]()
    """The number of the next job."""
    jobs = StorageMap[Twox64[JobId], Job]()
    """Every job ever created."""
    jobs_by_deadline = StorageDoubleMap[Twox64[BlockNumber], Twox64[JobId], None]()
    """The jobs that have not ended, by the block at which their state ends by itself."""
    overdue_from = StorageValue[BlockNumber]()
    """The first block with deadlines still to be processed, where there are too many at once."""
    sealing_keys = StorageMap[AccountId, X25519Key]()
    """To which secret models are sealed for a worker."""
    reputations = StorageMap[AccountId, Reputation]()
    """What became of the jobs of everybody who ever worked."""
    envelopes = StorageMap[Twox64[JobId], Envelope]()
    """The secret models of jobs that have not ended, each sealed to its worker."""
    orders = StorageDoubleMap[Twox64[DatasetId], AccountId, u32]()
    """How many jobs a requester has ever ordered on a dataset whose owner counts them."""

    class Hold(HoldReason):
        ESCROW = "The price of a job that has not ended."
        WORKER_BOND = "A worker's bond."
        DISPUTE_BOND = "The bond for a dispute that is not decided."

    def bind(self, runtime: Runtime, name: str, index: int, codecs: "Codecs") -> None:
        super().bind(runtime, name, index, codecs)
        self.till = Till(self.currency, lambda: runtime.slot.overlay)

    @call(0)
    def register_worker(self, who: Signed, bond: Balance) -> None:
        """Become a worker with a bond, or add to one's bond."""
        crew.register(self, who, bond)

    @call(1)
    def unbond(self, who: Signed) -> None:
        """Stop taking jobs, or take the bond back once it has cooled down."""
        crew.unbond(self, who)

    @call(2)
    def set_sealing_key(self, who: Signed, key: X25519Key) -> None:
        """Announce to which key requesters seal models that nobody else shall see."""
        ensure(who in self.workers, Error.NOT_A_WORKER)
        self.sealing_keys[who] = key
        self.emit(SealingKeySet(who, key))

    @call(4)
    def create_job(
        self, who: Signed, spec: JobSpec, tip: Balance, max_price: Balance | None
    ) -> None:
        """Order a job: its price is held and its privacy reserved until it ends."""
        ordering.order(self, who, spec, tip, max_price)

    @call(5)
    def approve_job(self, who: Signed, job: JobId) -> None:
        """Let a job on one's own table wait for a worker."""
        record = job_in(self, job, AwaitingApproval)
        ensure(who == record.owner, Error.NOT_OWNER)
        move(self, job, record, Queued(self.now + self.queue_window))
        self.emit(JobApproved(job))

    @call(6)
    def reject_job(self, who: Signed, job: JobId) -> None:
        """Refuse a job on one's own table, which costs its requester nothing."""
        record = job_in(self, job, AwaitingApproval)
        ensure(who == record.owner, Error.NOT_OWNER)
        settlement.give_back(self, job, record, RejectedByOwner())

    @call(7)
    def claim_job(self, who: Signed, job: JobId) -> None:
        """Promise to start a job that waits."""
        record = job_in(self, job, Queued)
        crew.ensure_can_claim(self, who)
        ensure(who in self.table(record.spec.dataset).workers, Error.NOT_WORKER_OF_DATASET)
        if record.spec.secret_model:
            ensure(who in self.sealing_keys, Error.NO_SEALING_KEY)
            move(self, job, record, AwaitingModel(who, self.now + self.model_window))
        else:
            move(self, job, record, Claimed(who, self.now + self.start_window))
        self.emit(JobClaimed(job, who))

    @call(8)
    def deliver_model(self, who: Signed, job: JobId, content: H256) -> None:
        """Show where the secret model is stored, sealed to the worker's key."""
        record = job_in(self, job, AwaitingModel)
        ensure(who == record.requester, Error.NOT_REQUESTER)
        size = record.spec.model_bytes + OVERHEAD
        ensure(self.content.content_size(content) == size, Error.ENVELOPE_NOT_STORED)
        self.envelopes[job] = Envelope(content, size)
        worker = some(worker_of(record.state), Error.WRONG_STATE)
        move(self, job, record, Claimed(worker, self.now + self.start_window))
        self.emit(ModelDelivered(job, content))

    @call(9)
    def start(self, who: Signed, job: JobId, row_root: H256) -> None:
        """Begin to read the rows, which spends the job's privacy for good."""
        record = job_in(self, job, Claimed)
        _ensure_worker(record, who)
        spec, finish = record.spec, self.now + self.finish_window
        ensure(row_root == self.table(spec.dataset).row_root, Error.ROWS_DIFFER)
        self.market.spend(spec.dataset, record.cost, spec.max_output_bytes)
        beat = min(self.now + self.beat_window, finish)
        move(self, job, record, Running(who, beat, finish, Stage.PREPARING, 0))
        self.emit(JobStarted(job, who))

    @call(10)
    def beat(self, who: Signed, job: JobId, stage: Stage, permille: u16) -> None:
        """Say that one is still at it, and how far."""
        record = job_in(self, job, Running)
        _ensure_worker(record, who)
        state = record.state
        assert isinstance(state, Running), "the job's state was checked"
        forward = (state.stage, state.permille) <= (stage, permille)
        ensure(forward and permille <= _WHOLE_PERMILLE, Error.BAD_PROGRESS)
        deadline = min(self.now + self.beat_window, state.finish)
        move(self, job, record, Running(who, deadline, state.finish, stage, permille))
        self.emit(Beat(job, stage, permille))

    @call(11)
    def submit_result(self, who: Signed, job: JobId, result_hash: H256, size: u32) -> None:
        """Deliver the sealed result, which is stored as content."""
        record = job_in(self, job, Running)
        _ensure_worker(record, who)
        ensure(size <= record.spec.max_output_bytes + OVERHEAD, Error.OUTPUT_TOO_LARGE)
        ensure(self.content.content_size(result_hash) == size, Error.RESULT_NOT_STORED)
        deadline = self.now + self.challenge_window
        del self.envelopes[job]
        move(self, job, record, Delivered(who, result_hash, size, deadline))
        self.emit(ResultSubmitted(job, result_hash, size))

    @call(12)
    def report_failure(self, who: Signed, job: JobId, code: FailureCode) -> None:
        """Give a job up, and say why in one of a few words."""
        record = job_in(self, job, Claimed, Running)
        _ensure_worker(record, who)
        if isinstance(record.state, Claimed):
            settlement.give_back(self, job, record, Failed(code))
            return
        crew.note(self, who, failed=1)
        earned = code in MODEL_FAULTS
        if not earned:
            crew.slash(self, who, job)
        settlement.refund(self, job, record, Failed(code), worker=who if earned else None)

    @call(13)
    def acknowledge(self, who: Signed, job: JobId) -> None:
        """Accept a result, so that owner and worker are paid at once."""
        record = job_in(self, job, Delivered, in_time=False)
        ensure(who == record.requester, Error.NOT_REQUESTER)
        settlement.complete(self, job, record)

    @call(14)
    def dispute(self, who: Signed, job: JobId, ground: Ground) -> None:
        """Say that a result is not what was promised, on a ground that can be recomputed."""
        disputes.open_dispute(self, who, job, ground)

    @call(15)
    def judge(self, who: Signed, job: JobId, measured_ppm: u32) -> None:
        """Say what the disputed model's share of right answers is, which decides the dispute."""
        disputes.judge(self, who, job, measured_ppm)

    @call(17)
    def finalize(self, who: Signed, job: JobId) -> None:
        """Have owner and worker paid once the time to look at the result is over."""
        record = job_in(self, job, Delivered, in_time=False)
        docket.ensure_overdue(self, record)
        settlement.complete(self, job, record)

    @call(18)
    def expire(self, who: Signed, job: JobId) -> None:
        """End a job's state whose deadline has passed."""
        record = self.jobs.expect(job, Error.NOT_FOUND)
        docket.ensure_overdue(self, record)
        settlement.end_state(self, job, record)

    @call(19)
    def cancel(self, who: Signed, job: JobId) -> None:
        """Take back a job that no worker has claimed."""
        record = job_in(self, job, Queued, AwaitingApproval, in_time=False)
        ensure(who == record.requester, Error.NOT_REQUESTER)
        settlement.give_back(self, job, record, CancelledByRequester())

    def on_initialize(self, now: BlockNumber) -> Measured:
        due = docket.due(self, now)
        for job in due:
            settlement.end_state(self, job, self.jobs[job])
        return self.measured("on_initialize", jobs=len(due)) if due else Measured(0, reads=1)

    def offchain_worker(self, node: Offchain) -> Iterator[Task]:
        """Yield what this node's worker could claim, and what it has to start or finish."""
        return owed_by(self, node.account)

    def apis(self) -> tuple[RuntimeApi, ...]:
        return (ComputeApi(self.runtime, self),)

    # What clients and the parts of this pallet ask.

    @property
    def now(self) -> int:
        now: int = self.runtime.system.block_number()
        return now

    def job(self, job: int) -> Job | None:
        return self.jobs.get(job)

    def newest(self, before: int | None, most: int) -> tuple[tuple[int, Job], ...]:
        """Jobs below a number, newest first."""
        end = self.next_job.get() if before is None else min(before, self.next_job.get())
        numbers = range(end - 1, max(-1, end - 1 - min(most, _MOST_LISTED)), -1)
        return tuple((number, self.jobs[number]) for number in numbers)

    def sealing_key(self, worker: AccountId) -> bytes | None:
        return self.sealing_keys.get(worker)

    def reputation(self, worker: AccountId) -> Reputation:
        return self.reputations.get(worker) or Reputation()

    def quote(self, who: AccountId, spec: JobSpec) -> Quote:
        """What the job would cost now; fails for the reasons for which it could not be created."""
        return ordering.quote(self, who, spec)

    def table(self, dataset: int) -> Table:
        table = self.market.private_table(dataset)
        assert table is not None, "a job's dataset is private: the terms were agreed on"
        return table

    def open_jobs(self) -> list[tuple[int, Job]]:
        """Jobs that the next block can still move, oldest first."""
        following = self.now + 1
        due = (key for key, _ in self.jobs_by_deadline.items())
        return [(job, self.jobs[job]) for job in sorted(j for at, j in due if at > following)]

    def try_state(self) -> None:
        assert_consistent(self)


def _ensure_worker(record: Job, who: AccountId) -> None:
    ensure(worker_of(record.state) == who, Error.NOT_THE_WORKER)
