"""Gaussian noise on the integers, exact, from the operating system's random numbers.

The discrete Gaussian has P(k) ∝ exp(-k²/2σ²) on the integers. For shifts by integer vectors its
moments E[(P_shifted/P)^n] = exp(n(n-1)|shift|²/2σ²) equal those of the continuous Gaussian, because
a sum over all integers does not change when it is shifted; and reflecting about a shift maps the
integers to themselves. These are the two facts that the accountant's proof uses (Mironov, Talwar,
Zhang 2019; Canonne, Kamath, Steinke 2020), so its costs hold here without any correction.

How a number is drawn: magnitudes are cut into bins of equal, power-of-two width. A bin is drawn in
proportion to the weight of its left edge, a place in it uniformly, and the place is kept with
probability weight(place) / weight(left edge); then the sign (minus zero is drawn again). Every
comparison is decided on its leading bits where these suffice with room for the error of the
float64 arithmetic, else with further random bits against 128-bit thresholds. Hence the distance
to the ideal, in total variation, is below 2^-110 for each number drawn: 1,024 thresholds and one
probability rounded to 2^-128, and the mass beyond 13σ, which is below 2^-120.
"""

import os
from collections.abc import Callable
from decimal import Context, Decimal, localcontext
from itertools import accumulate, islice, repeat
from math import ceil
from operator import mul
from typing import Final, TypeAlias

import numpy as np
import numpy.typing as npt

RandomBytes: TypeAlias = Callable[[int], bytes]
Integers: TypeAlias = npt.NDArray[np.int64]
_Words: TypeAlias = npt.NDArray[np.uint32]
_Flags: TypeAlias = npt.NDArray[np.bool_]

_COLUMNS: Final = 1024
_THRESHOLD_BITS: Final = 22  # with the column's ten they fill one random word
_REACH: Final = 13  # standard deviations; 64 bins each at most, so the columns suffice
_LEAST_SIGMA: Final = 1 << 12  # below it a bin would be narrower than 64 integers
_GREATEST_SIGMA: Final = (1 << 36) - 1  # above it a place and a sign no longer fit one word
_DOUBT: Final = 2.0**-10  # of one coin step; the float64 probability is off by less than 2^-16
_FINE: Final = 1 << 128
_EXACT: Final = Context(prec=60)


class DiscreteGaussian:
    def __init__(self, sigma: int, random: RandomBytes = os.urandom) -> None:
        if not _LEAST_SIGMA <= sigma <= _GREATEST_SIGMA:
            raise ValueError(f"sigma is {sigma}; it lies from {_LEAST_SIGMA} to {_GREATEST_SIGMA}")
        self._sigma = sigma
        self._random = random
        self._width_bits = sigma.bit_length() - 6
        self._scale = -0.5 / (float(sigma) * float(sigma))
        width = 1 << self._width_bits
        thresholds, self._other = _alias_table(_edge_weights(sigma, width))
        self._threshold = np.array([t >> 96 for t in thresholds], np.uint32)
        self._remainder = [t & (1 << 96) - 1 for t in thresholds]
        least = np.exp(self._scale * float(width) ** 2 * (2 * np.arange(_COLUMNS) + 1))
        self._surely_kept = np.floor(least * 2.0**32 - 1).clip(0).astype(np.uint32)

    def draw(self, count: int) -> Integers:
        """As many independent numbers; how many tries it takes does not depend on any data."""
        kept: list[Integers] = []
        missing = count
        while missing > 0:
            fresh = self._try(missing + missing // 32 + 16)[:missing]
            kept.append(fresh)
            missing -= len(fresh)
        return np.concatenate(kept) if kept else np.zeros(0, np.int64)

    def _try(self, count: int) -> Integers:
        words: _Words = np.frombuffer(self._random(12 * count), "<u4").reshape(3, count)
        bins = self._bins(words[0])
        place = words[1] & np.uint32((1 << self._width_bits) - 1)
        magnitude = (bins << np.int64(self._width_bits)) + place
        sign = 1 - 2 * (words[1] >> np.uint32(31)).astype(np.int64)
        kept = self._keep(bins, magnitude, words[2]) & ((magnitude != 0) | (sign > 0))
        signed: Integers = (magnitude * sign)[kept]
        return signed

    def _bins(self, words: _Words) -> Integers:
        column = (words >> np.uint32(_THRESHOLD_BITS)).astype(np.int64)
        fraction = words & np.uint32((1 << _THRESHOLD_BITS) - 1)
        threshold = self._threshold[column]
        own = fraction < threshold
        for tie in np.flatnonzero(fraction == threshold):
            own[tie] = self._integer(12) < self._remainder[column[tie]]
        return np.where(own, column, self._other[column])

    def _keep(self, bins: Integers, magnitude: Integers, coin: _Words) -> _Flags:
        """A coin below its bin's least chance keeps whatever the place is; the rest is weighed."""
        kept: _Flags = coin < self._surely_kept[bins]
        (open_,) = np.nonzero(~kept)
        edge, place = bins[open_] << np.int64(self._width_bits), magnitude[open_]
        beyond = (place - edge).astype(np.float64) * (place + edge).astype(np.float64)
        chance, tossed = np.exp(beyond * self._scale) * 2.0**32, coin[open_].astype(np.float64)
        kept[open_] = tossed + 1 <= chance - _DOUBT
        for i in np.flatnonzero((tossed + 1 > chance - _DOUBT) & (tossed < chance + _DOUBT)):
            exact = self._chance(int(edge[i]), int(place[i]))
            kept[open_[i]] = (int(tossed[i]) << 96) + self._integer(12) < exact
        return kept

    def _chance(self, edge: int, magnitude: int) -> int:
        """weight(magnitude) / weight(edge) in parts of 2^128."""
        with localcontext(_EXACT):
            beyond = Decimal(edge**2 - magnitude**2) / (2 * self._sigma**2)
            return int(beyond.exp() * _FINE)

    def _integer(self, size: int) -> int:
        return int.from_bytes(self._random(size), "little")


def _edge_weights(sigma: int, width: int) -> list[int]:
    """The weight of each bin's left edge, in parts of 2^128 that add up to all of them."""
    bins = ceil(_REACH * sigma / width)
    with localcontext(_EXACT):
        ratio = (Decimal(-(width**2)) / (2 * sigma**2)).exp()
        odd = accumulate(repeat(ratio * ratio, bins - 1), mul, initial=ratio)
        weights = list(accumulate(islice(odd, bins - 1), mul, initial=Decimal(1)))  # ratio^(j²)
        total = sum(weights)
        parts = [int(weight / total * _FINE) for weight in weights]
    parts[0] += _FINE - sum(parts)
    return parts + [0] * (_COLUMNS - bins)


def _alias_table(parts: list[int]) -> tuple[list[int], Integers]:
    """Walker's method in integers: each column keeps its own bin below a threshold of 2^118."""
    full = _FINE // _COLUMNS
    rest, other = list(parts), np.arange(_COLUMNS)
    small = [j for j, part in enumerate(rest) if part < full]
    large = [j for j, part in enumerate(rest) if part >= full]
    while small and large:
        j, giver = small.pop(), large[-1]
        other[j] = giver
        rest[giver] -= full - rest[j]
        if rest[giver] < full:
            small.append(large.pop())
    return [min(part, full - 1) for part in rest], other
