"""The options of where content is kept, and who has it as well."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from tilth.cli.loading import CannotStart
from tilth.node.contents import Depot, DepotFailed

if TYPE_CHECKING:
    from tilth.node.healing import Source


@dataclass(frozen=True, slots=True, kw_only=True)
class ContentOptions:
    """Where content is kept, and who has it as well."""

    content_store: str | None = None
    """Keep new content there instead of in the base path: any URL that fsspec knows."""

    content_source: list[str] = field(default_factory=list[str])
    """A node's WebSocket address; content that is lost or damaged here is fetched from it."""


def depot_of(options: ContentOptions, base_path: Path | None) -> Depot | None:
    """Raises CannotStart."""
    if options.content_store is None:
        return None
    if base_path is None:
        raise CannotStart("--content-store needs --base-path: a chain in memory keeps its content")
    from tilth.node.fsspec_depot import FsspecDepot

    try:
        return FsspecDepot(options.content_store)
    except DepotFailed as error:
        raise CannotStart(str(error)) from error


def sources_of(urls: list[str]) -> "list[Source]":
    if not urls:
        return []
    from tilth.rpc.jsonrpc.peer import WebSocketPeer

    return [WebSocketPeer(url) for url in urls]
