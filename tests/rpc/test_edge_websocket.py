"""JSON-RPC over WebSocket: real clients, raw frames, slow readers."""

import asyncio
import json
import os
import struct
import threading
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest
import websocket
import websockets
from websockets.asyncio.client import ClientConnection, connect

from tilth.rpc.jsonrpc.access import Access
from tilth.rpc.jsonrpc.client import Sink
from tilth.rpc.jsonrpc.dispatch import MethodTable, subscription
from tilth.rpc.jsonrpc.limits import Limits
from tilth.rpc.jsonrpc.server import Server
from tilth.rpc.jsonrpc.wire import Encoded, encode


class Node:
    def __init__(self) -> None:
        self.sinks: dict[Sink, None] = {}
        self.running = 0
        self.most = 0

    def publish(self, result: object) -> list[bool]:
        body = encode(result)
        return [sink.send(body) for sink in self.sinks]


def hello(node: Node) -> str:
    return "lo"


def repeat(node: Node, size: int) -> str:
    return "a" * size


async def sleep(node: Node, seconds_1000: int) -> int:
    node.running += 1
    node.most = max(node.most, node.running)
    try:
        await asyncio.sleep(seconds_1000 / 1000)
    finally:
        node.running -= 1
    return seconds_1000


@subscription("chain_newHead", unsubscribe="chain_unsubscribeNewHeads")
def chain_subscribeNewHeads(node: Node, sink: Sink) -> Callable[[], None]:
    node.sinks[sink] = None
    sink.send("now")
    return lambda: node.sinks.pop(sink)


@subscription("page_event", unsubscribe="page_stop")
async def page_subscribe(node: Node, pages: int) -> AsyncIterator[Encoded]:
    page = encode("x" * 20_000)
    for _ in range(pages):
        yield page


TABLE = MethodTable(hello, repeat, sleep, chain_subscribeNewHeads, page_subscribe)
QUICK = Limits(tick_seconds=0.02, linger_seconds=0.3, stop_seconds=0.5)


@asynccontextmanager
async def serving(limits: Limits = QUICK, **options: Any) -> AsyncIterator[tuple[Server, Node]]:
    node = Node()
    async with Server(TABLE, node, port=0, limits=limits, **options) as server:
        yield server, node


@asynccontextmanager
async def client(server: Server, **options: Any) -> AsyncIterator[ClientConnection]:
    url = f"ws://127.0.0.1:{server.port}"
    async with connect(url, proxy=None, close_timeout=0.5, **options) as connection:
        yield connection


def request(method: str, *params: object, id: object = 1) -> str:
    return json.dumps({"jsonrpc": "2.0", "id": id, "method": method, "params": params})


async def ask(connection: ClientConnection, method: str, *params: object) -> Any:
    await connection.send(request(method, *params))
    return json.loads(await asyncio.wait_for(connection.recv(), 3))


async def until(condition: Callable[[], object], seconds: float = 3.0) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "what was waited for did not come"
        await asyncio.sleep(0.005)


