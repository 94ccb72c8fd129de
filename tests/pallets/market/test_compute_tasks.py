"""A worker's node owes what the state of jobs says, and each answer becomes one call."""

from dataclasses import dataclass
from typing import Any

import pytest

from tilth.frame import H256, hashing, signed
from tilth.pallets.compute import (
    Claim,
    Claimed,
    Delivered,
    FailureCode,
    Run,
    Running,
    Sealed,
    Start,
    spec_hash,
)
from tilth.primitives import privacy

ROWS = H256(b"r" * 32)
BOND = 20_000_000_000_000


@dataclass
class Node:
    account: Any


@pytest.fixture
def market(market: Any, alice: Any, bob: Any, charlie: Any) -> Any:
    """Bob has ordered a job on Alice's table, which Charlie may run."""
    dataset = market.register(alice, workers=(charlie,))
    market.compute.register_worker(charlie, BOND)
    market.compute.create_job(bob, market.spec(dataset), 0, None)
    return market


def _owed(market: Any, who: Any) -> list[Any]:
    return list(market.compute.offchain_worker(Node(who)))


def _answer(market: Any, who: Any, answer: Any) -> Any:
    (task,) = _owed(market, who)
    task.then(answer).dispatch(signed(who))
    return market.compute.jobs[0].state


def test_a_worker_is_asked_whether_it_has_the_rows(market: Any, alice: Any, charlie: Any) -> None:
    (task,) = _owed(market, charlie)

    assert isinstance(task, Claim)
    assert (task.job, task.dataset, task.owner, task.row_root) == (0, 0, alice, ROWS)


def test_only_a_worker_of_the_dataset_is_asked(market: Any, alice: Any, bob: Any) -> None:
    market.compute.register_worker(alice, BOND)

    assert _owed(market, alice) == []
    assert _owed(market, bob) == []


def test_yes_claims_and_no_does_nothing(market: Any, charlie: Any) -> None:
    (task,) = _owed(market, charlie)

    assert task.then(False) is None
    assert task.then(True) == market.compute.claim_job.call(0)


def test_a_claimed_job_is_to_be_started(market: Any, charlie: Any) -> None:
    assert isinstance(_answer(market, charlie, True), Claimed)
    (task,) = _owed(market, charlie)

    assert isinstance(task, Start)
    assert task.then(None) == market.compute.start.call(0, ROWS)
    refused = FailureCode.MODEL_REFUSED
    assert task.then(refused) == market.compute.report_failure.call(0, refused)


def test_a_running_job_is_to_be_trained(market: Any, charlie: Any) -> None:
    _answer(market, charlie, True)
    assert isinstance(_answer(market, charlie, None), Running)
    (task,) = _owed(market, charlie)

    spec = market.spec(0)
    assert isinstance(task, Run)
    assert (task.spec, task.spec_hash) == (spec, spec_hash(spec))
    assert (task.row_root, task.delta_pico) == (ROWS, 10**6)
    assert task.cost == privacy.cost(privacy.FULL_BATCH, 10_000, 10)


def test_a_sealed_result_is_stored_and_submitted_as_one(market: Any, charlie: Any) -> None:
    _answer(market, charlie, True)
    _answer(market, charlie, None)
    state = _answer(market, charlie, Sealed(b"ciphertext"))

    result = H256(hashing.sha2_256(b"ciphertext"))
    assert state == Delivered(charlie, result, 10, 1 + market.compute.challenge_window)
    assert market.transaction_storage.content_size(result) == 10
    assert _owed(market, charlie) == []


def test_a_failed_run_is_reported(market: Any, charlie: Any) -> None:
    _answer(market, charlie, True)
    _answer(market, charlie, None)
    (task,) = _owed(market, charlie)

    crashed = FailureCode.CRASHED
    assert task.then(crashed) == market.compute.report_failure.call(0, crashed)


def test_each_attempt_and_step_has_its_own_identity(market: Any, charlie: Any) -> None:
    identities = [_owed(market, charlie)[0].identity]
    market.compute.claim_job(charlie, 0)
    identities.append(_owed(market, charlie)[0].identity)
    market.go_to(market.compute.jobs[0].state.deadline)
    identities.append(_owed(market, charlie)[0].identity)
    market.compute.claim_job(charlie, 0)
    market.compute.start(charlie, 0, ROWS)
    identities.append(_owed(market, charlie)[0].identity)

    assert len(set(identities)) == 4


def test_the_same_state_asks_the_same(market: Any, charlie: Any) -> None:
    assert _owed(market, charlie) == _owed(market, charlie)


def test_no_more_claims_than_the_worker_may_hold(market: Any, bob: Any, charlie: Any) -> None:
    for _ in range(market.compute.max_active + 1):
        market.compute.create_job(bob, market.spec(0), 0, None)

    assert [task.job for task in _owed(market, charlie)] == [0, 1, 2, 3]
    market.compute.claim_job(charlie, 5)
    owed = [(type(task), task.job) for task in _owed(market, charlie)]
    assert owed == [(Claim, 0), (Claim, 1), (Claim, 2), (Start, 5)]


def test_who_cannot_claim_is_not_asked(
    market: Any, charlie: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(market.compute, "min_bond", BOND + 1)
    assert _owed(market, charlie) == []
    monkeypatch.undo()
    market.compute.unbond(charlie)
    assert _owed(market, charlie) == []


def test_what_the_next_block_cannot_take_is_not_asked(market: Any, charlie: Any) -> None:
    deadline = market.compute.jobs[0].state.deadline
    market.go_to(deadline - 2)
    assert len(_owed(market, charlie)) == 1
    market.go_to(deadline - 1)
    assert _owed(market, charlie) == []
