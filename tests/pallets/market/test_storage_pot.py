"""Content without an account: work is shown for it, and a pot that others filled pays."""

from typing import Any

import pytest

from tilth.frame import (
    NOBODY,
    InvalidTransactionError,
    TransactionSource,
    hashing,
    signed,
    validity,
)
from tilth.pallets.transaction_storage import RAW, CidConfig, HashingAlgorithm
from tilth.pallets.transaction_storage.unsigned import work_bits, work_payload
from tilth.primitives.work import is_worked, work

SHA2 = CidConfig(RAW, HashingAlgorithm.Sha2_256)


@pytest.fixture
def storage(market: Any) -> Any:
    return market.transaction_storage


def _store(storage: Any, data: bytes, nonce: int | None = None) -> Any:
    bits = work_bits(storage.anonymous_work_bits, len(data))
    payload = work_payload(hashing.sha2_256(data), SHA2, storage.season())
    worked = work(payload, bits) if nonce is None else nonce
    return storage.store_anonymously.call(worked, SHA2, data)


def _validate(storage: Any, call: Any) -> Any:
    return storage.validate_unsigned(TransactionSource.EXTERNAL, call)


def _include(storage: Any, call: Any) -> None:
    storage.pre_dispatch_unsigned(call)
    call.dispatch(NOBODY)


def test_the_pot_pays_and_gets_it_back_when_the_content_expires(
    market: Any, storage: Any, alice: Any
) -> None:
    storage.retention_period.put(3)
    storage.donate(alice, 10**9)
    _include(storage, _store(storage, b"nobody said this"))

    price = storage.entry_fee.get() + 16 * storage.byte_fee.get()
    assert market.money.free_balance(storage.pot) == 10**9 - price
    market.go_to(5)
    assert market.money.free_balance(storage.pot) == 10**9
    assert storage.content_size(hashing.sha2_256(b"nobody said this")) is None


def test_an_empty_pot_pays_for_nothing(storage: Any) -> None:
    with pytest.raises(InvalidTransactionError) as caught:
        _validate(storage, _store(storage, b"x"))
    assert caught.value.error.reason == validity.Payment()  # type: ignore[union-attr]


def test_without_work_nothing_is_stored(storage: Any, alice: Any) -> None:
    storage.donate(alice, 10**9)
    payload = work_payload(hashing.sha2_256(b"x"), SHA2, storage.season())
    lazy = next(n for n in range(99) if not is_worked(payload, n, 10))
    with pytest.raises(InvalidTransactionError) as caught:
        _validate(storage, _store(storage, b"x", lazy))
    assert caught.value.error.reason == validity.Payment()  # type: ignore[union-attr]


def test_the_same_content_is_not_paid_for_twice(storage: Any, alice: Any) -> None:
    storage.donate(alice, 10**9)
    call = _store(storage, b"once")
    assert _validate(storage, call).provides
    _include(storage, call)
    with pytest.raises(InvalidTransactionError) as caught:
        _validate(storage, call)
    assert caught.value.error.reason == validity.Stale()  # type: ignore[union-attr]


def test_work_doubles_with_the_size() -> None:
    assert [work_bits(10, size) for size in (1, 1023, 1024, 2048, 2 << 20)] == [10, 10, 11, 12, 22]


def test_whoever_signs_stores_by_the_other_calls(storage: Any, refused: Any, alice: Any) -> None:
    from tilth.frame import BAD_ORIGIN, DispatchFailure

    with pytest.raises(DispatchFailure) as caught:
        _store(storage, b"signed").dispatch(signed(alice))
    assert caught.value.reason == BAD_ORIGIN
