"""The trusted core: what a worker returned for a row is measured, clipped, summed and noised here.

The guarantee needs one thing of the worker: what it returns for a row depends on the parameters and
on that row only. The row's own numbers may be anything.

Sensitivity. Let C be the clip and let one row be added or removed, all others keeping their slots.
1. Only the chunk that holds the row changes: chunks are rounded to the lattice one by one.
2. A row's share of the sum is at most C·(1 + 2^-14). Norms of factors are taken in float64; norms
   of wholes in float32 over blocks of 1,024, off by a relative 2^-15 at most, and squares that
   vanish below 2^-149 add up to less than 2^-60. A factor beyond `_HUGE` discards the row, so every
   scale is above 2^-111 for a clip of 2^-20 or more, far from where float32 loses digits.
3. The rest of the chunk differs by rounding only: sums of 32 rows in float32 are off by at most
   32·2^-24·32·C = 2^-14·C, before and after; products of factors are summed in float64.
   Together 2 and 3 stay below C·(1 + 2^-10), the slack of `sensitivity`.
4. Rounding to the lattice moves each coordinate by half a unit, before and after: √P units in all.
"""

from collections.abc import Iterator, Sequence
from math import isqrt
from typing import Final, TypeAlias

import numpy as np
import numpy.typing as npt

from tilth.engine.layout import Layout
from tilth.engine.noise import DiscreteGaussian, Integers, RandomBytes

Doubles: TypeAlias = npt.NDArray[np.float64]
Singles: TypeAlias = npt.NDArray[np.float32]
Flags: TypeAlias = npt.NDArray[np.bool_]

LATTICE_BITS: Final = 24
"""The clip is 2^24 units of the lattice on which sums and noise live."""

_SLACK: Final = 1 << LATTICE_BITS - 10
_NORM_BLOCK: Final = 1024
_SUM_BLOCK: Final = 32
_HUGE: Final = 2.0**40


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
    doubles = {part: parts[part].astype(np.float64) for part in _factors(layout)}
    with np.errstate(all="ignore"):
        squares, counted = _squared_norms(layout, parts, doubles)
    counted &= occupied
    _blank([*parts, *doubles.values()], ~counted)
    norms = np.sqrt(np.where(counted, squares, 0))
    scales = np.where(counted, clip / np.maximum(norms, clip), 0)
    total = np.concatenate(list(_sums(layout, parts, doubles, scales)))
    return np.rint(total * (2.0**LATTICE_BITS / clip)).astype(np.int64)


def _blank(parts: Sequence[Singles | Doubles], discarded: Flags) -> None:
    """Zero the rows themselves: zero times not-a-number is not a number."""
    if discarded.any():
        for part in parts:
            part[discarded] = 0


def _factors(layout: Layout) -> set[int]:
    return {part for p in layout.parameters if len(p.parts) == 2 for part in p.parts}


def _squared_norms(
    layout: Layout, parts: Sequence[Singles], doubles: dict[int, Doubles]
) -> tuple[Doubles, Flags]:
    """|left ⊗ right|² = |left|²·|right|², so factors are measured without being multiplied out."""
    squares = np.zeros(len(parts[-1]))
    of_factors = {part: np.einsum("ij,ij->i", d, d) for part, d in doubles.items()}
    for parameter in layout.parameters:
        if len(parameter.parts) == 1:
            squares += _squares(parts[parameter.parts[0]])
        else:
            left, right = parameter.parts
            squares += of_factors[left] * of_factors[right]
    small = [square < _HUGE**2 for square in of_factors.values()]
    return squares, np.logical_and.reduce([np.isfinite(squares), *small])


def _squares(whole: Singles) -> Doubles:
    total = np.zeros(len(whole))
    for start in range(0, whole.shape[1], _NORM_BLOCK):
        block = whole[:, start : start + _NORM_BLOCK]
        total += np.einsum("ij,ij->i", block, block)
    return total


def _sums(
    layout: Layout, parts: Sequence[Singles], doubles: dict[int, Doubles], scales: Doubles
) -> Iterator[Doubles]:
    grouped = scales.astype(np.float32).reshape(-1, 1, _SUM_BLOCK)
    for parameter in layout.parameters:
        if len(parameter.parts) == 2:
            left, right = (doubles[part] for part in parameter.parts)
            yield ((left * scales[:, None]).T @ right).ravel()
        else:
            whole = parts[parameter.parts[0]]
            rows = whole.reshape(-1, _SUM_BLOCK, whole.shape[1])
            yield np.matmul(grouped, rows).sum(axis=(0, 1), dtype=np.float64)
