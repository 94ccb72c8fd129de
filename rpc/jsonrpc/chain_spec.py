"""chainSpec_v1_*: what a client shows of a chain before it knows anything else."""

from typing import Any

from tilth.node.service import Node
from tilth.rpc.jsonrpc.schema import HashText
from tilth.rpc.jsonrpc.shapes import hex_of


def chainSpec_v1_chainName(node: Node) -> str:
    """The chain's name."""
    return node.spec.name


def chainSpec_v1_genesisHash(node: Node) -> HashText:
    """The hash of the first block."""
    return hex_of(node.genesis_hash)


def chainSpec_v1_properties(node: Node) -> dict[str, Any]:
    """What wallets show: ss58Format, tokenDecimals, tokenSymbol."""
    return dict(node.spec.properties)
