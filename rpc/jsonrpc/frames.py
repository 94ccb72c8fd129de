"""WebSocket messages out of a byte stream: whole data frames cut here, all else by websockets."""

import struct
from enum import Enum
from typing import Final, TypeAlias

from websockets.frames import CloseCode, Frame, Opcode
from websockets.protocol import State
from websockets.server import ServerProtocol

try:
    from websockets.speedups import apply_mask
except ImportError:  # a platform without its compiled part
    from websockets.utils import apply_mask

_TEXT: Final = 0x81  # FIN and opcode 1
_WHOLE: Final = (_TEXT, 0x82)  # text or binary, unfragmented
_MASKED: Final = 0x80
_DATA: Final = (Opcode.TEXT, Opcode.BINARY, Opcode.CONT)
# A frame this many times too large is refused by closing, not by reading past it.
_SKIPPABLE: Final = 64


class Mark(Enum):
    """Stands in the stream for what is no message."""

    OVERSIZED = "a message larger than the limit, which was skipped"
    CONTROL = "a frame that websockets dealt with"


Message: TypeAlias = str | bytes | Mark


class Frames:
    """The messages of one WebSocket connection after its handshake, and what is to be sent.

    The Sans-I/O protocol costs several times what an ordinary request does, so an ordinary frame
    (final, masked, whole, within the limit) does not pass through it. Every other byte does.
    """

    def __init__(self, protocol: ServerProtocol, size: int, fragments: int) -> None:
        self._protocol = protocol
        self._size = size
        self._most_fragments = fragments
        self._buffer = bytearray()
        self._skip = 0  # bytes of an oversized frame that are still to come
        self._owed = 0  # bytes of the current frame that websockets has not seen yet
        self._parts: list[bytes] | None = None
        self._is_text = False

    @property
    def open(self) -> bool:
        return self._protocol.state is State.OPEN

    @property
    def unfinished(self) -> bool:
        """Whether something has begun whose end has not arrived."""
        return bool(self._buffer or self._owed or self._skip) or self._parts is not None

    def feed(self, data: bytes) -> None:
        self._buffer += data

    def next(self) -> Message | None:
        """The next message, or None until more is fed."""
        buffer = self._buffer
        while buffer:
            if self._skip or self._owed:
                message = self._skip_on() if self._skip else self._hand_on()
                if message is not None:
                    return message
                continue
            header, end = self._measure()
            if not header:
                return None
            if buffer[0] not in _WHOLE or buffer[1] < _MASKED or not self._is_between_messages():
                self._owed = end
            elif end - header > self._size:
                self._begin_oversized(header, end)
            elif len(buffer) < end:
                return None
            else:
                payload = apply_mask(buffer[header:end], buffer[header - 4 : header])
                is_text = buffer[0] == _TEXT
                del buffer[:end]
                return self._message(payload, is_text)
        return None

    def eof(self) -> None:
        self._protocol.receive_eof()

    def ping(self) -> None:
        if self.open:
            self._protocol.send_ping(b"")

    def fail(self, code: int, reason: str) -> None:
        """Close because of the peer's fault; nothing more is read."""
        if self.open:
            self._protocol.fail(code, reason)

    def close(self, code: int) -> None:
        if self.open:
            self._protocol.send_close(code)

    def output(self) -> list[bytes]:
        """What is to be sent; an empty item means to hang up."""
        return self._protocol.data_to_send()

    def _is_between_messages(self) -> bool:
        return self._parts is None and self.open

    def _measure(self) -> tuple[int, int]:
        """Where the next frame's payload begins and ends; zeros if its header is incomplete."""
        buffer = self._buffer
        if len(buffer) < 2:
            return 0, 0
        length = buffer[1] & 0x7F
        header = (2, 4, 10)[max(0, length - 125)] + (4 if buffer[1] & _MASKED else 0)
        if len(buffer) < header:
            return 0, 0
        if length == 126:
            length = buffer[2] << 8 | buffer[3]
        elif length == 127:
            length = int.from_bytes(buffer[2:10], "big")
        return header, header + length

    def _begin_oversized(self, header: int, end: int) -> None:
        if end - header > self._size * _SKIPPABLE:
            self._owed = end
        else:
            self._skip = end

    def _skip_on(self) -> Message | None:
        step = min(self._skip, len(self._buffer))
        del self._buffer[:step]
        self._skip -= step
        return None if self._skip else Mark.OVERSIZED

    def _hand_on(self) -> Message | None:
        step = min(self._owed, len(self._buffer))
        self._protocol.receive_data(bytes(self._buffer[:step]))
        del self._buffer[:step]
        self._owed -= step
        message: Message | None = None
        for event in self._protocol.events_received():
            assert isinstance(event, Frame), "a handshake yields no further requests"
            message = self._joined(event) if event.opcode in _DATA else Mark.CONTROL
        return message

    def _joined(self, frame: Frame) -> Message | None:
        if self._parts is None:
            self._parts = []
            self._is_text = frame.opcode is Opcode.TEXT
        self._parts.append(bytes(frame.data))
        if frame.fin:
            parts, self._parts = self._parts, None
            return self._message(b"".join(parts), self._is_text)
        if len(self._parts) >= self._most_fragments:
            self.fail(CloseCode.MESSAGE_TOO_BIG, "too many fragments")
        return Mark.CONTROL

    def _message(self, payload: bytes, is_text: bool) -> Message | None:
        if not is_text:
            return payload
        try:
            return payload.decode()
        except UnicodeDecodeError:
            self.fail(CloseCode.INVALID_DATA, "text must be UTF-8")
            return None


def text_header(length: int) -> bytes:
    """The header of an unfragmented text frame, as a server sends it."""
    if length < 126:
        return bytes((_TEXT, length))
    if length < 2**16:
        return struct.pack("!BBH", _TEXT, 126, length)
    return struct.pack("!BBQ", _TEXT, 127, length)
