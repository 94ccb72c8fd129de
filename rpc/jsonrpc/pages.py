"""What a node serves by GET on its JSON-RPC port."""

from tilth.node.service import Node
from tilth.rpc.explorer.assets import front, load_site
from tilth.rpc.jsonrpc import croissant, ipfs
from tilth.rpc.jsonrpc.edge import Route


def pages(node: Node) -> dict[str, Route]:
    """By path; one that ends in / answers whatever lies below it as well."""
    return {
        "/": front,
        "/explorer/": load_site(),
        ipfs.PREFIX: ipfs.ipfs(node),
        croissant.PREFIX: croissant.croissant(node),
    }
