"""Compute: jobs that come to private tables, their money, their deadlines, and who runs them."""

from collections.abc import Callable, Iterator
from functools import partial
from itertools import islice

from tilth.frame import (
    H256,
    AccountId,
    Balance,
    BlockNumber,
    Const,
    Currency,
    DefaultValue,
    DispatchFailure,
    HoldReason,
    Measured,
    Offchain,
    Pallet,
    Perbill,
    RuntimeApi,
    Signed,
    StorageDoubleMap,
    StorageMap,
    StorageValue,
    Task,
    Twox64,
    call,
    checked,
    ensure,
    replace,
    some,
    u32,
)
from tilth.pallets.compute.api import ComputeApi
from tilth.pallets.compute.errors import Error
from tilth.pallets.compute.events import (
    JobClaimed,
    JobCompleted,
    JobCreated,
    JobRefunded,
    JobRequeued,
    JobStarted,
    ResultSubmitted,
    WorkerLeaving,
    WorkerLeft,
    WorkerRegistered,
    WorkerSlashed,
)
from tilth.pallets.compute.invariants import assert_consistent
from tilth.pallets.compute.offchain import owed_by
from tilth.pallets.compute.spec import cost_of, ensure_meaningful, spec_hash
from tilth.pallets.compute.traits import ContentStore, DataMarket, FeeSink, Table, Together
from tilth.pallets.compute.types import (
    MODEL_FAULTS,
    CancelledByRequester,
    Claimed,
    Completed,
    Delivered,
    Escrow,
    Failed,
    FailureCode,
    Job,
    JobId,
    JobSpec,
    JobState,
    NotFinished,
    NotStarted,
    Queued,
    Quote,
    Refunded,
    RefundReason,
    Running,
    Unclaimed,
    Worker,
    deadline_of,
    worker_of,
)
from tilth.pallets.compute.weights import WEIGHTS
from tilth.primitives.crypto.sealing import OVERHEAD
from tilth.primitives.privacy import Cost


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
        | JobRequeued,
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
    """What a worker earns with a job, besides the tip."""
    market_fee: Const[Perbill] = Perbill(50_000_000)
    """The share of the owner's price that is burned."""
    slash: Const[Perbill] = Perbill(100_000_000)
    """The share of its bond that a worker loses when it breaks its word."""
    queue_window: Const[BlockNumber] = 1_000
    """How long a job waits for a worker."""
    start_window: Const[BlockNumber] = 300
    """How long a worker may take to start a job it claimed."""
    finish_window: Const[BlockNumber] = 3_000
    """How long a worker may take to deliver what it started."""
    challenge_window: Const[BlockNumber] = 300
    """How long the requester may look at a result before it is paid."""
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

    class Hold(HoldReason):
        ESCROW = "The price of a job that has not ended."
        WORKER_BOND = "A worker's bond."

    @call(0)
    def register_worker(self, who: Signed, bond: Balance) -> None:
        """Become a worker with a bond, or add to one's bond."""
        worker = self.workers.get(who) or Worker(0, 0, None)
        ensure(worker.leaving is None, Error.WORKER_LEAVING)
        total = checked(worker.bond + bond)
        ensure(total >= self.min_bond, Error.BOND_TOO_LOW)
        self.currency.hold(self.Hold.WORKER_BOND, who, bond)
        self.workers[who] = replace(worker, bond=total)
        self.emit(WorkerRegistered(who, total))

    @call(1)
    def unbond(self, who: Signed) -> None:
        """Stop taking jobs, or take the bond back once it has cooled down."""
        worker = self.workers.expect(who, Error.NOT_A_WORKER)
        if worker.leaving is None:
            self._leave(who, worker)
            return
        ensure(self._now >= worker.leaving, Error.COOLING_DOWN)
        self.currency.release(self.Hold.WORKER_BOND, who, worker.bond)
        del self.workers[who]
        self.emit(WorkerLeft(who, worker.bond))

    @call(4)
    def create_job(
        self, who: Signed, spec: JobSpec, tip: Balance, max_price: Balance | None
    ) -> None:
        """Order a job: its price is held and its privacy reserved until it ends."""
        ensure_meaningful(spec)
        hash, cost = spec_hash(spec), cost_of(spec.train)
        quote = self._quoted(who, spec, hash, cost, tip)
        ensure(max_price is None or quote.escrow.total <= max_price, Error.TOO_EXPENSIVE)
        owner = self._table(spec.dataset).owner
        self.market.reserve(spec.dataset, cost, spec.max_output_bytes)
        self.currency.hold(self.Hold.ESCROW, who, quote.escrow.total)
        number, now = self.next_job.get(), self._now
        self.next_job.put(number + 1)
        state = Queued(now + self.queue_window)
        self.jobs_by_deadline[state.deadline, number] = None
        self.jobs[number] = Job(
            spec, hash, who, owner, quote.escrow, cost, quote.epsilon_micro, 0, now, state
        )
        self.emit(JobCreated(number, who, spec.dataset, hash, quote.escrow, quote.epsilon_micro))

    @call(7)
    def claim_job(self, who: Signed, job: JobId) -> None:
        """Promise to start a job that waits."""
        record = self._job_in(job, Queued)
        worker = self.workers.expect(who, Error.NOT_A_WORKER)
        ensure(worker.leaving is None, Error.WORKER_LEAVING)
        ensure(worker.bond >= self.min_bond, Error.BOND_TOO_LOW)
        ensure(worker.active < self.max_active, Error.WORKER_BUSY)
        workers = self._table(record.spec.dataset).workers
        ensure(who in workers, Error.NOT_WORKER_OF_DATASET)
        self._move(job, record, Claimed(who, self._now + self.start_window))
        self.emit(JobClaimed(job, who))

    @call(9)
    def start(self, who: Signed, job: JobId, row_root: H256) -> None:
        """Begin to read the rows, which spends the job's privacy for good."""
        record = self._job_in(job, Claimed)
        _ensure_worker(record, who)
        spec = record.spec
        ensure(row_root == self._table(spec.dataset).row_root, Error.ROWS_DIFFER)
        self.market.spend(spec.dataset, record.cost, spec.max_output_bytes)
        self._move(job, record, Running(who, self._now + self.finish_window))
        self.emit(JobStarted(job, who))

    @call(11)
    def submit_result(self, who: Signed, job: JobId, result_hash: H256, size: u32) -> None:
        """Deliver the sealed result, which is stored as content."""
        record = self._job_in(job, Running)
        _ensure_worker(record, who)
        ensure(size <= record.spec.max_output_bytes + OVERHEAD, Error.OUTPUT_TOO_LARGE)
        ensure(self.content.content_size(result_hash) == size, Error.RESULT_NOT_STORED)
        deadline = self._now + self.challenge_window
        self._move(job, record, Delivered(who, result_hash, size, deadline))
        self.emit(ResultSubmitted(job, result_hash, size))

    @call(12)
    def report_failure(self, who: Signed, job: JobId, code: FailureCode) -> None:
        """Give a job up, and say why in one of a few words."""
        record = self._job_in(job, Claimed, Running)
        _ensure_worker(record, who)
        started = isinstance(record.state, Running)
        earned = started and code in MODEL_FAULTS
        if started and not earned:
            self._slash(who, job)
        if not started:
            self._release_budget(record)
        self._refund(job, record, Failed(code), worker=who if earned else None)

    @call(13)
    def acknowledge(self, who: Signed, job: JobId) -> None:
        """Accept a result, so that owner and worker are paid at once."""
        record = self._job_in(job, Delivered, in_time=False)
        ensure(who == record.requester, Error.NOT_REQUESTER)
        self._complete(job, record)

    @call(17)
    def finalize(self, who: Signed, job: JobId) -> None:
        """Have owner and worker paid once the time to look at the result is over."""
        record = self._job_in(job, Delivered, in_time=False)
        self._ensure_overdue(record)
        self._complete(job, record)

    @call(18)
    def expire(self, who: Signed, job: JobId) -> None:
        """End a job's state whose deadline has passed."""
        record = self.jobs.expect(job, Error.NOT_FOUND)
        self._ensure_overdue(record)
        self._end_state(job, record)

    @call(19)
    def cancel(self, who: Signed, job: JobId) -> None:
        """Take back a job that no worker has claimed."""
        record = self._job_in(job, Queued, in_time=False)
        ensure(who == record.requester, Error.NOT_REQUESTER)
        self._release_budget(record)
        self._refund(job, record, CancelledByRequester())

    def on_initialize(self, now: BlockNumber) -> Measured:
        due = self._due(now)
        for job in due:
            self._end_state(job, self.jobs[job])
        return self.measured("on_initialize", jobs=len(due)) if due else Measured(0, reads=1)

    def offchain_worker(self, node: Offchain) -> Iterator[Task]:
        """Yield what this node's worker could claim, and what it has to start or finish."""
        return owed_by(self, node.account)

    def apis(self) -> tuple[RuntimeApi, ...]:
        return (ComputeApi(self.runtime, self),)

    # What clients ask.

    def job(self, job: int) -> Job | None:
        return self.jobs.get(job)

    def quote(self, who: AccountId, spec: JobSpec) -> Quote:
        """What the job would cost now; fails for the reasons for which it could not be created."""
        ensure_meaningful(spec)
        return self._quoted(who, spec, spec_hash(spec), cost_of(spec.train), tip=0)

    def open_jobs(self) -> list[tuple[int, Job]]:
        """Jobs that the next block can still move, oldest first."""
        following = self._now + 1
        due = (key for key, _ in self.jobs_by_deadline.items())
        return [(job, self.jobs[job]) for job in sorted(j for at, j in due if at > following)]

    def can_claim(self, who: AccountId) -> int:
        """How many more jobs the worker may take."""
        worker = self.workers.get(who)
        if worker is None or worker.leaving is not None or worker.bond < self.min_bond:
            return 0
        return max(0, self.max_active - worker.active)

    # How a job moves.

    @property
    def _now(self) -> int:
        now: int = self.runtime.system.block_number()
        return now

    def _quoted(self, who: AccountId, spec: JobSpec, hash: H256, cost: Cost, tip: int) -> Quote:
        ensure(self.content.content_size(spec.model) == spec.model_bytes, Error.MODEL_NOT_STORED)
        noisy = spec.train.noise_multiplier_milli > 0
        price, epsilon = self.market.agree(
            spec.dataset,
            requester=who,
            spec_hash=hash,
            cost=cost if noisy else None,
            params=spec.params,
            output_bytes=spec.max_output_bytes,
        )
        escrow = Escrow(price, self.compute_fee, tip)
        checked(escrow.total)
        return Quote(escrow, epsilon)

    def _table(self, dataset: int) -> Table:
        table = self.market.private_table(dataset)
        assert table is not None, "a job's dataset is private: the terms were agreed on"
        return table

    def _job_in(self, job: int, *states: type, in_time: bool = True) -> Job:
        record = self.jobs.expect(job, Error.NOT_FOUND)
        ensure(isinstance(record.state, states), Error.WRONG_STATE)
        deadline = deadline_of(record.state)
        ensure(not in_time or deadline is None or self._now < deadline, Error.DEADLINE_PASSED)
        return record

    def _ensure_overdue(self, record: Job) -> None:
        deadline = some(deadline_of(record.state), Error.WRONG_STATE)
        ensure(self._now >= deadline, Error.TOO_EARLY)

    def _move(self, job: int, record: Job, state: JobState, *, attempts: int | None = None) -> None:
        """Put the job into a state: its deadline and its worker's count follow."""
        self._unschedule(job, record)
        deadline = deadline_of(state)
        if deadline is not None:
            self.jobs_by_deadline[deadline, job] = None
        self._count(worker_of(record.state), -1)
        self._count(worker_of(state), 1)
        attempts = record.attempts if attempts is None else attempts
        self.jobs[job] = replace(record, state=state, attempts=attempts)

    def _unschedule(self, job: int, record: Job) -> None:
        deadline = deadline_of(record.state)
        assert deadline is not None, "a job that has ended is never moved: its state was checked"
        del self.jobs_by_deadline[deadline, job]

    def _count(self, who: AccountId | None, change: int) -> None:
        if who is not None:
            worker = self.workers[who]
            self.workers[who] = replace(worker, active=worker.active + change)

    def _due(self, now: int) -> list[int]:
        """Jobs whose deadline has come, at most as many as a block processes."""
        block, due = self.overdue_from.get() or now, list[int]()
        while block <= now and len(due) < self.max_due:
            left = self.max_due - len(due)
            due += [job for _, job in islice(self.jobs_by_deadline.keys(block), left)]
            if len(due) < self.max_due:
                block += 1
        if block <= now:
            self.overdue_from.put(block)
        elif self.overdue_from.exists():
            self.overdue_from.kill()
        return due

    def _end_state(self, job: int, record: Job) -> None:
        """What happens at the deadline of each state."""
        match record.state:
            case Queued():
                self._release_budget(record)
                self._refund(job, record, Unclaimed())
            case Claimed(worker=worker):
                self._slash(worker, job)
                self._requeue(job, record)
            case Running(worker=worker):
                self._slash(worker, job)
                self._refund(job, record, NotFinished())
            case _:
                self._complete(job, record)

    def _requeue(self, job: int, record: Job) -> None:
        attempts = record.attempts + 1
        if attempts >= self.max_attempts:
            self._release_budget(record)
            self._refund(job, record, NotStarted())
            return
        self._move(job, record, Queued(self._now + self.queue_window), attempts=attempts)
        self.emit(JobRequeued(job, attempts))

    # Money and budget.

    def _release_budget(self, record: Job) -> None:
        spec = record.spec
        self.market.release(spec.dataset, record.cost, spec.max_output_bytes)

    def _complete(self, job: int, record: Job) -> None:
        state, escrow = record.state, record.escrow
        assert isinstance(state, Delivered), "only a delivered job is completed: it was checked"
        burned = _share(escrow.data, self.market_fee)
        owner_paid = self._pay(record, record.owner, escrow.data - burned)
        worker_paid = self._pay(record, state.worker, escrow.compute + escrow.tip)
        if burned and self._burn(self.Hold.ESCROW, record.requester, burned):
            self.rewards.record_fee(record.spec.dataset, burned)
        self._move(job, record, Completed(state.worker, state.result, state.size))
        self.emit(JobCompleted(job, owner_paid, worker_paid, burned))

    def _refund(
        self, job: int, record: Job, reason: RefundReason, *, worker: AccountId | None = None
    ) -> None:
        """End without result; a `worker` that did its part gets the compute fee."""
        fee = 0 if worker is None else record.escrow.compute
        worker_paid = 0 if worker is None else self._pay(record, worker, fee)
        refunded = self._pay(record, record.requester, record.escrow.total - fee)
        self._move(job, record, Refunded(reason))
        self.emit(JobRefunded(job, reason, refunded, worker_paid))

    def _pay(self, record: Job, dest: AccountId, amount: int) -> int:
        """Pay out of the escrow and return what was received.

        A job must be able to end where nothing may fail, in a block's initialization. So money
        that a freeze holds on the requester is burned there and made anew at its destination, and
        what is too little to make an account is lost as dust. What root has freed behind the
        escrow's back (`Balances.force_unreserve`) is paid to nobody.
        """
        if amount == 0 or self._succeeds(partial(self._hand_over, record, dest, amount)):
            return amount
        if not self._burn(self.Hold.ESCROW, record.requester, amount):
            return 0
        received = self._succeeds(partial(self.currency.mint_into, dest, amount))
        return amount if received else 0

    def _hand_over(self, record: Job, dest: AccountId, amount: int) -> None:
        requester, escrow = record.requester, self.Hold.ESCROW
        if dest == requester:
            self.currency.release(escrow, requester, amount)
        else:
            self.currency.transfer_held(escrow, requester, dest, amount)

    def _burn(self, reason: HoldReason, who: AccountId, amount: int) -> bool:
        return self._succeeds(partial(self.currency.burn_held, reason, who, amount))

    def _succeeds(self, action: Callable[[], None]) -> bool:
        """Do it wholly, or not at all."""
        mark = self.runtime.slot.overlay.mark()
        try:
            action()
        except DispatchFailure:
            self.runtime.slot.overlay.rollback(mark)
            return False
        return True

    def _slash(self, who: AccountId, job: int) -> None:
        worker = self.workers[who]
        amount = _share(worker.bond, self.slash)
        if amount == 0 or not self._burn(self.Hold.WORKER_BOND, who, amount):
            return
        self.workers[who] = replace(worker, bond=worker.bond - amount)
        self.emit(WorkerSlashed(who, job, amount))

    def _leave(self, who: AccountId, worker: Worker) -> None:
        ensure(worker.active == 0, Error.WORKER_BUSY)
        at = self._now + self.cool_down
        self.workers[who] = replace(worker, leaving=at)
        self.emit(WorkerLeaving(who, at))

    def try_state(self) -> None:
        assert_consistent(self)


def _ensure_worker(record: Job, who: AccountId) -> None:
    ensure(worker_of(record.state) == who, Error.NOT_THE_WORKER)


def _share(amount: int, share: Perbill) -> int:
    return amount * share.parts // 1_000_000_000
