"""Who is authorized stores for nothing: as much as was allowed, until it expires."""

from typing import Any

import pytest

from tilth.frame import (
    BAD_ORIGIN,
    NOBODY,
    ROOT,
    AccountId,
    InvalidTransactionError,
    TransactionSource,
    hashing,
    signed,
    validity,
)
from tilth.pallets.transaction_storage import (
    AuthorizationExtent,
    Error,
    ForAccount,
    ForPreimage,
    Stored,
)

POOR = AccountId(b"p" * 32)
PERIOD = 10


@pytest.fixture
def storage(market: Any, monkeypatch: pytest.MonkeyPatch) -> Any:
    storage = market.transaction_storage
    monkeypatch.setattr(storage.book, "_period", PERIOD)
    return storage


def test_only_an_authorizer_authorizes(storage: Any, refused: Any, alice: Any) -> None:
    nobody_special = signed(alice)
    with refused(BAD_ORIGIN):
        storage.authorize_account(nobody_special, alice, 1, 1)
    with refused(BAD_ORIGIN):
        storage.authorize_preimage(nobody_special, bytes(32), 1)
    with refused(BAD_ORIGIN):
        storage.refresh_account_authorization(nobody_special, alice)
    with refused(BAD_ORIGIN):
        storage.refresh_preimage_authorization(nobody_special, bytes(32))


def test_an_authorized_account_needs_no_money(market: Any, storage: Any) -> None:
    storage.authorize_account(ROOT, POOR, 3, 100)
    storage.store(signed(POOR), b"ten bytes!")

    assert market.money.held(storage.Hold.STORAGE_FEE_HOLD, POOR) == 0
    assert storage.account_authorization(POOR) == AuthorizationExtent(2, 90)


def test_an_authorized_account_lives_until_its_authorization_ends(
    market: Any, storage: Any
) -> None:
    storage.authorize_account(ROOT, POOR, 2, 100)
    assert market.system.account[POOR].providers == 1
    storage.store(signed(POOR), bytes(100))

    assert market.system.account[POOR].providers == 0
    assert ForAccount(POOR) not in storage.authorizations


def test_who_exceeds_an_authorization_pays_a_deposit(market: Any, storage: Any, alice: Any) -> None:
    storage.authorize_account(ROOT, alice, 2, 5)
    storage.store(signed(alice), b"six by")

    price = storage.entry_fee.get() + 6 * storage.byte_fee.get()
    assert market.money.held(storage.Hold.STORAGE_FEE_HOLD, alice) == price
    assert storage.account_authorization(alice) == AuthorizationExtent(2, 5)


def test_accounts_gather_what_they_are_given(storage: Any, alice: Any) -> None:
    storage.authorize_account(ROOT, alice, 1, 10)
    storage.authorize_account(ROOT, alice, 2, 20)

    assert storage.account_authorization(alice) == AuthorizationExtent(3, 30)


def test_a_preimage_keeps_the_larger_size(storage: Any) -> None:
    storage.authorize_preimage(ROOT, bytes(32), 10)
    storage.authorize_preimage(ROOT, bytes(32), 7)

    assert storage.preimage_authorization(bytes(32)) == AuthorizationExtent(1, 10)


def test_a_preimages_authorization_is_used_before_the_accounts(storage: Any, alice: Any) -> None:
    storage.authorize_account(ROOT, alice, 1, 10)
    storage.authorize_preimage(ROOT, hashing.blake2_256(b"known"), 5)
    storage.store(signed(alice), b"known")

    assert storage.account_authorization(alice) == AuthorizationExtent(1, 10)
    assert storage.preimage_authorization(hashing.blake2_256(b"known")).transactions == 0


def test_an_authorization_ends_and_may_be_refreshed(market: Any, storage: Any, alice: Any) -> None:
    storage.authorize_account(ROOT, alice, 1, 10)
    market.go_to(PERIOD)
    storage.refresh_account_authorization(ROOT, alice)
    market.go_to(2 * PERIOD - 1)
    assert storage.account_authorization(alice) == AuthorizationExtent(1, 10)
    market.go_to(2 * PERIOD)

    assert storage.account_authorization(alice) == AuthorizationExtent(0, 0)


def test_what_expired_is_replaced_not_extended(market: Any, storage: Any, alice: Any) -> None:
    storage.authorize_account(ROOT, alice, 5, 50)
    market.go_to(1 + PERIOD)
    storage.authorize_account(ROOT, alice, 1, 10)

    assert storage.account_authorization(alice) == AuthorizationExtent(1, 10)
    assert market.system.account[alice].providers == 1


