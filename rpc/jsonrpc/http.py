"""A client connected by HTTP: JSON-RPC by POST, routes by GET, or the way to a WebSocket."""

import asyncio
import json
import logging
from collections.abc import Awaitable, Coroutine
from functools import partial
from http import HTTPStatus
from typing import Any, Final

from websockets.http11 import Request as Handshake
from websockets.server import ServerProtocol

from tilth.rpc.jsonrpc.client import Client
from tilth.rpc.jsonrpc.edge import Edge, Pace, Request, Response, Stall, Stream, keep_alive
from tilth.rpc.jsonrpc.errors import PARSE_ERROR
from tilth.rpc.jsonrpc.frames import Frames
from tilth.rpc.jsonrpc.ratelimit import Meter, meter_for
from tilth.rpc.jsonrpc.requests import (
    BAD_HTTP,
    JSON,
    MALFORMED,
    NOT_ALLOWED,
    TOO_LATE,
    TOO_MANY_CONNECTIONS,
    Requests,
    Turn,
    json_response,
    text_response,
)
from tilth.rpc.jsonrpc.session import Session, opening
from tilth.rpc.jsonrpc.websocket import WebSocketConnection

_log = logging.getLogger("tilth.rpc")

_REASONS: Final = {status.value: status.phrase for status in HTTPStatus}
_CONTINUE: Final = b"HTTP/1.1 100 Continue\r\n\r\n"
_HEALTH_CALL: Final = '{"jsonrpc":"2.0","method":"system_health","id":0}'
_HEALTH_PATHS: Final = ("/health", "/health/readiness")
_FAILED: Final = text_response(HTTPStatus.INTERNAL_SERVER_ERROR, "Internal error\n")


