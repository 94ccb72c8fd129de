"""Stores that an authorization pays for, as transactions: free, once, and never free of success."""

import pytest

from tilth.frame import ROOT, AccountId, RuntimeCall, validity
from tilth.pallets.system.events import ExtrinsicSuccess
from tilth.pallets.transaction_payment.pallet import TransactionFeePaid
from tilth.runtime import DevRuntime
from tilth.testing import Chain, raises

Dev = Chain[DevRuntime]


@pytest.fixture
def poor(chain: Dev) -> AccountId:
    """An account without money that may store three times."""
    who = chain.account()
    chain.dispatch(chain.runtime.storage.authorize_account.call(who, 3, 1_000), ROOT)
    return who


def _store(chain: Dev, data: bytes) -> RuntimeCall:
    return chain.runtime.storage.store.call(data)


def _fees(chain: Dev) -> int:
    return sum(isinstance(event, TransactionFeePaid) for event in chain.events)


def test_who_is_authorized_stores_without_money(chain: Dev, poor: AccountId) -> None:
    told = chain.submit(_store(chain, b"for nothing"), poor)

    assert any(isinstance(event, ExtrinsicSuccess) for event in told)
    assert _fees(chain) == 0


@pytest.mark.parametrize("data", [b"", bytes(1_001)])
def test_what_an_authorization_does_not_cover_is_not_free(
    chain: Dev, poor: AccountId, data: bytes
) -> None:
    with raises(validity.Payment()):
        chain.submit(_store(chain, data), poor)


def test_within_other_calls_the_outer_one_is_paid_for(chain: Dev, poor: AccountId) -> None:
    utility, store = chain.runtime.utility, _store(chain, b"nested")
    for call in (
        utility.batch.call((store,)),
        utility.force_batch.call((store, _store(chain, b""))),
        utility.as_derivative.call(0, store),
    ):
        with raises(validity.Payment()):
            chain.submit(call, poor)
    assert chain.runtime.storage.account_authorization(poor).transactions == 3


def test_an_authorization_that_is_used_up_pays_for_no_more(chain: Dev, poor: AccountId) -> None:
    for data in (b"one", b"two", b"three"):
        chain.submit(_store(chain, data), poor)
    with raises(validity.Payment()):
        chain.submit(_store(chain, b"four"), poor, nonce=3)


def test_what_finds_the_block_full_is_in_the_next_one(
    chain: Dev, poor: AccountId, alice: AccountId, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(chain.runtime.storage, "max_block_transactions", 1)
    chain.submit(_store(chain, b"the last"), alice)
    for who in (poor, alice):
        with raises(validity.ExhaustsResources()):
            chain.submit(_store(chain, b"one more"), who)
    chain.build()

    chain.submit(_store(chain, b"one more"), poor)
    assert _fees(chain) == 0
