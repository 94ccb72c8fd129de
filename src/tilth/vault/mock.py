"""A synthetic twin of a private table, drawn from what is public about it and nothing else."""

from hashlib import shake_256

import numpy as np
from numpy.typing import NDArray

from tilth.vault.schema import Categorical, Column, Schema
from tilth.vault.table import Features, Labels, Table

MOCK_ROWS = 256


def mock_table(schema: Schema, rows: int = MOCK_ROWS) -> Table:
    """Uniform within the declared bounds and classes, seeded by the hash of the schema.

    So anyone can make it again, and it says nothing of the rows that the schema does not.
    """
    columns = {
        column.name: _drawn(column, schema.hash(), number, rows)
        for number, column in enumerate(schema.columns)
    }
    label = columns.pop(schema.label) if schema.label else None
    features: Features = np.stack(list(columns.values()), axis=1).astype(np.float32)
    kind = np.int64 if schema.classes else np.float32
    labels: Labels | None = None if label is None else label.astype(kind)
    return Table(schema, features, labels)


def _drawn(column: Column, seed: bytes, number: int, rows: int) -> NDArray[np.float64]:
    draws = _uniform(seed, number, rows)
    if isinstance(column, Categorical):
        return np.floor(draws * len(column.classes))
    lower, upper = float(np.float32(column.lower)), float(np.float32(column.upper))
    # convex form, since upper - lower may not fit; float32 rounding cannot leave float32 bounds
    return np.clip(lower * (1 - draws) + upper * draws, lower, upper)


def _uniform(seed: bytes, number: int, rows: int) -> NDArray[np.float64]:
    """In [0, 1), the same on every machine: numpy's own generators may change their streams."""
    stream = shake_256(b"tilth mock" + seed + number.to_bytes(4, "little")).digest(8 * rows)
    bits: NDArray[np.uint64] = np.frombuffer(stream, "<u8") >> np.uint64(11)
    return bits.astype(np.float64) * 2.0**-53
