"""Convolutions of pictures line by line, where the filters are few beside what each of them sees.

Copying what every tap sees costs as much as the products themselves. Here lines are moved sideways
by products with zeros and ones, every line meets all rows of the kernel at once, and only the
results, one for each filter, are moved up and down and added.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from math import prod
from typing import Final

import numpy as np

from tilth.engine.graph import Emitter
from tilth.engine.operators.windows import Windows
from tilth.engine.values import Array, Value

_WIDEST: Final = 64  # beyond it those zeros cost more than copies


def pays(x: Value, weights: Value, over: Windows) -> bool:
    """Whether filters are fewer than the numbers that one line of a window holds."""
    if len(over.sizes) != 2 or over.strides[0] != 1 or over.taps == 1:
        return False
    return over.sizes[1] <= _WIDEST and weights.shape[0] <= x.shape[0] * over.kernel[1]


@dataclass(frozen=True, slots=True)
class Lines:
    """One convolution of ungrouped channels."""

    emit: Emitter
    x: Value
    weights: Value
    over: Windows

    def values(self) -> Value:
        """[filters, places]"""
        e, filters, (rows, across) = self.emit, self.weights.shape[0], self._rows_and_across
        length = self.over.sizes[0] * across
        met = e.reshape(e.matmul(self._kernel(), self._sideways()), (filters, rows, length))
        moved = []
        for row, up in enumerate(self._ups()):
            before, last = (0, -row, -up * across), up * across + self._places
            moved.append(e.padded(met, before, (0, row + 1 - rows, last - length), 0))
        total = moved[0]
        for more in moved[1:]:
            total = e.add(total, more)
        return total

    def by_weights(self, dy: Value) -> Value:
        e, (filters, channels) = self.emit, self.weights.shape[:2]
        product = e.matmul(self._downwards(dy), e.swapped(self._sideways()))
        parts = e.reshape(product, (filters, self.over.taps, channels))
        return e.reshape(e.swapped(parts), self.weights.shape)

    def by_x(self, dy: Value) -> Value:
        e, (channels, height, width) = self.emit, self.x.shape
        met = e.matmul(e.swapped(self._kernel()), self._downwards(dy))
        columns = self.over.kernel[1]
        lines = e.reshape(met, (columns, channels * height, self.over.out[1]))
        back = e.matmul(lines, e.constant(self._moves().transpose(0, 2, 1)))
        total = e.cut(back, (0, 0, 0), (1, channels * height, width), (1, 1, 1))
        for column in range(1, columns):
            more = e.cut(back, (column, 0, 0), (1, channels * height, width), (1, 1, 1))
            total = e.add(total, more)
        return e.reshape(total, self.x.shape)

    @property
    def _places(self) -> int:
        return prod(self.over.out)

    @property
    def _rows_and_across(self) -> tuple[int, int]:
        """The kernel's rows, and the places in a line."""
        return self.over.kernel[0], self.over.out[1]

    def _kernel(self) -> Value:
        """[filters · kernel's rows, kernel's columns · channels]"""
        e, (filters, channels, rows, columns) = self.emit, self.weights.shape
        turned = e.transpose(self.weights, (0, 2, 3, 1))
        return e.reshape(turned, (filters * rows, columns * channels))

    def _sideways(self) -> Value:
        """The lines as each column of the kernel sees them: [columns · channels, height · places
        in a line]."""
        e, (channels, height, width) = self.emit, self.x.shape
        lines = e.reshape(self.x, (1, channels * height, width))
        moved = e.matmul(lines, e.constant(self._moves()))
        columns, across = self.over.kernel[1], self.over.out[1]
        return e.reshape(moved, (columns * channels, height * across))

    def _downwards(self, dy: Value) -> Value:
        """A gradient of the values at the lines that each row of the kernel saw: [filters · rows,
        height · places in a line]."""
        e, filters, (rows, across) = self.emit, self.weights.shape[0], self._rows_and_across
        flat, length = e.reshape(dy, (filters, 1, self._places)), self.over.sizes[0] * across
        moved = [
            e.padded(flat, (0, 0, up * across), (0, 0, length - self._places - up * across), 0)
            for up in self._ups()
        ]
        every = e.make("Concat", *moved, shape=(filters, rows, length), axis=2)
        return e.reshape(every, (filters * rows, length))

    def _ups(self) -> Iterator[int]:
        """How many lines below the first of a window's each row of the kernel begins."""
        over = self.over
        return (row * over.dilations[0] - over.before[0] for row in range(over.kernel[0]))

    def _moves(self) -> Array:
        """For each column of the kernel, where in a line its numbers stand: [columns, width, places
        in a line]."""
        over = self.over
        columns, across = np.arange(over.kernel[1]), np.arange(over.out[1])
        seen = columns[:, None] * over.dilations[1] + across * over.strides[1] - over.before[1]
        moves = np.arange(over.sizes[1])[:, None] == seen[:, None, :]
        return np.asarray(moves, np.float64)
