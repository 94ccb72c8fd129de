"""Whatever people do in whatever order, money, privacy and deadlines are kept."""

from operator import itemgetter
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from tilth.frame import H256, AccountId, DispatchFailure, replace
from tilth.pallets.compute import (
    Claimed,
    Completed,
    Delivered,
    FailureCode,
    JobCompleted,
    JobStarted,
    Queued,
    Refunded,
    Running,
    WorkerSlashed,
)
from tilth.pallets.datasets import Budget
from tilth.pallets.rewards import Claimed as RewardClaimed
from tilth.primitives import privacy

ROWS = H256(b"r" * 32)
RESULT = b"sealed"
OWNER, BUYER, RICH, WORKER, OTHER = PEOPLE = tuple(AccountId(bytes([n]) * 32) for n in range(1, 6))
WINDOWS = {
    "queue_window": 12,
    "start_window": 6,
    "finish_window": 8,
    "challenge_window": 6,
    "cool_down": 3,
    "max_due": 2,
}
BOND = 10**13
SLOW = (HealthCheck.too_slow, HealthCheck.filter_too_much)

workers = st.sampled_from((WORKER, WORKER, OTHER))
people = st.sampled_from(PEOPLE)
picks = st.integers(0, 5)
amounts = st.sampled_from((0, 1, 999, 10**6))


