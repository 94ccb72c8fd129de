"""Round numbers for the owner to declare as bounds, so that no extreme row shows through them."""

from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal

import numpy as np

ROUND_STEPS = (Decimal(1), Decimal(2), Decimal(5))
SMALLEST_STEP = Decimal("1e-37")  # below, two grid points may be one float32
FLOAT32_MAX = float(np.finfo(np.float32).max)
FLOAT32_OVERFLOW = 2.0**128 - 2.0**103  # what lies below still rounds to FLOAT32_MAX


def round_outward(lowest: float, highest: float) -> tuple[float, float]:
    """Bounds on a grid of 1, 2 or 5 times a power of ten, about a quarter of the range wide.

    Only a suggestion: it is computed from the rows, so the owner must look at it, and widen it
    where even a rounded extreme would tell something, before it becomes public.
    """
    low, high = Decimal(lowest), Decimal(highest)
    step = _step(max((high - low) / 4 or abs(high) / 4 or Decimal(1), SMALLEST_STEP))
    lower, upper = _rounded(low, step, ROUND_FLOOR), _rounded(high, step, ROUND_CEILING)
    if lower == upper:
        lower, upper = lower - step, upper + step
    return max(float(lower), -FLOAT32_MAX), min(float(upper), FLOAT32_MAX)


def _step(least: Decimal) -> Decimal:
    power = Decimal(1).scaleb(least.adjusted())
    steps = (step * power for step in (*ROUND_STEPS, Decimal(10)))
    return next(step for step in steps if step >= least)


def _rounded(value: Decimal, step: Decimal, direction: str) -> Decimal:
    return (value / step).to_integral_value(direction) * step
