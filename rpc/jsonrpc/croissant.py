"""GET /datasets/<number>/croissant.json: a description whose files are at this node's address.

What the publisher stored names its files by /ipfs/<cid>, which every node has and no reader of
Croissant resolves: mlcroissant takes what is no URL for a path on its own disk.
"""

import json
import re
from functools import partial
from http import HTTPStatus
from typing import Any, Final
from urllib.parse import parse_qs

from tilth.node.catalogue import NoDatasets
from tilth.node.content import ContentLost, NoContent
from tilth.node.service import Node
from tilth.rpc.datasets import DatasetReader, NoDataset, NotCroissant, NotHere
from tilth.rpc.jsonrpc import ipfs
from tilth.rpc.jsonrpc.edge import Request, Response, Route
from tilth.rpc.jsonrpc.requests import text_response

PREFIX: Final = "/datasets/"
_PATH: Final = re.compile(r"/datasets/(\d{1,10})/croissant\.json")
_REVISION: Final = re.compile(r"\d{1,10}")
_HEADERS: Final = (("cache-control", "no-cache"), ("x-content-type-options", "nosniff"))


def croissant(node: Node) -> Route:
    """The route; `?revision=` names an older one than the newest."""
    return partial(_answer, DatasetReader(node))


def _answer(reader: DatasetReader, request: Request) -> Response:
    asked, revision = _PATH.fullmatch(request.path), _revision(request)
    if asked is None:
        return text_response(HTTPStatus.NOT_FOUND, "/datasets/<number>/croissant.json is here\n")
    if revision and not _REVISION.fullmatch(revision):
        return text_response(HTTPStatus.BAD_REQUEST, "a revision is a number\n")
    try:
        found = reader.description(int(asked[1]), int(revision) if revision else None)
    except (NoDatasets, NoDataset, NotCroissant, NotHere, NoContent) as error:
        return text_response(HTTPStatus.NOT_FOUND, f"{error}\n")
    except ContentLost as error:
        return text_response(HTTPStatus.SERVICE_UNAVAILABLE, f"{error}\n")
    body = json.dumps(_placed(found.document, _origin(request)), ensure_ascii=False).encode()
    return Response(HTTPStatus.OK, body, "application/ld+json", _HEADERS)


def _revision(request: Request) -> str | None:
    return parse_qs(request.query).get("revision", [None])[0]


def _origin(request: Request) -> str:
    """This node, as whoever asks has reached it, be it through a proxy that speaks TLS."""
    secure = request.headers.get("x-forwarded-proto", "").lower() == "https"
    return f"{'https' if secure else 'http'}://{request.headers.get('host', '')}"


def _placed(document: dict[str, Any], origin: str) -> dict[str, Any]:
    files = document.get("distribution")
    if not isinstance(files, list):
        return document
    return {**document, "distribution": [_file(each, origin) for each in files]}


def _file(file: Any, origin: str) -> Any:
    url = file.get("contentUrl") if isinstance(file, dict) else None
    if not isinstance(url, str) or not url.startswith(ipfs.PREFIX):
        return file
    return {**file, "contentUrl": origin + url}
