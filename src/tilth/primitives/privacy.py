"""The privacy ledger's arithmetic: Rényi costs of noisy sums at sixteen fixed orders, in integers.

Unit of privacy: one row added or removed. A cost is one integer per order, in billionths, rounded
up; costs of successive releases add. Nothing here depends on floats or on the thread's decimal
context, so every node computes the same numbers.
"""

from collections.abc import Sequence
from decimal import (
    ROUND_CEILING,
    ROUND_HALF_EVEN,
    Context,
    Decimal,
    DivisionByZero,
    InvalidOperation,
    Overflow,
    localcontext,
)
from math import comb
from typing import Final, TypeAlias

Cost: TypeAlias = tuple[int, ...]

ORDERS: Final = (2, 3, 4, 5, 6, 8, 10, 12, 16, 20, 28, 40, 64, 96, 160, 256)
NOTHING: Final[Cost] = (0,) * len(ORDERS)

BILLION: Final = 10**9
FULL_BATCH: Final = BILLION
MIN_NOISE_MILLI: Final = 100
MAX_NOISE_MILLI: Final = 1_000_000
MAX_STEPS: Final = 1_000_000  # with the least noise and the highest order a cost still fits a u64

# 60 digits leave 30 to spare: the longest sum has 257 positive terms, each after fewer than 2^17
# roundings, so ln is off by less than 10^-50. Decimal's exp and ln are correctly rounded.
_PRECISION: Final = 60
_MARGIN: Final = Decimal("1e-30")


def cost(rate_per_billion: int, noise_multiplier_milli: int, steps: int) -> Cost:
    """What `steps` noisy sums cost, each over rows drawn with this rate (`FULL_BATCH`: all rows).

    Mironov, Talwar, Zhang 2019, "Rényi Differential Privacy of the Sampled Gaussian Mechanism",
    §3.3, integer orders; rate one gives order / (2 noise²).
    """
    _require_between("rate_per_billion", rate_per_billion, 1, BILLION)
    _require_between("steps", steps, 1, MAX_STEPS)
    _require_between(
        "noise_multiplier_milli", noise_multiplier_milli, MIN_NOISE_MILLI, MAX_NOISE_MILLI
    )
    with localcontext(_context()):
        moments = _moments(Decimal(noise_multiplier_milli) / 1000)
        rate = Decimal(rate_per_billion) / BILLION
        taken, left = _powers(rate), _powers(1 - rate)
        return tuple(
            _ceiling(steps * _divergence(order, moments, taken, left), BILLION) for order in ORDERS
        )


def add(spent: Cost, more: Cost) -> Cost:
    """The cost of both releases together."""
    return tuple(a + b for a, b in zip(_checked(spent), _checked(more), strict=True))


def subtract(spent: Cost, returned: Cost) -> Cost:
    """What remains of a reservation; never below nothing."""
    rest = tuple(a - b for a, b in zip(_checked(spent), _checked(returned), strict=True))
    return _checked(rest)


def epsilon(spent: Cost, delta_pico: int) -> int:
    """ε in millionths, rounded up, at δ given in units of 10⁻¹².

    Canonne, Kamath, Steinke 2020, "The Discrete Gaussian for Differential Privacy", Prop. 12.
    """
    _require_between("delta_pico", delta_pico, 1, 10**12 - 1)
    if not any(_checked(spent)):
        return 0
    with localcontext(_context()):
        log_delta = (Decimal(delta_pico) / 10**12).ln()
        best = min(
            _epsilon_at(order, divergence, log_delta)
            for order, divergence in zip(ORDERS, spent, strict=True)
        )
        return max(0, _ceiling(best, 10**6))


def noise_for(epsilon_micro: int, delta_pico: int, rate_per_billion: int, steps: int) -> int:
    """The least noise multiplier, in thousandths, with which the steps stay within ε at δ."""
    low, high = MIN_NOISE_MILLI, MAX_NOISE_MILLI
    if epsilon(cost(rate_per_billion, high, steps), delta_pico) > epsilon_micro:
        raise ValueError(
            f"no noise up to {MAX_NOISE_MILLI // 1000} keeps {steps} steps within "
            f"ε = {epsilon_micro / 1e6:g}: ask for fewer steps or a larger ε"
        )
    while low < high:
        middle = (low + high) // 2
        if epsilon(cost(rate_per_billion, middle, steps), delta_pico) <= epsilon_micro:
            high = middle
        else:
            low = middle + 1
    return low


def _context() -> Context:
    return Context(
        prec=_PRECISION,
        rounding=ROUND_HALF_EVEN,
        Emin=-99_999_999,
        Emax=99_999_999,
        capitals=1,
        clamp=0,
        flags=[],
        traps=[InvalidOperation, DivisionByZero, Overflow],
    )


def _moments(noise: Decimal) -> list[Decimal]:
    """exp(k(k-1) / 2 noise²) for every k up to the highest order: the k-th moment of the loss."""
    growth = (1 / (noise * noise)).exp()
    moments, factor = [Decimal(1)], Decimal(1)
    for _ in range(ORDERS[-1]):
        moments.append(moments[-1] * factor)
        factor *= growth
    return moments


def _powers(base: Decimal) -> list[Decimal]:
    powers = [Decimal(1)]
    for _ in range(ORDERS[-1]):
        powers.append(powers[-1] * base)
    return powers


def _divergence(
    order: int, moments: Sequence[Decimal], taken: Sequence[Decimal], left: Sequence[Decimal]
) -> Decimal:
    total = sum(
        (comb(order, k) * left[order - k] * taken[k] * moments[k] for k in range(order + 1)),
        Decimal(0),
    )
    return total.ln() / (order - 1)


def _epsilon_at(order: int, divergence: int, log_delta: Decimal) -> Decimal:
    shrink = (Decimal(order - 1) / order).ln()
    return Decimal(divergence) / BILLION + shrink - (log_delta + Decimal(order).ln()) / (order - 1)


def _ceiling(value: Decimal, scale: int) -> int:
    return int(((value + _MARGIN) * scale).to_integral_value(rounding=ROUND_CEILING))


def _checked(vector: Cost) -> Cost:
    if len(vector) != len(ORDERS) or min(vector) < 0:
        raise ValueError(f"a privacy cost has {len(ORDERS)} entries, none below zero: {vector!r}")
    return vector


def _require_between(name: str, value: int, low: int, high: int) -> None:
    if not low <= value <= high:
        raise ValueError(f"{name} is {value}; it lies between {low} and {high}")
