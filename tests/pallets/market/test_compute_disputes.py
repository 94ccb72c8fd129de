"""Approval, secret models, beats, limits per requester, and disputes that a recomputation ends."""

from typing import Any

import pytest

from tilth.frame import H256, Perbill, replace, signed
from tilth.pallets.compute import (
    KINDS,
    Acceptance,
    AcceptanceFailed,
    AwaitingApproval,
    AwaitingModel,
    Claimed,
    Completed,
    Disputed,
    Error,
    EvaluateSpec,
    Histogram,
    InferSpec,
    Loss,
    Mean,
    ModelNotDelivered,
    NotAccepted,
    NotApproved,
    Optimizer,
    Queued,
    Refunded,
    RejectedByOwner,
    Reputation,
    ResultLost,
    ResultMissing,
    Running,
    Silent,
    Stage,
    StatisticsSpec,
    TrainSpec,
    Undecided,
    cost_of,
    kind_of,
    spec_hash,
)
from tilth.pallets.datasets import Error as DataError
from tilth.pallets.datasets import JobKind
from tilth.primitives import privacy
from tilth.primitives.crypto.sealing import OVERHEAD, SealingKey

ROWS = H256(b"r" * 32)
BOND = 20_000_000_000_000
FEE = 1_000_000_000_000
STAKE = 2 * FEE
DATA = 1_736
TIP = 77
SECRET = bytes(31) + b"\x01"
RESULT = b"sealed result"
NO_MODEL: dict[str, Any] = {"model": H256(bytes(32)), "model_bytes": 0}


class Court:
    """Alice sells and judges, Bob buys, Charlie works."""

    def __init__(self, market: Any, alice: Any, bob: Any, charlie: Any) -> None:
        self.market, self.compute = market, market.compute
        self.alice, self.bob, self.charlie = alice, bob, charlie
        self.dataset = market.register(alice, workers=(charlie, alice))
        for worker in (alice, charlie):
            market.compute.register_worker(worker, BOND)
        test = Acceptance(market.content(b"rows"), 900_000)
        key = SealingKey(SECRET).public
        self.spec = market.spec(self.dataset, result_key=key, acceptance=test)
        self.result = market.content(RESULT, charlie)
        self.issuance = market.money.total_issuance_now()

    def order(self, **changes: Any) -> int:
        self.compute.create_job(self.bob, replace(self.spec, **changes), TIP, None)
        return int(self.compute.next_job.get()) - 1

    def start(self) -> int:
        job = self.order()
        self.compute.claim_job(self.charlie, job)
        self.compute.start(self.charlie, job, ROWS)
        return job

    def deliver(self) -> int:
        job = self.start()
        self.compute.submit_result(self.charlie, job, self.result, len(RESULT))
        return job

    def dispute(self) -> int:
        job = self.deliver()
        self.compute.dispute(self.bob, job, AcceptanceFailed(SECRET))
        return job

    def terms(self, **changes: Any) -> None:
        known = self.market.datasets.private_infos[self.dataset].policy
        self.market.datasets.set_policy(self.alice, self.dataset, replace(known, **changes))

    def state(self, job: int) -> Any:
        return self.compute.jobs[job].state

    def held(self, who: Any) -> int:
        hold, held = self.compute.Hold, self.market.money.held
        return int(held(hold.ESCROW, who) + held(hold.DISPUTE_BOND, who))

    def free(self) -> tuple[int, ...]:
        free = self.market.money.free_balance
        return tuple(free(who) for who in (self.alice, self.bob, self.charlie))

    def gains(self, act: Any) -> tuple[int, ...]:
        before = self.free()
        act()
        return tuple(b - a for a, b in zip(before, self.free(), strict=True))

    def run_out(self, job: int) -> None:
        self.market.go_to(self.state(job).deadline)


@pytest.fixture
def court(
    market: Any, alice: Any, bob: Any, charlie: Any, monkeypatch: pytest.MonkeyPatch
) -> Court:
    for part in ("queue", "model", "start", "beat", "finish", "challenge", "dispute"):
        monkeypatch.setattr(market.compute, f"{part}_window", 10 + 30 * (part == "finish"))
    return Court(market, alice, bob, charlie)


# The owner approves.


def test_a_job_waits_for_the_owner(court: Court, refused: Any) -> None:
    court.terms(approval_window=7)
    job = court.order()
    assert court.state(job) == AwaitingApproval(8)
    with refused(Error.NOT_OWNER):
        court.compute.approve_job(court.bob, job)
    with refused(Error.WRONG_STATE):
        court.compute.claim_job(court.charlie, job)
    court.compute.approve_job(court.alice, job)

    assert isinstance(court.state(job), Queued)
    court.market.try_state()


