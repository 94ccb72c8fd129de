"""The chain at a glance, and where what somebody types may lead."""

from typing import Final, TypedDict

from tilth.node.catalogue import Query
from tilth.node.service import Node
from tilth.pallets.balances import Balances
from tilth.pallets.datasets import DatasetInfo, Datasets, Kind
from tilth.pallets.transaction_storage import TransactionStorage
from tilth.primitives import ss58
from tilth.primitives.crypto.dev import DEV_ACCOUNTS
from tilth.primitives.types import H256
from tilth.rpc.explorer.blocks import BlockBook
from tilth.rpc.explorer.datasets import Listed
from tilth.rpc.explorer.jobs import Orders
from tilth.rpc.explorer.market import find, reading

_SHOWN_NAMES: Final = 8
_LOOKED_BACK: Final = 1_000


class Overview(TypedDict):
    """What the page's head says; `names` are the accounts whose secrets everybody knows;
    a chunk has 256 bytes.
    """

    chain: str
    node: str
    genesis: str
    best: int
    finalized: int
    specName: str
    specVersion: int
    symbol: str
    decimals: int
    pallets: list[str]
    names: dict[str, str]
    publicDatasets: int
    privateDatasets: int
    jobs: int
    issuance: str
    pinned: int
    pinnedChunks: int


class Place(TypedDict):
    """A page of the explorer, and how it is called where several are offered."""

    kind: str
    label: str
    path: str


def overview(node: Node) -> Overview:
    properties, version = node.spec.properties, node.runtime.version
    found = _matching(node, Query())
    public = sum(info.kind is Kind.PUBLIC for _, info in found)
    balances, storage = find(node, Balances), find(node, TransactionStorage)
    with reading(node):
        issuance = 0 if balances is None else balances.total_issuance.get()
        count = 0 if storage is None else storage.pin_count.get()
        chunks = 0 if storage is None else storage.pinned.chunks()
    return {
        "chain": node.spec.name,
        "node": f"{node.config.name} {node.config.version}",
        "genesis": _hex(node.genesis_hash),
        "best": node.chain.best.number,
        "finalized": node.chain.finalized.number,
        "specName": version.spec_name,
        "specVersion": version.spec_version,
        "symbol": str(properties.get("tokenSymbol", "")),
        "decimals": int(properties.get("tokenDecimals", 0)),
        "pallets": [pallet.name for pallet in node.runtime.pallets],
        "names": _names(node),
        "publicDatasets": public,
        "privateDatasets": len(found) - public,
        "jobs": len(node.beside(Orders)),
        "issuance": str(issuance),
        "pinned": count,
        "pinnedChunks": chunks,
    }


def places(node: Node, text: str) -> list[Place]:
    """Where a number, a hash, an address or a name leads; the likeliest first."""
    wanted = text.strip()
    if wanted.lstrip("#").replace(",", "").isascii() and wanted.lstrip("#").isdigit():
        return _numbered(node, int(wanted.lstrip("#")))
    if wanted.startswith("0x"):
        return _hashed(node, wanted)
    if not wanted:
        return []
    return _addressed(node, wanted) or _titled(node, wanted)


def _numbered(node: Node, number: int) -> list[Place]:
    found: list[Place] = []
    if number <= node.chain.best.number:
        found.append(_place("block", f"Block {number:,}", f"blocks/{number}"))
    info = node.catalogue.info(number) if find(node, Datasets) else None
    if info is not None:
        found.append(_dataset(number, info))
    if node.beside(Orders).get(number) is not None:
        found.append(_place("job", f"Job {number}", f"jobs/{number}"))
    return found


def _hashed(node: Node, text: str) -> list[Place]:
    """A block, one of the extrinsics of the last thousand blocks, or an account's public key."""
    try:
        hash = bytes.fromhex(text[2:])
    except ValueError:
        return []
    if len(hash) != 32:
        return []
    block = node.chain.block(H256(hash))
    if block is not None:
        return [_place("block", f"Block {block.number:,}", f"blocks/{text}")]
    book, best = node.beside(BlockBook), node.chain.best
    for number in range(best.number, max(best.number - _LOOKED_BACK, -1), -1):
        searched = node.chain.at(number)
        index = None if searched is None else book.index_of(searched, hash)
        if index is not None:
            label = f"Extrinsic {number}-{index}"
            return [_place("extrinsic", label, f"extrinsics/{number}-{index}")]
    address = ss58.encode(hash, node.runtime.ss58_prefix)
    return [_place("account", address, f"accounts/{address}")]


def _addressed(node: Node, text: str) -> list[Place]:
    named = {name.lower(): account for name, account in DEV_ACCOUNTS.items()}
    known = named.get(text.lower().lstrip("/")) if _is_dev(node) else None
    try:
        account = known or ss58.decode(text)
    except ss58.InvalidAddress:
        return []
    address = ss58.encode(account, node.runtime.ss58_prefix)
    return [_place("account", text if known else address, f"accounts/{address}")]


def _titled(node: Node, text: str) -> list[Place]:
    """A dataset of exactly this name before those that have its words."""
    named = _matching(node, Query(name=text))
    found = [each for each in _matching(node, Query(text=text)) if each not in named]
    return [_dataset(number, info) for number, info in (*named, *found)[:_SHOWN_NAMES]]


def _matching(node: Node, wanted: Query) -> list[Listed]:
    return list(node.catalogue.matching(wanted)) if find(node, Datasets) else []


def _dataset(number: int, info: DatasetInfo) -> Place:
    return _place("dataset", f"#{number} {info.name}", f"datasets/{number}")


def _names(node: Node) -> dict[str, str]:
    """On a dev chain; on any other such an account is nobody in particular."""
    if not _is_dev(node):
        return {}
    prefix = node.runtime.ss58_prefix
    return {ss58.encode(account, prefix): name for name, account in DEV_ACCOUNTS.items()}


def _is_dev(node: Node) -> bool:
    return node.spec.chain_type == "Development"


def _place(kind: str, label: str, path: str) -> Place:
    return {"kind": kind, "label": label, "path": path}


def _hex(data: bytes) -> str:
    return f"0x{data.hex()}"
