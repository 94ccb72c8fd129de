"""What a JSON-RPC request costs the server, as a multiple of a bare asyncio echo in the same run.

Each server runs in a process of its own and reports its CPU time; the load comes from this one.
The CPU time is what to compare: wall time belongs to whoever shares the machine.
Run: python benches/edge.py [seconds per row]
"""

import asyncio
import json
import multiprocessing
import resource
import struct
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from multiprocessing.connection import Connection
from typing import Final

from tilth.rpc.jsonrpc.client import Sink
from tilth.rpc.jsonrpc.dispatch import MethodTable, subscription
from tilth.rpc.jsonrpc.limits import Limits
from tilth.rpc.jsonrpc.params import Hash
from tilth.rpc.jsonrpc.server import Server
from tilth.rpc.jsonrpc.wire import Encoded, encode

HEADER: Final[dict[str, object]] = {
    "parentHash": "0x" + "ab" * 32,
    "number": "0x1a2b",
    "stateRoot": "0x" + "cd" * 32,
    "extrinsicsRoot": "0x" + "ef" * 32,
    "digest": {"logs": ["0x" + "06" * 13, "0x" + "05" * 70]},
}
ENCODED: Final = encode(HEADER)
ROUNDS: Final = 3


def chain_getHeader(node: object, hash: Hash | None = None) -> dict[str, object]:
    return HEADER


def cached_getHeader(node: object, hash: Hash | None = None) -> Encoded:
    return ENCODED


@subscription("chain_newHead", unsubscribe="chain_unsubscribeNewHeads")
def chain_subscribeNewHeads(node: list[Sink], sink: Sink) -> None:
    node.append(sink)


def publish(node: list[Sink]) -> int:
    body = encode(HEADER)
    return sum([sink.send(body) for sink in node])


TABLE: Final = MethodTable(chain_getHeader, cached_getHeader, chain_subscribeNewHeads, publish)


