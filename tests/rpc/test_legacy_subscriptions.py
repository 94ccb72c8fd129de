"""Legacy subscriptions: their order in a block, each transition, and who does not read."""

import asyncio
import json
from contextlib import AsyncExitStack
from dataclasses import replace
from typing import Any

import pytest
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed

from tilth.rpc.jsonrpc.server import Server
from tilth.rpc.jsonrpc.shapes import hex_of
from tilth.rpc.jsonrpc.table import method_table

NUMBER = "0x26aa394eea5630e07c48ae0c9558cef702a5c1b19ab7a04f536c519aca4983ac"
ABSENT = "0x0102"
DEADLINE = 10


class Line:
    """One connection that keeps notifications in their order."""

    def __init__(self, connection: ClientConnection) -> None:
        self.connection = connection
        self.told: list[tuple[str, Any]] = []
        """Method of the notification, and its result."""
        self._next = 0

    async def ask(self, method: str, *params: object) -> Any:
        self._next += 1
        request = {"jsonrpc": "2.0", "id": self._next, "method": method, "params": params}
        await self.connection.send(json.dumps(request))
        while True:
            message = await self._message()
            if "id" in message:
                assert "error" not in message, message
                return message["result"]

    async def heard(self, count: int) -> list[tuple[str, Any]]:
        """The notifications, once so many are here."""
        while len(self.told) < count:
            await self._message()
        return self.told

    async def statuses(self, last: str) -> list[Any]:
        """What was told of a transaction, up to its last transition."""
        while last not in (told := [r for m, r in self.told if m == "author_extrinsicUpdate"]):
            if any(isinstance(each, dict) and last in each for each in told):
                break
            await self._message()
        return told

    async def _message(self) -> Any:
        message = json.loads(await asyncio.wait_for(self.connection.recv(), DEADLINE))
        if "params" in message:
            self.told.append((message["method"], message["params"]["result"]))
        return message


@pytest.fixture
async def line(serving: Any) -> Any:
    async with AsyncExitStack() as stack:

        async def begin(**options: Any) -> tuple[Any, Line]:
            served = await serving(**options)
            connection = await stack.enter_async_context(connect(served.url, proxy=None))
            return served, Line(connection)

        yield begin


def remark(served: Any, text: bytes = b"x", **options: Any) -> bytes:
    signed: bytes = served.signed(served.node.runtime.system.remark.call(remark=text), **options)
    return signed


def name_of(status: Any) -> str:
    return status if isinstance(status, str) else next(iter(status))


async def test_a_block_is_told_state_first_then_heads_then_transactions(line: Any) -> None:
    served, client = await line()
    await client.ask("author_submitAndWatchExtrinsic", hex_of(remark(served)))
    await client.ask("chain_subscribeFinalizedHeads")
    await client.ask("chain_subscribeNewHeads")
    await client.ask("state_subscribeStorage", [NUMBER])
    before = len(await client.heard(4))

    served.node.author.build()
    told = (await client.heard(before + 5))[before:]

    assert [method for method, _ in told] == [
        "state_storage",
        "chain_newHead",
        "author_extrinsicUpdate",
        "chain_finalizedHead",
        "author_extrinsicUpdate",
    ]
    assert [name_of(result) for method, result in told if method.startswith("author")] == [
        "inBlock",
        "finalized",
    ]


async def test_a_watcher_hears_every_transition_up_to_the_last(line: Any) -> None:
    served, client = await line(finality_lag=2)
    genesis = served.node.chain.genesis
    await client.ask("author_submitAndWatchExtrinsic", hex_of(remark(served)))

    first = served.node.author.build()
    fork = served.node.author.build(genesis)
    served.node.author.build(fork)
    for _ in range(3):
        served.node.author.build()

    names = [name_of(status) for status in await client.statuses("finalized")]
    assert names == ["ready", "inBlock", "retracted", "ready", "inBlock", "finalized"]
    told = await client.statuses("finalized")
    assert told[1] == {"inBlock": hex_of(first.hash)}
    assert told[2] == {"retracted": hex_of(first.hash)}


async def test_one_that_waits_for_another_is_future_until_it_comes(line: Any) -> None:
    served, client = await line()
    await client.ask("author_submitAndWatchExtrinsic", hex_of(remark(served, nonce=1)))
    await client.ask("author_submitExtrinsic", hex_of(remark(served, nonce=0)))
    served.node.author.build()

    names = [name_of(status) for status in await client.statuses("finalized")]

    assert names == ["future", "ready", "inBlock", "finalized"]


