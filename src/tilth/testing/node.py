"""A node with both faces on free ports, in a thread of the test's process."""

import asyncio
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future
from contextlib import AsyncExitStack
from functools import partial
from types import TracebackType
from typing import Any, Final, Self, TypeVar

from tilth.frame import Runtime
from tilth.node.author import InstantSeal, Sealing
from tilth.node.chain_spec import ChainSpec
from tilth.node.service import Node, NodeConfig
from tilth.rpc.grpc.server import GrpcServer
from tilth.rpc.jsonrpc.dispatch import MethodTable
from tilth.rpc.jsonrpc.pages import pages
from tilth.rpc.jsonrpc.server import Server
from tilth.rpc.jsonrpc.table import method_table
from tilth.runtime.presets import dev_spec

T = TypeVar("T")

_DEADLINE: Final = 30
_HOST: Final = "127.0.0.1"


class SystemClock:
    def milliseconds(self) -> int:
        return time.time_ns() // 1_000_000


class LocalNode:
    """Runs for as long as the block lasts; what it is made of may be chosen."""

    ws: str
    http: str
    grpc: str

    def __init__(
        self,
        runtime: Callable[[], Runtime],
        *,
        spec: Callable[[Runtime], ChainSpec] = dev_spec,
        sealing: Sealing = InstantSeal,
        finality_lag: int = 0,
        methods: MethodTable | None = None,
    ) -> None:
        """`runtime` makes it anew, since a runtime belongs to one thread."""
        self._runtime = runtime
        self._spec = spec
        self._settings: dict[str, Any] = {"sealing": sealing, "finality_lag": finality_lag}
        self._methods = methods or method_table()
        self._up: Future[Node] = Future()
        self._down = asyncio.Event()
        self._thread = threading.Thread(target=self._live, name="tilth-node", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        self._node = self._up.result(_DEADLINE)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._loop.call_soon_threadsafe(self._down.set)
        self._thread.join(_DEADLINE)

    def run(self, act: Callable[[Node], T]) -> T:
        """Do something with the node itself, on its own thread."""
        done: Future[T] = Future()
        self._loop.call_soon_threadsafe(partial(_resolve, done, partial(act, self._node)))
        return done.result(_DEADLINE)

    def _live(self) -> None:
        try:
            asyncio.run(self._serve())
        except BaseException as error:
            if self._up.done():
                raise
            self._up.set_exception(error)

    async def _serve(self) -> None:
        self._loop = asyncio.get_running_loop()
        runtime = self._runtime()
        config = NodeConfig(runtime, self._spec(runtime), SystemClock(), ban_ms=0, **self._settings)
        node = Node(config)
        async with AsyncExitStack() as stack:
            stack.push_async_callback(node.stop)
            await self._face(node, stack)
            node.start()
            self._up.set_result(node)
            await self._down.wait()

    async def _face(self, node: Node, stack: AsyncExitStack) -> None:
        server = Server(self._methods, node, port=0, routes=pages(node))
        json_rpc = await stack.enter_async_context(server)
        grpc = GrpcServer(node, _HOST, 0)
        await grpc.start()
        stack.push_async_callback(grpc.stop)
        self.ws = f"ws://{_HOST}:{json_rpc.port}"
        self.http = f"http://{_HOST}:{json_rpc.port}"
        self.grpc = f"{_HOST}:{grpc.port}"


def _resolve(done: Future[T], act: Callable[[], T]) -> None:
    try:
        done.set_result(act())
    except BaseException as error:  # noqa: BLE001  # whoever waits for it gets it
        done.set_exception(error)
