"""The memory a worker shares with the trusted side: weights and rows one way, gradients the other.

Whoever measures what lies here must copy it first: the other side may still write.
"""

import ctypes
import fcntl
import mmap
import os
from collections.abc import Iterator
from dataclasses import dataclass
from math import prod
from typing import Any, Final

import numpy as np

from tilth.engine.core import Singles
from tilth.engine.layout import Layout
from tilth.engine.values import Array

_ALIGNMENT: Final = 64  # of a cache line, and of what ONNX Runtime likes to read


@dataclass(frozen=True, slots=True)
class Desk:
    """Views of the shared memory; `rows` and `labels` are of one chunk, as `outputs` are."""

    weights: Singles
    rows: Singles
    labels: Array
    outputs: tuple[Singles, ...]


def size_of(layout: Layout, rows: int) -> int:
    return sum(_padded(shape, dtype) for shape, dtype in _pieces(layout, rows))


def desk(layout: Layout, rows: int, memory: mmap.mmap | memoryview) -> Desk:
    """The same views on either side, since both know the layout."""
    views, start = [], 0
    for shape, dtype in _pieces(layout, rows):
        flat = np.frombuffer(memory, dtype, prod(shape), start)
        views.append(flat.reshape(shape))
        start += _padded(shape, dtype)
    return Desk(views[0], views[1], views[2], tuple(views[3:]))


def created() -> int:
    """A descriptor of memory without a name."""
    return os.memfd_create("tilth-job", os.MFD_CLOEXEC | os.MFD_ALLOW_SEALING)


def sized(descriptor: int, size: int) -> mmap.mmap:
    """Give the memory its one and only size and map it."""
    os.ftruncate(descriptor, size)
    fcntl.fcntl(descriptor, fcntl.F_ADD_SEALS, fcntl.F_SEAL_SHRINK | fcntl.F_SEAL_GROW)
    return mmap.mmap(descriptor, size)


def mapped_in_jail(descriptor: int, size: int) -> memoryview:
    """As `mmap.mmap`, which would duplicate the descriptor: in a jail there is no room for one."""
    libc = ctypes.CDLL(None, use_errno=True)
    libc.mmap.restype = ctypes.c_void_p
    libc.mmap.argtypes = [ctypes.c_void_p, ctypes.c_size_t, *[ctypes.c_int] * 3, ctypes.c_long]
    access = mmap.PROT_READ | mmap.PROT_WRITE
    address = libc.mmap(None, size, access, mmap.MAP_SHARED, descriptor, 0)
    if address in (None, ctypes.c_void_p(-1).value):
        raise MemoryError
    return memoryview((ctypes.c_ubyte * size).from_address(address)).cast("B")


def _pieces(layout: Layout, rows: int) -> Iterator[tuple[tuple[int, ...], np.dtype[Any]]]:
    single = np.dtype(np.float32)
    yield (layout.weights,), single
    yield (rows, layout.features), single
    yield (rows, layout.label_size), np.dtype(np.int64) if layout.integer_labels else single
    for size in layout.outputs:
        yield (rows, size), single


def _padded(shape: tuple[int, ...], dtype: np.dtype[Any]) -> int:
    size = prod(shape) * dtype.itemsize
    return -(-size // _ALIGNMENT) * _ALIGNMENT
