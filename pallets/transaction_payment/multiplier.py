"""How the price of weight moves from block to block."""

from typing import Final, Protocol

from tilth.frame import Weight, struct

# sp_arithmetic::FixedU128: 18 decimals
ONE: Final = 10**18
U128_MAX: Final = 2**128 - 1


class Load(Protocol):
    """How full the block is that ends, and how full it may be."""

    @property
    def normal(self) -> Weight: ...

    @property
    def normal_limit(self) -> Weight: ...


class FeeMultiplierUpdate(Protocol):
    """Makes the next block's multiplier of this one's, both in units of 10^-18."""

    @property
    def minimum(self) -> int:
        """No block's is below this."""

    def next(self, multiplier: int, load: Load) -> int: ...


@struct
class ConstantMultiplier:
    """The price never moves."""

    multiplier: int = ONE

    @property
    def minimum(self) -> int:
        return 0  # genesis may begin with another, which the first block replaces

    def next(self, multiplier: int, load: Load) -> int:
        return self.multiplier


@struct
class TargetedFeeAdjustment:
    """Fuller blocks than the target make the next dearer, emptier ones cheaper.

    All arguments are in units of 10^-18. With d the distance of the fullness from the target, the
    multiplier m becomes m·(1 + v·d + (v·d)²/2); transaction-payment/src/lib.rs rounds as here.
    """

    target: int
    variability: int
    minimum: int
    maximum: int = U128_MAX

    def next(self, multiplier: int, load: Load) -> int:
        previous = max(multiplier, self.minimum)
        used, limit = _limiting(load)
        target = _nearest(limit * self.target, ONE)
        distance = abs(used - target) * ONE // max(limit, 1)
        first = _times(self.variability, distance)
        second = _times(_times(self.variability, self.variability) // 2, _times(distance, distance))
        if used >= target:
            changed = previous + _times(first + second, previous)
        else:
            changed = previous - _times(max(first - second, 0), previous)
        return min(max(changed, self.minimum), self.maximum)


def _limiting(load: Load) -> tuple[int, int]:
    """How much is used of the fuller dimension of weight, and how much there is of it."""
    limit = load.normal_limit
    used = load.normal.meet(limit)
    ref_time, proof_size = (used.ref_time, limit.ref_time), (used.proof_size, limit.proof_size)
    return proof_size if _perbill(*ref_time) < _perbill(*proof_size) else ref_time


def _perbill(used: int, limit: int) -> int:
    return used * 1_000_000_000 // max(limit, 1)


def _times(left: int, right: int) -> int:
    """The product of two numbers in units of 10^-18."""
    return left * right // ONE


def _nearest(value: int, divisor: int) -> int:
    """Divide, rounding a half down."""
    whole, rest = divmod(value, divisor)
    return whole + (rest > divisor // 2)
