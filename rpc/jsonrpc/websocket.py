"""A client connected by WebSocket: requests in, replies and notifications out, in order."""

import asyncio
import logging
from collections import deque
from collections.abc import Callable, Coroutine
from typing import Any, Final

from websockets.frames import CloseCode

from tilth.rpc.jsonrpc.client import Client, Undo
from tilth.rpc.jsonrpc.edge import Edge, Pace, Stall
from tilth.rpc.jsonrpc.errors import PARSE_ERROR
from tilth.rpc.jsonrpc.frames import Frames, Mark, Message, text_header
from tilth.rpc.jsonrpc.ratelimit import Meter
from tilth.rpc.jsonrpc.session import Session
from tilth.rpc.jsonrpc.wire import NOTIFICATION_END, Encoded

_log = logging.getLogger("tilth.rpc")

# Messages answered before other connections get their turn.
_TURN: Final = 128
# Gathered output beyond this is handed to the system at once, so that its pressure is felt.
_GATHER: Final = 64 * 1024


class WebSocketConnection(asyncio.Protocol):
    """Takes over from the HTTP connection once the handshake is done."""

    def __init__(
        self,
        edge: Edge,
        transport: asyncio.Transport,
        frames: Frames,
        *,
        peer: str,
        trusted: Callable[[], bool],
        meter: Meter | None,
    ) -> None:
        now = edge.clock()
        self._edge = edge
        self._transport = transport
        self._frames = frames
        self._loop = asyncio.get_running_loop()
        self._client = Client(peer, self, edge.rng)
        self._client.trusted = trusted
        self._session = Session(edge.table, edge.node, edge.limits, self._client, self.push, meter)
        self._calls: set[asyncio.Task[None]] = set()
        self._streams: set[asyncio.Task[None]] = set()
        self._out: list[bytes] = []
        self._out_size = 0
        self._flush_is_due = False
        self._full = False
        self._room = asyncio.Event()
        self._room.set()
        self._waiting: deque[tuple[bytes, ...]] = deque()
        self._received = 0
        self._pace = Pace(now)
        self._stall = Stall(now, 0)
        self._next_ping = now + edge.limits.ping_seconds
        self._finishing = False
        self._gone_by: float | None = None
        edge.connections.add(self)

    def data_received(self, data: bytes) -> None:
        if not self._frames.unfinished:
            self._pace = Pace(self._edge.clock(), self._received)
        self._received += len(data)
        self._frames.feed(data)
        self._work()

    def eof_received(self) -> bool:
        """Half-closed is closed: without a way to say goodbye no reply is owed."""
        return False

    def connection_lost(self, exc: Exception | None) -> None:
        self._edge.connections.discard(self)
        self._client.close()
        self._waiting.clear()
        self._room.set()
        for task in (*self._calls, *self._streams):
            task.cancel()

    def pause_writing(self) -> None:
        self._full = True
        self._room.clear()
        self._stall = Stall(self._edge.clock(), self._transport.get_write_buffer_size())

    def resume_writing(self) -> None:
        self._full = False
        while self._waiting and not self._full:
            self._out += self._waiting.popleft()
            self._flush()
        if not self._full:
            self._room.set()
            self._work()

    def tick(self, now: float) -> None:
        """Enforce the deadlines that have passed."""
        if self._gone_by is not None:
            if now >= self._gone_by:
                self._transport.abort()
        elif self._full:
            unread = self._transport.get_write_buffer_size()
            if self._stall.too_long(now, unread, self._edge.limits):
                self._transport.abort()
        else:
            self._tick_open(now)

    def close(self) -> None:
        """Read no further request, answer those under way, then say that this end goes away."""
        self._finishing = True
        if not self._calls:
            self._hang_up(CloseCode.GOING_AWAY)

    def abort(self) -> None:
        self._transport.abort()

    def push(self, message: bytes) -> None:
        size = len(message)
        self._enqueue(size, (text_header(size), message))

    def notify(self, start: bytes, result: Encoded) -> bool:
        """Queue a notification; a client for which too many wait is cut off, alone."""
        if self._gone_by is not None or self._client.closed:
            return False
        if self._full and len(self._waiting) >= self._edge.limits.buffered_messages:
            self._hang_up(CloseCode.POLICY_VIOLATION)
            return False
        size = len(start) + len(result) + len(NOTIFICATION_END)
        self._enqueue(size, (text_header(size), start, result, NOTIFICATION_END))
        return True

    async def room(self) -> None:
        await self._room.wait()

    def spawn(self, work: Coroutine[Any, Any, None]) -> Undo:
        task = self._loop.create_task(work)
        self._streams.add(task)
        task.add_done_callback(self._streams.discard)
        return task.cancel

    def _work(self) -> None:
        """Answer what has arrived, as long as the client takes the answers."""
        if self._transport.is_closing():
            return
        busy = False
        self._flush_is_due = True
        for _ in range(_TURN):
            busy = self._is_busy()
            message = None if busy else self._frames.next()
            if message is None:
                break
            if self._gone_by is None:
                self._answer(message)
        else:
            busy = True
            self._loop.call_soon(self._work)
        self._send_control_frames()
        self._regulate(busy)

    def _is_busy(self) -> bool:
        if self._gone_by is not None:
            return False  # only the peer's goodbye is still of interest
        return (
            self._full or self._finishing or len(self._calls) >= self._edge.limits.concurrent_calls
        )

    def _regulate(self, busy: bool) -> None:
        if self._transport.is_closing():
            return
        if busy:
            self._transport.pause_reading()
        elif not self._transport.is_reading():
            self._pace = Pace(self._edge.clock(), self._received)
            self._transport.resume_reading()

    def _answer(self, message: Message) -> None:
        if isinstance(message, str):
            work = self._session.receive(message)
            if work is not None:
                self._run(work)
        elif isinstance(message, bytes):
            self._answer_bytes(message)
        elif message is Mark.OVERSIZED:
            self._session.refuse_oversized()
        else:
            self._send_control_frames()

    def _answer_bytes(self, message: bytes) -> None:
        try:
            text = message.decode()
        except UnicodeDecodeError:
            self._session.refuse(PARSE_ERROR)
        else:
            self._answer(text)

    def _run(self, work: Coroutine[Any, Any, None]) -> None:
        task = self._loop.create_task(work)
        self._calls.add(task)
        task.add_done_callback(self._finished)

    def _finished(self, task: "asyncio.Task[None]") -> None:
        self._calls.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            _log.error("answering a call failed", exc_info=error)
        if self._finishing and not self._calls:
            self._hang_up(CloseCode.GOING_AWAY)
        self._work()

    def _enqueue(self, size: int, pieces: tuple[bytes, ...]) -> None:
        """Gather output: one write per turn of the loop, in the order of sending."""
        if self._gone_by is not None:
            return
        if self._full:
            self._waiting.append(pieces)
            return
        self._out += pieces
        self._out_size += size
        if self._out_size > _GATHER:
            self._flush()
        elif not self._flush_is_due:
            self._flush_is_due = True
            self._loop.call_soon(self._flush)

    def _flush(self) -> None:
        self._flush_is_due = False
        if self._out:
            out, self._out, self._out_size = self._out, [], 0
            self._transport.write(b"".join(out))

    def _send_control_frames(self) -> None:
        """Control frames overtake what waits for room."""
        for piece in self._frames.output():
            if piece:
                self._out.append(piece)
            else:
                self._flush()
                self._leave()
        self._flush()

    def _hang_up(self, code: int) -> None:
        if self._gone_by is None:
            self._frames.close(code)
            self._send_control_frames()
            self._expect_the_end()

    def _leave(self) -> None:
        """Send no more; what the peer still sends is not reset, but read and dropped."""
        self._expect_the_end()
        if not self._transport.is_closing():
            self._transport.write_eof()

    def _expect_the_end(self) -> None:
        if self._gone_by is None:
            self._gone_by = self._edge.clock() + self._edge.limits.linger_seconds
            self._waiting.clear()
            # A producer may be walking over its sinks right now: they close after its turn.
            self._loop.call_soon(self._client.close)
        self._regulate(busy=False)

    def _tick_open(self, now: float) -> None:
        limits = self._edge.limits
        if self._frames.unfinished and self._transport.is_reading():
            if self._pace.too_slow(now, self._received, limits):
                self._hang_up(CloseCode.POLICY_VIOLATION)
        elif now >= self._next_ping:
            self._next_ping = now + limits.ping_seconds
            self._frames.ping()
            self._send_control_frames()