class HttpConnection(asyncio.Protocol):
    """Answers one request after the other, in their order."""

    def __init__(self, edge: Edge) -> None:
        self._edge = edge
        self._loop = asyncio.get_running_loop()
        self._transport: asyncio.Transport
        self._requests: Requests
        self._peer = ""
        self._client: Client | None = None
        self._session: Session | None = None
        self._meter: Meter | None = None
        self._reply = b""
        self._call: asyncio.Task[None] | None = None
        self._out: list[bytes] = []
        self._received = 0
        self._full = False
        self._room = asyncio.Event()
        self._room.set()
        self._idle = False
        self._finishing = False
        self._switched = False
        now = edge.clock()
        self._deadline = now + edge.limits.head_seconds
        self._pace = Pace(now)
        self._stall = Stall(now, 0)
        self._gone_by: float | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport), "the server listens on streams"
        self._transport = transport
        keep_alive(transport)
        peer = transport.get_extra_info("peername")
        self._peer = peer[0] if isinstance(peer, tuple) else ""
        edge = self._edge
        surplus = len(edge.connections) >= edge.limits.connections
        (edge.surplus if surplus else edge.connections).add(self)
        refusal = TOO_MANY_CONNECTIONS if surplus else None
        self._requests = Requests(edge.limits, edge.gate, self._peer, refusal)
        if len(edge.surplus) > edge.limits.connections:
            transport.abort()

    def data_received(self, data: bytes) -> None:
        if self._gone_by is not None:
            return
        if self._idle:
            self._idle = False
            self._deadline = self._edge.clock() + self._edge.limits.head_seconds
        self._received += len(data)
        in_head = self._requests.in_head
        self._requests.feed(data)
        if in_head and not self._requests.in_head:
            self._pace = Pace(self._edge.clock(), self._received)
        if self._requests.awaited:
            self._requests.awaited = False
            self._out.append(_CONTINUE)
        self._work()

    def eof_received(self) -> bool:
        """Close behind the output: while something is answered the peer is not read from."""
        return False

    def connection_lost(self, exc: Exception | None) -> None:
        self._edge.connections.discard(self)
        self._edge.surplus.discard(self)
        if self._client is not None:
            self._client.close()
        if self._call is not None:
            self._call.cancel()

    def pause_writing(self) -> None:
        self._full = True
        self._room.clear()
        self._stall = Stall(self._edge.clock(), self._transport.get_write_buffer_size())

    def resume_writing(self) -> None:
        self._full = False
        self._room.set()
        self._work()

    def tick(self, now: float) -> None:
        """Enforce the deadlines that have passed."""
        limits = self._edge.limits
        if self._gone_by is not None:
            if now >= self._gone_by:
                self._transport.abort()
        elif self._full:
            if self._stall.too_long(now, self._transport.get_write_buffer_size(), limits):
                self._transport.abort()
        elif self._is_answering():
            return
        elif not self._requests.in_head:
            if self._pace.too_slow(now, self._received, limits):
                self._give_up()
        elif now >= self._deadline:
            self._give_up()

    def close(self) -> None:
        """Take no further request; what is being answered still is."""
        self._finishing = True
        if not self._is_answering():
            self._transport.close()

    def abort(self) -> None:
        self._transport.abort()

    def _give_up(self) -> None:
        if not self._requests.begun:
            self._transport.close()
            return
        self._requests.refuse(TOO_LATE)
        self._work()

    def _is_answering(self) -> bool:
        return self._call is not None or bool(self._requests.turns)

    def _work(self) -> None:
        """Answer the requests that have arrived, as long as their answers are taken."""
        turns = self._requests.turns
        while turns and self._call is None and not self._full and self._gone_by is None:
            self._answer(turns.popleft())
        self._flush()
        self._regulate()

    def _regulate(self) -> None:
        if self._switched or self._transport.is_closing():
            return
        if self._gone_by is None and (self._full or self._is_answering()):
            self._transport.pause_reading()
        elif not self._transport.is_reading():
            self._transport.resume_reading()

    def _answer(self, turn: Turn) -> None:
        method = turn.request.method
        if turn.refusal is not None:
            self._respond(turn, turn.refusal)
        elif turn.upgrade:
            self._switch(turn.request)
        elif method == "POST":
            self._answer_post(turn)
        elif method == "OPTIONS":
            preflight = self._edge.gate.preflight(turn.request.headers)
            self._respond(turn, Response(headers=preflight))
        elif method == "GET" and turn.request.path in _HEALTH_PATHS:
            self._answer_health(turn)
        else:
            self._answer_route(turn)

    def _answer_post(self, turn: Turn) -> None:
        text = _text_of(turn.request.body)
        if text is None:
            self._respond(turn, json_response(HTTPStatus.OK, PARSE_ERROR))
        elif not opening(text):
            self._respond(turn, MALFORMED)
        else:
            work = self._receive(turn.request, text)
            if work is None:
                self._respond(turn, Response(body=self._reply, content_type=JSON))
            else:
                self._run(self._answer_later(turn, work))

    async def _answer_later(self, turn: Turn, work: Coroutine[Any, Any, None]) -> None:
        await work
        self._respond(turn, Response(body=self._reply, content_type=JSON))

    def _answer_health(self, turn: Turn) -> None:
        work = self._receive(turn.request, _HEALTH_CALL)
        if work is None:
            self._respond(turn, _health(turn.request.path, self._reply))
        else:
            self._run(self._health_later(turn, work))

    async def _health_later(self, turn: Turn, work: Coroutine[Any, Any, None]) -> None:
        await work
        self._respond(turn, _health(turn.request.path, self._reply))

    def _answer_route(self, turn: Turn) -> None:
        route = self._edge.route(turn.request.path)
        if route is None:
            self._respond(turn, NOT_ALLOWED)
            return
        try:
            outcome = route(turn.request)
        except Exception:  # noqa: BLE001 - a page's fault is an answer, not our end
            _log.error("route %s failed", turn.request.path, exc_info=True)
            outcome = _FAILED
        if isinstance(outcome, Response) and outcome.stream is None:
            self._respond(turn, outcome)
        else:
            self._run(self._route_later(turn, outcome))

    async def _route_later(self, turn: Turn, outcome: Response | Awaitable[Response]) -> None:
        try:
            response = outcome if isinstance(outcome, Response) else await outcome
        except Exception:  # noqa: BLE001 - a page's fault is an answer, not our end
            _log.error("route %s failed", turn.request.path, exc_info=True)
            response = _FAILED
        if response.stream is None or turn.request.method == "HEAD":
            self._respond(turn, response)
        else:
            await self._pour(turn, response, response.stream)

    async def _pour(self, turn: Turn, response: Response, stream: Stream) -> None:
        """A body piece by piece, as fast as it is read; one that fails is cut off."""
        persistent = self._is_persistent(turn)
        self._out.append(self._head(turn.request, response, persistent))
        async for part in stream.parts():
            self._out.append(part)
            self._flush()
            await self._room.wait()
        self._settle(persistent)

    def _receive(self, request: Request, text: str) -> Coroutine[Any, Any, None] | None:
        edge = self._edge
        if self._session is None or self._client is None:
            self._client = Client(self._peer, None, edge.rng)
            self._meter = meter_for(edge.limits, self._peer, request.headers, edge.clock)
            self._session = Session(
                edge.table, edge.node, edge.limits, self._client, self._keep, self._meter
            )
        self._client.trusted = partial(edge.gate.trusts, request.headers)
        self._reply = b""  # a notification is acknowledged by an empty body
        return self._session.receive(text)

    def _keep(self, reply: bytes) -> None:
        self._reply = reply

    def _run(self, work: Coroutine[Any, Any, None]) -> None:
        self._call = self._loop.create_task(work)
        self._call.add_done_callback(self._finished)

    def _finished(self, task: "asyncio.Task[None]") -> None:
        self._call = None
        if task.cancelled():
            return
        if (error := task.exception()) is not None:
            _log.error("answering a request failed", exc_info=error)
            self._transport.abort()
        else:
            self._work()

    def _respond(self, turn: Turn, response: Response) -> None:
        persistent = self._is_persistent(turn)
        self._out.append(self._head(turn.request, response, persistent))
        if turn.request.method != "HEAD":
            self._out.append(response.body)
        self._settle(persistent)

    def _is_persistent(self, turn: Turn) -> bool:
        last = self._finishing and not self._requests.turns
        return turn.persistent and not last

    def _settle(self, persistent: bool) -> None:
        """A request is answered."""
        self._idle = not self._requests.begun
        self._deadline = self._edge.clock() + (
            self._edge.limits.idle_seconds if self._idle else self._edge.limits.head_seconds
        )
        if not persistent:
            self._part(self._requests.deaf)

    def _head(self, request: Request, response: Response, persistent: bool) -> bytes:
        status = int(response.status)
        lines = [
            f"HTTP/1.1 {status} {_REASONS.get(status, '')}",
            f"content-type: {response.content_type}",
            f"content-length: {response.length}",
        ]
        if "origin" in request.headers or request.method in ("GET", "HEAD"):
            cors = self._edge.gate.cors(request.headers)
            lines += [f"{name}: {value}" for name, value in (*cors, *response.headers)]
        elif response.headers:
            lines += [f"{name}: {value}" for name, value in response.headers]
        if not persistent:
            lines.append("connection: close")
        return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1")

    def _flush(self) -> None:
        if self._out:
            out, self._out = self._out, []
            self._transport.write(b"".join(out))

    def _part(self, unread: bool) -> None:
        """End the connection; a peer that is still sending must not be reset before it reads."""
        self._flush()
        if self._transport.is_closing():
            return
        if unread:
            self._gone_by = self._edge.clock() + self._edge.limits.linger_seconds
            self._transport.write_eof()
        else:
            self._transport.close()

    def _switch(self, request: Request) -> None:
        """Hand the transport over to a WebSocket connection, if the handshake is a good one."""
        edge = self._edge
        protocol = ServerProtocol(max_size=edge.limits.request_size)
        answer = shake_hands(protocol, request)
        if protocol.handshake_exc is not None:
            self._out.append(answer or self._head(request, BAD_HTTP, False) + BAD_HTTP.body)
            self._part(unread=True)
            return
        self._out.append(answer)
        self._flush()
        frames = Frames(protocol, edge.limits.request_size, edge.limits.fragments)
        meter = meter_for(edge.limits, self._peer, request.headers, edge.clock)
        edge.connections.discard(self)
        successor = WebSocketConnection(
            edge,
            self._transport,
            frames,
            peer=self._peer,
            trusted=partial(edge.gate.trusts, request.headers),
            meter=meter,
        )
        self._switched = True
        self._transport.set_protocol(successor)
        self._transport.resume_reading()
        successor.data_received(self._requests.rest)


