"""Which rows take part in a step and where they stand: secret choices, drawn by the system."""

from math import log, sqrt
from typing import Final

import numpy as np
import numpy.typing as npt

from tilth.engine.layout import SLOTS
from tilth.engine.noise import RandomBytes
from tilth.engine.spec import FULL_BATCH, Indices

EMPTY: Final = -1

_OVERFLOW: Final = 64 * log(2)  # a sample outgrows its slots with chance below 2^-64


def slots_for(count: int, rate_per_billion: int) -> int:
    """How many slots every step has: fixed by public numbers, so that it tells nothing.

    Bernstein: P(X ≥ μ + t) ≤ exp(-t² / (2μ + 2t/3)), solved for t.
    """
    if rate_per_billion == FULL_BATCH:
        return _whole_microbatches(count)
    mean = count * rate_per_billion / FULL_BATCH
    spare = _OVERFLOW / 3 + sqrt((_OVERFLOW / 3) ** 2 + 2 * _OVERFLOW * mean)
    return _whole_microbatches(min(count, int(mean + spare) + 1))


def drawn(count: int, rate_per_billion: int, random: RandomBytes) -> Indices:
    """Each row by its own coin. The rate is met to 2^-64, from below."""
    if rate_per_billion == FULL_BATCH:
        return np.arange(count)
    threshold = np.uint64((rate_per_billion << 64) // FULL_BATCH)
    return np.flatnonzero(_words(count, random) < threshold)


def seated(rows: Indices, slots: int, random: RandomBytes) -> Indices:
    """Rows in slots drawn at random, `EMPTY` elsewhere. Rows beyond the slots stay out."""
    order = np.argsort(_words(slots, random), kind="stable")
    seats = np.full(slots, EMPTY, np.int64)
    seats[order[: len(rows)]] = rows[:slots]
    return seats


def _words(count: int, random: RandomBytes) -> npt.NDArray[np.uint64]:
    return np.frombuffer(random(8 * count), "<u8")


def _whole_microbatches(rows: int) -> int:
    return -(-rows // SLOTS) * SLOTS
