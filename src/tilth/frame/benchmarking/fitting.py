"""From measured points to a weight: a base, and a slope for each component."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import ceil
from statistics import linear_regression, median
from typing import TypeAlias

Components: TypeAlias = Mapping[str, int]
Points: TypeAlias = Sequence[tuple[Components, float]]


@dataclass(frozen=True, slots=True)
class Fit:
    """What a quantity is where every component is zero, and what each adds per unit."""

    base: int
    each: Mapping[str, int]

    @classmethod
    def through(cls, points: Points) -> "Fit":
        """For what is noisy: half of the points lie below, but never the first.

        There every component is at its lowest, and a long slope's error must not make it free.
        """
        each = {name: ceil(_slope(name, points)) for name in points[0][0]}
        rests = _rests(points, each)
        return cls(ceil(max(median(rests), rests[0])), each)

    @classmethod
    def above(cls, points: Points) -> "Fit":
        """For what is exact: no point lies above."""
        each = {name: round(_slope(name, points)) for name in points[0][0]}
        return cls(ceil(max(_rests(points, each))), each)


def _rests(points: Points, each: Components) -> list[float]:
    return [max(value - sum(each[name] * at[name] for name in at), 0) for at, value in points]


def _slope(name: str, points: Points) -> float:
    """Along the points at which only this component varies; nothing gets cheaper by being more."""
    line = [(at[name], value) for at, value in points if _others_highest(name, at, points)]
    if len({x for x, _ in line}) < 2:
        return 0.0
    return max(linear_regression([x for x, _ in line], [y for _, y in line]).slope, 0.0)


def _others_highest(name: str, at: Components, points: Points) -> bool:
    return all(at[other] == max(p[other] for p, _ in points) for other in at if other != name)
