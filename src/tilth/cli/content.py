"""Where a node keeps content and looks for what it lost, made of the options."""

from pathlib import Path
from typing import TYPE_CHECKING

from tilth.cli.content_options import ContentOptions
from tilth.cli.loading import CannotStart
from tilth.node.contents import Depot, DepotFailed

if TYPE_CHECKING:
    from tilth.node.healing import Source


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