def test_a_rejected_job_costs_nobody(court: Court, refused: Any) -> None:
    court.terms(approval_window=7)
    job = court.order()
    with refused(Error.NOT_OWNER):
        court.compute.reject_job(court.bob, job)

    gains = court.gains(lambda: court.compute.reject_job(court.alice, job))

    assert gains == (0, DATA + FEE + TIP, 0)
    assert court.state(job) == Refunded(RejectedByOwner())
    assert court.market.datasets.ledgers[court.dataset].reserved == privacy.NOTHING


def test_an_owner_who_says_nothing_lets_the_job_go(court: Court) -> None:
    court.terms(approval_window=7)
    job = court.order()
    court.run_out(job)

    assert court.state(job) == Refunded(NotApproved())
    assert court.held(court.bob) == 0


def test_a_job_that_waits_for_approval_is_cancelled(court: Court) -> None:
    court.terms(approval_window=7)
    job = court.order()
    court.compute.cancel(court.bob, job)

    assert isinstance(court.state(job), Refunded)


# What a policy limits.


def test_many_small_jobs_are_counted(court: Court, refused: Any) -> None:
    court.terms(jobs_per_requester=2)
    court.order()
    court.compute.cancel(court.bob, court.order())
    with refused(Error.TOO_MANY_JOBS):
        court.order()


def test_sybils_share_one_budget(court: Court, refused: Any) -> None:
    """However many requesters there are, together they get what one would."""
    people = (court.alice, court.bob, court.charlie)
    spec = replace(court.spec, acceptance=None)
    for turn in range(20):
        court.compute.create_job(people[turn % 3], spec, 0, None)
    for who in people:
        with refused(DataError.EPSILON_EXHAUSTED):
            court.compute.create_job(who, spec, 0, None)


def test_only_listed_models_and_kinds_run(court: Court, refused: Any) -> None:
    court.terms(models=(H256(b"m" * 32),))
    with refused(DataError.MODEL_NOT_ALLOWED):
        court.order()
    court.terms(models=(court.spec.model,), kinds=(JobKind.EVALUATE,))
    with refused(DataError.KIND_NOT_ALLOWED):
        court.order()
    court.terms(kinds=(JobKind.TRAIN,))
    court.order()


def test_policies_number_the_kinds_as_specs_do() -> None:
    assert [kind.__name__ for kind in KINDS] == [
        f"{kind.name.capitalize()}Spec" for kind in JobKind
    ]


MEAN = StatisticsSpec((Mean(0, -1, 1),), 10_000)


def test_every_kind_of_work_has_its_cost(court: Court) -> None:
    once = privacy.cost(privacy.FULL_BATCH, 10_000, 1)
    measure = EvaluateSpec(Loss.HUBER, 10_000, 4_000_000)
    for work, changes in ((measure, {}), (MEAN, NO_MODEL)):
        job = court.order(work=work, acceptance=None, **changes)
        assert court.compute.jobs[job].cost == cost_of(work) == once
        assert kind_of(work) == KINDS.index(type(work))


def test_what_tells_of_single_rows_runs_only_where_the_owner_lists_it(
    court: Court, refused: Any
) -> None:
    raw = replace(court.spec, work=InferSpec(), acceptance=None)
    with refused(DataError.NOISE_REQUIRED):
        court.compute.create_job(court.bob, raw, 0, None)
    court.terms(exact_specs=(spec_hash(raw),))
    court.compute.create_job(court.bob, raw, 0, None)
    smuggled = replace(raw, max_output_bytes=raw.max_output_bytes + 1)
    with refused(DataError.NOISE_REQUIRED):
        court.compute.create_job(court.bob, smuggled, 0, None)


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({"work": MEAN}, Error.BAD_MODEL),
        ({"model_bytes": 0}, Error.BAD_MODEL),
        ({"work": StatisticsSpec((), 10_000), **NO_MODEL}, Error.BAD_QUESTION),
        ({"work": StatisticsSpec((Mean(0, 1, 1),), 10_000), **NO_MODEL}, Error.BAD_QUESTION),
        (
            {"work": StatisticsSpec((Histogram(0, (1,)),), 10_000), **NO_MODEL},
            Error.BAD_QUESTION,
        ),
        ({"acceptance": Acceptance(H256(bytes(32)), 1)}, Error.EVALUATION_NOT_STORED),
        ({"acceptance": Acceptance(H256(bytes(32)), 0)}, Error.BAD_ACCEPTANCE),
        ({"work": EvaluateSpec(Loss.HUBER, 10_000, 1)}, Error.BAD_ACCEPTANCE),
        (
            {"work": TrainSpec(Loss.HUBER, Optimizer.SGD, 10, 1, 1, 10_000, 10**9)},
            Error.BAD_ACCEPTANCE,
        ),
    ],
)
def test_specs_that_mean_nothing_are_refused(
    court: Court, refused: Any, changes: Any, error: Error
) -> None:
    with refused(error):
        court.order(**changes)


