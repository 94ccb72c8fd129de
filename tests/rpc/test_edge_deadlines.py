"""Peers that dawdle, drip or never read: each deadline, by a clock that the test moves."""

import asyncio
import contextlib
import errno
import gc
import json
import logging
import os
import resource
import socket
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager

import pytest

from tilth.rpc.jsonrpc.dispatch import MethodTable
from tilth.rpc.jsonrpc.limits import Limits
from tilth.rpc.jsonrpc.server import Server


def hello(node: object) -> str:
    return "lo"


def repeat(node: object, size: int) -> str:
    return "a" * size


TABLE = MethodTable(hello, repeat)
LIMITS = Limits(tick_seconds=0.005, linger_seconds=0.1, stop_seconds=0.2)
HELLO = b'{"jsonrpc":"2.0","method":"hello","id":1}'


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


class Peer:
    def __init__(self, server: Server, clock: Clock) -> None:
        self.server = server
        self.clock = clock
        self.reader: asyncio.StreamReader
        self.writer: asyncio.StreamWriter

    async def connect(self) -> None:
        self.reader, self.writer = await asyncio.open_connection("127.0.0.1", self.server.port)
        await asyncio.sleep(0.02)

    async def send(self, data: bytes) -> None:
        self.writer.write(data)
        await asyncio.sleep(0.02)

    async def pass_time(self, seconds: float) -> None:
        self.clock.now += seconds
        await asyncio.sleep(0.03)

    def is_served(self) -> bool:
        return self.server.connections == 1 and not self.reader.at_eof()

    async def received(self) -> bytes:
        """All that came until the server ended the connection."""
        return await asyncio.wait_for(self.reader.read(), 3)

    def head(self, length: int) -> bytes:
        return (
            f"POST / HTTP/1.1\r\nhost: 127.0.0.1:{self.server.port}\r\n"
            f"content-type: application/json\r\ncontent-length: {length}\r\n\r\n"
        ).encode()

    async def shake_hands(self) -> None:
        await self.send(
            f"GET / HTTP/1.1\r\nHost: 127.0.0.1:{self.server.port}\r\nConnection: Upgrade\r\n"
            "Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
            "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n".encode()
        )
        assert b" 101 " in await self.reader.readuntil(b"\r\n\r\n")


@asynccontextmanager
async def connected() -> AsyncIterator[Peer]:
    clock = Clock()
    async with Server(TABLE, None, port=0, limits=LIMITS, clock=clock) as server:
        peer = Peer(server, clock)
        await peer.connect()
        try:
            yield peer
        finally:
            peer.writer.close()
            await asyncio.gather(peer.writer.wait_closed(), return_exceptions=True)


async def test_a_peer_that_says_nothing_is_left_after_ten_seconds() -> None:
    async with connected() as peer:
        await peer.pass_time(9.9)
        assert peer.is_served()
        await peer.pass_time(0.2)

        assert await peer.received() == b""


async def test_a_head_must_be_whole_after_ten_seconds_however_it_drips() -> None:
    async with connected() as peer:
        for byte in b"POST / HT":
            await peer.send(bytes([byte]))
            await peer.pass_time(1.05)
        assert peer.is_served()
        await peer.send(b"T")
        await peer.pass_time(1.05)

        assert (await peer.received()).startswith(b"HTTP/1.1 408 Request Timeout\r\n")


async def test_blank_lines_before_a_request_do_not_buy_time() -> None:
    async with connected() as peer:
        for _ in range(9):
            await peer.send(b"\r\n")
            await peer.pass_time(1)
        assert peer.is_served()
        await peer.send(b"\r\n")
        await peer.pass_time(1.1)

        assert await peer.received() == b""


async def test_a_kept_alive_connection_may_idle_for_a_minute() -> None:
    async with connected() as peer:
        await peer.send(peer.head(len(HELLO)) + HELLO)
        await peer.pass_time(59)
        assert peer.is_served()
        await peer.send(peer.head(len(HELLO)) + HELLO)
        await peer.pass_time(59)
        assert peer.is_served()
        await peer.pass_time(2)

        assert (await peer.received()).count(b'"result":"lo"') == 2


async def test_a_later_head_has_ten_seconds_as_well() -> None:
    async with connected() as peer:
        await peer.send(peer.head(len(HELLO)) + HELLO)
        await peer.pass_time(30)
        await peer.send(b"POST ")
        await peer.pass_time(9)
        assert peer.is_served()
        await peer.pass_time(2)

        assert b" 408 " in await peer.received()


async def test_a_body_must_keep_coming() -> None:
    async with connected() as peer:
        await peer.send(peer.head(100_000))
        for _ in range(5):
            await peer.send(b" " * 6000)
            await peer.pass_time(5.1)
        assert peer.is_served()
        await peer.send(b" " * 100)
        await peer.pass_time(5.1)

        assert b" 408 " in await peer.received()


async def test_an_idle_websocket_is_kept() -> None:
    async with connected() as peer:
        await peer.shake_hands()
        await peer.pass_time(3600)
        await peer.pass_time(3600)

        assert peer.is_served()


