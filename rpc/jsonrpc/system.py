"""system_* and account_*: what the node says of itself, nonces and dry runs."""

from typing import Any, Final, Literal, TypedDict

from tilth.frame.apis import ApplyExtrinsicResult, applied
from tilth.node.log_filter import BadDirective
from tilth.node.service import Node
from tilth.primitives import ss58
from tilth.primitives.scale import DecodeError, codec
from tilth.primitives.types import H256, AccountId
from tilth.rpc.jsonrpc.dispatch import fails, unsafe
from tilth.rpc.jsonrpc.errors import Fault, RpcError
from tilth.rpc.jsonrpc.lookups import bad_input, panic
from tilth.rpc.jsonrpc.params import Hash, Hex
from tilth.rpc.jsonrpc.reading import no_runtime_at
from tilth.rpc.jsonrpc.schema import HashText, HexText
from tilth.rpc.jsonrpc.shapes import hex_of

# utils/frame/rpc/system; the full stop is in one of the two only
DRY_RUN_UNDECODABLE: Final = Fault(2, "Unable to dry run extrinsic")
DRY_RUN_FAILED: Final = Fault(1, "Unable to dry run extrinsic.")
BAD_FILTER: Final = Fault(-32603, "{error}")


class Health(TypedDict):
    peers: int
    isSyncing: bool
    shouldHavePeers: bool


class SyncState(TypedDict):
    startingBlock: int
    currentBlock: int
    highestBlock: int


class PeerInfo(TypedDict):
    peerId: str
    roles: str
    bestHash: HashText
    bestNumber: int


class NetworkState(TypedDict):
    """What a Rust node tells of its network; this one has none beside its own name."""

    peerId: str
    listenedAddresses: list[str]
    externalAddresses: list[str]
    connectedPeers: dict[str, Any]
    notConnectedPeers: dict[str, Any]
    peerset: dict[str, Any]


def system_name(node: Node) -> str:
    """The name of this node's implementation."""
    return node.config.name


def system_version(node: Node) -> str:
    """The version of this node's implementation."""
    return node.config.version


def system_chain(node: Node) -> str:
    """The chain's name."""
    return node.spec.name


def system_chainType(node: Node) -> str | dict[str, str]:
    """What the chain is for: Development, Local, Live or {"Custom": …}."""
    return node.spec.chain_type


def system_properties(node: Node) -> dict[str, Any]:
    """What wallets show: ss58Format, tokenDecimals, tokenSymbol."""
    return dict(node.spec.properties)


def system_health(node: Node) -> Health:
    """Whether the node can be relied on."""
    standing = node.standing
    return {
        "peers": standing.peers,
        "isSyncing": standing.syncing,
        "shouldHavePeers": standing.follows,
    }


def system_localPeerId(node: Node) -> str:
    """The node's name among peers, in libp2p's form."""
    return node.peer_id


def system_localListenAddresses(node: Node) -> list[str]:
    """Where peers may reach the node: nowhere, it has no peer-to-peer network."""
    return []


def system_nodeRoles(node: Node) -> list[Literal["Full", "LightClient", "Authority"]]:
    """What the node does for the chain."""
    return ["Full" if node.standing.follows else "Authority"]


@unsafe
def system_peers(node: Node) -> list[PeerInfo]:
    """The peers that are connected."""
    return []


def system_reservedPeers(node: Node) -> list[str]:
    """The peers for which a place is kept."""
    return []


@unsafe
def system_unstable_networkState(node: Node) -> NetworkState:
    """What the node knows of its network; a Rust node may change the form."""
    return {
        "peerId": node.peer_id,
        "listenedAddresses": [],
        "externalAddresses": [],
        "connectedPeers": {},
        "notConnectedPeers": {},
        "peerset": {},
    }


def system_syncState(node: Node) -> SyncState:
    """How far the node is with what it fetches from others."""
    best, standing = node.chain.best.number, node.standing
    highest = max(best, standing.highest)
    return {"startingBlock": standing.starting, "currentBlock": best, "highestBlock": highest}


@unsafe
@fails(BAD_FILTER)
def system_addLogFilter(node: Node, directives: str) -> None:
    """Let parts of the node log more or less: `rpc=debug,node=warn`; a level alone is for all."""
    try:
        node.log_filter.add(directives)
    except BadDirective as error:
        raise BAD_FILTER(error=error) from None


@unsafe
def system_resetLogFilter(node: Node) -> None:
    """Log again as the node did when it started."""
    node.log_filter.reset()


def system_accountNextIndex(node: Node, account: str) -> int:
    """The nonce of an account's next transaction, those that wait to be included counted."""
    try:
        who = AccountId(ss58.decode(account))
    except ss58.InvalidAddress as error:
        raise RpcError(-32602, "Invalid params", str(error)) from None
    return node.next_nonce(who)


@unsafe
@fails(DRY_RUN_UNDECODABLE, DRY_RUN_FAILED)
def system_dryRun(node: Node, extrinsic: Hex, at: Hash | None = None) -> HexText:
    """What would become of an extrinsic on a block's state: an ApplyExtrinsicResult in SCALE."""
    try:
        codec(bytes).decode(extrinsic)
    except DecodeError as error:
        raise DRY_RUN_UNDECODABLE(str(error)) from None
    block = node.chain.best if at is None else node.chain.block(H256(at))
    if block is None:
        raise DRY_RUN_FAILED(no_runtime_at(at or b""))
    runtime = node.chain.runtimes.at(block.state)
    try:
        decoded = runtime.format.decode(extrinsic)
    except ValueError as error:
        raise DRY_RUN_FAILED(panic(bad_input("BlockBuilder_apply_extrinsic", error))) from None
    with runtime.at(block.state):
        outcome = applied(runtime, decoded)
        return hex_of(runtime.codecs.of(ApplyExtrinsicResult).encode(outcome))


aliases = {
    "account_nextIndex": system_accountNextIndex,
    "system_dryRunAt": system_dryRun,
}
