"""The pallet in a tiny runtime: calls, errors, events, time. Run it: python -m pytest"""

from datetime import timedelta

import pytest
from reviews import Error, Rated, Reviews, TakenBack

from tilth.frame import BAD_ORIGIN, H256, ROOT, AccountId, TokenError, hashing
from tilth.testing import Chain, TinyRuntime, raises

BOOK = H256(hashing.blake2_256(b"a book"))


class Library(TinyRuntime):
    def __init__(self) -> None:
        super().__init__()
        self.reviews = self.add(40, Reviews(currency=self.balances, deposit=100, week=10))


@pytest.fixture(scope="session")
def tilth_runtime() -> type[Library]:
    return Library


def test_a_reader_rates_a_book(chain: Chain[Library], alice: AccountId) -> None:
    reviews = chain.runtime.reviews

    happened = chain.dispatch(reviews.rate.call(BOOK, 5), alice)

    assert Rated(BOOK, alice, 5) in happened
    assert reviews.count[BOOK] == 1
    assert chain.runtime.balances.held(Reviews.Hold.RATING, alice) == 100


def test_a_book_is_rated_once_and_with_five_stars_at_most(
    chain: Chain[Library], alice: AccountId
) -> None:
    rate = chain.runtime.reviews.rate
    with raises(Error.NO_SUCH_RATING):
        chain.dispatch(rate.call(BOOK, 6), alice)

    rate(alice, BOOK, 5)  # a call is a method: without origin and events it is made so

    with raises(Error.RATED_ALREADY):
        rate(alice, BOOK, 1)


def test_who_cannot_pay_the_deposit_rates_nothing(chain: Chain[Library]) -> None:
    poor = chain.account(balance=50)

    with raises(TokenError.FUNDS_UNAVAILABLE):
        chain.dispatch(chain.runtime.reviews.rate.call(BOOK, 5), poor)

    assert (BOOK, poor) not in chain.runtime.reviews.ratings


def test_a_rating_is_taken_back_in_time_or_never(chain: Chain[Library], alice: AccountId) -> None:
    reviews = chain.runtime.reviews
    chain.dispatch(reviews.rate.call(BOOK, 2), alice)
    chain.build(9)

    with chain.snapshot():
        chain.build()
        with raises(Error.TOO_LATE):
            chain.dispatch(reviews.take_back.call(BOOK), alice)

    happened = chain.dispatch(reviews.take_back.call(BOOK), alice)
    assert happened.of(reviews) == [TakenBack(BOOK, alice)]


def test_only_root_removes_what_others_wrote(
    chain: Chain[Library], alice: AccountId, bob: AccountId
) -> None:
    remove = chain.runtime.reviews.remove
    chain.runtime.reviews.rate(alice, BOOK, 1)

    with raises(BAD_ORIGIN):
        chain.dispatch(remove.call(BOOK, alice), bob)
    chain.dispatch(remove.call(BOOK, alice), ROOT)

    assert chain.runtime.reviews.count[BOOK] == 0


def test_a_signed_transaction_does_it_as_well(chain: Chain[Library], bob: AccountId) -> None:
    chain.submit(chain.runtime.reviews.rate.call(BOOK, 4), bob)
    block = chain.build()
    chain.runtime.reviews.take_back(bob, BOOK)

    with chain.at(block) as then:
        assert then.reviews.count[BOOK] == 1
        assert Rated(BOOK, bob, 4) in chain.events


def test_time_goes_as_the_test_says(chain: Chain[Library]) -> None:
    before = chain.now

    chain.travel(timedelta(days=365))

    assert chain.now == before + timedelta(days=365)
    assert chain.runtime.timestamp.now.get() == chain.now.timestamp() * 1000
