"""Scikit-learn's handwritten digits as private tables: 8×8 pixels, or redrawn on 28×28."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split

Floats = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Table:
    """What `tilth.engine` asks of private rows."""

    rows: Floats
    labels: NDArray[Any]

    @property
    def count(self) -> int:
        return len(self.rows)

    @property
    def features(self) -> int:
        return int(self.rows.shape[1])

    def batch(self, indices: NDArray[np.int64]) -> tuple[Floats, NDArray[Any]]:
        return self.rows[indices], self.labels[indices]


def digits() -> tuple[Table, Table]:
    """Rows to train on, and others to test with; pixels from 0…16 to -1…1."""
    data: Any = load_digits()
    split = train_test_split(data.data / 8 - 1, data.target, test_size=0.2, random_state=0)
    rows, others, labels, other_labels = split
    return Table(rows.astype(np.float32), labels), Table(others.astype(np.float32), other_labels)


def pictures(copies: int) -> tuple[Table, Table]:
    """Each digit several times on 28×28 pixels, moved and slanted at random.

    Copies count as rows of their own here: with real data that protects a person once for each
    of their pictures, so give every person one row.
    """
    train, test = digits()
    random = np.random.default_rng(0)
    drawn = [_drawn(train.rows, random) for _ in range(copies)]
    return (
        Table(np.concatenate(drawn), np.tile(train.labels, copies)),
        Table(_drawn(test.rows, random), test.labels),
    )


def _drawn(rows: Floats, random: np.random.Generator) -> Floats:
    """Bilinear, by one small affine map for each picture."""
    places = (np.stack(np.meshgrid(*[np.arange(28)] * 2, indexing="ij"), -1) - 13.5) / 3.4
    maps = np.eye(2) + random.normal(0, 0.07, (len(rows), 2, 2))
    moves = 3.5 + random.normal(0, 0.35, (len(rows), 1, 1, 2))
    at = np.einsum("hwj,nij->nhwi", places, maps) + moves
    inside = ((at >= 0) & (at <= 7)).all(-1)
    low = at.clip(0, 6.999).astype(int)
    part = at.clip(0, 7) - low
    pixels, index = rows.reshape(-1, 8, 8), np.arange(len(rows))[:, None, None]
    total = np.zeros(inside.shape)
    for down in (0, 1):
        for right in (0, 1):
            weight = np.where(down, part[..., 0], 1 - part[..., 0])
            weight = weight * np.where(right, part[..., 1], 1 - part[..., 1])
            total += weight * pixels[index, low[..., 0] + down, low[..., 1] + right]
    return np.where(inside, total, -1).reshape(len(rows), 784).astype(np.float32)


def accuracy(infer: Callable[[bytes, Floats], Floats], model: bytes, test: Table) -> float:
    return float((infer(model, test.rows).argmax(1) == test.labels).mean())
