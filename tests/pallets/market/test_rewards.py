"""Each era pays publishers by the fees their data burned, and never more than there is."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tilth.frame import AccountId, Perbill, codec
from tilth.pallets.rewards import (
    ActiveEra,
    Claimed,
    EraInfo,
    EraSettled,
    EraStarted,
    Error,
    Unclaimed,
    era_pool,
    halvings,
    share,
)

POOL = 1_000_000_000_000_000
STRANGER = AccountId(b"\x51" * 32)


@pytest.fixture
def market(market: Any, alice: Any, bob: Any) -> Any:
    """Alice and Bob have published a dataset each."""
    market.publish(alice)
    market.publish(bob)
    return market


def _next_era(market: Any) -> None:
    started = market.rewards.current_era.get().started
    market.go_to(started + market.rewards.era_length)


# Eras.


def test_an_era_ends_after_its_length(market: Any) -> None:
    market.go_to(market.rewards.era_length - 1)
    assert market.rewards.current_era.get() == ActiveEra(0, 0)
    _next_era(market)

    assert market.rewards.current_era.get() == ActiveEra(1, 600)
    assert market.events() == [EraSettled(0, POOL, 0, 0), EraStarted(1)]


def test_an_era_without_fees_issues_nothing(market: Any) -> None:
    issuance = market.money.total_issuance_now()
    _next_era(market)

    assert market.rewards.issued.get() == 0
    assert market.money.total_issuance_now() == issuance


def test_fees_count_for_the_era_they_were_burned_in(market: Any) -> None:
    market.rewards.record_fee(0, 100)
    market.rewards.record_fee(0, 50)
    market.rewards.record_fee(1, 25)
    _next_era(market)
    market.rewards.record_fee(1, 7)

    assert market.rewards.era_info[0] == EraInfo(POOL, 175, 0)
    assert market.rewards.fees_burned[0, 0] == 150
    assert market.rewards.fees_burned[1, 1] == 7


def test_a_fee_of_data_without_publisher_is_counted_and_earns_nothing(market: Any) -> None:
    market.rewards.record_fee(9, 100)
    _next_era(market)

    assert market.rewards.era_info[0].fees == 100
    assert list(market.rewards.accrued.keys()) == []
    market.try_state()


def test_what_an_era_grants_counts_as_issued(market: Any) -> None:
    market.rewards.record_fee(0, 101)
    _next_era(market)

    assert market.events() == [EraSettled(0, POOL, 101, 50), EraStarted(1)]
    assert market.rewards.issued.get() == 50


# Claims.


def test_a_publisher_claims_a_share_below_the_fees(market: Any, alice: Any) -> None:
    market.rewards.record_fee(0, 1_000)
    _next_era(market)
    before, issuance = market.money.free_balance(alice), market.money.total_issuance_now()
    market.rewards.claim(alice, None, (0,))

    assert market.money.free_balance(alice) - before == 500
    assert market.money.total_issuance_now() - issuance == 500
    assert market.events()[-1] == Claimed(0, alice, alice, 500)
    assert market.rewards.era_info[0].claimed == 500


def test_a_scarce_pool_is_shared_by_fees(
    market: Any, alice: Any, bob: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(market.rewards, "base_issuance", 100)
    market.rewards.record_fee(0, 1_000)
    market.rewards.record_fee(1, 500)
    _next_era(market)

    assert market.rewards.unclaimed(alice) == (Unclaimed(0, 66),)
    assert market.rewards.unclaimed(bob) == (Unclaimed(0, 33),)


def test_a_share_goes_where_the_publisher_says(market: Any, alice: Any) -> None:
    market.rewards.record_fee(0, 1_000)
    _next_era(market)
    market.rewards.claim(alice, STRANGER, (0,))

    assert market.money.free_balance(STRANGER) == 500
    assert market.events()[-1] == Claimed(0, alice, STRANGER, 500)


def test_several_eras_are_claimed_at_once(market: Any, alice: Any) -> None:
    for fee in (10, 20, 30):
        market.rewards.record_fee(0, fee)
        _next_era(market)
    before = market.money.free_balance(alice)
    market.rewards.claim(alice, None, (0, 1, 2))

    assert market.money.free_balance(alice) - before == 30
    market.try_state()


def test_a_share_is_claimed_once(market: Any, refused: Any, alice: Any) -> None:
    market.rewards.record_fee(0, 1_000)
    _next_era(market)
    with refused(Error.NOTHING_TO_CLAIM):
        market.rewards.claim(alice, None, (0, 0))
    market.rewards.claim(alice, None, (0,))
    with refused(Error.NOTHING_TO_CLAIM):
        market.rewards.claim(alice, None, (0,))


def test_only_the_publisher_has_something_to_claim(market: Any, refused: Any, bob: Any) -> None:
    market.rewards.record_fee(0, 1_000)
    _next_era(market)
    with refused(Error.NOTHING_TO_CLAIM):
        market.rewards.claim(bob, None, (0,))
    with refused(Error.NOTHING_TO_CLAIM):
        market.rewards.claim(bob, None, ())


def test_an_era_is_claimed_when_it_is_over(market: Any, refused: Any, alice: Any) -> None:
    market.rewards.record_fee(0, 1_000)
    for era in (0, 1, 99):
        with refused(Error.ERA_NOT_OVER):
            market.rewards.claim(alice, None, (era,))


def test_a_share_of_nothing_is_claimed_without_minting(market: Any, alice: Any) -> None:
    market.rewards.record_fee(0, 1)
    _next_era(market)
    market.rewards.claim(alice, None, (0,))

    assert market.events()[-1] == Claimed(0, alice, alice, 0)


def test_the_runtime_api_tells_what_can_be_claimed(market: Any, alice: Any) -> None:
    market.rewards.record_fee(0, 1_000)
    _next_era(market)
    market.rewards.record_fee(0, 1_000)

    answer = market.call("RewardsApi_unclaimed", alice)
    assert codec(tuple[Unclaimed, ...]).decode(answer) == (Unclaimed(0, 500),)


def test_a_reward_above_the_fee_is_no_configuration(
    market: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(market.rewards, "reward_limit", Perbill(10**9))

    with pytest.raises(AssertionError, match="less than the fee"):
        market.rewards.genesis()


def test_overspent_eras_are_noticed(market: Any) -> None:
    market.rewards.record_fee(0, 1_000)
    _next_era(market)
    market.try_state()
    market.rewards.era_info[0] = EraInfo(POOL, 1_000, 501)

    with pytest.raises(AssertionError, match="claimed"):
        market.try_state()


def test_calls_stand_at_their_indices(market: Any) -> None:
    assert [(c.index, c.name) for c in market.rewards.parsed().calls] == [(10, "claim")]


# Issuance.


@pytest.mark.parametrize(
    ("left", "count"), [(1000, 0), (501, 0), (500, 1), (251, 1), (250, 2), (125, 3), (1, 9)]
)
def test_issuance_halves_with_what_is_left(left: int, count: int) -> None:
    assert halvings(1000, left) == count


def test_the_pool_ends_at_the_cap() -> None:
    assert era_pool(100, 1000, 0) == 100
    assert era_pool(100, 1000, 500) == 50
    assert era_pool(100, 1000, 999) == 0
    assert era_pool(10_000, 1000, 999) == 1
    assert era_pool(100, 1000, 1000) == 0


@given(st.integers(1, 10**30), st.integers(1, 10**30))
def test_issuance_never_exceeds_the_cap(base: int, cap: int) -> None:
    issued = 0
    for _ in range(50):
        pool = era_pool(base, cap, issued)
        assert 0 <= pool <= base
        issued += pool
        assert issued <= cap


amounts = st.integers(0, 10**24)


@given(amounts, st.lists(amounts, min_size=1, max_size=8), st.integers(0, 10**9 - 1))
def test_shares_stay_within_pool_and_fees(pool: int, fees: list[int], limit: int) -> None:
    total = sum(fees)
    shares = [share(pool, fee, total, limit) for fee in fees]

    assert sum(shares) <= share(pool, total, total, limit) <= pool
    assert all(got < fee or fee == 0 for got, fee in zip(shares, fees, strict=True))
