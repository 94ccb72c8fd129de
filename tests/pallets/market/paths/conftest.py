"""One private table, who wants it and who works on it: every step is entered in shadow books."""

from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any
from unittest.mock import patch

import pytest

from tilth.frame import H256, AccountId, DispatchFailure, replace
from tilth.pallets.balances import Balances
from tilth.pallets.compute import (
    Acceptance,
    AcceptanceFailed,
    AwaitingApproval,
    AwaitingModel,
    Claimed,
    Completed,
    Delivered,
    Disputed,
    DisputeResolved,
    EvaluateSpec,
    Failed,
    FailureCode,
    InferSpec,
    JobCompleted,
    JobRefunded,
    JobRequeued,
    JobStarted,
    Loss,
    Mean,
    Queued,
    Refunded,
    Reputation,
    ResultMissing,
    Running,
    Stage,
    StatisticsSpec,
    WorkerSlashed,
    deadline_of,
    spec_hash,
)
from tilth.pallets.datasets import Budget
from tilth.primitives import privacy
from tilth.primitives.crypto.sealing import OVERHEAD, SealingKey

OWNER, BUYER, RICH, WORKER, OTHER, STRANGER = PEOPLE = tuple(
    AccountId(bytes([n]) * 32) for n in range(1, 7)
)
WORKERS = (WORKER, OTHER)
ROWS = H256(b"r" * 32)
SECRET = bytes(31) + b"\x01"
SEALED = b"sealed"
BOND = 5 * 10**13
WINDOWS = {
    "queue_window": 9,
    "model_window": 4,
    "start_window": 5,
    "beat_window": 3,
    "finish_window": 8,
    "challenge_window": 5,
    "dispute_window": 4,
    "cool_down": 3,
    "max_due": 2,
    "max_active": 3,
}
APPROVAL = 4
UNSPENT = (AwaitingApproval, Queued, AwaitingModel, Claimed)
ENDED = (Completed, Refunded)
KINDS = ("train", "tested", "evaluate", "statistics", "infer")
Move = Callable[[], Any]


def _name(value: object) -> str:
    return type(value).__name__


def _came_to(state: Any) -> str:
    """A state's name, or why it was refunded."""
    if not isinstance(state, Refunded):
        return _name(state)
    reason = state.reason
    return f"Failed {reason.code.name}" if isinstance(reason, Failed) else _name(reason)


@dataclass
class Books:
    """What everybody should have, and every worker's record, by what the chain has told."""

    wealth: dict[Any, int]
    issuance: int
    records: dict[Any, Counter[str]] = field(default_factory=dict)
    started: frozenset[int] = frozenset()

    def copy(self) -> "Books":
        records = {who: Counter(record) for who, record in self.records.items()}
        return Books(dict(self.wealth), self.issuance, records, self.started)

    def note(self, worker: Any, what: str) -> None:
        self.records.setdefault(worker, Counter())[what] += 1

    def hear(self, event: Any, jobs: dict[int, Any], stake: int) -> None:
        """Enter what an event tells; `jobs` are those before it."""
        match event:
            case JobStarted(job=job):
                assert job not in self.started, "a job's privacy is spent once"
                self.started |= {job}
            case JobCompleted(job=job):
                self._completed(event, jobs[job])
            case JobRefunded(job=job):
                self._refunded(event, jobs[job])
            case JobRequeued(job=job):
                self.note(jobs[job].state.worker, "late")
            case WorkerSlashed(worker=worker, amount=amount):
                self.wealth[worker] -= amount
                self.issuance -= amount
                self.note(worker, "slashed")
            case DisputeResolved(job=job):
                self._resolved(event, jobs[job], stake)

    def _completed(self, event: Any, job: Any) -> None:
        assert event.owner_paid + event.worker_paid + event.burned == job.escrow.total
        self.wealth[job.requester] -= job.escrow.total
        self.wealth[job.owner] += event.owner_paid
        self.wealth[job.state.worker] += event.worker_paid
        self.issuance -= event.burned
        self.note(job.state.worker, "done")

    def _refunded(self, event: Any, job: Any) -> None:
        assert event.refunded + event.worker_paid == job.escrow.total
        self.wealth[job.requester] -= event.worker_paid
        if event.worker_paid:
            self.wealth[job.state.worker] += event.worker_paid
        what = _came_to(Refunded(event.reason))
        if what in ("Silent", "NotFinished", "NotStarted"):
            self.note(job.state.worker, "late")
        running = isinstance(job.state, Running) and isinstance(event.reason, Failed)
        if running or what in ("ResultLost", "NotAccepted"):
            self.note(job.state.worker, "failed")

    def _resolved(self, event: Any, job: Any, stake: int) -> None:
        self.wealth[event.juror] += event.juror_paid
        if event.upheld:
            self.issuance += event.juror_paid  # of the slash it was not burned
        else:
            self.wealth[job.requester] -= stake
            self.wealth[job.state.worker] += stake - event.juror_paid