def _text_of(body: bytes) -> str | None:
    """The body as text; None if it is not UTF-8 although it begins like a request."""
    try:
        return body.decode()
    except UnicodeDecodeError:
        return None if opening(body.decode("latin-1")) else ""


def _health(path: str, reply: bytes) -> Response:
    """system_health as Substrate's proxy shows it: its result, or whether the node is ready."""
    health = json.loads(reply).get("result")
    if not isinstance(health, dict):
        return Response(HTTPStatus.INTERNAL_SERVER_ERROR, reply, JSON)
    if path == "/health":
        return Response(body=json.dumps(health, separators=(",", ":")).encode(), content_type=JSON)
    synced = not health["isSyncing"] and health["peers"] > 0
    ready = synced or not health["shouldHavePeers"]
    return Response(HTTPStatus.OK if ready else HTTPStatus.INTERNAL_SERVER_ERROR, b"", JSON)


def shake_hands(protocol: ServerProtocol, request: Request) -> bytes:
    """The answer to an opening handshake; `protocol` knows whether it succeeded."""
    names = ("connection", "upgrade", "sec-websocket-key", "sec-websocket-version")
    lines = ["GET / HTTP/1.1"]
    lines += [f"{name}: {request.headers[name]}" for name in names if name in request.headers]
    protocol.receive_data("\r\n".join([*lines, "", ""]).encode("latin-1"))
    for event in protocol.events_received():
        assert isinstance(event, Handshake), "the first event is the handshake"
        protocol.send_response(protocol.accept(event))
    return b"".join(protocol.data_to_send())
