"""What people try who want more than their due of content: each attempt comes to nothing."""

from typing import Any

import pytest

from tilth.frame import hashing, signed

PERIOD = 3


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
    wealthy.money.unreserve(alice, 10**18)  # Balances.force_unreserve knows of no holds
    wealthy.go_to(PERIOD + 3)

    assert storage.content_size(hashing.blake2_256(b"content of " + alice)) is None
    assert wealthy.money.free_balance(bob) == before
