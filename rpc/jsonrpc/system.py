"""system_* and account_*: what the node says of itself, nonces and dry runs."""

from typing import Any

from tilth.frame.apis import ApplyExtrinsicResult, applied
from tilth.node.chain import UnknownBlock
from tilth.node.service import Node
from tilth.primitives import ss58
from tilth.primitives.types import H256, AccountId
from tilth.rpc.jsonrpc.dispatch import unsafe
from tilth.rpc.jsonrpc.errors import RpcError
from tilth.rpc.jsonrpc.params import Hash, Hex
from tilth.rpc.jsonrpc.shapes import hex_of


def system_name(node: Node) -> str:
    return node.config.name


def system_version(node: Node) -> str:
    return node.config.version


def system_chain(node: Node) -> str:
    return node.spec.name


def system_chainType(node: Node) -> str:
    return node.spec.chain_type


def system_properties(node: Node) -> dict[str, Any]:
    return dict(node.spec.properties)


def system_health(node: Node) -> dict[str, Any]:
    return {"peers": 0, "isSyncing": False, "shouldHavePeers": False}


def system_localPeerId(node: Node) -> str:
    return node.peer_id


def system_localListenAddresses(node: Node) -> list[str]:
    return []


def system_nodeRoles(node: Node) -> list[str]:
    return ["Authority"]


@unsafe
def system_peers(node: Node) -> list[Any]:
    return []


def system_syncState(node: Node) -> dict[str, int]:
    best = node.chain.best.number
    return {"startingBlock": 0, "currentBlock": best, "highestBlock": best}


def system_accountNextIndex(node: Node, account: str) -> int:
    try:
        who = AccountId(ss58.decode(account))
    except ss58.InvalidAddress as error:
        raise RpcError(-32602, "Invalid params", str(error)) from None
    return node.next_nonce(who)


@unsafe
def system_dryRun(node: Node, extrinsic: Hex, at: Hash | None = None) -> str:
    try:
        block = node.block(None if at is None else H256(at))
        decoded = node.runtime.format.decode(extrinsic)
    except UnknownBlock as error:
        raise RpcError(1, "Unable to dry run extrinsic.", str(error)) from None
    except ValueError as error:
        raise RpcError(2, "Unable to dry run extrinsic", str(error)) from None
    with node.runtime.at(block.state):
        outcome = applied(node.runtime, decoded)
        return hex_of(node.runtime.codecs.of(ApplyExtrinsicResult).encode(outcome))


aliases = {
    "account_nextIndex": system_accountNextIndex,
    "system_dryRunAt": system_dryRun,
}