class Trade(RuleBasedStateMachine):
    market: Any

    @property
    def compute(self) -> Any:
        return self.market.compute

    @property
    def datasets(self) -> Any:
        return self.market.datasets

    @initialize()
    def open_the_market(self) -> None:
        market = self.market
        market.restart()
        for who in PEOPLE:
            market.fund(who, 10**17)
        budget = Budget(epsilon_micro=6_000_000, delta_pico=10**6, output_bytes=15_000)
        self.dataset = market.register(OWNER, workers=(WORKER, OTHER), budget=budget)
        market.compute.register_worker(WORKER, BOND)
        self.result = market.content(RESULT, WORKER)
        self.model = market.spec(self.dataset)
        self.issuance = market.money.total_issuance_now()
        self.started: set[int] = set()
        self.ended: dict[int, Any] = {}
        self.seen = len(market.events())

    # What happened.

    def _try(self, act: Any, *args: Any) -> None:
        """A refused call leaves no trace; an accepted one is told by its events."""
        mark = self.market.slot.overlay.mark()
        try:
            act(*args)
        except DispatchFailure:
            assert self.market.slot.overlay.mark() == mark
        self._look()

    def _look(self) -> None:
        events = self.market.events()
        for event in events[self.seen :]:
            match event:
                case JobCompleted(burned=burned):
                    self.issuance -= burned
                case WorkerSlashed(amount=amount):
                    self.issuance -= amount
                case RewardClaimed(amount=amount):
                    self.issuance += amount
                case JobStarted(job=job):
                    assert job not in self.started
                    self.started.add(job)
        self.seen = len(events)

    def _live(self) -> list[int]:
        return sorted(map(itemgetter(1), self.compute.jobs_by_deadline.keys()))

    def _pick(self, pick: int) -> int:
        live = self._live()
        return live[pick % len(live)] if live else pick

    def _pass(self, blocks: int) -> None:
        for _ in range(blocks):
            self.seen = 0
            self.market.go_to(self.market.system.block_number() + 1)
            self._look()

    # What people do.

    @rule(
        who=people,
        noise=st.sampled_from((8_000, 30_000)),
        tip=amounts,
        worker=workers,
        steps=st.integers(0, 4),
    )
    def order(self, who: Any, noise: int, tip: int, worker: Any, steps: int) -> None:
        """A new job, which goes some steps of its way at once."""
        train = replace(self.model.work, noise_multiplier_milli=noise)
        job = self.compute.next_job.get()
        self._try(self.compute.create_job, who, replace(self.model, work=train), tip, None)
        for _ in range(steps if job < self.compute.next_job.get() else 0):
            self._step(job, worker)

    @precondition(lambda self: self._live())
    @rule(pick=picks, worker=workers)
    def go_on(self, pick: int, worker: Any) -> None:
        self._step(self._pick(pick), worker)

    def _step(self, job: int, worker: Any) -> None:
        """Take the next step that a job's state asks for."""
        compute = self.compute
        match compute.jobs[job].state:
            case Queued():
                self._try(compute.claim_job, worker, job)
            case Claimed(worker=worker):
                self._try(compute.start, worker, job, ROWS)
            case Running(worker=worker):
                self._try(compute.submit_result, worker, job, self.result, len(RESULT))
            case Delivered():
                self._try(compute.acknowledge, compute.jobs[job].requester, job)

    @precondition(lambda self: self._live())
    @rule(pick=picks, code=st.sampled_from(list(FailureCode)))
    def fail(self, pick: int, code: Any) -> None:
        job = self._pick(pick)
        worker = getattr(self.compute.jobs[job].state, "worker", WORKER)
        self._try(self.compute.report_failure, worker, job, code)

    @rule(who=people, pick=picks, right=st.booleans(), what=st.integers(0, 6))
    def meddle(self, who: Any, pick: int, right: bool, what: int) -> None:
        """Call anything as anyone on any job."""
        compute, job = self.compute, self._pick(pick)
        rows, size = (ROWS, len(RESULT)) if right else (H256(bytes(32)), 1)
        acts: list[tuple[Any, ...]] = [
            (compute.start, rows),
            (compute.submit_result, self.result, size),
            (compute.acknowledge,),
            (compute.finalize,),
            (compute.expire,),
            (compute.cancel,),
            (compute.claim_job,),
        ]
        act, *args = acts[what]
        self._try(act, who, job, *args)

    @rule(who=people, bond=st.sampled_from((0, 1, BOND, 10**18)))
    def come_or_go(self, who: Any, bond: int) -> None:
        if bond:
            self._try(self.compute.register_worker, who, bond)
        else:
            self._try(self.compute.unbond, who)

    @rule(who=people, dest=st.none() | people)
    def claim_rewards(self, who: Any, dest: Any) -> None:
        eras = tuple(unclaimed.era for unclaimed in self.market.rewards.unclaimed(who))
        self._try(self.market.rewards.claim, who, dest, eras or (0,))

    @rule(who=st.sampled_from((OWNER, BUYER)), price=amounts, more=st.sampled_from((0, 10**6)))
    def change_terms(self, who: Any, price: int, more: int) -> None:
        policy = self.datasets.private_infos[self.dataset].policy
        dear = replace(policy, price_per_job=price)
        self._try(self.datasets.set_policy, who, self.dataset, dear)
        self._try(self.datasets.extend_budget, who, self.dataset, more, more // 1_000)

    @rule(who=people, dest=people, amount=st.sampled_from((1, 10**16, 10**17)))
    def spend_elsewhere(self, who: Any, dest: Any, amount: int) -> None:
        mark = self.market.slot.overlay.mark()
        try:
            self.market.money.transfer_between(who, dest, amount, keep_alive=False)
        except DispatchFailure:
            self.market.slot.overlay.rollback(mark)
        self._look()

    @rule(blocks=st.integers(1, 3))
    def wait(self, blocks: int) -> None:
        self._pass(blocks)

    # What always holds.

    @invariant()
    def every_pallet_is_sound(self) -> None:
        self.market.try_state()

    @invariant()
    def money_is_conserved(self) -> None:
        assert self.market.money.total_issuance_now() == self.issuance

    @invariant()
    def a_job_ends_once(self) -> None:
        for job, record in self.compute.jobs.items():
            if isinstance(record.state, Completed | Refunded):
                assert self.ended.setdefault(job, record.state) == record.state
            else:
                assert job not in self.ended

    @invariant()
    def the_books_are_those_of_the_jobs(self) -> None:
        books = self.datasets.ledgers[self.dataset]
        jobs = self.compute.jobs
        waiting = [job for job in self._live() if isinstance(jobs[job].state, Queued | Claimed)]
        assert books.spent == _total(jobs[job].cost for job in self.started)
        assert books.reserved == _total(jobs[job].cost for job in waiting)
        assert books.bytes_spent == 1_000 * len(self.started)
        assert books.bytes_reserved == 1_000 * len(waiting)

    @invariant()
    def what_ran_was_started(self) -> None:
        for job in self._live():
            state = self.compute.jobs[job].state
            assert isinstance(state, Running | Delivered) == (job in self.started)

    def teardown(self) -> None:
        """Left alone, every job ends; nobody's escrow is left, and every reward can be claimed."""
        if not hasattr(self, "dataset"):
            return
        self._pass(3 * sum(WINDOWS.values()))
        for who in PEOPLE:
            self.claim_rewards(who, OWNER)
            assert self.market.rewards.unclaimed(who) == ()
        assert self._live() == []
        assert not self.compute.overdue_from.exists()
        for who in PEOPLE:
            assert self.market.money.held(self.compute.Hold.ESCROW, who) == 0
        self.every_pallet_is_sound()
        self.money_is_conserved()
        self.a_job_ends_once()


def _total(costs: Any) -> privacy.Cost:
    total = privacy.NOTHING
    for cost in costs:
        total = privacy.add(total, cost)
    return total


@pytest.mark.timeout(600)  # a failure is worth the time that shrinking it takes
@pytest.mark.parametrize("money", ["built", "real"])
def test_money_privacy_and_deadlines_are_kept(
    money: str, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> None:
    chosen = request.getfixturevalue(money)
    for window, blocks in WINDOWS.items():
        monkeypatch.setattr(chosen.compute, window, blocks)
    monkeypatch.setattr(chosen.rewards, "era_length", 9)
    monkeypatch.setattr(chosen.rewards, "base_issuance", 10**3)

    class TradeHere(Trade):
        market = chosen

    run_state_machine_as_test(  # type: ignore[no-untyped-call]
        TradeHere,
        settings=settings(
            max_examples=20,
            stateful_step_count=40,
            deadline=None,
            suppress_health_check=SLOW,
        ),
    )
