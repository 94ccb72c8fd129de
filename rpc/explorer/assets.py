"""The explorer's files: read once, served with headers that let nothing foreign in."""

from collections.abc import Iterator
from hashlib import sha256
from http import HTTPStatus
from importlib.resources import files
from importlib.resources.abc import Traversable
from typing import Final, final

from tilth.rpc.jsonrpc.edge import Request, Response, Route
from tilth.rpc.jsonrpc.requests import NOT_ALLOWED

_TYPES: Final = {
    "html": "text/html; charset=utf-8",
    "css": "text/css; charset=utf-8",
    "js": "text/javascript; charset=utf-8",
    "svg": "image/svg+xml",
    "txt": "text/plain; charset=utf-8",
}
# Only what this node serves may run, show or be asked: whatever a dataset is called, and whatever
# is in it, is text.
_POLICY: Final = "; ".join(
    (
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "img-src 'self'",
        "connect-src 'self'",
        "base-uri 'none'",
        "form-action 'none'",
        "frame-ancestors 'none'",
        "require-trusted-types-for 'script'",
        "trusted-types 'none'",
    )
)
_HEADERS: Final = (
    ("content-security-policy", _POLICY),
    ("x-content-type-options", "nosniff"),
    ("referrer-policy", "no-referrer"),
    ("cross-origin-opener-policy", "same-origin"),
    ("cross-origin-resource-policy", "same-origin"),
    ("cache-control", "no-cache"),
)
_MISSING: Final = Response(HTTPStatus.NOT_FOUND, b"The explorer has no such file.\n")


def front(request: Request) -> Response:
    """A person's browser is led to the explorer; programs hear what a Rust node tells them."""
    if "text/html" not in request.headers.get("accept", ""):
        return NOT_ALLOWED
    return Response(HTTPStatus.TEMPORARY_REDIRECT, headers=(("location", "/explorer/"),))


def load_site() -> Route:
    """What answers for everything below /explorer/."""
    return _Site(dict(_read(files("tilth.rpc.explorer") / "site", ""))).answer


@final
class _Site:
    def __init__(self, pages: dict[str, Response]) -> None:
        self._pages = pages

    def answer(self, request: Request) -> Response:
        if request.method not in ("GET", "HEAD"):
            return NOT_ALLOWED
        page = self._pages.get(request.path.removeprefix("/explorer/") or "index.html", _MISSING)
        known = request.headers.get("if-none-match")
        if known is not None and ("etag", known) in page.headers:
            return Response(HTTPStatus.NOT_MODIFIED, b"", page.content_type, page.headers)
        return page


def _read(folder: Traversable, at: str) -> Iterator[tuple[str, Response]]:
    for entry in folder.iterdir():
        if entry.is_dir():
            yield from _read(entry, f"{at}{entry.name}/")
        elif (kind := _TYPES.get(entry.name.rpartition(".")[2])) is not None:
            body = entry.read_bytes()
            tag = f'"{sha256(body).hexdigest()[:32]}"'
            headers = (*_HEADERS, ("etag", tag))
            yield f"{at}{entry.name}", Response(HTTPStatus.OK, body, kind, headers)