# Models that only the worker sees.


def secret(court: Court) -> int:
    job = court.order(secret_model=True, model=H256(b"hidden".ljust(32)), acceptance=None)
    court.compute.set_sealing_key(court.charlie, b"k" * 32)
    court.compute.claim_job(court.charlie, job)
    return job


def test_a_secret_model_comes_after_the_claim(court: Court, refused: Any) -> None:
    job = secret(court)
    assert isinstance(court.state(job), AwaitingModel)
    assert court.compute.workers[court.charlie].active == 1
    envelope = court.market.content(bytes(court.spec.model_bytes + OVERHEAD), court.bob)
    with refused(Error.NOT_REQUESTER):
        court.compute.deliver_model(court.charlie, job, envelope)
    with refused(Error.ENVELOPE_NOT_STORED):
        court.compute.deliver_model(court.bob, job, court.result)
    court.compute.deliver_model(court.bob, job, envelope)

    assert isinstance(court.state(job), Claimed)
    court.market.try_state()
    court.compute.start(court.charlie, job, ROWS)
    court.compute.submit_result(court.charlie, job, court.result, len(RESULT))
    assert job not in court.compute.envelopes


def test_a_worker_without_a_key_claims_no_secret_model(court: Court, refused: Any) -> None:
    job = court.order(secret_model=True, acceptance=None)
    with refused(Error.NO_SEALING_KEY):
        court.compute.claim_job(court.charlie, job)


def test_a_model_that_never_comes_is_not_the_workers_fault(court: Court) -> None:
    job = secret(court)
    court.run_out(job)

    assert court.state(job) == Refunded(ModelNotDelivered())
    assert court.compute.workers[court.charlie].bond == BOND
    assert court.held(court.bob) == 0


# Beats.


def test_a_beat_puts_the_deadline_off_but_never_beyond_the_finish(
    court: Court, refused: Any
) -> None:
    job = court.start()
    finish = court.state(job).finish
    for permille in (100, 300, 500, 700, 900):
        court.market.go_to(court.state(job).deadline - 2)
        court.compute.beat(court.charlie, job, Stage.COMPUTING, permille)
    assert court.state(job) == Running(court.charlie, finish, finish, Stage.COMPUTING, 900)
    with refused(Error.BAD_PROGRESS):
        court.compute.beat(court.charlie, job, Stage.COMPUTING, 899)
    with refused(Error.BAD_PROGRESS):
        court.compute.beat(court.charlie, job, Stage.SEALING, 1_001)
    with refused(Error.NOT_THE_WORKER):
        court.compute.beat(court.alice, job, Stage.SEALING, 0)


def test_a_silent_worker_loses_the_job_and_of_its_bond(court: Court) -> None:
    job = court.start()
    court.run_out(job)

    assert court.state(job) == Refunded(Silent())
    assert court.compute.workers[court.charlie].bond == BOND - BOND // 10
    assert court.compute.reputations[court.charlie] == Reputation(0, 0, 1, 1)


def test_who_delivers_is_remembered_for_it(court: Court) -> None:
    court.compute.acknowledge(court.bob, court.deliver())

    assert court.compute.reputation(court.charlie) == Reputation(done=1)


# Disputes.


def test_garbage_is_refunded_and_its_worker_pays_the_juror(court: Court) -> None:
    job = court.dispute()
    gains = court.gains(lambda: court.compute.judge(court.alice, job, 100_000))

    assert gains == (FEE, DATA + FEE + TIP + STAKE, 0)
    assert court.state(job) == Refunded(NotAccepted())
    assert court.compute.workers[court.charlie].bond == BOND - BOND // 10
    assert court.issuance - court.market.money.total_issuance_now() == BOND // 10 - FEE
    assert court.compute.reputation(court.charlie) == Reputation(failed=1, slashed=1)
    court.market.try_state()


