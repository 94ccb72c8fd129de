"""Who was first, what resembles what, what was made from what, and publishing by a fresh key."""

from typing import Any

import pytest

from tilth.frame import (
    H256,
    NOBODY,
    AccountId,
    InvalidTransactionError,
    TransactionSource,
    validity,
)
from tilth.pallets.datasets import (
    Cited,
    Claim,
    DuplicateOf,
    Error,
    Published,
    PublisherChanged,
    Reserved,
    SimilarTo,
)
from tilth.pallets.datasets.anonymous import payload_of
from tilth.pallets.datasets.originality import commitment
from tilth.primitives.crypto.keypair import Keypair
from tilth.primitives.work import work

FINGERPRINT, SALT = H256(b"f" * 32), H256(b"s" * 32)
SKETCH = tuple(range(64))


# Reservations.


def test_who_reserved_was_first_though_another_published_first(
    market: Any, alice: Any, bob: Any
) -> None:
    market.datasets.reserve(alice, commitment(FINGERPRINT, alice, SALT))
    assert market.events()[-1] == Reserved(alice, commitment(FINGERPRINT, alice, SALT))
    market.go_to(2)
    market.publish(bob)
    market.go_to(3)
    original = market.publish(alice, salt=SALT)

    assert market.datasets.by_content[FINGERPRINT] == Claim(original, 0, since=1)
    assert DuplicateOf(1, 0) in market.events()


def test_without_a_reservation_the_first_to_publish_was_first(
    market: Any, alice: Any, bob: Any
) -> None:
    market.publish(bob)
    market.go_to(2)
    market.publish(alice)

    assert market.datasets.by_content[FINGERPRINT].dataset == 0


def test_a_reservation_is_its_makers_alone_and_used_once(
    market: Any, refused: Any, alice: Any, bob: Any
) -> None:
    market.content(b"manifest")
    market.content(b"metadata")
    market.datasets.reserve(alice, commitment(FINGERPRINT, alice, SALT))
    market.go_to(2)
    with refused(Error.RESERVATION_NOT_FOUND):
        market.publish(bob, salt=SALT)
    market.publish(alice, salt=SALT)
    with refused(Error.RESERVATION_NOT_FOUND):
        market.publish(alice, salt=SALT)


def test_a_reservation_is_a_block_old(market: Any, refused: Any, alice: Any) -> None:
    market.content(b"manifest")
    market.content(b"metadata")
    market.datasets.reserve(alice, commitment(FINGERPRINT, alice, SALT))
    with refused(Error.RESERVATION_TOO_YOUNG):
        market.publish(alice, salt=SALT)


def test_a_commitment_is_made_once(market: Any, refused: Any, alice: Any, bob: Any) -> None:
    market.datasets.reserve(alice, SALT)
    with refused(Error.ALREADY_RESERVED):
        market.datasets.reserve(bob, SALT)


# Likeness.


def test_a_near_copy_is_told_of_with_how_near(market: Any, bob: Any) -> None:
    market.publish(sketch=SKETCH)
    changed = (*(n + 1000 for n in SKETCH[:9]), *SKETCH[9:])
    copy = market.publish(bob, sketch=changed, fingerprint=H256(b"g" * 32))

    assert market.events()[-1] == SimilarTo(copy, 0, 55)


def test_what_shares_nothing_is_like_nothing(market: Any, bob: Any) -> None:
    market.publish(sketch=SKETCH)
    market.publish(bob, sketch=tuple(n + 1000 for n in SKETCH), fingerprint=H256(b"g" * 32))

    assert not [event for event in market.events() if isinstance(event, SimilarTo)]


def test_a_revision_is_not_like_its_own_dataset(market: Any, alice: Any) -> None:
    dataset = market.publish(sketch=SKETCH)
    draft = market.described(sketch=SKETCH)["draft"]
    market.datasets.publish_revision(alice, dataset, draft, (), None)

    assert not [event for event in market.events() if isinstance(event, SimilarTo)]


# Citations and publishers.


def test_a_revision_cites_what_it_was_made_from(market: Any, alice: Any, bob: Any) -> None:
    source = market.publish()
    made = market.publish(bob)
    market.datasets.cite(bob, made, 0, ((source, 0),))

    assert market.events()[-1] == Cited(made, 0, ((source, 0),))
    assert market.datasets.citations[made, 0] == ((source, 0),)
    assert market.datasets.cited_by[source, made] == 0


