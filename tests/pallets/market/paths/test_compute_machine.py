"""Whatever people do to many jobs in whatever order, money, privacy and deadlines are kept."""

from collections import Counter
from collections.abc import Callable
from typing import Any
from unittest.mock import patch

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

from tilth.frame import H256, AccountId, DispatchFailure
from tilth.pallets.balances import Balances
from tilth.pallets.compute import AcceptanceFailed, FailureCode, ResultMissing, Stage

OWNER, BUYER, RICH, WORKER, OTHER, STRANGER = PEOPLE = tuple(
    AccountId(bytes([n]) * 32) for n in range(1, 7)
)
SLOW = (HealthCheck.too_slow, HealthCheck.filter_too_much)
ARGUMENTS: dict[str, tuple[Any, ...]] = {
    "approve_job": (),
    "reject_job": (),
    "claim_job": (),
    "deliver_model": (H256(b"m" * 32),),
    "start": (H256(b"r" * 32),),
    "beat": (Stage.SEALING, 1_000),
    "submit_result": (H256(b"n" * 32), 1),
    "report_failure": (FailureCode.CRASHED,),
    "acknowledge": (),
    "dispute": (AcceptanceFailed(bytes(31) + b"\x01"),),
    "judge": (900_000,),
    "finalize": (),
    "expire": (),
    "cancel": (),
}
FORWARD = (
    "approve_job",
    "claim_job",
    "deliver_model",
    "start",
    "submit_result",
    "dispute test",
    "judge good",
)
ON_WORKERS = {"register_worker", "unbond", "set_sealing_key", "create_job"}

people = st.sampled_from(PEOPLE)
picks = st.integers(0, 9)


