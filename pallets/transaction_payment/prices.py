"""What weight and length cost: the functions that runtimes name as WeightToFee and LengthToFee."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

from tilth.frame import Weight

WeightToFee: TypeAlias = Callable[[Weight], int]
LengthToFee: TypeAlias = Callable[[int], int]

_BILLION = 10**9  # Perbill


def identity(weight: Weight) -> int:
    """A picosecond costs a unit of money, the proof nothing (IdentityFee)."""
    return weight.ref_time


def byte_each(length: int) -> int:
    """A byte costs a unit of money (IdentityFee of a length)."""
    return length


@dataclass(frozen=True, slots=True)
class PerPicosecond:
    """Each picosecond costs so much (ConstantMultiplier)."""

    price: int

    def __call__(self, weight: Weight) -> int:
        return weight.ref_time * self.price


@dataclass(frozen=True, slots=True)
class PerByte:
    """Each byte costs so much (ConstantMultiplier)."""

    price: int

    def __call__(self, length: int) -> int:
        return length * self.price


@dataclass(frozen=True, slots=True)
class Fixed:
    """Any weight and any length cost the same (FixedFee; NoFee is `Fixed(0)`)."""

    price: int

    def __call__(self, _: Weight | int) -> int:
        return self.price


@dataclass(frozen=True, slots=True)
class Term:
    """A coefficient of a polynomial: an integer and a billionth part, times a power of the weight.

    primitives/weights/src/lib.rs: WeightToFeeCoefficient
    """

    integer: int = 0
    billionths: int = 0
    degree: int = 1
    negative: bool = False

    def parts(self, value: int, most: int) -> tuple[int, int]:
        """What to add, in the order in which it is added."""
        power: int = min(value**self.degree, most)
        whole, rest = divmod(power * self.billionths, _BILLION)
        fraction = whole + (rest > _BILLION // 2)  # Perbill rounds a half down
        integer = min(self.integer * power, most)
        return (-fraction, -integer) if self.negative else (fraction, integer)


@dataclass(frozen=True, slots=True)
class Polynomial:
    """A sum of powers of the reference time (WeightToFeePolynomial), never below nothing."""

    terms: tuple[Term, ...]
    most: int = 2**128 - 1

    def __call__(self, weight: Weight) -> int:
        total = 0
        for term in self.terms:
            for part in term.parts(weight.ref_time, self.most):
                total = min(max(total + part, 0), self.most)
        return total