class RawPeer:
    """A connection whose frames are written byte by byte."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader = reader
        self.writer = writer

    async def frame(self) -> tuple[int, bytes]:
        first, length = await asyncio.wait_for(self.reader.readexactly(2), 3)
        if length == 126:
            (length,) = struct.unpack("!H", await self.reader.readexactly(2))
        elif length == 127:
            (length,) = struct.unpack("!Q", await self.reader.readexactly(8))
        return first & 15, await self.reader.readexactly(length)

    async def closed_with(self) -> int:
        """The close code, once the server has also ended the connection."""
        opcode, payload = await self.frame()
        while opcode != 8:
            opcode, payload = await self.frame()
        assert await asyncio.wait_for(self.reader.read(), 3) == b""
        return int.from_bytes(payload[:2], "big")


@asynccontextmanager
async def raw(server: Server, first: bytes = b"") -> AsyncIterator[RawPeer]:
    reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
    handshake = (
        f"GET / HTTP/1.1\r\nHost: 127.0.0.1:{server.port}\r\nConnection: Upgrade\r\n"
        "Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
        "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n"
        "Sec-WebSocket-Extensions: permessage-deflate\r\n\r\n"
    )
    writer.write(handshake.encode() + first)
    head = await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), 3)
    assert head.startswith(b"HTTP/1.1 101")
    assert b"permessage-deflate" not in head.lower()
    try:
        yield RawPeer(reader, writer)
    finally:
        writer.close()
        await asyncio.gather(writer.wait_closed(), return_exceptions=True)


def frame(payload: bytes, opcode: int = 1, *, fin: bool = True, mask: bool = True) -> bytes:
    first = opcode | (0x80 if fin else 0)
    size = len(payload)
    length = bytes([size]) if size < 126 else b"\x7e" + struct.pack("!H", size)
    if size > 0xFFFF:
        length = b"\x7f" + struct.pack("!Q", size)
    if not mask:
        return bytes([first]) + length + payload
    key = os.urandom(4)
    masked = bytes(byte ^ key[index % 4] for index, byte in enumerate(payload))
    return bytes([first, length[0] | 0x80]) + length[1:] + key + masked


HELLO = request("hello").encode()
LO = b'{"jsonrpc":"2.0","id":1,"result":"lo"}'


async def test_requests_are_answered() -> None:
    async with serving() as (server, _), client(server) as one:
        assert await ask(one, "hello") == {"jsonrpc": "2.0", "id": 1, "result": "lo"}
        await one.send(HELLO)
        assert await one.recv() == LO.decode()


async def test_what_follows_the_handshake_at_once_is_answered() -> None:
    async with serving() as (server, _), raw(server, frame(HELLO)) as one:
        assert await one.frame() == (1, LO)


async def test_a_message_may_come_in_pieces_of_any_size() -> None:
    data = frame(HELLO) + frame(HELLO, 2)
    async with serving() as (server, _), raw(server) as one:
        for index in range(len(data)):
            one.writer.write(data[index : index + 1])
            await asyncio.sleep(0)
        assert [await one.frame(), await one.frame()] == [(1, LO), (1, LO)]


async def test_a_message_may_come_in_fragments_with_control_frames_between() -> None:
    async with serving() as (server, _), raw(server) as one:
        one.writer.write(frame(HELLO[:9], fin=False))
        one.writer.write(frame(b"are you there", 9))
        one.writer.write(frame(HELLO[9:20], 0, fin=False) + frame(HELLO[20:], 0))
        one.writer.write(frame(HELLO))
        received = [await one.frame() for _ in range(3)]

    assert received == [(10, b"are you there"), (1, LO), (1, LO)]


async def test_everything_of_one_read_is_answered_in_order() -> None:
    requests = [request("sleep" if n % 5 == 0 else "hello", n, id=n) for n in range(300)]
    async with serving() as (server, _), raw(server) as one:
        one.writer.write(b"".join(frame(text.encode()) for text in requests))
        replies = [json.loads((await one.frame())[1])["id"] for _ in requests]

    plain = [n for n in range(300) if n % 5]
    assert [n for n in replies if n % 5] == plain
    assert sorted(replies) == list(range(300))


@pytest.mark.parametrize("size", [125, 126, 127, 65_535, 65_536, 200_000])
async def test_messages_of_every_length_pass_both_ways(size: int) -> None:
    async with serving() as (server, _), client(server, max_size=None) as one:
        padding = " " * size
        await one.send(request("repeat", size) + padding)
        assert len(json.loads(await one.recv())["result"]) == size


async def test_a_request_fits_its_limit_to_the_byte_and_more_does_not_end_the_connection() -> None:
    limits = Limits(request_size=100, tick_seconds=0.02)
    async with serving(limits) as (server, _), client(server) as one:
        await one.send(HELLO.ljust(100))
        fitting = json.loads(await one.recv())
        await one.send(HELLO.ljust(101))
        over = json.loads(await one.recv())
        after = await ask(one, "hello")

    assert fitting["result"] == after["result"] == "lo"
    assert over == {
        "jsonrpc": "2.0",
        "id": None,
        "error": {
            "code": -32007,
            "message": "Request is too big",
            "data": "Exceeded max limit of 100",
        },
    }


async def test_fifteen_megabytes_pass_and_one_byte_more_is_too_big() -> None:
    async with serving() as (server, _), client(server) as one:
        for size, member in ((15 * 2**20, "result"), (15 * 2**20 + 1, "error")):
            await one.send(HELLO.ljust(size).decode())
            assert member in json.loads(await asyncio.wait_for(one.recv(), 5))


VIOLATIONS: dict[str, tuple[list[bytes], int]] = {
    "unmasked": ([frame(HELLO, mask=False)], 1002),
    "reserved bit": ([b"\xc1\x80\0\0\0\0"], 1002),
    "unknown opcode": ([frame(b"", 3)], 1002),
    "long control frame": ([frame(b"x" * 126, 9)], 1002),
    "fragmented control frame": ([frame(b"", 9, fin=False)], 1002),
    "continuation of nothing": ([frame(HELLO, 0)], 1002),
    "new message inside another": ([frame(b"{", fin=False), frame(HELLO)], 1002),
    "text that is not UTF-8": ([frame(b'{"a":"\xff"}')], 1007),
    "fragments that are not UTF-8": ([frame(b"\xc3", fin=False), frame(b"(", 0)], 1007),
    "length of 2^63": ([b"\x81\xff" + struct.pack("!Q", 2**63) + b"\0\0\0\0"], 1009),
    "length far beyond the limit": ([b"\x81\xff" + struct.pack("!Q", 2**40) + b"\0\0\0\0"], 1009),
    "fragments beyond the limit": (
        [frame(b"x" * 60_000, fin=False), frame(b"x" * 60_000, 0)], 1009),
    "a flood of fragments": ([frame(b"", fin=False)] + [frame(b"", 0, fin=False)] * 20, 1009),
    "bad close code": ([frame(struct.pack("!H", 999), 8)], 1002),
}  # fmt: skip


@pytest.mark.parametrize("name", VIOLATIONS)
async def test_violations_of_the_protocol_end_the_connection_with_their_code(name: str) -> None:
    frames, code = VIOLATIONS[name]
    limits = Limits(request_size=100_000, fragments=16, tick_seconds=0.02, linger_seconds=0.3)
    async with serving(limits) as (server, _), raw(server) as one:
        one.writer.write(frame(HELLO) + b"".join(frames))
        assert await one.frame() == (1, LO)
        assert await one.closed_with() == code


async def test_bytes_that_are_no_text_are_a_parse_error_in_a_binary_message() -> None:
    async with serving() as (server, _), client(server) as one:
        await one.send(b'{"a":"\xff"}')
        assert json.loads(await one.recv())["error"]["code"] == -32700
        assert (await ask(one, "hello"))["result"] == "lo"


async def test_garbage_is_answered_and_the_connection_stays() -> None:
    async with serving() as (server, _), client(server) as one:
        for text in ("", "dsdfs", "{}", "[", "[]", "\0", "[" * 100_000, '{"a":' * 100_000):
            await one.send(text)
            assert json.loads(await one.recv())["error"]["code"] in (-32700, -32600)
        assert (await ask(one, "hello"))["result"] == "lo"


async def test_a_goodbye_is_returned() -> None:
    async with serving() as (server, _), raw(server) as one:
        one.writer.write(frame(struct.pack("!H", 1000), 8))
        assert await one.closed_with() == 1000
        await until(lambda: server.connections == 0)


async def test_a_page_needs_a_known_origin() -> None:
    async with serving() as (server, _):
        for origin in ("http://localhost:3000", "https://polkadot.js.org"):
            async with client(server, origin=origin) as one:
                assert (await ask(one, "hello"))["result"] == "lo"
        with pytest.raises(websockets.InvalidStatus) as refused:
            async with client(server, origin="https://evil.example"):
                pass
    async with (
        serving(access=Access(cors=None)) as (server, _),
        client(server, origin="https://evil.example") as one,
    ):
        assert (await ask(one, "hello"))["result"] == "lo"

    assert refused.value.response.status_code == 403


async def test_the_host_is_checked_before_the_handshake() -> None:
    async with serving() as (server, _):
        with pytest.raises(websockets.InvalidStatus) as refused:
            await connect("ws://evil.example", host="127.0.0.1", port=server.port, proxy=None)

    assert refused.value.response.status_code == 403


async def test_one_client_too_many_is_refused_with_429() -> None:
    limits = Limits(connections=2, tick_seconds=0.02)
    async with serving(limits) as (server, _), client(server):
        async with client(server):
            with pytest.raises(websockets.InvalidStatus) as refused:
                async with client(server):
                    pass
        await until(lambda: server.connections < 2)
        async with client(server) as one:
            assert (await ask(one, "hello"))["result"] == "lo"

    assert refused.value.response.status_code == 429


async def test_notifications_follow_the_reply_and_keep_their_order() -> None:
    async with serving() as (server, node), client(server) as one:
        await one.send(request("chain_subscribeNewHeads"))
        await one.send(request("chain_subscribeNewHeads"))
        first = [json.loads(await one.recv()) for _ in range(4)]
        for number in range(100):
            node.publish(number)
        later = [json.loads(await one.recv())["params"] for _ in range(200)]

    ids = [first[0]["result"], first[2]["result"]]
    assert [first[1]["params"]["subscription"], first[3]["params"]["subscription"]] == ids
    assert [(item["subscription"], item["result"]) for item in later] == [
        (id_, number) for number in range(100) for id_ in ids
    ]


async def test_a_client_that_leaves_ends_its_subscriptions_and_calls() -> None:
    before = asyncio.all_tasks()
    async with serving() as (server, node):
        for _ in range(20):
            async with client(server) as one:
                await one.send(request("chain_subscribeNewHeads"))
                await one.send(request("sleep", 60_000))
                await one.recv()
        await until(lambda: not node.sinks and not node.running)
        assert node.publish("more") == []
    assert asyncio.all_tasks() == before


async def test_a_slow_reader_is_cut_off_alone() -> None:
    async with serving(Limits()) as (server, node), client(server) as good, raw(server) as slow:
        slow.writer.transport.pause_reading()  # type: ignore[attr-defined]
        slow.writer.write(frame(request("chain_subscribeNewHeads").encode()))
        await until(lambda: len(node.sinks) == 1)
        await ask(good, "chain_subscribeNewHeads")
        assert json.loads(await good.recv())["params"]["result"] == "now"
        block = "x" * 100_000
        for number in range(400):
            node.publish([number, block])
            assert json.loads(await good.recv())["params"]["result"][0] == number
        await until(lambda: len(node.sinks) == 1)

        assert (await ask(good, "hello"))["result"] == "lo"
        slow.writer.transport.abort()


async def test_a_reader_that_pauses_gets_everything_if_the_queue_suffices() -> None:
    async with serving() as (server, node), raw(server) as one:
        one.writer.write(frame(request("chain_subscribeNewHeads").encode()))
        await one.frame()
        await one.frame()
        one.writer.transport.pause_reading()  # type: ignore[attr-defined]
        block = "x" * 200_000
        for number in range(60):
            node.publish([number, block])
        one.writer.transport.resume_reading()  # type: ignore[attr-defined]
        numbers = [json.loads((await one.frame())[1])["params"]["result"][0] for _ in range(60)]

    assert numbers == list(range(60))


async def test_a_stream_waits_for_its_reader() -> None:
    async with serving() as (server, _), raw(server) as one:
        one.writer.transport.pause_reading()  # type: ignore[attr-defined]
        one.writer.write(frame(request("page_subscribe", 1000).encode()))
        await asyncio.sleep(0.2)
        one.writer.transport.resume_reading()  # type: ignore[attr-defined]
        sizes = [len((await one.frame())[1]) for _ in range(1001)]

    assert min(sizes[1:]) > 20_000


def unread_of_the_only_connection(server: Server) -> int:
    edge: Any = server._edge
    (connection,) = edge.connections
    queued = sum(len(piece) for pieces in connection._waiting for piece in pieces)
    written: int = connection._transport.get_write_buffer_size()
    return queued + written


async def test_a_client_that_reads_nothing_is_not_read_from() -> None:
    async with serving() as (server, _), raw(server) as one:
        one.writer.transport.pause_reading()  # type: ignore[attr-defined]
        asked = frame(request("repeat", 100_000).encode())
        one.writer.write(asked * 2000)
        await asyncio.sleep(0.2)
        waiting = unread_of_the_only_connection(server)
        one.writer.transport.resume_reading()  # type: ignore[attr-defined]
        replies = [len((await one.frame())[1]) for _ in range(2000)]

    assert waiting < 1_000_000
    assert min(replies) > 100_000


async def test_unfinished_calls_of_a_client_are_limited() -> None:
    limits = Limits(concurrent_calls=3, tick_seconds=0.02)
    async with serving(limits) as (server, node), client(server) as one:
        for _ in range(12):
            await one.send(request("sleep", 5))
        for _ in range(12):
            await one.recv()

    assert node.most == 3


async def test_stopping_answers_what_runs_and_says_that_the_server_goes_away() -> None:
    before = asyncio.all_tasks()
    server = Server(TABLE, Node(), port=0, limits=QUICK)
    await server.start()
    async with client(server) as busy, client(server) as idle:
        await busy.send(request("sleep", 50))
        await asyncio.sleep(0.01)
        stopping = asyncio.ensure_future(server.stop())
        with pytest.raises(websockets.ConnectionClosedOK):
            await idle.recv()
        assert json.loads(await busy.recv())["result"] == 50
        await busy.wait_closed()
        await stopping

        assert (idle.close_code, busy.close_code) == (1001, 1001)
    assert asyncio.all_tasks() == before


async def test_a_peer_that_does_not_say_goodbye_is_left() -> None:
    async with raw_server_that_is_stopped() as one:
        assert (await one.frame())[0] == 8
        assert await asyncio.wait_for(one.reader.read(), 3) == b""


@asynccontextmanager
async def raw_server_that_is_stopped() -> AsyncIterator[RawPeer]:
    server = Server(TABLE, Node(), port=0, limits=Limits(stop_seconds=0.1))
    await server.start()
    async with raw(server) as one:
        await server.stop()
        assert server.connections == 0
        yield one


async def test_pings_go_out_and_their_missing_answers_do_no_harm() -> None:
    limits = Limits(tick_seconds=0.01, ping_seconds=0.02)
    async with serving(limits) as (server, _), raw(server) as one:
        pings = [await one.frame() for _ in range(5)]
        one.writer.write(frame(HELLO))
        opcode, payload = await one.frame()
        while opcode == 9:
            opcode, payload = await one.frame()

    assert pings == [(9, b"")] * 5
    assert payload == LO


def test_an_idle_substrate_interface_still_works() -> None:
    """Its websocket-client answers pings only while it receives, so it looks dead when idle."""
    started = threading.Event()
    finish: list[Callable[[], object]] = []
    port: list[int] = []

    async def serve() -> None:
        done = asyncio.Event()
        finish.append(lambda: loop.call_soon_threadsafe(done.set))
        loop = asyncio.get_running_loop()
        async with serving(Limits(tick_seconds=0.01, ping_seconds=0.02)) as (server, _):
            port.append(server.port)
            started.set()
            await done.wait()

    thread = threading.Thread(target=lambda: asyncio.run(serve()))
    thread.start()
    try:
        assert started.wait(3)
        url = f"ws://127.0.0.1:{port[0]}"
        idle = websocket.create_connection(url, timeout=3)
        replies = []
        for _ in range(2):
            idle.send(HELLO.decode())
            replies.append(idle.recv())
            time.sleep(0.4)
        idle.send(HELLO.decode())
        replies.append(idle.recv())
        idle.close()
    finally:
        finish[0]()
        thread.join(3)

    assert replies == [LO.decode()] * 3


async def test_a_broken_connection_is_noticed_when_written_to() -> None:
    async with serving() as (server, node), raw(server) as one:
        one.writer.write(frame(request("chain_subscribeNewHeads").encode()))
        await until(lambda: node.sinks)
        sock = one.writer.get_extra_info("socket")
        sock.setsockopt(1, 13, struct.pack("ii", 1, 0))  # SO_LINGER of 0: reset on close
        one.writer.transport.abort()

        while node.sinks and all(node.publish("x" * 1000)):
            await asyncio.sleep(0.005)
        await until(lambda: server.connections == 0)