class Bazaar:
    """One private table, who wants it, who works on it; every step is entered in the books."""

    def __init__(self, market: Any) -> None:
        market.restart()
        self.market, self.compute, self.money = market, market.compute, market.money
        for who in PEOPLE:
            market.fund(who, 10**17)
        budget = Budget(epsilon_micro=6_000_000, delta_pico=10**6, output_bytes=20_000)
        self.dataset = market.register(OWNER, workers=(*WORKERS, OWNER), budget=budget)
        self.specs = {kind: self._spec(kind) for kind in KINDS}
        infers = [replace(self.specs["infer"], secret_model=secret) for secret in (False, True)]
        self.terms(exact_specs=tuple(map(spec_hash, infers)))
        self.result = market.content(SEALED, WORKER)
        self.envelope = market.content(bytes(self.specs["train"].model_bytes + OVERHEAD), BUYER)
        for who in (*WORKERS, OWNER):
            self.compute.register_worker(who, BOND)
            self.compute.set_sealing_key(who, bytes(32))
        self.books = Books({who: self.total(who) for who in PEOPLE}, self.issuance())
        self.seen = len(market.events())
        self.edges = Counter[tuple[str, str, str]]()
        self.accepted = Counter[str]()

    def _spec(self, kind: str) -> Any:
        key = SealingKey(SECRET).public
        plain = self.market.spec(self.dataset, noise_multiplier_milli=14_000, result_key=key)
        if kind == "tested":
            return replace(plain, acceptance=Acceptance(self.market.content(b"rows"), 900_000))
        if kind == "evaluate":
            return replace(plain, work=EvaluateSpec(Loss.MEAN_SQUARED_ERROR, 8_000, 10**6))
        if kind == "statistics":
            work = StatisticsSpec((Mean(0, 0, 10**6),), 8_000)
            return replace(plain, model=H256(bytes(32)), model_bytes=0, work=work)
        return replace(plain, work=InferSpec()) if kind == "infer" else plain

    def total(self, who: Any) -> int:
        """Free and held, whichever money it is."""
        if isinstance(self.money, Balances):
            account = self.money.ledger.of(who)
            return account.free + account.reserved
        held = sum(n for (owner, _), n in self.money.holds.items() if owner == who)
        return int(self.money.free_balance(who)) + held

    def issuance(self) -> int:
        return int(self.money.total_issuance_now())

    def terms(self, **changes: Any) -> None:
        known = self.market.datasets.private_infos[self.dataset].policy
        self.market.datasets.set_policy(OWNER, self.dataset, replace(known, **changes))

    # Acting, and hearing what comes of it.

    def jobs(self) -> dict[int, Any]:
        return dict(self.compute.jobs.items())

    def live(self) -> list[int]:
        return [job for job, record in self.jobs().items() if not isinstance(record.state, ENDED)]

    def act(self, what: str, move: Move) -> bool:
        """Whether it was accepted; refused, it leaves no trace."""
        before, overlay = self.jobs(), self.market.slot.overlay
        mark = overlay.mark()
        try:
            move()
        except DispatchFailure:
            assert overlay.mark() == mark, "a refused call left a trace"
            return False
        self.accepted[what] += 1
        self._hear(what, before)
        return True

    def pass_blocks(self, count: int) -> None:
        for _ in range(count):
            before, self.seen = self.jobs(), 0
            self.market.go_to(self.market.system.block_number() + 1)
            self._hear("deadline", before)

    def _hear(self, what: str, before: dict[int, Any]) -> None:
        events = self.market.events()
        for event in events[self.seen :]:
            self.books.hear(event, before, self.compute.dispute_bond)
        self.seen = len(events)
        for job, old in before.items():
            new = self.compute.jobs[job]
            if new != old:
                self.edges[_name(old.state), what, _came_to(new.state)] += 1

    @contextmanager
    def overrun(self) -> Iterator[None]:
        """More deadlines than a block takes: people end jobs themselves."""
        with patch.object(self.compute, "max_due", 0):
            yield

    def wait_for(self, job: int) -> None:
        deadline = deadline_of(self.compute.jobs[job].state)
        self.pass_blocks(deadline - self.market.system.block_number())

    def lapse(self, what: str, job: int) -> None:
        with self.overrun():
            self.wait_for(job)
            self.act(what, lambda: getattr(self.compute, what)(STRANGER, job))

    def order(self, who: Any, kind: str, *, secret: bool = False, tip: int = 0) -> int | None:
        spec = replace(self.specs[kind], secret_model=secret and kind != "statistics")
        create = self.compute.create_job
        accepted = self.act("create_job", lambda: create(who, spec, tip, None))
        return self.compute.next_job.get() - 1 if accepted else None

    # What may come next.

    def moves(self, job: int) -> dict[str, Move]:
        """What whom it concerns can do about a job now, by name."""
        record = self.compute.jobs[job]
        parts = {
            AwaitingApproval: self._approvals,
            Queued: self._claims,
            AwaitingModel: self._models,
            Claimed: self._starts,
            Running: self._runs,
            Delivered: self._looks,
            Disputed: self._verdicts,
        }
        ends: dict[str, Move] = {
            "expire": lambda: self.lapse("expire", job),
            "wait": lambda: self.wait_for(job),
        }
        if isinstance(record.state, Delivered):
            ends["finalize"] = lambda: self.lapse("finalize", job)
        calls = parts[type(record.state)](job, record)
        told = {what: self._telling(what, call) for what, call in calls.items()}
        if "beat" in told:
            ends["late beat"] = lambda: (self.pass_blocks(2), told["beat"]())
        return {**told, **ends}

    def _telling(self, what: str, call: Move) -> Move:
        return lambda: self.act(what.split()[0], call)

    def _approvals(self, job: int, record: Any) -> dict[str, Move]:
        return {
            "approve_job": lambda: self.compute.approve_job(record.owner, job),
            "reject_job": lambda: self.compute.reject_job(record.owner, job),
            "cancel": lambda: self.compute.cancel(record.requester, job),
        }

    def _claims(self, job: int, record: Any) -> dict[str, Move]:
        return {
            "claim_job": lambda: self.compute.claim_job(WORKER, job),
            "claim_job other": lambda: self.compute.claim_job(OTHER, job),
            "cancel": lambda: self.compute.cancel(record.requester, job),
        }

    def _models(self, job: int, record: Any) -> dict[str, Move]:
        deliver, content = self.compute.deliver_model, self.envelope
        return {"deliver_model": lambda: deliver(record.requester, job, content)}

    def _starts(self, job: int, record: Any) -> dict[str, Move]:
        start = self.compute.start
        return {
            "start": lambda: start(record.state.worker, job, ROWS),
            **self._failures(job, record),
        }

    def _failures(self, job: int, record: Any) -> dict[str, Move]:
        def failing(code: FailureCode) -> Move:
            return lambda: self.compute.report_failure(record.state.worker, job, code)

        return {f"report_failure {code.name}": failing(code) for code in FailureCode}

    def _runs(self, job: int, record: Any) -> dict[str, Move]:
        state, submit = record.state, self.compute.submit_result
        return {
            "beat": lambda: self.compute.beat(state.worker, job, Stage.COMPUTING, 500),
            "submit_result": lambda: submit(state.worker, job, self.result, len(SEALED)),
            **self._failures(job, record),
        }

    def _looks(self, job: int, record: Any) -> dict[str, Move]:
        dispute = self.compute.dispute
        return {
            "acknowledge": lambda: self.compute.acknowledge(record.requester, job),
            "dispute lost": lambda: self._lost(record.requester, job),
            "dispute test": lambda: dispute(record.requester, job, AcceptanceFailed(SECRET)),
        }

    def _lost(self, who: Any, job: int) -> None:
        with patch.object(self.market.transaction_storage, "content_size", lambda _: None):
            self.compute.dispute(who, job, ResultMissing())

    def _verdicts(self, job: int, record: Any) -> dict[str, Move]:
        juror = OTHER if record.state.worker == WORKER else WORKER
        return {
            "judge bad": lambda: self.compute.judge(juror, job, 500_000),
            "judge good": lambda: self.compute.judge(juror, job, 950_000),
        }

    # What always holds.

    def check(self) -> None:
        self.market.try_state()
        assert {who: self.total(who) for who in PEOPLE} == self.books.wealth
        assert self.issuance() == self.books.issuance
        self._check_ledgers()
        for who in PEOPLE:
            record = self.books.records.get(who, Counter())
            assert self.compute.reputation(who) == Reputation(**record)
        windows = max(APPROVAL, *(WINDOWS[name] for name in WINDOWS if "window" in name))
        for job in self.live():
            deadline = deadline_of(self.compute.jobs[job].state)
            assert deadline <= self.market.system.block_number() + windows, "stuck"

    def _check_ledgers(self) -> None:
        books = self.market.datasets.ledgers[self.dataset]
        jobs = self.jobs()
        waiting = [job for job in jobs if isinstance(jobs[job].state, UNSPENT)]
        assert books.spent == _sum(jobs[job].cost for job in self.books.started)
        assert books.reserved == _sum(jobs[job].cost for job in waiting)
        assert books.bytes_spent == 1_000 * len(self.books.started)
        assert books.bytes_reserved == 1_000 * len(waiting)


def _sum(costs: Any) -> privacy.Cost:
    total = privacy.NOTHING
    for cost in costs:
        total = privacy.add(total, cost)
    return total


@pytest.fixture(params=["built", "real"])
def trading(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Any:
    """A market with small windows, once with plain money and once with the shipped balances."""
    market = request.getfixturevalue(request.param)
    for window, blocks in WINDOWS.items():
        monkeypatch.setattr(market.compute, window, blocks)
    return market


@pytest.fixture
def open_bazaar() -> Callable[[Any], Bazaar]:
    return Bazaar
