"""JSON-RPC by POST, pages by GET: over real sockets."""

import asyncio
import json
import logging
import socket
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from ipaddress import ip_network
from typing import Any

import pytest

from tilth.rpc.jsonrpc.access import Access, Gate, RpcMethods
from tilth.rpc.jsonrpc.dispatch import MethodTable, unsafe
from tilth.rpc.jsonrpc.edge import Request, Response
from tilth.rpc.jsonrpc.limits import Limits
from tilth.rpc.jsonrpc.server import Server


class Node:
    def __init__(self) -> None:
        self.peers = 0
        self.gate = asyncio.Event()


def hello(node: Node) -> str:
    return "lo"


def repeat(node: Node, size: int) -> str:
    return "a" * size


async def slow(node: Node, value: int) -> int:
    await node.gate.wait()
    return value


async def system_health(node: Node) -> dict[str, Any]:
    return {"peers": node.peers, "isSyncing": False, "shouldHavePeers": True}


@unsafe
def author_rotateKeys(node: Node) -> str:
    return "0x"


TABLE = MethodTable(hello, repeat, slow, system_health, author_rotateKeys)
QUICK = Limits(tick_seconds=0.02, linger_seconds=0.2, stop_seconds=0.5)


@asynccontextmanager
async def serving(limits: Limits = QUICK, **options: Any) -> AsyncIterator[Server]:
    async with Server(TABLE, Node(), port=0, limits=limits, **options) as server:
        yield server


class Reply:
    def __init__(self, head: bytes, body: bytes) -> None:
        first, *lines = head.decode().split("\r\n")
        self.status = int(first.split()[1])
        pairs = [line.split(": ", 1) for line in lines]
        self.headers = {name.lower(): value for name, value in pairs}
        self.body = body

    @property
    def json(self) -> Any:
        return json.loads(self.body)


