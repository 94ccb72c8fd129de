"""HTTP requests out of a byte stream: limits and access are judged while they arrive."""

from collections import deque
from dataclasses import dataclass
from http import HTTPStatus
from typing import Final

import httptools

from tilth.rpc.jsonrpc.access import Gate
from tilth.rpc.jsonrpc.edge import Request, Response
from tilth.rpc.jsonrpc.errors import PARSE_ERROR, request_too_big
from tilth.rpc.jsonrpc.limits import Limits
from tilth.rpc.jsonrpc.wire import failure

JSON: Final = "application/json; charset=utf-8"
# jsonrpsee takes these and no other parameters
_JSON_TYPES: Final = frozenset(
    f"{kind}{parameter}"
    for kind in ("application/json", "application/json-rpc")
    for parameter in ("", ";charset=utf-8", "; charset=utf-8")
)
# A body in chunks of one byte is six times as long on the wire.
_MOST_FRAMING: Final = 8


def text_response(status: HTTPStatus, text: str) -> Response:
    return Response(status, text.encode(), "text/plain")


def json_response(status: HTTPStatus, error: bytes) -> Response:
    return Response(status, failure(None, error), JSON)


TOO_MANY_CONNECTIONS: Final = text_response(
    HTTPStatus.TOO_MANY_REQUESTS, "Too many connections. Please try again later."
)
NOT_ALLOWED: Final = text_response(
    HTTPStatus.METHOD_NOT_ALLOWED, "Used HTTP Method is not allowed. POST is required\n"
)
MALFORMED: Final = json_response(HTTPStatus.BAD_REQUEST, PARSE_ERROR)
BAD_HTTP: Final = text_response(HTTPStatus.BAD_REQUEST, "This is not a valid HTTP request.\n")
TOO_LATE: Final = text_response(HTTPStatus.REQUEST_TIMEOUT, "The request did not arrive in time.\n")
_HOST_DENIED: Final = text_response(
    HTTPStatus.FORBIDDEN, "Provided Host header is not whitelisted.\n"
)
_ORIGIN_DENIED: Final = text_response(
    HTTPStatus.FORBIDDEN, "Provided Origin header is not whitelisted.\n"
)
_NOT_JSON: Final = text_response(
    HTTPStatus.UNSUPPORTED_MEDIA_TYPE,
    "Supplied content type is not allowed. Content-Type: application/json is required\n",
)
_HEAD_TOO_LARGE: Final = text_response(
    HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE, "The request's head is too large.\n"
)


@dataclass(slots=True)
class Turn:
    """A request in the order of answers; a refusal is an answer that is known already."""

    request: Request
    persistent: bool
    refusal: Response | None = None
    upgrade: bool = False


class _HeadTooLargeError(Exception):
    """Stops the parser."""