def test_anyone_removes_what_expired_and_nothing_sooner(
    market: Any, storage: Any, refused: Any, alice: Any, bob: Any
) -> None:
    storage.authorize_account(ROOT, alice, 1, 10)
    storage.authorize_preimage(ROOT, bytes(32), 10)
    with refused(Error.AUTHORIZATION_NOT_EXPIRED):
        storage.remove_expired_account_authorization(signed(bob), alice)
    market.go_to(1 + PERIOD)
    storage.remove_expired_account_authorization(signed(bob), alice)
    storage.remove_expired_preimage_authorization(NOBODY, bytes(32))

    assert list(storage.authorizations.keys()) == []
    with refused(Error.AUTHORIZATION_NOT_FOUND):
        storage.remove_expired_account_authorization(signed(bob), alice)


def test_what_is_not_there_is_not_refreshed(storage: Any, refused: Any, alice: Any) -> None:
    with refused(Error.AUTHORIZATION_NOT_FOUND):
        storage.refresh_account_authorization(ROOT, alice)


@pytest.mark.parametrize("extent", [(0, 1), (1, 0)])
def test_nobody_is_authorized_to_nothing(
    storage: Any, refused: Any, alice: Any, extent: tuple[int, int]
) -> None:
    with refused(Error.BAD_DATA_SIZE):
        storage.authorize_account(ROOT, alice, *extent)


def test_root_stores_for_nothing(market: Any, storage: Any) -> None:
    storage.store(ROOT, b"by decree")

    assert market.events()[-1] == Stored(
        0, hashing.blake2_256(b"by decree"), market.events()[-1].cid
    )


def _validate(storage: Any, call: Any) -> Any:
    return storage.validate_unsigned(TransactionSource.EXTERNAL, call)


def _reason(caught: Any) -> Any:
    return caught.value.error.reason


def test_what_is_authorized_is_stored_by_nobody(storage: Any) -> None:
    content_hash = hashing.blake2_256(b"leaked")
    storage.authorize_preimage(ROOT, content_hash, 6)
    call = storage.store.call(b"leaked")
    valid = _validate(storage, call)
    storage.pre_dispatch_unsigned(call)
    call.dispatch(NOBODY)

    assert valid.provides == (b"\x70TransactionStorageStoreRenew" + content_hash,)
    assert (valid.priority, valid.longevity) == (2**64 - 4, 14_400)
    assert storage.content_size(content_hash) == 6
    assert ForPreimage(content_hash) not in storage.authorizations


def test_what_is_not_authorized_is_not_stored_by_nobody(storage: Any) -> None:
    with pytest.raises(InvalidTransactionError) as caught:
        _validate(storage, storage.store.call(b"unasked"))
    assert _reason(caught) == validity.Payment()


def test_nobody_stores_more_than_was_authorized(storage: Any) -> None:
    storage.authorize_preimage(ROOT, hashing.blake2_256(b"long"), 3)
    with pytest.raises(InvalidTransactionError) as caught:
        _validate(storage, storage.store.call(b"long"))
    assert _reason(caught) == validity.Payment()


@pytest.mark.parametrize(
    ("call", "code"),
    [
        (lambda storage: storage.store.call(b""), 1),
        (lambda storage: storage.renew.call(1, 0), 2),
        (lambda storage: storage.remove_expired_account_authorization.call(POOR), 3),
    ],
)
def test_nonsense_without_a_signature_has_a_code(storage: Any, call: Any, code: int) -> None:
    with pytest.raises(InvalidTransactionError) as caught:
        _validate(storage, call(storage))
    assert _reason(caught) == validity.Custom(code)


def test_a_valid_authorization_is_not_cleaned_up(storage: Any) -> None:
    storage.authorize_account(ROOT, POOR, 1, 1)
    with pytest.raises(InvalidTransactionError) as caught:
        _validate(storage, storage.remove_expired_account_authorization.call(POOR))
    assert _reason(caught) == validity.Custom(4)


def test_an_expired_authorization_is_cleaned_up_without_a_signature(
    market: Any, storage: Any
) -> None:
    storage.authorize_account(ROOT, POOR, 1, 1)
    market.go_to(1 + PERIOD)
    call = storage.remove_expired_account_authorization.call(POOR)

    valid = _validate(storage, call)
    storage.pre_dispatch_unsigned(call)
    call.dispatch(NOBODY)

    assert valid.provides[0].endswith(b"RemoveExpiredAccountAuthorization" + POOR)
    assert list(storage.authorizations.keys()) == []


def test_other_calls_need_a_signature(storage: Any) -> None:
    with pytest.raises(InvalidTransactionError) as caught:
        _validate(storage, storage.authorize_account.call(POOR, 1, 1))
    assert _reason(caught) == validity.Call()