@pytest.mark.parametrize(
    "begun", [b"\x81", b"\x81\x85abcdh", b"\x01\x80abcd", b"\x81\xff" + b"\0" * 5 + b"\xff" * 8]
)
async def test_a_begun_message_must_keep_coming(begun: bytes) -> None:
    async with connected() as peer:
        await peer.shake_hands()
        await peer.pass_time(100)
        await peer.reader.read(2)  # the ping that was due
        await peer.send(begun)
        await peer.pass_time(4.9)
        assert peer.is_served()
        await peer.pass_time(0.2)
        await peer.pass_time(0.2)  # the peer owes a goodbye

        assert (await peer.received())[:4] == b"\x88\x02\x03\xf0"  # 1008


async def test_a_slow_but_steady_message_is_taken() -> None:
    async with connected() as peer:
        await peer.shake_hands()
        await peer.send(b"\x81\xfe\x4e\x20\0\0\0\0" + HELLO)
        for _ in range(3):
            await peer.send(b" " * 6000)
            await peer.pass_time(5.1)
        await peer.send(b" " * (20_000 - 18_000 - len(HELLO)))

        assert (await peer.reader.readexactly(40)).endswith(b'"result":"lo"}')


async def test_time_in_which_a_client_is_not_read_from_does_not_count_against_it() -> None:
    async with connected() as peer:
        await peer.shake_hands()
        transport: asyncio.Transport = peer.writer.transport  # type: ignore[assignment]
        transport.pause_reading()
        call = json.dumps({"jsonrpc": "2.0", "method": "repeat", "params": [10**7], "id": 1})
        whole = b"\x81" + bytes([0x80 | len(call)]) + b"\0\0\0\0" + call.encode()
        await peer.send(whole + b"\x81\x80\0\0")
        await peer.pass_time(50)
        transport.resume_reading()
        await peer.reader.readexactly(10**7)
        await peer.pass_time(1)

        assert peer.is_served()


async def test_a_peer_that_reads_nothing_for_a_minute_is_left() -> None:
    async with connected() as peer:
        transport: asyncio.Transport = peer.writer.transport  # type: ignore[assignment]
        transport.pause_reading()
        call = json.dumps({"jsonrpc": "2.0", "method": "repeat", "params": [10**7], "id": 1})
        await peer.send(peer.head(len(call)) + call.encode())
        await peer.pass_time(59)
        assert peer.server.connections == 1
        await peer.pass_time(2)

        assert peer.server.connections == 0


async def test_a_websocket_that_reads_nothing_for_a_minute_is_left() -> None:
    async with connected() as peer:
        await peer.shake_hands()
        transport: asyncio.Transport = peer.writer.transport  # type: ignore[assignment]
        transport.pause_reading()
        call = json.dumps({"jsonrpc": "2.0", "method": "repeat", "params": [10**7], "id": 1})
        await peer.send(b"\x81" + bytes([0x80 | len(call)]) + b"\0\0\0\0" + call.encode())
        await peer.pass_time(59)
        assert peer.server.connections == 1
        await peer.pass_time(2)

        assert peer.server.connections == 0


async def test_a_refused_peer_that_does_not_hang_up_is_hung_up_on() -> None:
    async with connected() as peer:
        await peer.send(b"garbage\r\n\r\n")
        assert (await peer.received()).startswith(b"HTTP/1.1 400 ")
        assert peer.server.connections == 1
        await peer.pass_time(0.2)

        assert peer.server.connections == 0


async def test_fifty_dawdlers_do_not_delay_the_others_and_all_are_left() -> None:
    clock = Clock()
    limits = Limits(tick_seconds=0.01, linger_seconds=0.1)
    async with Server(TABLE, None, port=0, limits=limits, clock=clock) as server:
        dawdlers = [Peer(server, clock) for _ in range(50)]
        begins = [b"", b"P", b"POST / HTTP/1.1\r\nhost: x", dawdlers[0].head(1000) + b"{"]
        for index, peer in enumerate(dawdlers):
            peer.reader, peer.writer = await asyncio.open_connection("127.0.0.1", server.port)
            peer.writer.write(begins[index % 4])
        good = Peer(server, clock)
        await good.connect()
        await good.send(good.head(len(HELLO)) + HELLO)
        assert b'"lo"' in await asyncio.wait_for(good.reader.readuntil(b"}"), 1)
        await good.pass_time(11)
        for peer in dawdlers:
            await peer.received()
            peer.writer.close()
        good.writer.close()


@contextlib.contextmanager
def no_more_files() -> Iterator[None]:
    """The process may open no further file while this lasts, nor does a forgotten one close."""
    gc.collect()
    gc.disable()
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    lowest_free = os.dup(0)
    os.close(lowest_free)
    resource.setrlimit(resource.RLIMIT_NOFILE, (lowest_free, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
        gc.enable()


async def test_accepting_survives_a_lack_of_file_descriptors(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async with Server(TABLE, None, port=0, limits=LIMITS) as server:
        waiting = socket.socket()
        waiting.setblocking(False)
        with caplog.at_level(logging.CRITICAL), no_more_files():
            assert waiting.connect_ex(("127.0.0.1", server.port)) == errno.EINPROGRESS
            await asyncio.sleep(0.05)
            assert server.connections == 0
        reader, writer = await asyncio.open_connection(sock=waiting)
        writer.write(Peer(server, Clock()).head(len(HELLO)) + HELLO)
        head = await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), 4)
        writer.close()

    assert head.startswith(b"HTTP/1.1 200 ")
