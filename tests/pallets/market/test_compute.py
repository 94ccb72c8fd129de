"""A job holds its price, spends its privacy once, and ends exactly once with everybody paid."""

from collections.abc import Callable
from typing import Any

import pytest

from tilth.frame import (
    H256,
    AccountId,
    ArithmeticError,
    DispatchError,
    DispatchFailure,
    Perbill,
    Result,
    TokenError,
    codec,
    replace,
    u64,
)
from tilth.pallets.compute import (
    Acceptance,
    CancelledByRequester,
    Claimed,
    Completed,
    Delivered,
    Error,
    Escrow,
    Failed,
    FailureCode,
    Job,
    JobClaimed,
    JobCompleted,
    JobCreated,
    JobRefunded,
    JobRequeued,
    JobSpec,
    JobStarted,
    NotFinished,
    NotStarted,
    Queued,
    Quote,
    Refunded,
    ResultSubmitted,
    Running,
    Stage,
    Unclaimed,
    WorkerLeaving,
    WorkerLeft,
    WorkerRegistered,
    WorkerSlashed,
    crew,
    spec_hash,
)
from tilth.pallets.datasets import Error as DataError
from tilth.pallets.datasets import Only
from tilth.primitives import privacy
from tilth.primitives.crypto.sealing import OVERHEAD

ROWS = H256(b"r" * 32)
BOND = 20_000_000_000_000
FEE = 1_000_000_000_000
DATA = 1_736  # 1000 a job and 500 a unit of ε, at ε = 1.471657
TIP = 77
COST = privacy.cost(privacy.FULL_BATCH, 10_000, 10)
RESULT = b"sealed result"
BEFORE_START = (FailureCode.MODEL_REFUSED, FailureCode.TIMED_OUT, FailureCode.LEDGER_REFUSED)
MODEL_FAULTS = (FailureCode.TIMED_OUT, FailureCode.OUT_OF_MEMORY, FailureCode.CRASHED)
OWN_FAULTS = tuple(code for code in FailureCode if code not in MODEL_FAULTS)


class Story:
    """Alice sells, Bob buys, Charlie works."""

    def __init__(self, market: Any, alice: Any, bob: Any, charlie: Any) -> None:
        self.market, self.compute = market, market.compute
        self.alice, self.bob, self.charlie = alice, bob, charlie
        self.dataset = market.register(alice, workers=(charlie,))
        market.compute.register_worker(charlie, BOND)
        self.spec = market.spec(self.dataset)
        self.result = market.content(RESULT, charlie)
        market.go_to(2)

    def create(self, **changes: Any) -> int:
        spec = replace(self.spec, **changes)
        self.compute.create_job(self.bob, spec, TIP, None)
        return self.compute.next_job.get() - 1

    def claim(self) -> int:
        job = self.create()
        self.compute.claim_job(self.charlie, job)
        return job

    def start(self) -> int:
        job = self.claim()
        self.compute.start(self.charlie, job, ROWS)
        return job

    def deliver(self) -> int:
        job = self.start()
        self.compute.submit_result(self.charlie, job, self.result, len(RESULT))
        return job

    def complete(self) -> int:
        job = self.deliver()
        self.compute.acknowledge(self.bob, job)
        return job

    def refund(self) -> int:
        job = self.create()
        self.compute.cancel(self.bob, job)
        return job

    def state(self, job: int) -> Any:
        return self.compute.jobs[job].state

    def escrow(self) -> int:
        held: int = self.market.money.held(self.compute.Hold.ESCROW, self.bob)
        return held

    def bond(self) -> int:
        held: int = self.market.money.held(self.compute.Hold.WORKER_BOND, self.charlie)
        return held

    def books(self) -> Any:
        return self.market.datasets.ledgers[self.dataset]

    def free(self) -> tuple[int, int, int]:
        free = self.market.money.free_balance
        return free(self.alice), free(self.bob), free(self.charlie)

    def gains(self, act: Callable[[], Any]) -> tuple[int, int, int]:
        """How the free balances of the three change."""
        before = self.free()
        act()
        after = self.free()
        return after[0] - before[0], after[1] - before[1], after[2] - before[2]

    def deadline(self, job: int) -> int:
        at: int = self.state(job).deadline
        return at


