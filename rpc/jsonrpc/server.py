"""The network edge: JSON-RPC over HTTP POST and WebSocket, and the node's pages, on one port."""

import asyncio
import logging
import random
import time
from collections.abc import Callable, Mapping
from types import TracebackType
from typing import Final, Self

from tilth.rpc.jsonrpc.access import Access, Gate
from tilth.rpc.jsonrpc.dispatch import MethodTable
from tilth.rpc.jsonrpc.edge import Connection, Edge, Route
from tilth.rpc.jsonrpc.http import HttpConnection
from tilth.rpc.jsonrpc.limits import Limits

_log = logging.getLogger("tilth.rpc")

DEFAULT_PORT: Final = 9944
_BACKLOG: Final = 1024


class Server:
    """Serves a method table; everything it is bounded by is in `limits`."""

    def __init__(
        self,
        table: MethodTable,
        node: object,
        *,
        host: str = "127.0.0.1",
        port: int = DEFAULT_PORT,
        limits: Limits | None = None,
        access: Access | None = None,
        routes: Mapping[str, Route] | None = None,
        clock: Callable[[], float] = time.monotonic,
        rng: random.Random | None = None,
    ) -> None:
        self._table = table
        self._node = node
        self._host = host
        self._port = port
        self._limits = limits or Limits()
        self._access = access or Access()
        self._routes = dict(routes or {})
        self._clock = clock
        self._rng = rng or random.SystemRandom()
        self._edge: Edge | None = None
        self._listener: asyncio.Server | None = None
        self._ticker: asyncio.Task[None] | None = None

    @property
    def port(self) -> int:
        """The port that is listened on; with port 0, the one that the system chose."""
        return self._port

    @property
    def connections(self) -> int:
        return len(self._edge.connections) if self._edge else 0

    async def start(self) -> None:
        """Listen; raises OSError if the address is taken."""
        loop = asyncio.get_running_loop()
        edge = Edge(self._table, self._node, self._limits, self._routes, self._clock, self._rng)
        self._listener = await loop.create_server(
            lambda: HttpConnection(edge),
            self._host,
            self._port,
            backlog=_BACKLOG,
            start_serving=False,
        )
        self._port = self._listener.sockets[0].getsockname()[1]
        edge.gate = Gate(self._access, self._host, self._port)
        await self._listener.start_serving()
        self._edge = edge
        self._ticker = loop.create_task(self._tick(edge))
        _log.info("JSON-RPC listens on %s:%d", self._host, self._port)

    async def stop(self) -> None:
        """Finish what is being answered, say goodbye (1001) and close; idempotent."""
        if self._edge is None or self._listener is None or self._ticker is None:
            return
        self._listener.close()
        self._ticker.cancel()
        await self._part(self._edge)
        await asyncio.gather(self._ticker, return_exceptions=True)
        await self._listener.wait_closed()
        self._edge = self._listener = self._ticker = None

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self.stop()

    async def _tick(self, edge: Edge) -> None:
        while True:
            await asyncio.sleep(self._limits.tick_seconds)
            now = self._clock()
            for connection in _all(edge):
                connection.tick(now)

    async def _part(self, edge: Edge) -> None:
        for connection in _all(edge):
            connection.close()
        await _gone(edge, self._limits.stop_seconds)
        for connection in _all(edge):
            connection.abort()
        await _gone(edge, self._limits.stop_seconds)


def _all(edge: Edge) -> list[Connection]:
    return [*edge.connections, *edge.surplus]


async def _gone(edge: Edge, seconds: float) -> None:
    """Wait, at most so long, until no connection is left."""
    loop = asyncio.get_running_loop()
    deadline = loop.time() + seconds
    while (edge.connections or edge.surplus) and loop.time() < deadline:
        await asyncio.sleep(0.005)
