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

    def next(self, multiplier: int, load: Load) -> int: ...


@struct
class ConstantMultiplier:
    """The price never moves."""

    multiplier: int = ONE

    def next(self, multiplier: int, load: Load) -> int:
        return self.multiplier


@struct
class TargetedFeeAdjustment:
    """Fuller blocks than the target make the next dearer, emptier ones cheaper.

    All arguments are in units of 10^-18. The published formula is
    m·(1 + v·d + (v·d)²/2) with d the distance of fullness from the target.
    """

    target: int
    variability: int
    minimum: int
    maximum: int = U128_MAX

    def next(self, multiplier: int, load: Load) -> int:
        previous = max(multiplier, self.minimum)
        fullness, target = self._limiting(load)
        limit = fullness[1]
        # how far from the target, as a share of the limit
        distance = abs(fullness[0] - target) * ONE // max(limit, 1)
        first = self.variability * distance // ONE
        square = self.variability * self.variability // ONE // 2
        second = square * (distance * distance // ONE) // ONE
        if fullness[0] >= target:
            return self._clamped(previous + previous * (first + second) // ONE)
        return self._clamped(previous - max(first - second, 0) * previous // ONE)

    def _limiting(self, load: Load) -> tuple[tuple[int, int], int]:
        """The fuller of weight's two dimensions, with its target."""
        used, limit = load.normal, load.normal_limit
        ref_time = (min(used.ref_time, limit.ref_time), limit.ref_time)
        proof_size = (min(used.proof_size, limit.proof_size), limit.proof_size)
        fuller = max(ref_time, proof_size, key=lambda pair: pair[0] * ONE // max(pair[1], 1))
        return fuller, self.target * fuller[1] // ONE

    def _clamped(self, multiplier: int) -> int:
        return min(max(multiplier, self.minimum), self.maximum)