@pytest.fixture
def story(
    market: Any, alice: Any, bob: Any, charlie: Any, monkeypatch: pytest.MonkeyPatch
) -> Story:
    for part in ("queue", "model", "start", "beat", "finish", "challenge", "dispute"):
        window = f"{part}_window"
        monkeypatch.setattr(market.compute, window, getattr(market.compute, window) // 10)
    return Story(market, alice, bob, charlie)


# Workers.


def test_a_worker_stands_with_a_bond(story: Story) -> None:
    assert story.bond() == BOND
    assert story.compute.workers[story.charlie].bond == BOND


def test_a_worker_adds_to_its_bond(story: Story) -> None:
    story.compute.register_worker(story.charlie, 5)

    assert story.bond() == BOND + 5
    assert story.market.events() == [WorkerRegistered(story.charlie, BOND + 5)]


def test_a_small_bond_is_refused(story: Story, refused: Any) -> None:
    with refused(Error.BOND_TOO_LOW):
        story.compute.register_worker(story.alice, story.compute.min_bond - 1)


def test_a_bond_one_has_not_is_refused(story: Story, refused: Any) -> None:
    with refused(TokenError.FUNDS_UNAVAILABLE):
        story.compute.register_worker(story.alice, 10**19)
    with refused(ArithmeticError.OVERFLOW):
        story.compute.register_worker(story.charlie, 2**128 - 1)


def test_a_worker_leaves_after_it_has_cooled_down(story: Story, refused: Any) -> None:
    at = 2 + story.compute.cool_down
    story.compute.unbond(story.charlie)
    assert story.market.events() == [WorkerLeaving(story.charlie, at)]
    story.market.go_to(at - 1)
    with refused(Error.COOLING_DOWN):
        story.compute.unbond(story.charlie)
    story.market.go_to(at)

    assert story.gains(lambda: story.compute.unbond(story.charlie)) == (0, 0, BOND)
    assert story.market.events() == [WorkerLeft(story.charlie, BOND)]
    assert story.charlie not in story.compute.workers


def test_a_leaving_worker_takes_no_jobs(story: Story, refused: Any) -> None:
    job = story.create()
    story.compute.unbond(story.charlie)
    with refused(Error.WORKER_LEAVING):
        story.compute.claim_job(story.charlie, job)
    with refused(Error.WORKER_LEAVING):
        story.compute.register_worker(story.charlie, 1)


def test_who_owes_a_job_does_not_leave(story: Story, refused: Any) -> None:
    story.claim()
    with refused(Error.WORKER_BUSY):
        story.compute.unbond(story.charlie)


def test_who_delivered_may_leave(story: Story) -> None:
    story.deliver()
    story.compute.unbond(story.charlie)
    story.market.try_state()


def test_only_workers_leave(story: Story, refused: Any) -> None:
    with refused(Error.NOT_A_WORKER):
        story.compute.unbond(story.bob)


# Creating.


def test_a_job_holds_its_price_and_reserves_its_privacy(story: Story) -> None:
    job = story.create()

    escrow = Escrow(DATA, FEE, TIP)
    record = story.compute.jobs[job]
    assert record.escrow == escrow
    assert record.state == Queued(2 + story.compute.queue_window)
    assert (record.cost, record.owner, record.requester) == (COST, story.alice, story.bob)
    assert story.escrow() == escrow.total
    assert (story.books().reserved, story.books().bytes_reserved) == (COST, 1_000)
    expected = JobCreated(job, story.bob, story.dataset, spec_hash(story.spec), escrow, 1_471_657)
    assert story.market.events()[-1] == expected


def test_the_spec_hash_covers_every_field(story: Story) -> None:
    spec = story.spec
    changed = [
        replace(spec, **{name: _other(getattr(spec, name))})
        for name in spec.__slots__
        if name != "work"
    ]
    changed += [
        replace(spec, work=replace(spec.work, **{name: _other(getattr(spec.work, name))}))
        for name in spec.work.__slots__
    ]

    hashes = {spec_hash(s) for s in (spec, *changed)}
    assert len(hashes) == 1 + 8 + 12


def _other(value: Any) -> Any:
    match value:
        case bytes():
            return bytes(b ^ 1 for b in value)
        case tuple():
            return (*value, "bias")
        case None:
            return Acceptance(H256(bytes(32)), 1)
        case _:
            return type(value)(value ^ 1)


@pytest.mark.parametrize(
    "changes",
    [
        {"steps": 0},
        {"steps": 1_000_001},
        {"sampling_ppb": 0},
        {"sampling_ppb": 10**9 + 1},
        {"noise_multiplier_milli": 99},
        {"noise_multiplier_milli": 1_000_001},
        {"learning_rate_micro": 0},
        {"clip_micro": 0},
        {"warmup_steps": 40},
        {"momentum_micro": 10**6},
        {"huber_delta_micro": 0},
        {"params": 0},
        {"max_output_bytes": 0},
    ],
)
def test_meaningless_numbers_are_refused(story: Story, refused: Any, changes: Any) -> None:
    spec = story.market.spec(story.dataset, **changes)
    with refused(Error.BAD_TRAINING):
        story.compute.create_job(story.bob, spec, 0, None)


@pytest.mark.parametrize("changes", [{"model": H256(b"?" * 32)}, {"model_bytes": 1}])
def test_the_model_is_stored_first(story: Story, refused: Any, changes: Any) -> None:
    with refused(Error.MODEL_NOT_STORED):
        story.create(**changes)


def test_the_requester_names_the_most_he_pays(story: Story, refused: Any) -> None:
    total = DATA + FEE + TIP
    with refused(Error.TOO_EXPENSIVE):
        story.compute.create_job(story.bob, story.spec, TIP, total - 1)
    story.compute.create_job(story.bob, story.spec, TIP, total)


def test_who_cannot_pay_creates_no_job(story: Story, refused: Any) -> None:
    with refused(TokenError.FUNDS_UNAVAILABLE):
        story.compute.create_job(story.bob, story.spec, 10**18, None)
    with refused(ArithmeticError.OVERFLOW):
        story.compute.create_job(story.bob, story.spec, 2**128 - 1, None)


def test_the_policy_is_asked(story: Story, refused: Any, policy: Any) -> None:
    with refused(DataError.TOO_MANY_PARAMETERS):
        story.create(params=1_001)
    terms = replace(policy, requesters=Only((story.alice,)))
    story.market.datasets.set_policy(story.alice, story.dataset, terms)
    with refused(DataError.REQUESTER_NOT_ALLOWED):
        story.create()


def test_only_a_listed_spec_runs_without_noise(story: Story, refused: Any, policy: Any) -> None:
    bare = story.market.spec(story.dataset, noise_multiplier_milli=0)
    with refused(DataError.NOISE_REQUIRED):
        story.compute.create_job(story.bob, bare, 0, None)
    terms = replace(policy, exact_specs=(spec_hash(bare),))
    story.market.datasets.set_policy(story.alice, story.dataset, terms)
    story.compute.create_job(story.bob, bare, 0, None)

    assert story.books().reserved == privacy.NOTHING
    assert story.books().bytes_reserved == 1_000


def test_no_more_jobs_than_the_budget_covers(story: Story, refused: Any) -> None:
    for _ in range(20):
        story.create()
    with refused(DataError.EPSILON_EXHAUSTED):
        story.create()


def test_public_data_is_not_computed_on(story: Story, refused: Any) -> None:
    public = story.market.publish()
    with refused(DataError.NOT_PRIVATE):
        story.create(dataset=public)
    with refused(DataError.NOT_FOUND):
        story.create(dataset=99)


# Claiming and starting.


def test_a_worker_claims(story: Story) -> None:
    job = story.claim()

    assert story.state(job) == Claimed(story.charlie, 2 + story.compute.start_window)
    assert story.compute.workers[story.charlie].active == 1
    assert story.market.events()[-1] == JobClaimed(job, story.charlie)


def test_only_workers_that_the_owner_trusts_claim(story: Story, refused: Any) -> None:
    job = story.create()
    with refused(Error.NOT_A_WORKER):
        story.compute.claim_job(story.bob, job)
    story.compute.register_worker(story.bob, BOND)
    with refused(Error.NOT_WORKER_OF_DATASET):
        story.compute.claim_job(story.bob, job)


def test_a_claimed_job_is_not_claimed_again(story: Story, refused: Any) -> None:
    job = story.claim()
    with refused(Error.WRONG_STATE):
        story.compute.claim_job(story.charlie, job)


def test_a_worker_owes_only_so_many_jobs(story: Story, refused: Any) -> None:
    for _ in range(story.compute.max_active):
        story.claim()
    job = story.create()
    with refused(Error.WORKER_BUSY):
        story.compute.claim_job(story.charlie, job)


def test_a_worker_slashed_below_the_bond_claims_no_more(
    story: Story, refused: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    job = story.create()
    monkeypatch.setattr(story.compute, "min_bond", BOND + 1)
    with refused(Error.BOND_TOO_LOW):
        story.compute.claim_job(story.charlie, job)


def test_an_unknown_job_is_not_found(story: Story, refused: Any) -> None:
    compute = story.compute
    for act in (
        lambda: compute.claim_job(story.charlie, 9),
        lambda: compute.start(story.charlie, 9, ROWS),
        lambda: compute.submit_result(story.charlie, 9, story.result, 1),
        lambda: compute.report_failure(story.charlie, 9, FailureCode.CRASHED),
        lambda: compute.acknowledge(story.bob, 9),
        lambda: compute.finalize(story.bob, 9),
        lambda: compute.expire(story.bob, 9),
        lambda: compute.cancel(story.bob, 9),
    ):
        with refused(Error.NOT_FOUND):
            act()


def test_starting_spends_the_privacy(story: Story) -> None:
    job = story.start()

    assert story.state(job) == Running(
        story.charlie,
        2 + story.compute.beat_window,
        2 + story.compute.finish_window,
        Stage.PREPARING,
        0,
    )
    books = story.books()
    assert (books.spent, books.reserved) == (COST, privacy.NOTHING)
    assert (books.bytes_spent, books.bytes_reserved) == (1_000, 0)
    assert story.market.events()[-1] == JobStarted(job, story.charlie)


def test_only_the_registered_rows_are_used(story: Story, refused: Any) -> None:
    job = story.claim()
    with refused(Error.ROWS_DIFFER):
        story.compute.start(story.charlie, job, H256(b"x" * 32))


def test_only_the_worker_of_a_job_goes_on_with_it(story: Story, refused: Any) -> None:
    job = story.claim()
    with refused(Error.NOT_THE_WORKER):
        story.compute.start(story.bob, job, ROWS)
    with refused(Error.NOT_THE_WORKER):
        story.compute.report_failure(story.bob, job, FailureCode.CRASHED)
    story.compute.start(story.charlie, job, ROWS)
    with refused(Error.NOT_THE_WORKER):
        story.compute.submit_result(story.bob, job, story.result, len(RESULT))


# Delivering.


def test_a_result_is_delivered(story: Story) -> None:
    job = story.deliver()

    deadline = 2 + story.compute.challenge_window
    assert story.state(job) == Delivered(story.charlie, story.result, len(RESULT), deadline)
    assert story.compute.workers[story.charlie].active == 0
    assert story.market.events()[-1] == ResultSubmitted(job, story.result, len(RESULT))


def test_a_result_is_stored_first(story: Story, refused: Any) -> None:
    job = story.start()
    with refused(Error.RESULT_NOT_STORED):
        story.compute.submit_result(story.charlie, job, H256(bytes(32)), len(RESULT))
    with refused(Error.RESULT_NOT_STORED):
        story.compute.submit_result(story.charlie, job, story.result, len(RESULT) - 1)


def test_a_result_is_no_larger_than_reserved_plus_its_seal(story: Story, refused: Any) -> None:
    job = story.start()
    most = 1_000 + OVERHEAD
    stored = story.market.content(bytes(most + 1), story.charlie)
    with refused(Error.OUTPUT_TOO_LARGE):
        story.compute.submit_result(story.charlie, job, stored, most + 1)
    stored = story.market.content(bytes(most), story.charlie)
    story.compute.submit_result(story.charlie, job, stored, most)


def test_acknowledging_pays_owner_and_worker(story: Story) -> None:
    job = story.deliver()
    burned = DATA * 5 // 100
    issuance = story.market.money.total_issuance_now()

    gains = story.gains(lambda: story.compute.acknowledge(story.bob, job))

    assert gains == (DATA - burned, 0, FEE + TIP)
    assert story.escrow() == 0
    assert issuance - story.market.money.total_issuance_now() == burned
    assert story.state(job) == Completed(story.charlie, story.result, len(RESULT))
    assert story.market.events()[-1] == JobCompleted(job, DATA - burned, FEE + TIP, burned)
    assert story.market.rewards.fees_burned[0, story.dataset] == burned


def test_only_the_requester_acknowledges(story: Story, refused: Any) -> None:
    job = story.deliver()
    with refused(Error.NOT_REQUESTER):
        story.compute.acknowledge(story.charlie, job)


def test_anyone_finalizes_after_the_window(story: Story, refused: Any) -> None:
    job = story.deliver()
    with refused(Error.TOO_EARLY):
        story.compute.finalize(story.alice, job)
    _stand_still_at(story, story.deadline(job))
    story.compute.finalize(story.alice, job)

    assert isinstance(story.state(job), Completed)


def test_a_result_is_paid_by_itself_after_the_window(story: Story) -> None:
    job = story.deliver()
    story.market.go_to(story.deadline(job))

    assert isinstance(story.state(job), Completed)
    assert story.escrow() == 0


def test_an_owner_who_buys_his_own_data_pays_himself_less_the_fee(story: Story) -> None:
    story.compute.create_job(story.alice, story.spec, TIP, None)
    story.compute.claim_job(story.charlie, 0)
    story.compute.start(story.charlie, 0, ROWS)
    story.compute.submit_result(story.charlie, 0, story.result, len(RESULT))

    gains = story.gains(lambda: story.compute.acknowledge(story.alice, 0))

    assert gains == (DATA - DATA * 5 // 100, 0, FEE + TIP)


def test_a_free_dataset_burns_nothing(story: Story, policy: Any) -> None:
    free = replace(policy, price_per_job=0, price_per_epsilon=0)
    story.market.datasets.set_policy(story.alice, story.dataset, free)
    job = story.complete()

    assert story.market.events()[-1] == JobCompleted(job, 0, FEE + TIP, 0)
    assert story.market.rewards.era_info[0].fees == 0


# Failing.


@pytest.mark.parametrize("code", BEFORE_START)
def test_a_failure_before_the_start_costs_nobody(story: Story, code: FailureCode) -> None:
    job = story.claim()

    gains = story.gains(lambda: story.compute.report_failure(story.charlie, job, code))

    assert gains == (0, DATA + FEE + TIP, 0)
    assert story.bond() == BOND
    assert (story.books().reserved, story.books().spent) == (privacy.NOTHING, privacy.NOTHING)
    assert story.market.events()[-1] == JobRefunded(job, Failed(code), DATA + FEE + TIP, 0)


@pytest.mark.parametrize("code", MODEL_FAULTS)
def test_a_model_that_fails_pays_for_the_run(story: Story, code: FailureCode) -> None:
    job = story.start()

    gains = story.gains(lambda: story.compute.report_failure(story.charlie, job, code))

    assert gains == (0, DATA + TIP, FEE)
    assert story.bond() == BOND
    assert story.books().spent == COST
    assert story.state(job) == Refunded(Failed(code))


@pytest.mark.parametrize("code", OWN_FAULTS)
def test_a_worker_that_should_not_have_started_is_slashed(story: Story, code: FailureCode) -> None:
    job = story.start()

    gains = story.gains(lambda: story.compute.report_failure(story.charlie, job, code))

    assert gains == (0, DATA + FEE + TIP, 0)
    assert story.bond() == BOND - BOND // 10
    assert story.books().spent == COST
    assert WorkerSlashed(story.charlie, job, BOND // 10) in story.market.events()


def test_a_waiting_job_is_cancelled(story: Story) -> None:
    job = story.create()

    gains = story.gains(lambda: story.compute.cancel(story.bob, job))

    assert gains == (0, DATA + FEE + TIP, 0)
    assert story.books().reserved == privacy.NOTHING
    assert story.books().bytes_reserved == 0
    assert story.state(job) == Refunded(CancelledByRequester())


def test_only_the_requester_cancels_and_only_before_a_claim(story: Story, refused: Any) -> None:
    job = story.create()
    with refused(Error.NOT_REQUESTER):
        story.compute.cancel(story.alice, job)
    story.compute.claim_job(story.charlie, job)
    with refused(Error.WRONG_STATE):
        story.compute.cancel(story.bob, job)


# Deadlines.


def _stand_still_at(story: Story, number: int) -> None:
    """The block begins, but too many other deadlines keep this job's from being processed."""
    story.market.go_to(number - 1)
    story.market.end()
    story.compute.max_due, most = 0, story.compute.max_due
    story.market.begin(number)
    story.compute.max_due = most


def test_an_unclaimed_job_is_refunded(story: Story) -> None:
    job = story.create()
    before = story.free()
    story.market.go_to(story.deadline(job))

    assert story.state(job) == Refunded(Unclaimed())
    assert story.free() == (before[0], before[1] + DATA + FEE + TIP, before[2])
    assert story.books().reserved == privacy.NOTHING


def test_a_job_not_started_waits_again(story: Story) -> None:
    job = story.claim()
    story.market.go_to(story.deadline(job))

    now = story.market.system.block_number()
    assert story.state(job) == Queued(now + story.compute.queue_window)
    assert story.bond() == BOND - BOND // 10
    assert story.market.events()[-1] == JobRequeued(job, 1)
    assert story.books().reserved == COST
    assert story.compute.workers[story.charlie].active == 0


def test_a_job_that_nobody_starts_is_given_up(story: Story) -> None:
    job = story.claim()
    for _ in range(2):
        story.market.go_to(story.deadline(job))
        story.compute.claim_job(story.charlie, job)
    story.market.go_to(story.deadline(job))

    assert story.state(job) == Refunded(NotStarted())
    assert story.escrow() == 0
    assert story.books().reserved == privacy.NOTHING
    assert story.bond() == 14_580_000_000_000  # nine tenths, three times


def test_a_job_not_finished_is_refunded_and_its_privacy_stays_spent(story: Story) -> None:
    job = story.start()
    before = story.free()
    for _ in range(5):
        story.market.go_to(story.deadline(job) - 1)
        story.compute.beat(story.charlie, job, Stage.COMPUTING, 500)
    story.market.go_to(2 + story.compute.finish_window)

    assert story.state(job) == Refunded(NotFinished())
    assert story.free() == (before[0], before[1] + DATA + FEE + TIP, before[2])
    assert story.bond() == BOND - BOND // 10
    assert story.books().spent == COST


def test_nothing_is_done_after_its_deadline(story: Story, refused: Any) -> None:
    queued, claimed, running = story.create(), story.claim(), story.start()
    finish = story.deadline(running)
    _stand_still_at(story, finish)
    compute = story.compute
    with refused(Error.DEADLINE_PASSED):
        compute.submit_result(story.charlie, running, story.result, len(RESULT))
    with refused(Error.DEADLINE_PASSED):
        compute.report_failure(story.charlie, running, FailureCode.CRASHED)
    assert not isinstance(story.state(claimed), Claimed)
    story.market.go_to(story.deadline(queued))
    assert not isinstance(story.state(queued), Queued)


@pytest.mark.parametrize(
    ("begin", "act"),
    [
        ("create", lambda s, job: s.compute.claim_job(s.charlie, job)),
        ("claim", lambda s, job: s.compute.start(s.charlie, job, ROWS)),
    ],
)
def test_a_step_on_its_deadline_is_too_late(
    story: Story, refused: Any, begin: str, act: Callable[[Story, int], None]
) -> None:
    job = getattr(story, begin)()
    _stand_still_at(story, story.deadline(job))
    with refused(Error.DEADLINE_PASSED):
        act(story, job)


@pytest.mark.parametrize("begin", ["create", "claim", "start", "deliver"])
def test_anyone_ends_what_is_overdue(story: Story, refused: Any, begin: str) -> None:
    job = getattr(story, begin)()
    before = story.state(job)
    with refused(Error.TOO_EARLY):
        story.compute.expire(story.alice, job)
    _stand_still_at(story, story.deadline(job))
    story.compute.expire(story.alice, job)

    assert type(story.state(job)) is not type(before)
    story.market.go_to(story.market.system.block_number() + 1)
    story.market.try_state()


def test_a_block_ends_only_so_many_jobs(story: Story, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(story.compute, "max_due", 2)
    jobs = [story.create() for _ in range(5)]
    deadline = story.deadline(jobs[0])
    left = []
    for later in range(4):
        story.market.go_to(deadline + later)
        left.append(sum(isinstance(story.state(job), Queued) for job in jobs))
        story.market.try_state()

    assert left == [3, 1, 0, 0]
    assert not story.compute.overdue_from.exists()


@pytest.mark.parametrize("end", ["complete", "refund"])
def test_a_job_ends_once(story: Story, refused: Any, end: str) -> None:
    job = getattr(story, end)()
    compute = story.compute
    for act in (
        lambda: compute.claim_job(story.charlie, job),
        lambda: compute.start(story.charlie, job, ROWS),
        lambda: compute.submit_result(story.charlie, job, story.result, len(RESULT)),
        lambda: compute.report_failure(story.charlie, job, FailureCode.CRASHED),
        lambda: compute.acknowledge(story.bob, job),
        lambda: compute.finalize(story.bob, job),
        lambda: compute.expire(story.bob, job),
        lambda: compute.cancel(story.bob, job),
    ):
        with refused(Error.WRONG_STATE):
            act()
    assert list(compute.jobs_by_deadline.keys()) == []


# Money that cannot go where it should.


def test_a_freeze_does_not_keep_the_price_from_the_owner(
    story: Story, monkeypatch: pytest.MonkeyPatch
) -> None:
    job = story.deliver()
    monkeypatch.setattr(story.market.money, "transfer_held", _fails)

    gains = story.gains(lambda: story.compute.acknowledge(story.bob, job))

    assert gains == (DATA - DATA * 5 // 100, 0, FEE + TIP)
    assert story.escrow() == 0
    story.market.try_state()


def test_what_nobody_can_receive_is_lost_as_dust(
    story: Story, monkeypatch: pytest.MonkeyPatch
) -> None:
    job = story.deliver()
    monkeypatch.setattr(story.market.money, "transfer_held", _fails)
    monkeypatch.setattr(story.market.money, "mint_into", _fails)
    story.market.go_to(story.deadline(job))

    assert story.escrow() == 0
    assert story.market.events()[-1] == JobCompleted(job, 0, 0, DATA * 5 // 100)
    story.market.try_state()


def _fails(*_: Any) -> None:
    raise DispatchFailure(TokenError.FROZEN)


def test_a_bond_too_small_to_slash_stays(story: Story, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(story.compute, "slash", Perbill(0))
    job = story.start()
    story.compute.report_failure(story.charlie, job, FailureCode.ROWS_MISSING)

    assert story.bond() == BOND


# Shape.


def test_the_runtime_api_quotes_a_price(story: Story) -> None:
    def ask(spec: Any) -> Any:
        data = codec(tuple[AccountId, JobSpec]).encode((story.bob, spec))
        answer = story.market.call("ComputeApi_quote", data)
        return codec(Result[Quote, DispatchError]).decode(answer)

    assert ask(story.spec).value == Quote(Escrow(DATA, FEE, 0), 1_471_657)
    refusal = ask(replace(story.spec, params=1_001)).error
    assert story.market.explain(refusal).startswith("Datasets.TooManyParameters")
    assert list(story.compute.jobs.keys()) == []


def test_the_runtime_api_tells_of_jobs(story: Story) -> None:
    job = story.start()
    answer = story.market.call("ComputeApi_job", codec(u64).encode(job))
    assert codec(Job | None).decode(answer) == story.compute.jobs[job]


def test_calls_stand_at_their_indices(market: Any) -> None:
    calls = {call.index: call.name for call in market.compute.parsed().calls}

    assert calls == {
        0: "register_worker",
        1: "unbond",
        2: "set_sealing_key",
        4: "create_job",
        5: "approve_job",
        6: "reject_job",
        7: "claim_job",
        8: "deliver_model",
        9: "start",
        10: "beat",
        11: "submit_result",
        12: "report_failure",
        13: "acknowledge",
        14: "dispute",
        15: "judge",
        17: "finalize",
        18: "expire",
        19: "cancel",
    }


def test_the_state_survives_its_bytes(story: Story) -> None:
    job = story.start()
    before = story.compute.jobs[job]
    story.market.slot.overlay.commit()

    assert story.compute.jobs[job] == before
    story.market.try_state()
    story.market.go_to(story.deadline(job))
    assert isinstance(story.state(job), Refunded)


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (lambda s: s.compute.jobs_by_deadline.clear(), "a deadline"),
        (lambda s: s.compute.next_job.put(9), "a job is missing"),
        (lambda s: s.market.money.release(s.compute.Hold.ESCROW, s.bob, 1), "in escrow"),
        (lambda s: s.market.money.release(s.compute.Hold.WORKER_BOND, s.charlie, 1), "a bond"),
        (lambda s: crew.count(s.compute, s.charlie, 1), "owes"),
    ],
)
def test_damage_is_noticed(story: Story, damage: Callable[[Story], None], message: str) -> None:
    story.claim()
    story.market.try_state()
    damage(story)

    with pytest.raises(AssertionError, match=message):
        story.market.try_state()