class Peer:
    """A raw connection to the server."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader = reader
        self.writer = writer

    async def ask(self, data: bytes) -> Reply:
        self.writer.write(data)
        return await self.reply()

    async def reply(self, *, head_only: bool = False) -> Reply:
        head = await asyncio.wait_for(self.reader.readuntil(b"\r\n\r\n"), 3)
        reply = Reply(head[:-4], b"")
        if not head_only:
            length = int(reply.headers["content-length"])
            reply.body = await self.reader.readexactly(length)
        return reply

    async def ended(self) -> bool:
        try:
            return await asyncio.wait_for(self.reader.read(1), 3) == b""
        except ConnectionResetError:
            return False

    async def close(self) -> None:
        self.writer.close()
        await asyncio.gather(self.writer.wait_closed(), return_exceptions=True)


@asynccontextmanager
async def peer(server: Server) -> AsyncIterator[Peer]:
    connected = Peer(*await asyncio.open_connection("127.0.0.1", server.port))
    try:
        yield connected
    finally:
        await connected.close()


def head(server: Server, method: str = "POST", path: str = "/", **headers: str) -> str:
    fields = {"host": f"127.0.0.1:{server.port}", "content_type": "application/json"} | headers
    lines = [f"{name.replace('_', '-')}: {value}" for name, value in fields.items() if value]
    return "\r\n".join([f"{method} {path} HTTP/1.1", *lines, ""])


def post(server: Server, body: str | bytes, **headers: str) -> bytes:
    raw = body.encode() if isinstance(body, str) else body
    return (head(server, **headers) + f"content-length: {len(raw)}\r\n\r\n").encode() + raw


def get(server: Server, path: str, method: str = "GET", **headers: str) -> bytes:
    return (head(server, method, path, **headers) + "\r\n").encode()


async def ask(server: Server, data: bytes) -> Reply:
    async with peer(server) as one:
        return await one.ask(data)


HELLO = '{"jsonrpc":"2.0","method":"hello","id":1}'


async def test_a_request_by_post_is_answered() -> None:
    async with serving() as server:
        reply = await ask(server, post(server, HELLO))

    assert (reply.status, reply.body) == (200, b'{"jsonrpc":"2.0","id":1,"result":"lo"}')
    assert reply.headers["content-type"] == "application/json; charset=utf-8"


async def test_a_connection_serves_many_requests_also_pipelined_ones_in_order() -> None:
    async with serving() as server, peer(server) as one:
        node: Node = server._node  # type: ignore[assignment]
        calls = [
            f'{{"jsonrpc":"2.0","method":"{method}","params":[{n}],"id":{n}}}'
            for n, method in enumerate(["hello", "slow", "hello", "slow", "hello"])
        ]
        one.writer.write(b"".join(post(server, call) for call in calls))
        first = await one.reply()
        node.gate.set()
        rest = [await one.reply() for _ in calls[1:]]
        again = await one.ask(post(server, HELLO))

    assert [reply.json["id"] for reply in [first, *rest, again]] == [0, 1, 2, 3, 4, 1]


async def test_a_body_may_come_in_chunks_and_in_pieces() -> None:
    async with serving() as server, peer(server) as one:
        request = head(server, transfer_encoding="chunked") + "\r\n"
        request += "".join(f"1\r\n{letter}\r\n" for letter in HELLO) + "0\r\n\r\n"
        for index in range(0, len(request), 7):
            one.writer.write(request[index : index + 7].encode())
            await asyncio.sleep(0)
        reply = await one.reply()

    assert reply.json["result"] == "lo"


async def test_a_large_body_does_not_count_towards_the_next_head() -> None:
    async with serving() as server, peer(server) as one:
        first = await one.ask(post(server, HELLO + " " * 500_000))
        request = post(server, HELLO)
        one.writer.write(request[:20])
        await asyncio.sleep(0.02)
        second = await one.ask(request[20:])

    assert first.json == second.json


async def test_a_notification_is_acknowledged_with_an_empty_body() -> None:
    async with serving() as server:
        reply = await ask(server, post(server, '{"jsonrpc":"2.0","method":"hello"}'))

    assert (reply.status, reply.body) == (200, b"")


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b"", 400), (b"dsdfs", 400), (b" " * 128 + HELLO.encode(), 400), (b"\xff{}", 400),
        (b"{ ", 200), (b"{\xff}", 200), (b"[1", 200),
    ],
)  # fmt: skip
async def test_a_body_that_is_no_json_is_a_parse_error(body: bytes, status: int) -> None:
    async with serving() as server:
        reply = await ask(server, post(server, body))

    assert reply.status == status
    assert reply.body == (
        b'{"jsonrpc":"2.0","id":null,"error":{"code":-32700,"message":"Parse error"}}'
    )


async def test_other_verbs_and_content_types_are_refused_in_jsonrpsees_words() -> None:
    async with serving() as server, peer(server) as one:
        verb = await one.ask(get(server, "/", "DELETE"))
        page = await one.ask(get(server, "/"))
        kind = await one.ask(post(server, HELLO, content_type="text/plain"))

    assert (verb.status, page.status, kind.status) == (405, 405, 415)
    assert verb.body == b"Used HTTP Method is not allowed. POST is required\n"
    assert kind.body == (
        b"Supplied content type is not allowed. Content-Type: application/json is required\n"
    )


@pytest.mark.parametrize(
    "kind",
    ["application/json;charset=utf-8", "Application/JSON; charset=UTF-8", "application/json-rpc"],
)
async def test_every_content_type_of_jsonrpsee_is_taken(kind: str) -> None:
    async with serving() as server:
        assert (await ask(server, post(server, HELLO, content_type=kind))).status == 200


async def test_a_request_fits_its_limit_to_the_byte() -> None:
    limit = len(HELLO) + 10
    padded = HELLO + " " * 10
    async with serving(Limits(request_size=limit, tick_seconds=0.02)) as server:
        fitting = await ask(server, post(server, padded))
        over = await ask(server, post(server, padded + " "))
        chunked = head(server, transfer_encoding="chunked") + "\r\n"
        chunked += f"{limit + 1:x}\r\n{padded} \r\n0\r\n\r\n"
        over_in_chunks = await ask(server, chunked.encode())

    assert fitting.json["result"] == "lo"
    assert (over.status, over_in_chunks.status) == (413, 413)
    assert over.json["error"] == over_in_chunks.json["error"] == {
        "code": -32007,
        "message": "Request is too big",
        "data": f"Exceeded max limit of {limit}",
    }  # fmt: skip


async def test_a_refused_peer_that_goes_on_sending_still_reads_why() -> None:
    async with serving() as server, peer(server) as one:
        body = b"{" * (16 * 1024 * 1024)
        one.writer.write(post(server, body))
        sending = asyncio.ensure_future(one.writer.drain())
        reply = await one.reply()
        await asyncio.wait([sending], timeout=3)

    assert reply.status == 413


async def test_a_peer_that_expects_to_be_told_to_continue_is_told() -> None:
    async with serving() as server, peer(server) as one:
        request = post(server, HELLO, expect="100-continue")
        one.writer.write(request[: -len(HELLO)])
        go_on = await one.reply(head_only=True)
        reply = await one.ask(HELLO.encode())
    async with serving(Limits(request_size=5)) as server, peer(server) as one:
        request = post(server, HELLO, expect="100-continue")
        refused = await one.ask(request[: -len(HELLO)])

    assert (go_on.status, reply.json["result"], refused.status) == (100, "lo", 413)


VIOLATIONS: dict[str, tuple[Callable[[str], bytes], int]] = {
    "garbage": (lambda host: b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03 hello\r\n\r\n", 400),
    "no host": (lambda host: b"POST / HTTP/1.1\r\ncontent-length: 0\r\n\r\n", 400),
    "two hosts": (
        lambda host: f"GET / HTTP/1.1\r\nhost: {host}\r\nhost: {host}\r\n\r\n".encode(), 400),
    "foreign host": (lambda host: b"GET / HTTP/1.1\r\nhost: evil.example:9944\r\n\r\n", 403),
    "wrong port": (lambda host: b"GET / HTTP/1.1\r\nhost: 127.0.0.1:1\r\n\r\n", 403),
    "another host in the url": (
        lambda host: f"GET http://evil.example/ HTTP/1.1\r\nhost: {host}\r\n\r\n".encode(), 400),
    "length and chunks": (
        lambda host: f"POST / HTTP/1.1\r\nhost: {host}\r\ncontent-length: 5\r\n"
        "transfer-encoding: chunked\r\n\r\n0\r\n\r\n".encode(), 400),
    "two lengths": (
        lambda host: f"POST / HTTP/1.1\r\nhost: {host}\r\ncontent-length: 5\r\n"
        "content-length: 6\r\n\r\n{}".encode(), 400),
    "negative length": (
        lambda host: f"POST / HTTP/1.1\r\nhost: {host}\r\n"
        "content-length: -5\r\n\r\n".encode(), 400),
    "huge length": (
        lambda host: f"POST / HTTP/1.1\r\nhost: {host}\r\ncontent-type: application/json\r\n"
        f"content-length: {2**60}\r\n\r\n".encode(), 413),
    "bad chunk": (
        lambda host: f"POST / HTTP/1.1\r\nhost: {host}\r\ncontent-type: application/json\r\n"
        "transfer-encoding: chunked\r\n\r\nzz\r\n".encode(), 400),
    "many headers": (
        lambda host: f"GET / HTTP/1.1\r\nhost: {host}\r\n".encode() + b"a: b\r\n" * 10_000, 431),
    "one huge header": (
        lambda host: f"GET / HTTP/1.1\r\nhost: {host}\r\na: ".encode() + b"b" * 2_000_000, 431),
    "a huge path": (lambda host: b"GET /" + b"b" * 2_000_000, 431),
    "a verb that is none": (lambda host: b"FETCH / HTTP/1.1\r\n\r\n", 400),
    "a tunnel": (lambda host: f"CONNECT {host} HTTP/1.1\r\nhost: {host}\r\n\r\n".encode(), 405),
    "a handshake without a key": (
        lambda host: f"GET / HTTP/1.1\r\nhost: {host}\r\nconnection: upgrade\r\n"
        "upgrade: websocket\r\nsec-websocket-version: 13\r\n\r\n".encode(), 400),
    "a handshake of another version": (
        lambda host: f"GET / HTTP/1.1\r\nhost: {host}\r\nconnection: upgrade\r\n"
        "upgrade: websocket\r\nsec-websocket-version: 7\r\n"
        "sec-websocket-key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n".encode(), 400),
}  # fmt: skip


@pytest.mark.parametrize("name", VIOLATIONS)
async def test_violations_of_http_are_refused_and_the_connection_ends(name: str) -> None:
    request, status = VIOLATIONS[name]
    async with serving() as server, peer(server) as one:
        reply = await one.ask(request(f"127.0.0.1:{server.port}"))
        if "host" not in name and "port" not in name:
            one.writer.write_eof()
            assert await one.ended()

    assert reply.status == status


async def test_the_size_of_a_head_is_limited_to_the_byte() -> None:
    async with serving(Limits(head_size=300, tick_seconds=0.02)) as server:
        used = len("/") + sum(
            len(line) + 2 for line in head(server, "GET", a="").split("\r\n")[1:-1]
        )
        fits = await ask(server, get(server, "/", a="b" * (300 - used - len("a") - 4)))
        over = await ask(server, get(server, "/", a="b" * (301 - used - len("a") - 4)))

    assert (fits.status, over.status) == (405, 431)


async def test_an_offer_to_upgrade_to_http2_is_ignored() -> None:
    async with serving() as server, peer(server) as one:
        offer = {"connection": "Upgrade, HTTP2-Settings", "upgrade": "h2c", "http2_settings": "AA"}
        first = await one.ask(post(server, HELLO, **offer))
        second = await one.ask(post(server, HELLO))

    assert first.json == second.json == {"jsonrpc": "2.0", "id": 1, "result": "lo"}


async def test_health_and_readiness() -> None:
    async with serving() as server, peer(server) as one:
        node: Node = server._node  # type: ignore[assignment]
        health = await one.ask(get(server, "/health"))
        alone = await one.ask(get(server, "/health/readiness"))
        node.peers = 1
        connected = await one.ask(get(server, "/health/readiness"))

    assert health.json == {"peers": 0, "isSyncing": False, "shouldHavePeers": True}
    assert (health.status, alone.status, connected.status) == (200, 500, 200)


async def test_a_node_without_health_is_not_healthy() -> None:
    async with Server(MethodTable(hello), None, port=0) as server:
        reply = await ask(server, get(server, "/health"))

    assert reply.status == 500
    assert reply.json["error"]["code"] == -32601


async def test_pages_are_served_by_path_or_by_folder() -> None:
    def page(request: Request) -> Response:
        return Response(body=b"<p>", content_type="text/html", headers=(("etag", '"1"'),))

    async def content(request: Request) -> Response:
        return Response(body=f"{request.path}?{request.query}".encode())

    routes = {"/": page, "/ipfs/": content}
    async with serving(routes=routes) as server, peer(server) as one:
        index = await one.ask(get(server, "/"))
        file = await one.ask(get(server, "/ipfs/bafy/a?b=c"))
        one.writer.write(get(server, "/", "HEAD"))
        bare = await one.reply(head_only=True)
        missing = await one.ask(get(server, "/ipf"))
        posted = await one.ask(post(server, HELLO))

    assert (index.body, index.headers["content-type"]) == (b"<p>", "text/html")
    assert index.headers["etag"] == '"1"'
    assert file.body == b"/ipfs/bafy/a?b=c"
    assert (bare.status, bare.headers["content-length"]) == (200, "3")
    assert missing.status == 405
    assert posted.json["result"] == "lo"


async def test_a_page_that_fails_is_an_error_without_details(
    caplog: pytest.LogCaptureFixture,
) -> None:
    def broken(request: Request) -> Response:
        raise KeyError("internal detail")

    async def broken_later(request: Request) -> Response:
        raise KeyError("internal detail")

    routes = {"/now": broken, "/later": broken_later}
    async with serving(routes=routes) as server, peer(server) as one:
        with caplog.at_level(logging.ERROR):
            replies = [await one.ask(get(server, path)) for path in routes]

    assert [(reply.status, reply.body) for reply in replies] == [(500, b"Internal error\n")] * 2
    assert len(caplog.records) == 2


ALLOWED = ["http://localhost:3000", "https://127.0.0.1", "https://polkadot.js.org"]
FOREIGN = [
    "https://evil.example", "null", "http://localhost.evil.example", "https://polkadot.js.org.evil",
    "http://localhost:80a", "ws://localhost:1",
]  # fmt: skip


@pytest.mark.parametrize("origin", ALLOWED)
async def test_known_pages_may_read_the_answers(origin: str) -> None:
    async with serving() as server:
        reply = await ask(server, post(server, HELLO, origin=origin))
        preflight = await ask(server, get(server, "/", "OPTIONS", origin=origin))

    assert reply.headers["access-control-allow-origin"] == origin
    assert preflight.status == 200
    assert preflight.headers["access-control-allow-origin"] == origin
    assert preflight.headers["access-control-allow-headers"] == "content-type"


@pytest.mark.parametrize("origin", FOREIGN)
async def test_foreign_pages_may_not_read_the_answers(origin: str) -> None:
    async with serving() as server:
        reply = await ask(server, post(server, HELLO, origin=origin))
        preflight = await ask(server, get(server, "/", "OPTIONS", origin=origin))

    assert "access-control-allow-origin" not in reply.headers
    assert "access-control-allow-origin" not in preflight.headers


async def test_an_open_node_lets_every_page_in() -> None:
    async with serving(access=Access(cors=None)) as server:
        reply = await ask(server, post(server, HELLO, origin=FOREIGN[0]))
        asked = {"origin": FOREIGN[0], "access_control_request_headers": "x-mine"}
        preflight = await ask(server, get(server, "/", "OPTIONS", **asked))

    assert reply.json["result"] == "lo"
    assert reply.headers["access-control-allow-origin"] == "*"
    assert preflight.headers["access-control-allow-headers"] == "x-mine"


@pytest.mark.parametrize(
    ("host", "status"),
    [("rebound.example", 403), ("rebound.example:9944", 403), ("localhost:1", 200), ("[::1]", 200)],
)
async def test_an_open_node_on_this_machine_has_no_other_name(host: str, status: int) -> None:
    async with serving(access=Access(cors=None)) as server:
        reply = await ask(server, post(server, HELLO, host=host))

    assert reply.status == status


def test_an_open_node_that_others_reach_may_have_any_name() -> None:
    assert Gate(Access(cors=None), "0.0.0.0", 9944).admits_host("any.example")
    assert not Gate(Access(), "0.0.0.0", 9944).admits_host("any.example")


ROTATE = '{"jsonrpc":"2.0","method":"author_rotateKeys","id":1}'
DENIED = {"code": -32601, "message": "RPC call is unsafe to be called externally"}


@pytest.mark.parametrize(
    ("access", "headers", "allowed"),
    [
        (Access(), {}, True),
        (Access(), {"origin": "http://localhost:3000"}, True),
        (Access(), {"origin": "https://evil.example"}, False),
        (Access(), {"x_forwarded_for": "127.0.0.1"}, False),
        (Access(), {"forwarded": "for=127.0.0.1"}, False),
        (Access(cors=None), {}, True),
        (Access(cors=None), {"origin": "https://evil.example"}, False),
        (Access(cors=None), {"host": "localhost:1"}, False),
        (Access(methods=RpcMethods.SAFE), {}, False),
        (Access(methods=RpcMethods.UNSAFE), {"x_real_ip": "1.2.3.4"}, True),
        (Access(methods=RpcMethods.UNSAFE, cors=None), {"origin": "https://evil.example"}, False),
        (Access(cors=("https://mine.example",)), {"origin": "https://mine.example"}, True),
        (Access(cors=()), {"origin": "http://localhost:3000"}, False),
        (Access(cors=(), hosts=("a.example",)), {"origin": "https://A.example"}, True),
    ],
)
async def test_unsafe_methods_are_for_the_operator(
    access: Access, headers: dict[str, str], allowed: bool
) -> None:
    async with serving(access=access) as server:
        reply = (await ask(server, post(server, ROTATE, **headers))).json

    assert reply.get("result") == ("0x" if allowed else None)
    assert reply.get("error") == (None if allowed else DENIED)


async def test_unsafe_methods_are_denied_on_an_address_that_others_reach() -> None:
    async with serving(host="0.0.0.0") as server:
        reply = await ask(server, post(server, ROTATE))

    assert reply.json["error"] == DENIED


async def test_further_hosts_can_be_allowed() -> None:
    async with serving(access=Access(hosts=("node.example",))) as server:
        allowed = await ask(server, post(server, HELLO, host="Node.Example"))
        refused = await ask(server, post(server, HELLO, host="other.example"))

    assert (allowed.status, refused.status) == (200, 403)
    assert refused.body == b"Provided Host header is not whitelisted.\n"


async def test_connections_beyond_the_limit_are_told_so_and_a_freed_place_is_usable() -> None:
    async with serving(Limits(connections=2, tick_seconds=0.02)) as server:
        async with peer(server) as one, peer(server) as two:
            assert (await one.ask(post(server, HELLO))).status == 200
            assert (await two.ask(post(server, HELLO))).status == 200
            surplus = await ask(server, post(server, HELLO))
            async with peer(server) as three:
                assert (await three.ask(get(server, "/"))).status == 429
                assert await three.ended()
        await asyncio.sleep(0.05)
        freed = await ask(server, post(server, HELLO))

    assert surplus.status == 429
    assert surplus.body == b"Too many connections. Please try again later."
    assert freed.status == 200


async def test_the_rate_limit_spares_whitelisted_peers_and_believes_no_proxy_by_default() -> None:
    mine = (ip_network("10.0.0.0/8"),)

    async def statuses(limits: Limits, **headers: str) -> list[bool]:
        async with serving(limits) as server, peer(server) as one:
            request = post(server, HELLO, **headers)
            return ["result" in (await one.ask(request)).json for _ in range(3)]

    limited = Limits(calls_per_minute=2, unlimited_peers=mine)
    trusting = Limits(calls_per_minute=2, unlimited_peers=mine, trust_proxy_headers=True)

    assert await statuses(limited) == [True, True, False]
    assert await statuses(limited, x_forwarded_for="10.1.1.1") == [True, True, False]
    assert await statuses(trusting, x_forwarded_for="10.1.1.1, 1.1.1.1") == [True] * 3
    assert await statuses(trusting, forwarded='for="10.1.1.1:80";proto=http') == [True] * 3
    assert await statuses(trusting, x_real_ip="11.1.1.1") == [True, True, False]


async def test_a_half_closed_peer_still_gets_its_answers() -> None:
    async with serving() as server, peer(server) as one:
        node: Node = server._node  # type: ignore[assignment]
        one.writer.write(post(server, '{"jsonrpc":"2.0","method":"slow","params":[7],"id":1}'))
        one.writer.write_eof()
        await asyncio.sleep(0.02)
        node.gate.set()
        reply = await one.reply()
        assert await one.ended()

    assert reply.json["result"] == 7


async def test_http_1_0_is_answered_and_closed() -> None:
    async with serving() as server, peer(server) as one:
        raw = post(server, HELLO).replace(b"HTTP/1.1", b"HTTP/1.0")
        reply = await one.ask(raw)
        assert await one.ended()

    assert reply.json["result"] == "lo"
    assert reply.headers["connection"] == "close"


async def test_stopping_lets_a_call_finish_and_leaves_no_task_behind() -> None:
    before = asyncio.all_tasks()
    server = Server(TABLE, node := Node(), port=0, limits=QUICK)
    await server.start()
    async with peer(server) as busy, peer(server) as idle:
        busy.writer.write(post(server, '{"jsonrpc":"2.0","method":"slow","params":[7],"id":1}'))
        await asyncio.sleep(0.02)
        stopping = asyncio.ensure_future(server.stop())
        assert await idle.ended()
        node.gate.set()
        reply = await busy.reply()
        await stopping
        await server.stop()

    assert reply.json["result"] == 7
    assert asyncio.all_tasks() == before
    with pytest.raises(OSError):
        await asyncio.open_connection("127.0.0.1", server.port)


async def test_stopping_does_not_wait_for_ever() -> None:
    server = Server(TABLE, Node(), port=0, limits=Limits(stop_seconds=0.05))
    await server.start()
    async with peer(server) as busy:
        busy.writer.write(post(server, '{"jsonrpc":"2.0","method":"slow","params":[7],"id":1}'))
        await asyncio.sleep(0.02)
        await asyncio.wait_for(server.stop(), 2)

        assert server.connections == 0


async def test_a_taken_port_is_an_error_of_starting() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        server = Server(TABLE, Node(), port=taken.getsockname()[1])
        with pytest.raises(OSError):
            await server.start()
        await server.stop()
