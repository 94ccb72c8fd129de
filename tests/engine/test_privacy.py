"""The privacy ledger's arithmetic against dp-accounting, and the properties the chain relies on."""

import decimal
import math

import dp_accounting
import pytest
from dp_accounting.pld import pld_privacy_accountant
from dp_accounting.rdp import rdp_privacy_accountant
from hypothesis import given, settings
from hypothesis import strategies as st

from tilth.primitives import privacy

DELTA_PICO = 10**7  # 1e-5

SETTINGS = [  # rate per billion, noise multiplier in thousandths, steps
    (10**9, 27_900, 40),
    (10**9, 14_300, 40),
    (10**9, 7_460, 40),
    (10**9, 4_020, 40),
    (10**9, 2_000, 1),
    (10**9, 50_000, 100),
    (10**9, 100_000, 1),
    (10**9, 10_000, 1000),
    (10_000_000, 1_100, 1000),
    (10_000_000, 800, 1000),
    (1_000_000, 700, 10_000),
    (100_000_000, 2_000, 500),
    (100_000_000, 4_000, 100),
    (50_000_000, 1_500, 300),
    (4_266_667, 6_000, 5000),
    (250_000_000, 3_000, 200),
    (20_000_000, 1_000, 2000),
    (500_000_000, 5_000, 60),
    (4_000_000, 600, 5000),
    (150_000_000, 8_000, 400),
]

KNOWN = (
    128510082,
    196277890,
    266718315,
    340157967,
    417029455,
    584070336,
    807582174,
    41385519380,
    1699826727754,
    3416931039561,
    6794515910076,
    11805674147028,
    21768012866288,
    35015775825974,
    61481568958848,
    101161894290029,
)
KNOWN_EPSILON = 1725593


def _event(rate: int, noise: int, steps: int) -> dp_accounting.DpEvent:
    release: dp_accounting.DpEvent = dp_accounting.GaussianDpEvent(noise / 1000)
    if rate < privacy.FULL_BATCH:
        release = dp_accounting.PoissonSampledDpEvent(rate / 1e9, release)
    return dp_accounting.SelfComposedDpEvent(release, steps)


def _ours(rate: int, noise: int, steps: int) -> float:
    return privacy.epsilon(privacy.cost(rate, noise, steps), DELTA_PICO) / 1e6


@pytest.mark.parametrize("setting", SETTINGS)
def test_epsilon_is_close_to_the_same_accountant_with_its_own_orders(
    setting: tuple[int, int, int],
) -> None:
    oracle = rdp_privacy_accountant.RdpAccountant([*range(2, 64), 64, 80, 96, 128, 192, 256, 512])
    oracle.compose(_event(*setting))

    assert _ours(*setting) == pytest.approx(oracle.get_epsilon(1e-5), rel=0.10)


@pytest.mark.parametrize("setting", SETTINGS)
def test_epsilon_is_never_below_the_exact_privacy_loss(setting: tuple[int, int, int]) -> None:
    exact = pld_privacy_accountant.PLDAccountant()
    exact.compose(_event(*setting))

    assert _ours(*setting) >= exact.get_epsilon(1e-5)


def test_a_full_batch_costs_order_over_twice_the_noise_squared() -> None:
    spent = privacy.cost(privacy.FULL_BATCH, 4_000, 40)

    exact = [40 * order * 10**9 // 32 for order in privacy.ORDERS]
    assert all(0 <= ours - true <= 1 for ours, true in zip(spent, exact, strict=True))


def test_a_cost_is_the_same_whatever_the_threads_decimal_context() -> None:
    usual = privacy.cost(10_000_000, 1_100, 1000), privacy.epsilon((10**8,) * 16, DELTA_PICO)

    with decimal.localcontext(decimal.Context(prec=3, rounding=decimal.ROUND_DOWN, Emax=5)):
        narrow = privacy.cost(10_000_000, 1_100, 1000), privacy.epsilon((10**8,) * 16, DELTA_PICO)

    assert narrow == usual


def test_a_known_cost_never_changes() -> None:
    spent = privacy.cost(10_000_000, 1_100, 1000)

    assert spent == KNOWN
    assert privacy.epsilon(spent, DELTA_PICO) == KNOWN_EPSILON


rates = st.one_of(st.just(privacy.FULL_BATCH), st.integers(1_000, 10**9))
noises = st.integers(500, 50_000)


@settings(max_examples=30, deadline=None)
@given(rates, noises, st.integers(1, 5_000), st.integers(1, 5_000))
def test_more_steps_never_cost_less(rate: int, noise: int, steps: int, more: int) -> None:
    fewer, longer = privacy.cost(rate, noise, steps), privacy.cost(rate, noise, steps + more)

    assert all(a <= b for a, b in zip(fewer, longer, strict=True))
    assert privacy.epsilon(fewer, DELTA_PICO) <= privacy.epsilon(longer, DELTA_PICO)


@settings(max_examples=30, deadline=None)
@given(rates, noises, st.integers(1, 5_000), st.integers(1, 5_000))
def test_two_jobs_never_cost_less_than_one_of_both_lengths(
    rate: int, noise: int, steps: int, more: int
) -> None:
    apart = privacy.add(privacy.cost(rate, noise, steps), privacy.cost(rate, noise, more))

    together = privacy.cost(rate, noise, steps + more)
    assert all(0 <= a - b <= 1 for a, b in zip(apart, together, strict=True))


def test_a_returned_reservation_leaves_what_was_spent() -> None:
    spent, reserved = privacy.cost(10**9, 4_000, 40), privacy.cost(10**9, 9_000, 10)

    assert privacy.subtract(privacy.add(spent, reserved), reserved) == spent
    with pytest.raises(ValueError, match="none below zero"):
        privacy.subtract(privacy.NOTHING, reserved)


def test_nothing_spent_is_epsilon_zero() -> None:
    assert privacy.epsilon(privacy.NOTHING, DELTA_PICO) == 0


@pytest.mark.parametrize(
    ("rate", "steps", "target"), [(10**9, 40, 3.0), (10**9, 100, 1.0), (50_000_000, 400, 8.0)]
)
def test_the_noise_found_is_enough_and_the_least(rate: int, steps: int, target: float) -> None:
    noise = privacy.noise_for(round(target * 1e6), DELTA_PICO, rate, steps)

    assert _ours(rate, noise, steps) <= target < _ours(rate, noise - 1, steps)


def test_an_epsilon_that_no_noise_reaches_is_refused_with_advice() -> None:
    with pytest.raises(ValueError, match="fewer steps or a larger ε"):
        privacy.noise_for(1, DELTA_PICO, privacy.FULL_BATCH, 1000)


@pytest.mark.parametrize(
    "setting", [(0, 1000, 1), (10**9 + 1, 1000, 1), (10**9, 99, 1), (10**9, 1000, 0)]
)
def test_a_setting_outside_the_bounds_is_refused(setting: tuple[int, int, int]) -> None:
    with pytest.raises(ValueError, match="lies between"):
        privacy.cost(*setting)


def test_the_largest_cost_fits_an_unsigned_64_bit_entry() -> None:
    worst = privacy.cost(privacy.FULL_BATCH, privacy.MIN_NOISE_MILLI, privacy.MAX_STEPS)

    assert math.log2(max(worst)) < 64
