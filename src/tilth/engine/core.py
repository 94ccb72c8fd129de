"""The trusted core: what a worker returned for a row is measured, clipped, summed and noised here.

The guarantee needs one thing of the worker: what it returns for a row depends on the parameters and
on that row only. The row's own numbers may be anything.

Sensitivity. Let C ≥ 2^-20 be the clip and let one row be added or removed, all others keeping their
slots.
1. Only the chunk that holds the row changes: chunks are rounded to the lattice one by one.
2. A row's share of the sum is at most C·(1 + 2^-12). Norms are taken in float32 over blocks of
   1,024, off by a relative 2^-15 at most; what vanishes below the smallest float32 hides a length
   of at most 2^-74·√n, which times a factor of at most `_HUGE` = 2^30, for n ≤ 2^20, is 2^-34, so
   2^-14·C. Beyond `_HUGE` a row counts zero, so a scale is never below 2^-81 and never denormal.
3. The rest of the chunk differs by rounding only: sums over 64 rows in float32 are off by at most
   64·2^-24·64·C = 2^-12·C, before and after; sums of those are taken in float64.
   Together 2 and 3 stay below C·(1 + 2^-10), the slack of `sensitivity`.
   A sequence's gradient Σ left_t ⊗ right_t is measured and summed in float64. Its squared length
   Σ (left_t·left_u)(right_t·right_u) may cancel: k + m + 2T² ≤ 2^24 roundings of 2^-53 each leave
   it off by 2^-29·S² at most, S = Σ |left_t||right_t|, so 2^-28·S² is added. Hence a row's length
   is never taken for less than it is, nor for less than 2^-14·S; clipped, its S is at most
   2^14·C, and sums over 64·T ≤ 2^18 terms of 64 rows are off by 2^18·2^-53·2^6·2^14·C = 2^-15·C.
4. Rounding to the lattice moves each coordinate by half a unit, before and after: √P units in all.
"""

from collections.abc import Sequence
from functools import reduce
from math import isqrt
from operator import add, mul
from typing import Final, TypeAlias

import numpy as np
import numpy.typing as npt

from tilth.engine.layout import Layout, ParameterLayout
from tilth.engine.noise import DiscreteGaussian, Integers, RandomBytes

Doubles: TypeAlias = npt.NDArray[np.float64]
Singles: TypeAlias = npt.NDArray[np.float32]
Floats: TypeAlias = npt.NDArray[np.float32] | npt.NDArray[np.float64]
Flags: TypeAlias = npt.NDArray[np.bool_]

LATTICE_BITS: Final = 24
"""The clip is 2^24 units of the lattice on which sums and noise live."""

_SLACK: Final = 1 << LATTICE_BITS - 10
_NORM_BLOCK: Final = 1024
_SUM_BLOCK: Final = 64
_UNTHREADED: Final = 1 << 18  # multiplications up to which OpenBLAS stays on one thread
_HUGE: Final = 2.0**30
_GRAM_NUMBERS: Final = 1 << 20


def sensitivity(weights: int) -> int:
    """How far one row can move the sum, in lattice units."""
    return (1 << LATTICE_BITS) + _SLACK + isqrt(weights) + 1


