"""A small node behind real sockets, and a client that tells replies from notifications."""

import asyncio
import itertools
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from dataclasses import replace
from typing import Any, TypeAlias

import pytest
from websockets.asyncio.client import ClientConnection, connect

from tilth.frame import AccountId, RuntimeCall
from tilth.node.author import InstantSeal, ManualSeal
from tilth.node.service import Node, NodeConfig
from tilth.node.signer import KeypairSigner
from tilth.primitives.crypto.keypair import Keypair
from tilth.rpc.jsonrpc.server import Server
from tilth.rpc.jsonrpc.table import method_table
from tilth.runtime.dev import DevRuntime
from tilth.runtime.presets import dev_spec

_DEADLINE = 10


class Ticks:
    """A clock that moves when it is looked at, and by the test's will."""

    def __init__(self) -> None:
        self._now = 1_700_000_000_000

    def milliseconds(self) -> int:
        self._now += 6_000
        return self._now

    def skip(self, minutes: int) -> None:
        self._now += minutes * 60_000


class Peer:
    """One WebSocket connection."""

    def __init__(self, connection: ClientConnection) -> None:
        self.connection = connection
        self.order: list[str] = []
        """What arrived: "reply", or the event of a notification."""
        self._ids = itertools.count(1)
        self._replies: dict[object, asyncio.Future[Any]] = {}
        self._events: dict[str, asyncio.Queue[Any]] = {}
        self._reading = asyncio.get_running_loop().create_task(self._read())

    async def _read(self) -> None:
        async for text in self.connection:
            message = json.loads(text)
            for part in message if isinstance(message, list) else [message]:
                self._take(part)

    def _take(self, message: Any) -> None:
        if "params" in message:
            params = message["params"]
            self.order.append(params["result"]["event"])
            self._queue(params["subscription"]).put_nowait(params["result"])
        else:
            self.order.append("reply")
            self._replies.pop(message["id"]).set_result(message)

    def _queue(self, subscription: str) -> asyncio.Queue[Any]:
        return self._events.setdefault(subscription, asyncio.Queue())

    def _request(self, method: str, params: tuple[object, ...]) -> tuple[dict[str, object], Any]:
        id_ = next(self._ids)
        reply = self._replies[id_] = asyncio.get_running_loop().create_future()
        return {"jsonrpc": "2.0", "id": id_, "method": method, "params": params}, reply

    async def reply(self, method: str, *params: object) -> Any:
        """The whole reply, an error or not."""
        request, reply = self._request(method, params)
        await self.connection.send(json.dumps(request))
        return await asyncio.wait_for(reply, _DEADLINE)

    async def raw_batch(self, *requests: Any) -> list[Any]:
        made = [self._request(method, tuple(params)) for method, *params in requests]
        await self.connection.send(json.dumps([request for request, _ in made]))
        return [await asyncio.wait_for(reply, _DEADLINE) for _, reply in made]

    async def batch(self, *requests: Any) -> list[Any]:
        return [reply["result"] for reply in await self.raw_batch(*requests)]

    async def ask(self, method: str, *params: object) -> Any:
        message = await self.reply(method, *params)
        assert "error" not in message, message
        return message["result"]

    async def error(self, method: str, *params: object) -> tuple[int, str]:
        error = (await self.reply(method, *params))["error"]
        return error["code"], error["message"]

    async def event(self, subscription: str) -> Any:
        return await asyncio.wait_for(self._queue(subscription).get(), _DEADLINE)

    async def events_until(self, subscription: str, last: str) -> list[Any]:
        events = [await self.event(subscription)]
        while events[-1]["event"] != last:
            events.append(await self.event(subscription))
        return events

    async def silent(self) -> None:
        """Whatever was to be sent has been, once a reply that was asked for last is here."""
        await self.ask("chainSpec_v1_chainName")
        assert all(queue.empty() for queue in self._events.values())

    def stop(self) -> None:
        self._reading.cancel()


class Served:
    """A node whose blocks are made by the test, unless it seals at once."""

    def __init__(self, node: Node, clock: Ticks, url: str, stack: AsyncExitStack) -> None:
        self.node = node
        self.clock = clock
        self.url = url
        self._stack = stack

    async def peer(self) -> Peer:
        connection = await self._stack.enter_async_context(
            connect(self.url, proxy=None, close_timeout=0.5, max_size=None)
        )
        peer = Peer(connection)
        self._stack.callback(peer.stop)
        return peer

    def signed(
        self, call: RuntimeCall, *, by: str = "//Alice", nonce: int | None = None, tip: int = 0
    ) -> bytes:
        pair, runtime, best = Keypair.from_uri(by), self.node.runtime, self.node.chain.best
        number = self.node.next_nonce(AccountId(pair.account)) if nonce is None else nonce
        with runtime.at(best.state):
            runtime.executive.begin_validation(best.hash)
            values = list(runtime.pipeline.values_for(number))
            names = [extension.identifier for extension in runtime.extensions]
            payment = names.index("ChargeTransactionPayment")
            values[payment] = replace(values[payment], tip=tip)
            return KeypairSigner(pair).sign_with(runtime, call, tuple(values))


Serving: TypeAlias = Callable[..., Awaitable[Served]]


@pytest.fixture(scope="session")
def dev_runtime() -> DevRuntime:
    return DevRuntime()


@pytest.fixture
async def serving(dev_runtime: DevRuntime) -> AsyncIterator[Serving]:
    async with AsyncExitStack() as stack:

        async def serve(*, finality_lag: int = 0, instant: bool = False) -> Served:
            clock = Ticks()
            node = Node(
                NodeConfig(
                    dev_runtime,
                    dev_spec(dev_runtime),
                    clock,
                    sealing=InstantSeal if instant else lambda author, pool: ManualSeal(),
                    finality_lag=finality_lag,
                )
            )
            node.start()
            stack.push_async_callback(node.stop)
            server = await stack.enter_async_context(Server(method_table(), node, port=0))
            return Served(node, clock, f"ws://127.0.0.1:{server.port}", stack)

        yield serve
