"""Messages between the trusted side and a worker: a tag, a length, and bytes, over a socket."""

import socket
import struct
import time
from collections.abc import Sequence
from typing import Final

import numpy as np

from tilth.engine.values import Array

_HEADER: Final = struct.Struct("<cQ")

CHECK: Final = b"C"
ASSEMBLE: Final = b"A"
LAYOUT: Final = b"L"
PREPARE: Final = b"P"
WEIGHTS: Final = b"W"
STEP: Final = b"S"
RESULT: Final = b"O"
REFUSAL: Final = b"N"
READY: Final = b"Y"

TRAIN: Final = "train"
EVALUATE: Final = "evaluate"
MAP: Final = "map"
INFER: Final = "infer"

EXIT_BROKEN: Final = 70
EXIT_NO_MEMORY: Final = 77
EXIT_NOT_CONFINED: Final = 78


class Closed(Exception):
    """The other side is gone."""


class Broken(Closed):
    """The other side says what it may not say."""


class Channel:
    """One end. A deadline, where set, bounds every wait; `TimeoutError` when it passes."""

    def __init__(self, end: socket.socket) -> None:
        self._end = end
        self._deadline: float | None = None

    def expire_in(self, seconds: float) -> None:
        self._deadline = time.monotonic() + seconds

    def send(self, tag: bytes, *parts: bytes | Array) -> None:
        views = [view for view in map(_bytes_of, parts) if view.nbytes]
        header = _HEADER.pack(tag, sum(view.nbytes for view in views))
        try:
            for view in (memoryview(header), *views):
                self._arm()
                self._end.sendall(view)
        except (BrokenPipeError, ConnectionResetError):
            raise Closed from None

    def next(self) -> tuple[bytes, int]:
        """Tag and length of the next message; its body is still to be read."""
        header = bytearray(_HEADER.size)
        self._fill(memoryview(header))
        tag, length = _HEADER.unpack(header)
        return tag, length

    def body(self, length: int, limit: int) -> bytes:
        if length > limit:
            raise Broken
        body = bytearray(length)
        self._fill(memoryview(body))
        return bytes(body)

    def body_into(self, length: int, arrays: Sequence[Array]) -> None:
        """A body that fills these arrays exactly."""
        if length != sum(array.nbytes for array in arrays):
            raise Broken
        for array in arrays:
            self._fill(_bytes_of(array))

    def close(self) -> None:
        self._end.close()

    def _fill(self, view: memoryview) -> None:
        while view.nbytes:
            self._arm()
            try:
                count = self._end.recv_into(view)
            except ConnectionResetError:
                raise Closed from None
            if count == 0:
                raise Closed
            view = view[count:]

    def _arm(self) -> None:
        if self._deadline is not None:
            remaining = self._deadline - time.monotonic()
            if remaining <= 0:
                raise TimeoutError
            self._end.settimeout(remaining)


def _bytes_of(part: bytes | Array) -> memoryview:
    return memoryview(part if isinstance(part, bytes) else part.reshape(-1).view(np.uint8).data)
