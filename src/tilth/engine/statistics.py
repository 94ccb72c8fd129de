"""Noisy statistics of private rows: means, histograms and quantiles on declared grids.

No foreign code takes part. All questions are answered from one noisy sum of one vector for each
row, so together they cost what one of them would; each adds to the noise of all.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from math import isfinite, sqrt
from typing import Final, TypeAlias

import numpy as np

from tilth.engine.core import Doubles, Singles
from tilth.engine.layout import Layout, ParameterLayout
from tilth.engine.outcomes import Reason, Refused
from tilth.engine.spec import Measured
from tilth.engine.values import Array
from tilth.primitives.privacy import MAX_NOISE_MILLI

LABEL_COLUMN: Final = -1
_MOST_NUMBERS: Final = 100_000
_FAR: Final = 1e30


@dataclass(frozen=True, slots=True)
class Mean:
    """Of one column, by its number; what lies outside the declared bounds counts as the bound."""

    column: int
    low: float
    high: float

    @property
    def width(self) -> int:
        return 1

    def vectors(self, column: Doubles) -> Doubles:
        middle, half = (self.low + self.high) / 2, (self.high - self.low) / 2
        return np.nan_to_num((column.clip(self.low, self.high) - middle) / half)[:, None]

    def answer(self, mean: Doubles, noise: float) -> "Answer":
        half = (self.high - self.low) / 2
        value = (self.low + self.high) / 2 + half * float(mean[0])
        return MeanAnswer(Measured(min(max(value, self.low), self.high), half * noise))


@dataclass(frozen=True, slots=True)
class Histogram:
    """Shares of the rows between neighbouring edges, the last bin with its right edge."""

    column: int
    edges: tuple[float, ...]

    @property
    def width(self) -> int:
        return len(self.edges) - 1

    def vectors(self, column: Doubles) -> Doubles:
        edges = np.array(self.edges)
        bins = np.searchsorted(edges, column, side="right") - 1
        bins[column == edges[-1]] = self.width - 1
        return np.asarray(bins[:, None] == np.arange(self.width), np.float64)

    def answer(self, mean: Doubles, noise: float) -> "Answer":
        return HistogramAnswer(tuple(float(share) for share in mean), noise)


@dataclass(frozen=True, slots=True)
class Quantiles:
    """Found on a declared grid, from a noisy histogram of it; exact to one cell at best."""

    column: int
    edges: tuple[float, ...]
    shares: tuple[float, ...] = (0.25, 0.5, 0.75)

    @property
    def width(self) -> int:
        return len(self.edges) - 1

    def vectors(self, column: Doubles) -> Doubles:
        inside = column.clip(self.edges[0], self.edges[-1])
        return Histogram(self.column, self.edges).vectors(inside)

    def answer(self, mean: Doubles, noise: float) -> "Answer":
        rising = np.maximum.accumulate(np.cumsum(mean))
        top = max(float(rising[-1]), 1e-12)
        levels = np.concatenate([[0.0], rising.clip(0) / top])
        found = np.interp(self.shares, levels, self.edges)
        return QuantilesAnswer(tuple(float(value) for value in found))


Question: TypeAlias = Mean | Histogram | Quantiles


@dataclass(frozen=True, slots=True)
class MeanAnswer:
    mean: Measured


@dataclass(frozen=True, slots=True)
class HistogramAnswer:
    """Shares of all rows, noise and all: some may lie below zero."""

    shares: tuple[float, ...]
    noise: float


@dataclass(frozen=True, slots=True)
class QuantilesAnswer:
    values: tuple[float, ...]


Answer: TypeAlias = MeanAnswer | HistogramAnswer | QuantilesAnswer


@dataclass(frozen=True, slots=True, kw_only=True)
class StatisticsSpec:
    """Questions about columns by number; `LABEL_COLUMN` is the label."""

    questions: tuple[Question, ...]
    noise_multiplier_milli: int

    def __post_init__(self) -> None:
        if not self.questions or sum(q.width for q in self.questions) > _MOST_NUMBERS:
            text = f"ask for one to {_MOST_NUMBERS} numbers"
            raise Refused(Reason.BAD_SPEC, text)
        noise = self.noise_multiplier_milli
        if type(noise) is not int or not 0 <= noise <= MAX_NOISE_MILLI:
            text = f"noise_multiplier_milli is {noise!r}; it is from 0 to {MAX_NOISE_MILLI}"
            raise Refused(Reason.BAD_SPEC, text)
        for question in self.questions:
            _require_grid(question)


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """The answers, in the order of the questions."""

    answers: tuple[Answer, ...]
    rows: int
    privacy_cost: tuple[int, ...] | None


class Clerk:
    """Makes a row's vector of answers on the trusted side: a worker that is no process."""

    def __init__(self, questions: Sequence[Question], features: int, labels: int) -> None:
        for question in questions:
            if not LABEL_COLUMN <= question.column < features:
                text = f"column {question.column} does not exist: the table has {features}"
                raise Refused(Reason.DATA_MISMATCH, text)
        self._questions = questions
        self.layout = _layout(sum(q.width for q in questions), features, labels)

    @property
    def clip(self) -> float:
        """The longest a vector can be: each question's part has at most length one."""
        return sqrt(len(self._questions))

    def use(self, weights: Singles) -> None:
        """There is nothing to train."""

    def gradients(self, rows: Singles, labels: Array) -> Sequence[Singles]:
        parts = [q.vectors(_column(q.column, rows, labels)) for q in self._questions]
        return [np.concatenate(parts, 1).astype(np.float32)]

    def answers(self, mean: Doubles, noise: float) -> tuple[Answer, ...]:
        ends = np.cumsum([0, *(q.width for q in self._questions)])
        cells = zip(self._questions, pairwise(ends), strict=True)
        return tuple(q.answer(mean[start:end], noise) for q, (start, end) in cells)


def _column(number: int, rows: Singles, labels: Array) -> Doubles:
    column = labels[:, 0] if number == LABEL_COLUMN else rows[:, number]
    return column.astype(np.float64)


def _layout(width: int, features: int, labels: int) -> Layout:
    return Layout(
        input_shape=(features,),
        output_shape=(width,),
        label_size=labels,
        integer_labels=False,
        parameters=(ParameterLayout((width,), (0,)),),
        outputs=(width,),
        row_flops=0,
        row_values=width,
        released_bytes=0,
    )


def _require_grid(question: Question) -> None:
    if isinstance(question, Mean):
        edges: tuple[float, ...] = (question.low, question.high)
    else:
        edges = question.edges
    rising = all(one < other for one, other in pairwise(edges))
    if len(edges) < 2 or not rising or not all(isfinite(e) and abs(e) < _FAR for e in edges):
        raise Refused(Reason.BAD_SPEC, "bounds and edges are finite numbers that rise")
    if isinstance(question, Quantiles) and not all(0 <= s <= 1 for s in question.shares):
        raise Refused(Reason.BAD_SPEC, "the shares of quantiles lie between 0 and 1")