class Requests:
    """Feed it bytes; it appends to `turns` and stops listening when told what it refuses."""

    def __init__(self, limits: Limits, gate: Gate, peer: str, refusal: Response | None) -> None:
        self.turns: deque[Turn] = deque()
        self.begun = False
        self.in_head = True
        self.deaf = False
        self.rest = b""
        self.awaited = False
        """The peer waits for 100 Continue before it sends the body."""

        self._limits = limits
        self._gate = gate
        self._peer = peer
        self._refusal = refusal
        self._parser = httptools.HttpRequestParser(self)
        self._verdict: Response | None = None
        self._start()

    def feed(self, data: bytes) -> None:
        if self.deaf:
            return
        self._raw += len(data)
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserUpgrade as upgrade:
            self._upgraded(data[upgrade.args[0] :])
        except httptools.HttpParserError:
            too_large = self._head > self._limits.head_size
            self._refuse(_HEAD_TOO_LARGE if too_large else BAD_HTTP)
        else:
            self._check_raw()

    def on_message_begin(self) -> None:
        self._start()
        self.begun = True

    def on_url(self, url: bytes) -> None:
        self._count(len(url))
        self._url += url

    def on_header(self, name: bytes, value: bytes) -> None:
        self._count(len(name) + len(value) + 4)
        key, text = name.decode("latin-1").lower(), value.decode("latin-1")
        if key in self._headers:
            self._ambiguous |= key == "host"
            text = f"{self._headers[key]}, {text}"
        self._headers[key] = text

    def on_headers_complete(self) -> None:
        self.in_head = False
        self._raw = 0
        self._method = self._parser.get_method().decode()
        self._has_body = self._expects_body()
        refusal = None if self.deaf else self._judge()
        if refusal is not None and self._has_body:
            self._refuse(refusal)
        elif refusal is not None:
            self._verdict = refusal
        elif self._has_body and self._headers.get("expect", "").lower() == "100-continue":
            self.awaited = True

    def on_body(self, body: bytes) -> None:
        self._size += len(body)
        if self._size > self._limits.request_size:
            self._refuse(self._too_big())
        elif not self.deaf:
            self._body.append(body)

    def on_message_complete(self) -> None:
        self.begun = False
        self.in_head = True
        if not self.deaf:
            persistent = self._parser.should_keep_alive() and self._refusal is None
            self._take_turn(self._verdict, persistent)

    def refuse(self, response: Response) -> None:
        """Answer what has arrived of a request, and listen no longer."""
        self._refuse(response)

    def _start(self) -> None:
        self._raw = 0
        self._url = b""
        self._headers: dict[str, str] = {}
        self._method = ""
        self._ambiguous = False
        self._head = 0
        self._body: list[bytes] = []
        self._size = 0
        self._has_body = False
        self._verdict = None

    def _count(self, size: int) -> None:
        self._head += size
        if self._head > self._limits.head_size:
            raise _HeadTooLargeError

    def _check_raw(self) -> None:
        """What the parser has not handed out yet: an endless header, chunks without content."""
        if self.in_head:
            if self.begun and self._raw > self._limits.head_size:
                self._refuse(_HEAD_TOO_LARGE)
        elif self._raw > self._limits.request_size * _MOST_FRAMING + self._limits.head_size:
            self._refuse(self._too_big())

    def _expects_body(self) -> bool:
        length = self._headers.get("content-length", "0")
        return "transfer-encoding" in self._headers or length.strip("0") != ""

    def _judge(self) -> Response | None:
        """Why a request is refused before its body is read, in the order of jsonrpsee's layers."""
        if self._refusal is not None:
            return self._refusal
        host = self._headers.get("host")
        if host is None or self._ambiguous or self._names_another_host(host):
            return MALFORMED
        if not self._gate.admits_host(host):
            return _HOST_DENIED
        if self._method == "POST":
            return self._judge_post()
        if self._is_websocket() and not self._gate.admits_origin(self._headers.get("origin")):
            return _ORIGIN_DENIED
        return None if self._method in ("GET", "HEAD", "OPTIONS") else NOT_ALLOWED

    def _judge_post(self) -> Response | None:
        if self._headers.get("content-type", "").lower() not in _JSON_TYPES:
            return _NOT_JSON
        length = self._headers.get("content-length", "0")
        return self._too_big() if int(length) > self._limits.request_size else None

    def _names_another_host(self, host: str) -> bool:
        scheme, separator, rest = self._url.partition(b"://")
        if not separator or b"/" in scheme:
            return False
        return rest.partition(b"/")[0].decode("latin-1").lower() != host.lower()

    def _is_websocket(self) -> bool:
        return self._headers.get("upgrade", "").lower() == "websocket"

    def _too_big(self) -> Response:
        error = request_too_big(self._limits.request_size)
        return json_response(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, error)

    def _refuse(self, response: Response) -> None:
        if not self.deaf:
            self.deaf = True
            self.awaited = False
            self._take_turn(response, persistent=False)

    def _take_turn(self, refusal: Response | None, persistent: bool) -> None:
        path, _, query = self._url.decode("latin-1").partition("?")
        body = b"".join(self._body)
        request = Request(self._method, path, query, self._headers, self._peer, body)
        self.turns.append(Turn(request, persistent, refusal))

    def _upgraded(self, rest: bytes) -> None:
        """The parser stops at any Upgrade; all but a WebSocket's are offers that one may ignore."""
        if self.deaf:
            return
        turn = self.turns[-1]
        if turn.refusal is not None or self._is_websocket():
            self.deaf = True
            turn.persistent = False
            turn.upgrade = turn.refusal is None
            self.rest = rest
        else:
            self.turns.pop()
            self._parser = httptools.HttpRequestParser(self)
            self.feed(_without_upgrade(turn.request) + rest)


def _without_upgrade(request: Request) -> bytes:
    lines = [f"{request.method} {request.path}?{request.query} HTTP/1.1"]
    lines += [
        f"{name}: {value}"
        for name, value in request.headers.items()
        if name not in ("upgrade", "connection", "http2-settings")
    ]
    return "\r\n".join([*lines, "", ""]).encode("latin-1")
