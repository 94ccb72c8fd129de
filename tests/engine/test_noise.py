"""The noise is the discrete Gaussian, down to comparisons that a few bits cannot decide."""

import math
import os
from collections.abc import Callable
from decimal import Decimal, localcontext

import numpy as np
import numpy.typing as npt
import pytest

from tilth.engine import core, noise

SMALL = 1 << 12


def _share_below(z: float) -> float:
    return 0.5 * (1 + math.erf(z / math.sqrt(2)))


def _looks_like(seen: npt.NDArray[np.int64], expected: npt.NDArray[np.float64]) -> bool:
    """χ² within six of its standard deviations: one false alarm in millions of runs."""
    freedom = len(seen) - 1
    chi_squared = float(((seen - expected) ** 2 / expected).sum())
    return abs(chi_squared - freedom) < 6 * math.sqrt(2 * freedom)


def test_the_spread_is_that_of_a_gaussian() -> None:
    sigma = core.sensitivity(100) * 3
    drawn = noise.DiscreteGaussian(sigma).draw(200_000)

    ours = np.arange(1, len(drawn) + 1) / len(drawn)
    ideal = np.array([_share_below(z) for z in np.sort(drawn) / sigma])
    assert abs(ours - ideal).max() * math.sqrt(len(drawn)) < 2.7  # Kolmogorov: p = 1e-6


def test_every_stretch_of_integers_has_its_share() -> None:
    drawn = noise.DiscreteGaussian(SMALL).draw(400_000)
    edges = np.linspace(-4 * SMALL, 4 * SMALL, 65).round() + 0.5

    seen = np.histogram(drawn, edges)[0]
    shares = np.diff([_share_below(edge) for edge in edges / SMALL])
    assert _looks_like(seen, shares / shares.sum() * seen.sum())


def test_low_bits_are_even() -> None:
    drawn = noise.DiscreteGaussian(core.sensitivity(10) * 4).draw(100_000)

    seen = np.bincount((drawn & 63).astype(np.int64), minlength=64)
    assert _looks_like(seen, np.full(64, seen.mean()))


def test_neighbouring_numbers_do_not_resemble_each_other() -> None:
    drawn = noise.DiscreteGaussian(SMALL).draw(100_000)

    assert abs(np.corrcoef(drawn[:-1], drawn[1:])[0, 1]) < 0.02


def test_the_table_gives_each_bin_exactly_its_weight() -> None:
    sigma, width = 5 * SMALL, 1 << 9
    parts = noise._edge_weights(sigma, width)

    thresholds, other = noise._alias_table(list(parts))

    column = (1 << 128) // len(parts)
    rebuilt = [0] * len(parts)
    for own, threshold in enumerate(thresholds):
        rebuilt[own] += threshold
        rebuilt[other[own]] += column - threshold
    assert rebuilt == parts
    assert sum(parts) == 1 << 128


def test_bins_weigh_as_the_bell_does() -> None:
    sigma, width = 5 * SMALL, 1 << 9
    parts = noise._edge_weights(sigma, width)

    with localcontext() as context:
        context.prec = 50
        for j in (1, 40, 100, 200):
            bell = (Decimal(-((j * width) ** 2)) / (2 * sigma**2)).exp()
            assert abs(Decimal(parts[j]) / parts[0] - bell) < Decimal("1e-33")


def _scripted(*answers: bytes) -> Callable[[int], bytes]:
    """A source that gives these bytes, one answer for each request."""
    remaining = list(answers)

    def answer(size: int) -> bytes:
        given = remaining.pop(0)
        assert len(given) == size
        return given

    return answer


def _word(value: int) -> bytes:
    return value.to_bytes(4, "little")


@pytest.mark.parametrize(("extra", "own"), [(0, True), ((1 << 96) - 1, False)])
def test_a_tie_in_the_table_is_decided_by_further_bits(extra: int, own: bool) -> None:
    plain = noise.DiscreteGaussian(SMALL)
    column = next(j for j in range(1024) if plain._other[j] != j and plain._remainder[j])
    tie = (column << 22) | int(plain._threshold[column])

    source = noise.DiscreteGaussian(SMALL, _scripted(extra.to_bytes(12, "little")))
    (chosen,) = source._bins(np.array([tie], np.uint32))

    assert chosen == (column if own else plain._other[column])


@pytest.mark.parametrize(("extra", "kept"), [(0, True), ((1 << 96) - 1, False)])
def test_a_coin_on_the_edge_is_weighed_exactly(extra: int, kept: bool) -> None:
    source = noise.DiscreteGaussian(SMALL, _scripted(extra.to_bytes(12, "little")))
    edge, place = 3 << 7, (3 << 7) + 100
    coin = source._chance(edge, place) >> 96

    (decided,) = source._keep(np.array([3]), np.array([place]), np.array([coin], np.uint32))

    assert decided == kept


def test_what_is_surely_kept_is_kept_in_exact_arithmetic_too() -> None:
    source = noise.DiscreteGaussian(SMALL)
    width = 1 << source._width_bits

    for j in range(0, 400, 7):
        least = source._chance(j * width, (j + 1) * width - 1)
        assert int(source._surely_kept[j]) << 96 <= least


def test_minus_zero_is_drawn_again() -> None:
    zero_bin = 0  # column 0 below any threshold: bin 0
    minus_zero = _word(zero_bin) * 17 + _word(1 << 31) * 17 + _word(0) * 17
    seventeen = _word(zero_bin) * 17 + _word(17) * 17 + _word(0) * 17
    source = noise.DiscreteGaussian(SMALL, _scripted(minus_zero, seventeen))

    assert source.draw(1).tolist() == [17]


def test_each_number_takes_about_twelve_random_bytes() -> None:
    taken = 0

    def counting(size: int) -> bytes:
        nonlocal taken
        taken += size
        return os.urandom(size)

    noise.DiscreteGaussian(SMALL, counting).draw(10_000)

    assert taken < 10_000 * 13


@pytest.mark.parametrize("sigma", [SMALL - 1, 1 << 36])
def test_a_spread_beyond_the_sampler_is_refused(sigma: int) -> None:
    with pytest.raises(ValueError, match="it lies from"):
        noise.DiscreteGaussian(sigma)


def test_noise_is_the_multiplier_times_the_sensitivity_rounded_up() -> None:
    spread = core.noise(1000, 1500, os.urandom)

    assert spread._sigma == math.ceil(1.5 * core.sensitivity(1000))