async def test_one_whose_place_another_takes_is_usurped_and_told_by_whom(line: Any) -> None:
    served, client = await line()
    await client.ask("author_submitAndWatchExtrinsic", hex_of(remark(served, b"a", nonce=0)))
    other = remark(served, b"b", nonce=0, tip=10**12)

    hash = await client.ask("author_submitExtrinsic", hex_of(other))

    assert await client.statuses("usurped") == ["ready", {"usurped": hash}]


async def test_one_that_is_removed_is_invalid(line: Any) -> None:
    served, client = await line()
    extrinsic = hex_of(remark(served))
    await client.ask("author_submitAndWatchExtrinsic", extrinsic)

    removed = await client.ask("author_removeExtrinsic", [{"extrinsic": extrinsic}])

    assert len(removed) == 1
    assert await client.statuses("invalid") == ["ready", "invalid"]


async def test_one_that_finds_no_room_any_more_is_dropped(line: Any) -> None:
    served, client = await line()
    served.node.pool._limit = 1
    await client.ask("author_submitAndWatchExtrinsic", hex_of(remark(served, b"a")))
    richer = remark(served, b"b", by="//Bob", tip=10**12)

    await client.ask("author_submitExtrinsic", hex_of(richer))

    assert await client.statuses("dropped") == ["ready", "dropped"]


async def test_who_unsubscribes_hears_no_more_and_is_told_whether_there_was_something(
    line: Any,
) -> None:
    served, client = await line()
    heads = await client.ask("chain_subscribeNewHead")
    watched = await client.ask("author_submitAndWatchExtrinsic", hex_of(remark(served)))

    assert await client.ask("chain_unsubscribeFinalizedHeads", heads) is False
    assert await client.ask("chain_unsubscribeNewHeads", heads) is True
    assert await client.ask("chain_unsubscribeNewHeads", heads) is False
    assert await client.ask("author_unwatchExtrinsic", watched) is True
    assert await client.ask("author_unwatchExtrinsic", "nothing") is False
    count = len(client.told)
    served.node.author.build()
    await client.ask("system_name")
    assert len(client.told) == count


async def test_finality_of_several_blocks_is_told_by_the_last(line: Any) -> None:
    served, client = await line(finality_lag=10)
    await client.ask("chain_subscribeFinalizedHeads")
    blocks = [served.node.author.build() for _ in range(3)]

    served.node.chain.finalize(blocks[2].hash)

    told = await client.heard(2)
    assert [header["number"] for _, header in told] == ["0x0", "0x3"]


async def test_keys_are_told_at_once_and_then_only_where_they_changed(line: Any) -> None:
    served, client = await line()
    await client.ask("state_subscribeStorage", [NUMBER, ABSENT, ABSENT])
    await client.ask("state_subscribeStorage", [])
    block = served.node.author.build()

    (_, first), (_, second) = await client.heard(2)

    assert [key for key, _ in first["changes"]] == [NUMBER, ABSENT, ABSENT]
    assert second == {"block": hex_of(block.hash), "changes": [[NUMBER, "0x01000000"]]}


async def test_the_operator_may_hear_of_every_change(line: Any) -> None:
    served, client = await line()
    await client.ask("state_subscribeStorage")
    block = served.node.author.build()

    ((_, told),) = await client.heard(1)

    changed = dict(told["changes"])
    assert told["block"] == hex_of(block.hash)
    assert changed[NUMBER] == "0x01000000"
    assert len(changed) > 3


async def _read_to_the_end(connection: ClientConnection) -> None:
    while True:
        await asyncio.wait_for(connection.recv(), DEADLINE)


async def test_who_does_not_read_is_cut_off_and_others_hear_everything(line: Any) -> None:
    served, reader = await line()
    limits = replace(Server(method_table(), served.node)._limits, buffered_messages=8)
    async with Server(method_table(), served.node, port=0, limits=limits) as server:
        url = f"ws://127.0.0.1:{server.port}"
        async with connect(url, proxy=None, max_queue=1) as idle:
            request = {"jsonrpc": "2.0", "id": 1, "method": "state_subscribeStorage", "params": []}
            for _ in range(200):
                await idle.send(json.dumps(request))
            await reader.ask("chain_subscribeNewHeads")
            for count in range(400):
                served.node.author.build()
                await reader.heard(count + 2)
                if server.connections == 0:
                    break

            with pytest.raises(ConnectionClosed):
                await _read_to_the_end(idle)
        numbers = [int(header["number"], 16) for _, header in reader.told]
        assert numbers == list(range(len(numbers)))