def test_a_frivolous_dispute_pays_juror_and_worker(court: Court) -> None:
    job = court.dispute()
    burned = DATA * 5 // 100
    gains = court.gains(lambda: court.compute.judge(court.alice, job, 898_000))

    assert gains == (DATA - burned + STAKE // 2, 0, FEE + TIP + STAKE // 2)
    assert isinstance(court.state(job), Completed)
    assert court.held(court.bob) == 0
    assert court.issuance - court.market.money.total_issuance_now() == burned
    court.market.try_state()


def test_jurors_who_are_silent_cost_the_owner_his_price(court: Court) -> None:
    job = court.dispute()
    before = court.free()
    court.run_out(job)

    assert court.state(job) == Refunded(Undecided())
    assert court.free() == (before[0], before[1] + DATA + TIP + STAKE, before[2] + FEE)
    assert court.compute.workers[court.charlie].bond == BOND


def test_only_another_worker_judges(court: Court, refused: Any) -> None:
    job = court.dispute()
    for who in (court.charlie, court.bob):
        with refused(Error.NOT_A_JUROR):
            court.compute.judge(who, job, 0)
    with refused(Error.BAD_MEASURE):
        court.compute.judge(court.alice, job, 1_000_001)


def test_only_what_can_be_recomputed_is_disputed(court: Court, refused: Any) -> None:
    job = court.deliver()
    with refused(Error.NO_GROUND):
        court.compute.dispute(court.bob, job, ResultMissing())
    with refused(Error.WRONG_KEY):
        court.compute.dispute(court.bob, job, AcceptanceFailed(b"x" * 32))
    with refused(Error.NOT_REQUESTER):
        court.compute.dispute(court.alice, job, AcceptanceFailed(SECRET))
    untested = replace(court.compute.jobs[job], spec=replace(court.spec, acceptance=None))
    court.compute.jobs[job] = untested
    with refused(Error.NO_TEST):
        court.compute.dispute(court.bob, job, AcceptanceFailed(SECRET))


@pytest.mark.parametrize("lost", ["evaluation", "result"])
def test_nobody_disputes_what_jurors_could_not_measure_in_time(
    court: Court, refused: Any, lost: str
) -> None:
    """Else a requester would let his own test expire, and get the model for nothing."""
    job, storage = court.deliver(), court.market.transaction_storage
    retention = court.compute.dispute_window + 5
    storage.retention_period.put(retention)
    court.market.go_to(court.compute.now + 6)
    assert storage.content_size(court.spec.acceptance.evaluation) is not None
    for content, data in (("evaluation", b"rows"), ("result", RESULT)):
        if content != lost:
            storage.storing(data).dispatch(signed(court.bob))

    with refused(Error.EVIDENCE_EXPIRES):
        court.compute.dispute(court.bob, job, AcceptanceFailed(SECRET))
    storage.storing(b"rows" if lost == "evaluation" else RESULT).dispatch(signed(court.bob))
    court.compute.dispute(court.bob, job, AcceptanceFailed(SECRET))


def test_a_result_that_the_chain_lost_is_not_paid(
    court: Court, monkeypatch: pytest.MonkeyPatch
) -> None:
    job = court.deliver()
    monkeypatch.setattr(court.market.transaction_storage, "content_size", lambda _: None)
    court.compute.dispute(court.bob, job, ResultMissing())

    assert court.state(job) == Refunded(ResultLost())
    assert court.compute.workers[court.charlie].bond == BOND - BOND // 10


def test_a_test_that_nobody_could_repeat_is_refused(
    court: Court, refused: Any, market: Any
) -> None:
    alone = market.register(court.alice, row_root=H256(b"q" * 32), workers=(court.charlie,))
    with refused(Error.NO_JURORS):
        court.order(dataset=alone)


def test_a_worker_that_left_is_not_slashed(court: Court, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(court.compute, "cool_down", 0)
    job = court.dispute()
    court.compute.unbond(court.charlie)
    court.compute.unbond(court.charlie)
    court.compute.judge(court.alice, job, 0)

    assert court.state(job) == Refunded(NotAccepted())
    assert court.held(court.bob) == 0
    court.market.try_state()


def test_a_slash_too_small_for_the_juror_is_all_his(
    court: Court, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(court.compute, "slash", Perbill(1_000))
    job = court.dispute()

    assert court.gains(lambda: court.compute.judge(court.alice, job, 0))[0] == BOND // 10**6
    assert not isinstance(court.state(job), Disputed)
    court.market.try_state()
