"""Secret choices: each row by its own coin, seats at random, slots by public numbers alone."""

import os
from math import sqrt

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tilth.engine import sampling
from tilth.engine.spec import FULL_BATCH


def test_a_full_batch_takes_every_row() -> None:
    assert sampling.drawn(5, FULL_BATCH, os.urandom).tolist() == [0, 1, 2, 3, 4]


def test_rows_are_drawn_at_their_rate() -> None:
    count, rate = 200_000, 0.1
    drawn = sampling.drawn(count, round(rate * FULL_BATCH), os.urandom)

    assert abs(len(drawn) - count * rate) < 6 * sqrt(count * rate * (1 - rate))
    assert len(set(drawn.tolist())) == len(drawn)


@given(st.integers(1, 10**6), st.integers(1, FULL_BATCH))
def test_slots_are_whole_microbatches_and_hold_more_than_the_mean(count: int, rate: int) -> None:
    slots = sampling.slots_for(count, rate)

    assert slots % 64 == 0
    assert slots >= min(count, count * rate / FULL_BATCH)
    assert slots < count + 64


def test_slots_leave_room_for_twelve_standard_deviations() -> None:
    count, rate = 100_000, 0.01

    slots = sampling.slots_for(count, round(rate * FULL_BATCH))

    assert slots >= count * rate + 9 * sqrt(count * rate)


def test_each_row_sits_once_and_the_rest_stays_empty() -> None:
    seats = sampling.seated(np.array([4, 8, 9]), 64, os.urandom)

    assert sorted(seats.tolist()) == [sampling.EMPTY] * 61 + [4, 8, 9]


def test_seats_are_drawn_anew() -> None:
    rows = np.arange(40)

    first, second = (sampling.seated(rows, 64, os.urandom) for _ in range(2))

    assert first.tolist() != second.tolist()


def test_rows_beyond_the_slots_stay_out() -> None:
    seats = sampling.seated(np.arange(70), 64, os.urandom)

    assert sampling.EMPTY not in seats
    assert len(seats) == 64


@pytest.mark.parametrize("rate", [1, FULL_BATCH - 1])
def test_extreme_rates_are_drawn(rate: int) -> None:
    drawn = sampling.drawn(1000, rate, os.urandom)

    assert len(drawn) == 0 if rate == 1 else len(drawn) > 990
