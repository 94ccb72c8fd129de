"""Blocks go on, whatever root has done to the money that pallets hold."""

from typing import Any

import pytest

from tilth.frame import hashing, signed
from tilth.pallets.compute import JobCompleted, Refunded

PERIOD = 3
ALL = 10**18


@pytest.fixture
def wealthy(real: Any) -> Any:
    """The market with the balances that the chain ships."""
    real.restart()
    real.transaction_storage.retention_period.put(PERIOD)
    return real


def test_a_deposit_that_root_has_freed_behind_the_books_stops_no_block(
    wealthy: Any, alice: Any, bob: Any
) -> None:
    storage = wealthy.transaction_storage
    before = wealthy.money.free_balance(bob)
    for who in (alice, bob):
        storage.store(signed(who), b"content of " + who)
    wealthy.money.unreserve(alice, ALL)  # Balances.force_unreserve knows of no holds
    wealthy.go_to(PERIOD + 3)

    assert storage.content_size(hashing.blake2_256(b"content of " + alice)) is None
    assert wealthy.money.free_balance(bob) == before


def test_a_job_whose_escrow_is_gone_ends_without_money(wealthy: Any, alice: Any, bob: Any) -> None:
    wealthy.transaction_storage.retention_period.put(10**6)
    dataset = wealthy.register(alice)
    job = wealthy.compute.next_job.get()
    wealthy.compute.create_job(bob, wealthy.spec(dataset), 0, None)
    wealthy.money.unreserve(bob, ALL)
    wealthy.go_to(wealthy.system.block_number() + wealthy.compute.queue_window + 1)

    assert isinstance(wealthy.compute.jobs[job].state, Refunded)


def test_a_job_whose_escrow_is_gone_tells_of_no_money_that_never_moved(
    wealthy: Any, alice: Any, bob: Any
) -> None:
    compute, sealed = wealthy.compute, wealthy.content(b"sealed")
    dataset, issuance = wealthy.register(alice), wealthy.money.total_issuance_now()
    compute.register_worker(alice, compute.min_bond)
    job = compute.next_job.get()
    compute.create_job(bob, wealthy.spec(dataset), 0, None)
    compute.claim_job(alice, job)
    compute.start(alice, job, b"r" * 32)
    compute.submit_result(alice, job, sealed, len(b"sealed"))
    wealthy.money.unreserve(bob, ALL)
    compute.acknowledge(bob, job)

    assert wealthy.events()[-1] == JobCompleted(job, owner_paid=0, worker_paid=0, burned=0)
    assert wealthy.money.total_issuance_now() == issuance


def test_a_worker_whose_bond_is_gone_is_slashed_of_nothing(
    wealthy: Any, alice: Any, bob: Any
) -> None:
    compute = wealthy.compute
    wealthy.transaction_storage.retention_period.put(10**6)
    dataset = wealthy.register(alice)
    compute.register_worker(alice, compute.min_bond)
    job = compute.next_job.get()
    compute.create_job(bob, wealthy.spec(dataset), 0, None)
    compute.claim_job(alice, job)
    wealthy.money.unreserve(alice, ALL)
    wealthy.go_to(wealthy.system.block_number() + compute.start_window + 1)

    assert compute.workers[alice].bond == compute.min_bond
