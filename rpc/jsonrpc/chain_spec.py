"""chainSpec_v1_*: what a client shows of a chain before it knows anything else."""

from typing import Any

from tilth.node.service import Node
from tilth.rpc.jsonrpc.shapes import hex_of


def chainSpec_v1_chainName(node: Node) -> str:
    return node.spec.name


def chainSpec_v1_genesisHash(node: Node) -> str:
    return hex_of(node.genesis_hash)


def chainSpec_v1_properties(node: Node) -> dict[str, Any]:
    return dict(node.spec.properties)