class Trade(RuleBasedStateMachine):
    market: Any
    open_bazaar: Callable[[Any], Any]
    accepted: Counter[str]
    ends: Counter[str]

    @initialize()
    def open_the_market(self) -> None:
        self.bazaar = self.open_bazaar(self.market)

    def _do(self, what: str, *args: Any) -> None:
        call = getattr(self.bazaar.compute, what)
        self.bazaar.act(what, lambda: call(*args))

    def _some(self, pick: int) -> int:
        live = self.bazaar.live()
        return int(live[pick % len(live)]) if live else pick

    # What people do.

    @rule(
        who=people,
        kind=st.sampled_from(("train", "tested", "tested", "evaluate", "statistics", "infer")),
        secret=st.booleans(),
        tip=st.sampled_from((0, 1, 999, 10**16)),
        far=st.integers(0, 7),
        steps=st.lists(picks, max_size=3),
    )
    def order(
        self, who: Any, kind: str, secret: bool, tip: int, far: int, steps: list[int]
    ) -> None:
        """A new job, which goes so far on its way at once, and then anywhere."""
        job = self.bazaar.order(who, kind, secret=secret, tip=tip)
        if job is not None:
            self._go(job, far, steps)

    @precondition(lambda self: self.bazaar.live())
    @rule(pick=picks, far=st.integers(0, 4), steps=st.lists(picks, min_size=1, max_size=3))
    def go_on(self, pick: int, far: int, steps: list[int]) -> None:
        self._go(self._some(pick), far, steps)

    def _go(self, job: int, far: int, steps: list[int]) -> None:
        for _ in range(far):
            self._forward(job)
        for step in steps:
            self._step(job, step)

    def _forward(self, job: int) -> None:
        if job in self.bazaar.live():
            moves = self.bazaar.moves(job)
            chosen = [what for what in moves if what in FORWARD]
            moves[chosen[0]]()

    def _step(self, job: int, pick: int) -> None:
        """One of the moves that a job's state allows; all failures together are one of them."""
        if job not in self.bazaar.live():
            return
        moves = self.bazaar.moves(job)
        kinds = list(dict.fromkeys(what.split()[0] for what in moves))
        kind = kinds[pick % len(kinds)]
        chosen = [what for what in moves if what.split()[0] == kind]
        moves[chosen[pick % len(chosen)]]()

    @rule(who=people, pick=picks, what=st.sampled_from(sorted(ARGUMENTS)))
    def meddle(self, who: Any, pick: int, what: str) -> None:
        """Call anything as anyone on any job."""
        self._do(what, who, self._some(pick), *ARGUMENTS[what])

    @rule(who=people, pick=picks)
    def complain(self, who: Any, pick: int) -> None:
        self._do("dispute", who, self._some(pick), ResultMissing())

    @rule(who=people, bond=st.sampled_from((1, 10**13, 10**18)), leave=st.booleans())
    def come_or_go(self, who: Any, bond: int, leave: bool) -> None:
        if leave:
            self._do("unbond", who)
        else:
            self._do("register_worker", who, bond)
            self._do("set_sealing_key", who, bytes(32))

    @rule(
        price=st.sampled_from((0, 1, 10**6)),
        window=st.none() | st.just(4),
        most=st.none() | st.integers(0, 5),
    )
    def change_terms(self, price: int, window: int | None, most: int | None) -> None:
        self.bazaar.terms(price_per_job=price, approval_window=window, jobs_per_requester=most)

    @rule(more=st.sampled_from((1, 10**7)))
    def extend_the_budget(self, more: int) -> None:
        self.market.datasets.extend_budget(OWNER, self.bazaar.dataset, more, more // 1_000)

    @rule(who=people, dest=people, amount=st.sampled_from((1, 10**16, 10**17)))
    def spend_elsewhere(self, who: Any, dest: Any, amount: int) -> None:
        overlay = self.market.slot.overlay
        mark = overlay.mark()
        try:
            self.market.money.transfer_between(who, dest, amount, keep_alive=False)
        except DispatchFailure:
            overlay.rollback(mark)
        else:
            self.bazaar.books.wealth[who] -= amount
            self.bazaar.books.wealth[dest] += amount
        self.bazaar.seen = len(self.market.events())

    @precondition(lambda self: isinstance(self.market.money, Balances))
    @rule(who=people, amount=st.sampled_from((0, 10**16, 10**18)))
    def freeze(self, who: Any, amount: int) -> None:
        self.market.money.set_lock(b"elsewher", who, amount)
        self.bazaar.seen = len(self.market.events())

    @rule(blocks=st.integers(1, 3), overrun=st.booleans())
    def wait(self, blocks: int, overrun: bool) -> None:
        with patch.object(self.bazaar.compute, "max_due", 0 if overrun else 2):
            self.bazaar.pass_blocks(blocks)

    # What always holds.

    @invariant()
    def nothing_is_lost(self) -> None:
        self.bazaar.check()

    def teardown(self) -> None:
        """Left alone, every job ends, and nobody's money is held for one."""
        if not hasattr(self, "bazaar"):
            return
        self.bazaar.pass_blocks(120)
        assert self.bazaar.live() == []
        self.bazaar.check()
        self.accepted.update(self.bazaar.accepted)
        for (_, _, came_to), times in self.bazaar.edges.items():
            self.ends[came_to] += times
        hold, held = self.bazaar.compute.Hold, self.market.money.held
        for who in PEOPLE:
            assert held(hold.ESCROW, who) == held(hold.DISPUTE_BOND, who) == 0
        books = self.market.datasets.ledgers[self.bazaar.dataset]
        assert not any(books.reserved)
        assert books.bytes_reserved == 0


def test_the_machine_knows_every_call(market: Any) -> None:
    calls = {call.name for call in type(market.compute).parsed().calls}

    assert calls == {*ARGUMENTS, *ON_WORKERS}


@pytest.mark.timeout(600)  # a failure is worth the time that shrinking it takes
def test_nothing_is_lost_whatever_people_do(
    trading: Any, open_bazaar: Callable[[Any], Any]
) -> None:
    calls, states = Counter[str](), Counter[str]()

    class TradeHere(Trade):
        market = trading
        accepted = calls
        ends = states

    TradeHere.open_bazaar = staticmethod(open_bazaar)
    run_state_machine_as_test(  # type: ignore[no-untyped-call]
        TradeHere,
        settings=settings(
            max_examples=30, stateful_step_count=40, deadline=None, suppress_health_check=SLOW
        ),
    )
    # which states can be reached at all is shown by test_compute_paths.py, without chance
    assert {"create_job", "claim_job", "start", "submit_result"} <= calls.keys()
    assert {"Running", "Delivered", "Completed"} <= states.keys()
