"""GET /ipfs/<cid>: content as files, whole or in part, each byte checked before it goes out."""

import re
from collections.abc import AsyncIterator
from functools import partial
from http import HTTPStatus
from typing import Final, NamedTuple
from urllib.parse import parse_qs, unquote

from tilth.node.content import ContentLost, NoContent
from tilth.node.service import Node
from tilth.primitives.cid import DAG_PB, BadCid, Cid, parse_cid
from tilth.primitives.dag_pb import FileNode, NotAFile, read_file_node
from tilth.primitives.types import H256
from tilth.rpc.jsonrpc.edge import Request, Response, Route, Stream
from tilth.rpc.jsonrpc.requests import text_response

PREFIX: Final = "/ipfs/"
PIECE: Final = 256 * 1024
_DEEPEST: Final = 8  # levels of nodes; a hundred links in each are more than any file has
_RANGE: Final = re.compile(r"bytes=(\d*)-(\d*)")
# A page among the contents must not act as one of this node's own.
_HEADERS: Final = (
    ("accept-ranges", "bytes"),
    ("cache-control", "public, max-age=29030400, immutable"),
    ("content-security-policy", "sandbox; default-src 'none'"),
    ("x-content-type-options", "nosniff"),
)


class _Refused(Exception):
    def __init__(self, status: HTTPStatus, text: str) -> None:
        super().__init__(text)
        self.response = text_response(status, text + "\n")


class _Span(NamedTuple):
    """From a byte on, up to another, which it has not."""

    start: int
    end: int


def ipfs(node: Node) -> Route:
    """The route; the node finds and heals the content."""
    return partial(_answer, _Gateway(node))


async def _answer(gateway: "_Gateway", request: Request) -> Response:
    try:
        return await gateway.answer(request)
    except _Refused as refused:
        return refused.response


class _Gateway:
    def __init__(self, node: Node) -> None:
        self._healer = node.healer

    async def answer(self, request: Request) -> Response:
        cid = _cid_in(request)
        raw = _wants_raw(request)
        tag = f'"{cid}.raw"' if raw else f'"{cid}"'
        content = await self._content(cid)
        headers = (("etag", tag), ("x-ipfs-path", f"{PREFIX}{cid}"), *_HEADERS)
        if _has(request.headers.get("if-none-match", ""), tag):
            return Response(HTTPStatus.NOT_MODIFIED, headers=headers)
        file = FileNode(content, ()) if raw or cid.codec != DAG_PB else _file_of(content)
        kind = "application/vnd.ipld.raw" if raw else "application/octet-stream"
        return self._response(request, file, tag, kind, headers)

    def _response(
        self,
        request: Request,
        file: FileNode,
        tag: str,
        kind: str,
        headers: tuple[tuple[str, str], ...],
    ) -> Response:
        span = _span_of(request, file.size, tag)
        status = HTTPStatus.OK
        if span is None:
            span = _Span(0, file.size)
        else:
            status = HTTPStatus.PARTIAL_CONTENT
            told = f"bytes {span.start}-{span.end - 1}/{file.size}"
            headers = (("content-range", told), *headers)
        stream = Stream(span.end - span.start, partial(self._parts, file, span, _DEEPEST))
        return Response(status, content_type=kind, headers=headers, stream=stream)

    async def _parts(self, file: FileNode, span: _Span, levels: int) -> AsyncIterator[bytes]:
        """What lies in the span; a failure ends it early, which the reader sees by its length."""
        for start in range(span.start, min(span.end, len(file.data)), PIECE):
            yield file.data[start : min(start + PIECE, span.end)]
        at = len(file.data)
        for cid, size in file.parts:
            inner = _Span(max(span.start - at, 0), min(span.end - at, size))
            at += size
            if inner.start < inner.end:
                async for piece in self._parts(
                    await self._part(cid, size, levels), inner, levels - 1
                ):
                    yield piece

    async def _part(self, cid: Cid, size: int, levels: int) -> FileNode:
        if not levels:
            raise NotAFile("its nodes stand too deep in one another")
        content = await self._content(cid)
        file = read_file_node(content) if cid.codec == DAG_PB else FileNode(content, ())
        if file.size != size:
            raise NotAFile(f"its part {cid} has {file.size} bytes, not {size} as it says")
        return file

    async def _content(self, cid: Cid) -> bytes:
        try:
            content = await self._healer.read(H256(cid.digest))
        except NoContent as error:
            raise _Refused(HTTPStatus.NOT_FOUND, str(error)) from error
        except ContentLost as error:
            raise _Refused(HTTPStatus.SERVICE_UNAVAILABLE, str(error)) from error
        if content is None or not cid.fits(content):
            raise _Refused(HTTPStatus.NOT_FOUND, f"this chain keeps no content {cid}")
        return content


def _cid_in(request: Request) -> Cid:
    name = unquote(request.path.removeprefix(PREFIX)).rstrip("/")
    if "/" in name:
        raise _Refused(HTTPStatus.BAD_REQUEST, "a CID here names one file; nothing lies below it")
    try:
        return parse_cid(name)
    except BadCid as error:
        raise _Refused(HTTPStatus.BAD_REQUEST, str(error)) from None


def _wants_raw(request: Request) -> bool:
    formats = parse_qs(request.query).get("format", [])
    if formats not in ([], ["raw"]):
        raise _Refused(HTTPStatus.NOT_ACCEPTABLE, "the only format there is to ask for is raw")
    return bool(formats) or "application/vnd.ipld.raw" in request.headers.get("accept", "")


def _file_of(content: bytes) -> FileNode:
    try:
        return read_file_node(content)
    except NotAFile as error:
        raise _Refused(HTTPStatus.NOT_ACCEPTABLE, f"this is not a file: {error}") from None


def _has(header: str, tag: str) -> bool:
    tags = [part.strip().removeprefix("W/") for part in header.split(",")]
    return tag in tags or "*" in tags


def _span_of(request: Request, size: int, tag: str) -> _Span | None:
    """What is asked for; None for all of it. Several ranges at once are answered with all."""
    if request.headers.get("if-range", tag) != tag:
        return None
    found = _RANGE.fullmatch(request.headers.get("range", "").strip())
    if found is None or not any(found.groups()):
        return None
    first, last = found.groups()
    if first:
        span = _Span(int(first), min(int(last) + 1, size) if last else size)
        unordered = bool(last) and int(last) < int(first)
    else:
        span, unordered = _Span(max(size - int(last), 0), size), False
    if unordered:
        return None
    if span.start >= span.end:
        raise _OutOfRange(size)
    return span


class _OutOfRange(_Refused):
    def __init__(self, size: int) -> None:
        status = HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE
        super().__init__(status, f"the content has {size} bytes")
        told = ("content-range", f"bytes */{size}")
        self.response = Response(status, self.response.body, "text/plain", (told,))
