"""The steps of a job on the trusted side: draw rows, hand them over, sum what comes back."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final, Protocol

import numpy as np

from tilth.engine import core, sampling
from tilth.engine.core import Doubles, Flags, Singles
from tilth.engine.layout import SLOTS, Layout
from tilth.engine.noise import DiscreteGaussian, Integers, RandomBytes
from tilth.engine.optimizers import optimizer, pace
from tilth.engine.outcomes import Reason, Refused
from tilth.engine.spec import FULL_BATCH, Indices, Progress, Rows, TrainSpec
from tilth.engine.values import Array

_CHUNK_BYTES: Final = 1 << 22  # large enough to amortise a message, small enough for a cache
_MOST_MICROBATCHES: Final = 16


class Worker(Protocol):
    def gradients(self, rows: Singles, labels: Array) -> Sequence[Singles]:
        """The layout's outputs for one chunk, as copies nobody else can write to."""
        ...

    def use(self, weights: Singles) -> None: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Release:
    """How rows are drawn, clipped and hidden in one noisy sum."""

    clip: float
    noise_milli: int
    rate_per_billion: int = FULL_BATCH


class Summer:
    """Noisy means over a table of what a worker makes of its rows. Everything it does with time,
    order and size is fixed by public numbers."""

    def __init__(self, layout: Layout, release: Release, rows: Rows, random: RandomBytes) -> None:
        _require_fit(layout, rows)
        self._layout, self._release, self._rows, self._random = layout, release, rows, random
        self._slots = sampling.slots_for(rows.count, release.rate_per_billion)
        self.chunk = chunk_rows(layout, self._slots)
        self._noise = _noise(layout, release.noise_milli, random)

    @property
    def noise(self) -> float:
        """The standard deviation of each number's noise."""
        if self._noise is None:
            return 0.0
        return (
            self._release.noise_milli / 1000 * core.sensitivity(self._layout.weights) * self._unit
        )

    def mean(self, worker: Worker) -> Doubles:
        """The clipped mean, noisy; divided by the expected number of rows, which is public."""
        total = sum(self._chunk_sums(worker), np.zeros(self._layout.weights, np.int64))
        if self._noise is not None:
            total = total + self._noise.draw(len(total))
        return total.astype(np.float64) * self._unit

    @property
    def _unit(self) -> float:
        """What one step of the lattice means in the mean."""
        expected = self._rows.count * self._release.rate_per_billion / FULL_BATCH
        return self._release.clip / 2.0**core.LATTICE_BITS / expected

    def _chunk_sums(self, worker: Worker) -> Iterator[Integers]:
        for seats in self._seats():
            rows, labels, occupied = self._fetch(seats)
            parts = [*worker.gradients(rows, labels), rows]
            yield core.clipped_sum(self._layout, parts, occupied, self._release.clip)

    def _seats(self) -> Iterator[Indices]:
        rate = self._release.rate_per_billion
        chosen = sampling.drawn(self._rows.count, rate, self._random)
        seats = sampling.seated(chosen, self._slots, self._random)
        short = -len(seats) % self.chunk
        padded = np.concatenate([seats, np.full(short, sampling.EMPTY, np.int64)])
        yield from padded.reshape(-1, self.chunk)

    def _fetch(self, seats: Indices) -> tuple[Singles, Array, Flags]:
        """The rows in their seats, zeros in the empty ones."""
        occupied = seats != sampling.EMPTY
        rows = np.zeros((len(seats), self._layout.features), np.float32)
        kind = np.int64 if self._layout.integer_labels else np.float32
        labels = np.zeros((len(seats), self._layout.label_size), kind)
        if occupied.any():
            given, given_labels = self._rows.batch(seats[occupied])
            rows[occupied] = given
            if self._layout.label_size:
                labels[occupied] = self._fitting(given_labels, len(given))
        return rows, labels, occupied

    def _fitting(self, labels: Array, count: int) -> Array:
        if labels.size != count * self._layout.label_size:
            text = f"the model's loss takes {self._layout.label_size} labels for each row"
            raise Refused(Reason.DATA_MISMATCH, text)
        return labels.reshape(count, -1)


class Trainer:
    """One job's steps down the noisy gradient."""

    def __init__(self, layout: Layout, spec: TrainSpec, rows: Rows, random: RandomBytes) -> None:
        self._spec = spec
        release = Release(
            clip=spec.clip_micro / 1e6,
            noise_milli=spec.noise_multiplier_milli,
            rate_per_billion=spec.rate_per_billion,
        )
        self._summer = Summer(layout, release, rows, random)
        self.chunk = self._summer.chunk

    def run(self, worker: Worker, initial: Singles, progress: Progress | None) -> Singles:
        """The trained weights."""
        weights = initial.astype(np.float64)
        descent = optimizer(self._spec, len(weights))
        for step in range(self._spec.steps):
            worker.use(weights.astype(np.float32))
            gradient = self._summer.mean(worker)
            weights = descent.step(weights, gradient, pace(self._spec, step))
            if progress is not None:
                progress(step + 1, self._spec.steps)
        return weights.astype(np.float32)


def chunk_rows(layout: Layout, slots: int) -> int:
    """Rows per message: several microbatches while they are small."""
    row_bytes = 4 * (layout.features + 2 * layout.label_size + sum(layout.outputs))
    fitting = _CHUNK_BYTES // (row_bytes * SLOTS)
    return SLOTS * max(1, min(fitting, _MOST_MICROBATCHES, slots // SLOTS))


def _noise(layout: Layout, noise_milli: int, random: RandomBytes) -> DiscreteGaussian | None:
    return core.noise(layout.weights, noise_milli, random) if noise_milli else None


def _require_fit(layout: Layout, rows: Rows) -> None:
    if rows.count < 1:
        raise Refused(Reason.DATA_MISMATCH, "the table has no rows")
    if rows.features != layout.features:
        text = f"the model takes {layout.features} features; the table has {rows.features}"
        raise Refused(Reason.DATA_MISMATCH, text)
