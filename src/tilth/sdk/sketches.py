"""A table's likeness: MinHash of its rows, whatever their order and that of its columns."""

from hashlib import sha256
from typing import Final

import numpy as np
from numpy.typing import NDArray

PARTS: Final = 64
_BATCH: Final = 4096
_SEEDS: Final = np.array(
    [
        int.from_bytes(sha256(b"tilth/sketch/1" + bytes((part,))).digest()[:8], "little")
        for part in range(PARTS)
    ],
    dtype=np.uint64,
)
_MOST: Final = np.uint64(2**64 - 1)


class Sketcher:
    """Takes rows' hashes; of two tables, the share of equal parts is that of rows they share."""

    def __init__(self) -> None:
        self._least = np.full(PARTS, _MOST, dtype=np.uint64)
        self._waiting = bytearray()
        self._any = False

    def add(self, row: bytes) -> None:
        """The row's hash, of which eight bytes count."""
        self._waiting += row[:8]
        if len(self._waiting) >= 8 * _BATCH:
            self._flush()

    def merge(self, other: "Sketcher") -> None:
        """As if the other's rows had been added here."""
        other._flush()
        self._any |= other._any
        np.minimum(self._least, other._least, out=self._least)

    @property
    def sketch(self) -> tuple[int, ...] | None:
        """None where there was no row."""
        self._flush()
        return tuple(map(int, self._least)) if self._any else None

    def _flush(self) -> None:
        rows = np.frombuffer(bytes(self._waiting), dtype="<u8").astype(np.uint64)
        self._waiting.clear()
        if not len(rows):
            return
        self._any = True
        for part, seed in enumerate(_SEEDS):
            self._least[part] = min(self._least[part], _mixed(rows ^ seed).min())


def _mixed(values: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """splitmix64's finalizer: every bit of the input moves every bit of the result."""
    values = (values ^ (values >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    values = (values ^ (values >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    mixed: NDArray[np.uint64] = values ^ (values >> np.uint64(31))
    return mixed