@pytest.mark.parametrize("uses", [(), ((1, 0),), ((0, 5),), ((7, 0),), ((0, 0), (0, 0))])
def test_only_other_revisions_that_exist_are_cited(
    market: Any, refused: Any, alice: Any, uses: Any
) -> None:
    market.publish()
    made = market.publish()
    with refused(Error.BAD_CITATION):
        market.datasets.cite(alice, made, 0, uses)


def test_what_was_cited_is_not_cited_again(market: Any, refused: Any, alice: Any) -> None:
    market.publish()
    made = market.publish()
    market.datasets.cite(alice, made, 0, ((0, 0),))
    with refused(Error.BAD_CITATION):
        market.datasets.cite(alice, made, 0, ((0, 0),))


def test_only_the_publisher_cites_and_gives_away(
    market: Any, refused: Any, alice: Any, bob: Any
) -> None:
    market.publish()
    made = market.publish()
    with refused(Error.NOT_PUBLISHER):
        market.datasets.cite(bob, made, 0, ((0, 0),))
    with refused(Error.NOT_PUBLISHER):
        market.datasets.transfer_publisher(bob, made, bob)
    market.datasets.transfer_publisher(alice, made, bob)

    assert market.events()[-1] == PublisherChanged(made, bob)
    assert market.datasets.publisher_of(made) == bob


def test_a_private_table_is_not_given_away(market: Any, refused: Any, alice: Any, bob: Any) -> None:
    private = market.register()
    with refused(Error.NOT_PUBLIC):
        market.datasets.transfer_publisher(alice, private, bob)


# Publishing without an account.

FRESH = Keypair.from_seed(b"\x07" * 32)


def _anonymous(market: Any, key: Keypair = FRESH, **changes: Any) -> Any:
    described = market.described(**changes)
    del described["salt"]
    publisher = AccountId(key.account)
    payload = payload_of(market.system.hash_of_block(0), publisher, **described)
    nonce = work(payload, market.datasets.anonymous_work_bits)
    return market.datasets.publish_anonymous.call(
        publisher=publisher, **described, work=nonce, signature=key.sign(payload)
    )


def _reason(market: Any, call: Any) -> Any:
    with pytest.raises(InvalidTransactionError) as caught:
        market.datasets.validate_unsigned(TransactionSource.EXTERNAL, call)
    return caught.value.error.reason


@pytest.fixture
def easy(market: Any, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Little work, and a full pot."""
    monkeypatch.setattr(market.datasets, "anonymous_work_bits", 6)
    market.fund(market.transaction_storage.pot, 10**15)
    return market


def test_a_fresh_key_without_money_publishes(easy: Any) -> None:
    call = _anonymous(easy)
    assert easy.datasets.validate_unsigned(TransactionSource.EXTERNAL, call).provides
    assert easy.datasets.next_id.get() == 0  # it was only tried
    easy.datasets.pre_dispatch_unsigned(call)
    call.dispatch(NOBODY)

    publisher = AccountId(FRESH.account)
    assert isinstance(easy.events()[-1], Published)
    assert easy.datasets.publisher_of(0) == publisher
    assert easy.money.free_balance(publisher) == 0
    pot = easy.transaction_storage.pot
    assert easy.money.held(easy.datasets.Hold.STORAGE_DEPOSIT, pot) == easy.datasets.deposit
    easy.try_state()


def test_the_same_is_not_published_twice_without_an_account(easy: Any) -> None:
    call = _anonymous(easy)
    call.dispatch(NOBODY)

    assert _reason(easy, call) == validity.Call()


def test_another_key_cannot_sign_for_it(easy: Any) -> None:
    call = _anonymous(easy)
    forged = Keypair.from_seed(b"\x08" * 32).sign(b"anything")

    assert _reason(easy, replace_argument(call, "signature", forged)) == validity.BadProof()


def test_work_is_for_one_publication(easy: Any) -> None:
    easy.datasets.anonymous_work_bits = 12
    call = _anonymous(easy)

    assert _reason(easy, replace_argument(call, "name", "other")) == validity.Payment()


def test_what_would_fail_does_not_enter(easy: Any) -> None:
    assert _reason(easy, _anonymous(easy, spdx="Nonsense")) == validity.Call()
    assert _reason(easy, _anonymous(easy, contents=(H256(bytes(32)),))) == validity.Call()


def test_an_empty_pot_publishes_nothing(market: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(market.datasets, "anonymous_work_bits", 6)

    assert _reason(market, _anonymous(market)) == validity.Call()


def replace_argument(call: Any, name: str, value: Any) -> Any:
    places = ("publisher", "name", "spdx", "tags", "draft", "contents", "work", "signature")
    args = list(call.args)
    args[places.index(name)] = value
    return call.method.call(*args)
