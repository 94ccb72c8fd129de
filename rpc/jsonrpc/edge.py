"""What every connection of one server shares."""

import asyncio
import random
import socket
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Protocol, TypeAlias

from tilth.rpc.jsonrpc.access import Gate, Headers
from tilth.rpc.jsonrpc.dispatch import MethodTable
from tilth.rpc.jsonrpc.limits import Limits


@dataclass(frozen=True, slots=True)
class Request:
    """An HTTP request whose body has arrived; header names are in lower case."""

    method: str
    path: str
    query: str
    headers: Headers
    peer: str
    body: bytes = b""


@dataclass(frozen=True, slots=True)
class Stream:
    """A body that is not held in memory: its length, and what makes it piece by piece."""

    length: int
    parts: Callable[[], AsyncIterator[bytes]]


@dataclass(frozen=True, slots=True)
class Response:
    """An HTTP answer; Content-Length, CORS and Connection are added to its headers."""

    status: int = HTTPStatus.OK
    body: bytes = b""
    content_type: str = "text/plain; charset=utf-8"
    headers: tuple[tuple[str, str], ...] = ()
    stream: Stream | None = None
    """In place of the body."""

    @property
    def length(self) -> int:
        return len(self.body) if self.stream is None else self.stream.length


Route: TypeAlias = Callable[[Request], Response | Awaitable[Response]]


class Connection(Protocol):
    """What the server needs of a connection, whichever protocol it speaks."""

    def tick(self, now: float) -> None:
        """Enforce the deadlines that passed."""
        ...

    def close(self) -> None:
        """Take no further request, finish, say goodbye."""
        ...

    def abort(self) -> None:
        """Hang up, whatever is lost."""
        ...


@dataclass(slots=True)
class Edge:
    table: MethodTable
    node: object
    limits: Limits
    routes: Mapping[str, Route]
    clock: Callable[[], float]
    rng: random.Random
    gate: Gate = field(init=False)
    """Known once the port is."""

    connections: set[Connection] = field(default_factory=set)
    surplus: set[Connection] = field(default_factory=set)
    """Connections beyond the limit, kept only until they have been told so."""

    def route(self, path: str) -> Route | None:
        """The route of this very path, or the longest one that ends in / and leads to it."""
        if path in self.routes:
            return self.routes[path]
        leading = [key for key in self.routes if key != "/" and key.endswith("/")]
        fitting = [key for key in leading if path.startswith(key)]
        return self.routes[max(fitting, key=len)] if fitting else None


def keep_alive(transport: asyncio.Transport) -> None:
    """Let the system find out about peers that vanished: a ping may stay unanswered for ever."""
    sock = transport.get_extra_info("socket")
    if sock is None:
        return
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    for name, value in (("TCP_KEEPIDLE", 60), ("TCP_KEEPINTVL", 15), ("TCP_KEEPCNT", 4)):
        if hasattr(socket, name):
            sock.setsockopt(socket.IPPROTO_TCP, getattr(socket, name), value)


@dataclass(slots=True)
class Pace:
    """Whether something begun keeps arriving fast enough."""

    since: float
    received: int = 0

    def too_slow(self, now: float, received: int, limits: Limits) -> bool:
        elapsed = now - self.since
        if elapsed < limits.rate_window:
            return False
        slow = received - self.received < elapsed * limits.bytes_per_second
        self.since, self.received = now, received
        return slow


@dataclass(slots=True)
class Stall:
    """Whether a peer has stopped reading what waits for it."""

    since: float
    unread: int

    def too_long(self, now: float, unread: int, limits: Limits) -> bool:
        if unread != self.unread:
            self.since, self.unread = now, unread
        return now - self.since >= limits.stalled_seconds
