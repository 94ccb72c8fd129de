"""An account: its money and what holds it, what it published, ordered, sold and worked on."""

from typing import Any, Final, TypedDict

from tilth.node.catalogue import Query
from tilth.node.plain import Json
from tilth.node.service import Node
from tilth.pallets.balances import Balances
from tilth.pallets.compute import Compute
from tilth.pallets.datasets import Datasets
from tilth.pallets.rewards import Rewards
from tilth.primitives.types import AccountId
from tilth.rpc.explorer import datasets, jobs
from tilth.rpc.explorer.datasets import DatasetRow, Listed
from tilth.rpc.explorer.jobs import JobRow, Orders, WorkerRow
from tilth.rpc.explorer.market import find, reading
from tilth.rpc.explorer.words import Words

_SHOWN: Final = 20


class AccountCard(TypedDict):
    """Amounts are in planck; `holds`, `freezes` and `locks` say why money cannot be moved."""

    address: str
    publicKey: str
    nonce: int
    free: str
    reserved: str
    frozen: str
    holds: list[Json]
    freezes: list[Json]
    locks: list[Json]
    unclaimed: list[Json]
    worker: WorkerRow | None
    datasets: list[DatasetRow]
    datasetCount: int
    jobs: list[JobRow]
    jobCount: int


def card(node: Node, account: AccountId) -> AccountCard:
    """Of any account: one that nobody ever used has nothing."""
    words, data = Words(node.runtime), _info(node, account)
    published = _published(node, account)
    orders = node.beside(Orders).select(
        lambda order: account in (order.requester, order.owner, order.worker)
    )
    address = words.account(account)
    workers = jobs.workers(node) if find(node, Compute) else []
    return {
        "address": address,
        "publicKey": f"0x{account.hex()}",
        "nonce": data.nonce,
        "free": str(getattr(data.data, "free", 0)),
        "reserved": str(getattr(data.data, "reserved", 0)),
        "frozen": str(getattr(data.data, "frozen", 0)),
        "holds": _money(node, words, account, "holds"),
        "freezes": _money(node, words, account, "freezes"),
        "locks": _money(node, words, account, "locks"),
        "unclaimed": _unclaimed(node, account),
        "worker": next((each for each in workers if each["account"] == address), None),
        "datasets": datasets.rows(node, published[:_SHOWN]) if published else [],
        "datasetCount": len(published),
        "jobs": jobs.rows(node, orders[:_SHOWN]),
        "jobCount": len(orders),
    }


def _published(node: Node, account: AccountId) -> list[Listed]:
    if find(node, Datasets) is None:
        return []
    return list(node.catalogue.matching(Query(publisher=account)))


def _info(node: Node, account: AccountId) -> Any:
    with reading(node):
        return node.runtime.system.account[account]


def _money(node: Node, words: Words, account: AccountId, attribute: str) -> list[Json]:
    """What a map of the balances pallet has for the account."""
    item: Any = getattr(find(node, Balances), attribute, None)
    if item is None:
        return []
    with reading(node):
        found = item.get(account)
    return [] if found is None else list(words.shown(item.value.shape, found))


def _unclaimed(node: Node, account: AccountId) -> list[Json]:
    rewards = find(node, Rewards)
    if rewards is None:
        return []
    with reading(node):
        return [{"era": u.era, "amount": str(u.amount)} for u in rewards.unclaimed(account)]
