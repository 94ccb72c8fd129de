"""Whatever arrives, the answer is a valid one and the node goes on serving."""

import asyncio
import http.client
import json
import socket
import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import connect

from tilth.rpc.jsonrpc.client import Sink
from tilth.rpc.jsonrpc.dispatch import MethodTable, subscription
from tilth.rpc.jsonrpc.limits import Limits
from tilth.rpc.jsonrpc.params import U32, BlockNumbers, Hash, Hex, Json
from tilth.rpc.jsonrpc.server import Server


def chain_getBlockHash(node: object, number: BlockNumbers | None = None) -> object:
    return number


def state_getStorage(node: object, key: Hex, at: Hash | None = None) -> object:
    return key


def state_getKeysPaged(node: object, prefix: Hex | None, count: U32) -> object:
    return [prefix, count]


async def echo(node: object, value: Json) -> object:
    return value


@subscription("chain_newHead", unsubscribe="chain_unsubscribeNewHeads")
def chain_subscribeNewHeads(node: object, sink: Sink) -> None:
    sink.send(1)


TABLE = MethodTable(
    chain_getBlockHash, state_getStorage, state_getKeysPaged, echo, chain_subscribeNewHeads
)
ALLOWED = {-32700, -32600, -32601, -32602, -32006}
FUZZ = settings(
    max_examples=80,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)


@pytest.fixture(scope="module")
def port() -> Iterator[int]:
    """A server in a thread of its own, as the fuzzer is not asynchronous."""
    started = threading.Event()
    known: list[Any] = []

    async def serve() -> None:
        stop = asyncio.Event()
        limits = Limits(linger_seconds=0.1, stop_seconds=0.2, subscriptions=3)
        async with Server(TABLE, None, port=0, limits=limits) as server:
            known.extend((server.port, asyncio.get_running_loop(), stop))
            started.set()
            await stop.wait()

    thread = threading.Thread(target=lambda: asyncio.run(serve()))
    thread.start()
    assert started.wait(5)
    yield known[0]
    known[1].call_soon_threadsafe(known[2].set)
    thread.join(5)


def check(reply: Any, allowed: set[int] = ALLOWED) -> None:
    for answer in reply if isinstance(reply, list) else [reply]:
        assert answer["jsonrpc"] == "2.0"
        if "method" not in answer:
            assert ("result" in answer) is not ("error" in answer)
            assert answer.get("error", {"code": -32700})["code"] in allowed


def json_value(inner: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=4), inner, max_size=4)


VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.sampled_from([2**64, 2**256, -0.0, "0x", "0x" + "00" * 32, [], {}])
    | st.floats()
    | st.text(st.characters(), max_size=8),
    json_value,
    max_leaves=6,
)
REQUESTS = st.fixed_dictionaries(
    {"jsonrpc": st.just("2.0"), "method": st.sampled_from(TABLE.names())},
    optional={"id": VALUES, "params": VALUES, "other": VALUES},
).map(lambda value: json.dumps(value).encode())
MUTATED = st.tuples(REQUESTS, st.integers(0, 200), st.binary(max_size=3)).map(
    lambda parts: parts[0][: parts[1]] + parts[2] + parts[0][parts[1] :]
)
BODIES = st.one_of(
    st.binary(max_size=200),
    REQUESTS,
    MUTATED,
    st.lists(REQUESTS, max_size=4).map(lambda items: b"[" + b",".join(items) + b"]"),
)


@FUZZ
@given(body=BODIES)
def test_any_body_gets_a_valid_reply_over_http(port: int, body: bytes) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
    try:
        connection.request("POST", "/", body, {"Content-Type": "application/json"})
        response = connection.getresponse()
        text = response.read()
    finally:
        connection.close()

    assert response.status in (200, 400)
    if text:
        # jsonrpsee answers subscriptions over HTTP with an internal error
        check(json.loads(text), ALLOWED | ({-32603} if b"ubscribe" in body else set()))


@FUZZ
@given(messages=st.lists(BODIES, max_size=5), binary=st.booleans())
def test_any_message_gets_a_valid_reply_and_the_websocket_stays(
    port: int, messages: list[bytes], binary: bool
) -> None:
    with connect(f"ws://127.0.0.1:{port}", proxy=None, close_timeout=1) as connection:
        for message in messages:
            connection.send(message if binary else message.decode(errors="replace"))
        connection.send('{"jsonrpc":"2.0","id":"the last","method":"rpc_methods"}')
        reply = json.loads(connection.recv(timeout=5))
        while isinstance(reply, list) or reply.get("id") != "the last":
            check(reply)
            reply = json.loads(connection.recv(timeout=5))

    assert reply["result"]["methods"] == TABLE.names()


def answered(port: int, data: bytes) -> bytes:
    with socket.create_connection(("127.0.0.1", port), timeout=5) as peer:
        peer.sendall(data)
        peer.shutdown(socket.SHUT_WR)
        received = b""
        try:
            while piece := peer.recv(65536):
                received += piece
        except ConnectionResetError:
            pass
    return received


HEADS = st.sampled_from(
    [
        b"POST / HTTP/1.1\r\n", b"GET /health HTTP/1.1\r\n", b"GET / HTTP/1.1\r\n",
        b"host: 127.0.0.1:PORT\r\n", b"content-type: application/json\r\n",
        b"content-length: 2\r\n", b"transfer-encoding: chunked\r\n", b"upgrade: websocket\r\n",
        b"connection: upgrade\r\n", b"sec-websocket-version: 13\r\n",
        b"sec-websocket-key: AAAAAAAAAAAAAAAAAAAAAA==\r\n", b"expect: 100-continue\r\n",
        b"\r\n", b"{}", b"2\r\n{}\r\n0\r\n\r\n", b"\x81\x82\0\0\0\0{}", b"\x89\x80\0\0\0\0",
    ]
)  # fmt: skip


@FUZZ
@given(pieces=st.lists(HEADS | st.binary(max_size=20), max_size=12))
def test_any_bytes_on_the_port_leave_it_serving(port: int, pieces: list[bytes]) -> None:
    data = b"".join(pieces).replace(b"PORT", str(port).encode())
    received = answered(port, data)

    assert received == b"" or received.startswith(b"HTTP/1.1 ")
    assert b"Traceback" not in received
    health = f"GET /health HTTP/1.1\r\nhost: 127.0.0.1:{port}\r\n\r\n".encode()
    assert answered(port, health).startswith(b"HTTP/1.1 500 ")


@FUZZ
@given(frames=st.lists(st.binary(max_size=30), max_size=8))
def test_any_frames_end_at_worst_their_own_connection(port: int, frames: list[bytes]) -> None:
    with connect(f"ws://127.0.0.1:{port}", proxy=None, close_timeout=0.2) as connection:
        connection.socket.sendall(b"".join(frames))
        with pytest.raises((ConnectionClosed, TimeoutError)):
            receive_until_silent(lambda: connection.recv(timeout=0.002))


def receive_until_silent(receive: Callable[[], str | bytes]) -> None:
    while True:
        check(json.loads(receive()))