class Echo(asyncio.Protocol):
    """Answers each byte with itself: what any asyncio server pays at least."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport), "the server listens on streams"
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        self._transport.write(data)


def cpu() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def resident() -> int:
    """This process's memory in KiB."""
    with open("/proc/self/statm", encoding="ascii") as statm:
        return int(statm.read().split()[1]) * (resource.getpagesize() // 1024)


async def answer_questions(pipe: Connection) -> None:
    """Report CPU time and memory whenever asked, until the other end is closed."""
    loop = asyncio.get_running_loop()
    done = loop.create_future()

    def ready() -> None:
        try:
            pipe.recv()
        except EOFError:
            done.set_result(None)
        else:
            pipe.send((cpu(), resident()))

    loop.add_reader(pipe.fileno(), ready)
    await done


async def run_echo(pipe: Connection) -> None:
    server = await asyncio.get_running_loop().create_server(Echo, "127.0.0.1", 0)
    pipe.send(server.sockets[0].getsockname()[1])
    await answer_questions(pipe)


async def run_edge(pipe: Connection) -> None:
    async with Server(TABLE, [], port=0, limits=Limits(connections=10_000)) as server:
        pipe.send(server.port)
        await answer_questions(pipe)


def serve(name: str, pipe: Connection) -> None:
    asyncio.run({"echo": run_echo, "edge": run_edge}[name](pipe))


class Served:
    """A server process."""

    def __init__(self, name: str) -> None:
        self._pipe, other = multiprocessing.Pipe()
        self._process = multiprocessing.Process(target=serve, args=(name, other))
        self._process.start()
        other.close()
        self.port: int = self._pipe.recv()

    def usage(self) -> tuple[float, int]:
        self._pipe.send(None)
        used: tuple[float, int] = self._pipe.recv()
        return used

    def stop(self) -> None:
        self._pipe.close()
        self._process.join()


@dataclass(frozen=True)
class Load:
    """What one connection sends at once, and how many bytes come back for it."""

    opening: bytes
    question: bytes
    answer: int
    in_flight: int
    connections: int


def call(method: str) -> bytes:
    params = ["0x" + "ab" * 32]
    request = {"id": 1, "jsonrpc": "2.0", "method": method, "params": params}
    return json.dumps(request, separators=(",", ":")).encode()


def masked(payload: bytes) -> bytes:
    """A client's text frame; a mask of zeros costs the server as much as any other."""
    length = bytes([0x80 | len(payload)])
    if len(payload) > 125:
        length = b"\xfe" + struct.pack("!H", len(payload))
    return b"\x81" + length + b"\0\0\0\0" + payload


def websocket_opening(port: int) -> bytes:
    return (
        f"GET / HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nConnection: Upgrade\r\n"
        "Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
        "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n"
    ).encode()


def post(port: int, body: bytes) -> bytes:
    head = (
        f"POST / HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nContent-Type: application/json\r\n"
        f"Content-Length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body


async def connect(port: int, load: Load) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    if load.opening:
        writer.write(load.opening)
        await reader.readuntil(b"\r\n\r\n")
    return reader, writer


async def keep_asking(port: int, load: Load, stop_at: float) -> int:
    """Whole rounds of questions, all of a round in flight at once; the number of answers."""
    reader, writer = await connect(port, load)
    asked, size = load.question * load.in_flight, load.answer * load.in_flight
    count = 0
    while time.monotonic() < stop_at:
        writer.write(asked)
        await reader.readexactly(size)
        count += load.in_flight
    writer.close()
    return count


async def ask_together(port: int, load: Load, seconds: float) -> int:
    stop_at = time.monotonic() + seconds
    asking = [keep_asking(port, load, stop_at) for _ in range(load.connections)]
    return sum(await asyncio.gather(*asking))


@dataclass(frozen=True)
class Cost:
    microseconds: float
    per_second: float


def measure(server: Served, load: Load, seconds: float) -> Cost:
    """The best of some rounds."""
    costs = []
    for _ in range(ROUNDS):
        before, began = server.usage()[0], time.monotonic()
        count = asyncio.run(ask_together(server.port, load, seconds / ROUNDS))
        used, took = server.usage()[0] - before, time.monotonic() - began
        costs.append(Cost(used / count * 1e6, count / took))
    return min(costs, key=lambda cost: cost.microseconds)


def answer_size(port: int, opening: bytes, question: bytes) -> int:
    async def ask() -> int:
        load = Load(opening, question, 0, 1, 1)
        reader, writer = await connect(port, load)
        writer.write(question)
        answer = await reader.read(65536)
        writer.close()
        return len(answer)

    return asyncio.run(ask())


ROWS: Final[list[tuple[str, str, str, int, int]]] = [
    ("WebSocket, 1 connection, 32 in flight", "ws", "chain_getHeader", 32, 1),
    ("  the answer cached as JSON", "ws", "cached_getHeader", 32, 1),
    ("WebSocket, 1 connection, 1 in flight", "ws", "chain_getHeader", 1, 1),
    ("WebSocket, 100 connections, 1 in flight", "ws", "chain_getHeader", 1, 100),
    ("HTTP, 1 connection, 32 in flight", "http", "chain_getHeader", 32, 1),
    ("HTTP, 100 connections, 1 in flight", "http", "chain_getHeader", 1, 100),
]


def compare(echo: Served, edge: Served, seconds: float) -> None:
    print(f"{'server CPU per request':42}{'edge µs':>9}{'/s':>9}{'echo µs':>9}{'ratio':>8}")
    for title, kind, method, in_flight, connections in ROWS:
        body = call(method)
        opening = websocket_opening(edge.port) if kind == "ws" else b""
        question = masked(body) if kind == "ws" else post(edge.port, body)
        size = answer_size(edge.port, opening, question)
        ours = Load(opening, question, size, in_flight, connections)
        bare = Load(b"", question, len(question), in_flight, connections)
        cost, floor = measure(edge, ours, seconds), measure(echo, bare, seconds)
        ratio = cost.microseconds / floor.microseconds
        numbers = f"{cost.microseconds:9.1f}{cost.per_second:9.0f}{floor.microseconds:9.1f}"
        print(f"{title:42}{numbers}{ratio:8.2f}")


async def hold(port: int, count: int, then: Callable[[], None]) -> None:
    load = Load(websocket_opening(port), b"", 0, 1, 1)
    held = [await connect(port, load) for _ in range(count)]
    await asyncio.sleep(0.2)
    then()
    for _, writer in held:
        writer.close()


def print_memory(edge: Served, count: int) -> None:
    before = edge.usage()[1]

    def report() -> None:
        each = (edge.usage()[1] - before) / count
        print(f"{f'memory of an idle WebSocket, of {count}':42}{each:9.1f} KiB")

    asyncio.run(hold(edge.port, count, report))


async def fan_out(port: int, count: int, blocks: int) -> float:
    """Notify subscribers of some blocks; the last arrival, in seconds per block."""
    load = Load(websocket_opening(port), b"", 0, 1, 1)
    held = [await connect(port, load) for _ in range(count)]
    for reader, writer in held:
        writer.write(masked(b'{"jsonrpc":"2.0","id":1,"method":"chain_subscribeNewHeads"}'))
        await reader.readuntil(b"}")
    caller_reader, caller = await connect(port, load)
    began = time.monotonic()
    for _ in range(blocks):
        caller.write(masked(b'{"jsonrpc":"2.0","id":1,"method":"publish"}'))
        await asyncio.gather(*(reader.readuntil(b"}}}") for reader, _ in held))
        await caller_reader.readuntil(b"}")
    took = time.monotonic() - began
    for _, writer in (*held, (caller_reader, caller)):
        writer.close()
    return took / blocks


def print_fan_out(edge: Served, count: int, blocks: int) -> None:
    before = edge.usage()[0]
    took = asyncio.run(fan_out(edge.port, count, blocks))
    each = (edge.usage()[0] - before) / (blocks + 1) / count * 1e6
    print(
        f"{f'notification to each of {count} subscribers':42}{each:9.1f} µs CPU, {took:.3f} s wall"
    )


def main(seconds: float) -> None:
    echo, edge = Served("echo"), Served("edge")
    try:
        compare(echo, edge, seconds)
        print_memory(edge, 1000)
        print_fan_out(edge, 500, 20)
    finally:
        echo.stop()
        edge.stop()


if __name__ == "__main__":
    main(float(sys.argv[1]) if len(sys.argv) > 1 else 3.0)
