"""Who was first, what resembles what, what was made from what, and publishing by a fresh key."""

from contextlib import nullcontext
from typing import Any

import pytest

from tilth.frame import (
    H256,
    NOBODY,
    AccountId,
    DispatchFailure,
    InvalidTransactionError,
    TransactionSource,
    hashing,
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
from tilth.pallets.datasets.anonymous import payload_of, work_bits
from tilth.pallets.datasets.originality import commitment
from tilth.pallets.datasets.types import MAX_USES
from tilth.primitives.crypto.keypair import Keypair
from tilth.primitives.work import work

ALICE = AccountId(b"\xa1" * 32)
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
    assert DuplicateOf(0, original) in market.events()


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


def test_a_reservation_takes_a_deposit_until_it_is_used(market: Any, alice: Any, bob: Any) -> None:
    """Whoever makes it, for whomever it is."""
    reason, deposit = market.datasets.Hold.STORAGE_DEPOSIT, market.datasets.deposit
    market.datasets.reserve(bob, commitment(FINGERPRINT, alice, SALT))
    assert market.money.held(reason, bob) == deposit
    market.go_to(2)
    market.publish(alice, salt=SALT)

    assert market.money.held(reason, bob) == 0
    assert market.money.held(reason, alice) == deposit


def test_the_deposit_pays_for_all_that_a_publication_leaves_in_the_state(market: Any) -> None:
    def size() -> int:
        prefix = hashing.twox_128(b"Datasets")
        changes = market.slot.overlay.changes().items()
        return sum(
            len(key) + len(value) for key, value in changes if key.startswith(prefix) and value
        )

    sources = [market.publish(fingerprint=H256(bytes((n,)) * 32)) for n in range(MAX_USES)]
    before = size()
    tags = tuple(f"{number:032}" for number in range(16))
    made = market.publish(name="n" * 96, spdx="MIT", tags=tags, sketch=SKETCH)
    market.datasets.cite(ALICE, made, 0, tuple((source, 0) for source in sources))

    assert (
        0 < size() - before < market.datasets.deposit // market.transaction_storage.byte_fee.get()
    )


# Names.


@pytest.mark.parametrize(
    ("text", "readable"),
    [
        ("Zoë's 数据集 ❤️", True),
        ("می‌خواهم", True),
        ("", False),
        (" padded", False),
        ("\u200d", False),
        ("red \x1b[31m text", False),
        ("two\nlines", False),
        ("invoice\u202efdp.csv", False),
        ("zero\u200bwidth", False),
    ],
)
def test_names_and_tags_show_what_they_are(market: Any, text: str, readable: bool) -> None:
    for described in ({"name": text}, {"tags": (text,)}):
        with nullcontext() if readable else pytest.raises(DispatchFailure):
            market.publish(**described)


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


def test_the_newest_revision_that_cites_is_told(market: Any, alice: Any) -> None:
    source, made = market.publish(), market.publish()
    draft = market.described()["draft"]
    market.datasets.publish_revision(alice, source, draft, (), None)
    market.datasets.publish_revision(alice, made, draft, (), None)
    market.datasets.cite(alice, made, 1, ((source, 0),))
    market.datasets.cite(alice, made, 0, ((source, 1),))

    assert market.datasets.cited_by[source, made] == 1


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
    signature = key.sign(payload)
    bits = work_bits(market.datasets.anonymous_work_bits, len(described["contents"]))
    return market.datasets.publish_anonymous.call(
        publisher=publisher,
        **described,
        work=work(payload + signature, bits),
        signature=signature,
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
    other = AccountId(Keypair.from_seed(b"\x08" * 32).account)
    easy.datasets.anonymous_work_bits = 0

    assert _reason(easy, replace_argument(call, "publisher", other)) == validity.BadProof()


def test_work_is_for_one_publication(easy: Any) -> None:
    easy.datasets.anonymous_work_bits = 12
    call = _anonymous(easy)

    assert _reason(easy, replace_argument(call, "name", "other")) == validity.Payment()


def test_work_is_for_one_signature(easy: Any) -> None:
    """A key signs the same in any number of ways, and each would be tried at length."""
    easy.datasets.anonymous_work_bits = 12
    call = _anonymous(easy)
    *described, _, _ = call.args
    payload = payload_of(easy.system.hash_of_block(0), *described)
    again = replace_argument(call, "signature", FRESH.sign(payload))

    assert _reason(easy, again) == validity.Payment()


def test_work_grows_with_what_the_pot_pays_for() -> None:
    assert [work_bits(20, contents) for contents in (0, 1, 7, 4096)] == [20, 21, 23, 33]


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