def noise(weights: int, multiplier_milli: int, random: RandomBytes) -> DiscreteGaussian:
    """σ is the multiplier times the sensitivity, rounded up."""
    return DiscreteGaussian(-(-multiplier_milli * sensitivity(weights) // 1000), random)


def clipped_sum(layout: Layout, parts: Sequence[Singles], occupied: Flags, clip: float) -> Integers:
    """One chunk's sum of clipped gradients in lattice units; parameters one after the other.

    `parts` are the worker's outputs and last the rows; they are this side's own copies, and
    discarded rows are blanked in them. Rows that are not occupied, not finite or huge count zero.
    """
    with np.errstate(all="ignore"):
        squares = {part: _squares(parts[part]) for p in layout.parameters for part in p.parts}
        counted = np.logical_and.reduce([occupied, *(s < _HUGE**2 for s in squares.values())])
    _blank(parts, ~counted)
    norms = np.sqrt(np.where(counted, _squared_norms(layout, parts, squares), 0))
    scales = np.where(counted, clip / np.maximum(norms, clip), 0).astype(np.float32)
    total = np.concatenate([_sum(p, parts, scales) for p in layout.parameters])
    return np.rint(total * (2.0**LATTICE_BITS / clip)).astype(np.int64)


def _squares(part: Singles) -> Doubles:
    total = np.zeros(len(part))
    for start in range(0, part.shape[1], _NORM_BLOCK):
        block = part[:, start : start + _NORM_BLOCK]
        total += np.einsum("ij,ij->i", block, block)
    return total


def _squared_norms(
    layout: Layout, parts: Sequence[Singles], squares: dict[int, Doubles]
) -> Doubles:
    with np.errstate(all="ignore"):
        return reduce(add, (_squared_norm(p, parts, squares) for p in layout.parameters))


def _squared_norm(
    parameter: ParameterLayout, parts: Sequence[Singles], squares: dict[int, Doubles]
) -> Doubles:
    """|left ⊗ right|² = |left|²·|right|², so factors are measured without being multiplied out."""
    if parameter.terms == 1:
        return reduce(mul, map(squares.__getitem__, parameter.parts))
    left, right = (_terms(parameter, parts[part]) for part in parameter.parts)
    block = max(1, _GRAM_NUMBERS // parameter.terms**2)
    starts = range(0, len(left), block)
    return np.concatenate([_length(left[s : s + block], right[s : s + block]) for s in starts])


def _length(left: Doubles, right: Doubles) -> Doubles:
    """Of each row's Σ left ⊗ right, squared and rounded up."""
    grams = [np.matmul(factor, factor.transpose(0, 2, 1)) for factor in (left, right)]
    lengths = [np.sqrt(np.einsum("itt->it", gram)) for gram in grams]
    whole = np.einsum("it,it->i", *lengths)
    together = np.einsum("itu,itu->i", *grams)
    return np.asarray(np.maximum(together, 0) + 2.0**-28 * whole * whole)


def _terms(parameter: ParameterLayout, part: Singles) -> Doubles:
    return part.reshape(len(part), parameter.terms, -1).astype(np.float64)


def _blank(parts: Sequence[Singles], discarded: Flags) -> None:
    """Zero the rows themselves: zero times not-a-number is not a number."""
    if discarded.any():
        for part in parts:
            part[discarded] = 0


def _sum(parameter: ParameterLayout, parts: Sequence[Singles], scales: Singles) -> Doubles:
    if len(parameter.parts) == 1:
        whole = _grouped(parts[parameter.parts[0]])
        sums: Singles = np.einsum("gi,gin->gn", scales.reshape(-1, _SUM_BLOCK), whole)
        return np.asarray(sums.sum(0, dtype=np.float64))
    left, right = (parts[part] for part in parameter.parts)
    if parameter.terms > 1:
        tall, wide = (_terms(parameter, part) for part in (left, right))
        tall *= scales[:, None, None]
        flat = (_grouped(factor.reshape(-1, factor.shape[2])) for factor in (tall, wide))
        return _summed_products(*flat).ravel()
    return _summed_products(_grouped(left * scales[:, None]), _grouped(right)).ravel()


def _summed_products(left: Floats, right: Floats) -> Doubles:
    """Σ left ⊗ right over all rows, in tiles so small that no BLAS spreads one over threads:
    those would fight with the worker for the processor, at five times the time."""
    height, width = left.shape[2], right.shape[2]
    tile = max(1, _UNTHREADED // (_SUM_BLOCK * height))
    total = np.empty((height, width))
    for start in range(0, width, tile):
        some = slice(start, start + tile)
        products = np.matmul(left.transpose(0, 2, 1), right[:, :, some])
        total[:, some] = products.sum(0, dtype=np.float64)
    return total


def _grouped(rows: Floats) -> Floats:
    return rows.reshape(-1, _SUM_BLOCK, rows.shape[1])
