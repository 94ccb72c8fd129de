"""explorer_*: the chain in words, page by page, as the node's own page shows it.

They only read, they answer a page at a time, and what they call amounts are decimal texts in
planck. Values of calls and events have tags: see `tilth.rpc.explorer.words`.
"""

from collections.abc import Callable
from typing import Final, TypeVar

from tilth.node.block import Block
from tilth.node.catalogue import NoDatasets, Query
from tilth.node.service import Node
from tilth.pallets.datasets import Kind
from tilth.primitives import ss58
from tilth.primitives.types import H256, AccountId
from tilth.rpc.explorer import accounts, citations, datasets, jobs, overview, proofs, rewards
from tilth.rpc.explorer.accounts import AccountCard
from tilth.rpc.explorer.blocks import BlockBook, BlockCard, BlockRow
from tilth.rpc.explorer.citations import CitationGraph
from tilth.rpc.explorer.datasets import DatasetCard, DatasetPage
from tilth.rpc.explorer.jobs import JobCard, JobPage, WorkerRow
from tilth.rpc.explorer.market import NotHere
from tilth.rpc.explorer.overview import Overview, Place
from tilth.rpc.explorer.proofs import ProofHistory
from tilth.rpc.explorer.rewards import RewardsJson
from tilth.rpc.jsonrpc.dispatch import fails
from tilth.rpc.jsonrpc.errors import Fault
from tilth.rpc.jsonrpc.params import U32, U64

T = TypeVar("T")

_MOST: Final = 100
NOT_FOUND: Final = Fault(-32604, "{reason}")


def explorer_overview(node: Node) -> Overview:
    """What chain this is, how far it is, and how much there is of everything."""
    return overview.overview(node)


def explorer_find(node: Node, text: str) -> list[Place]:
    """Where a number, a hash, an address or a dataset's name leads."""
    return overview.places(node, text)


def explorer_blocks(node: Node, before: U64 | None = None, limit: U32 = 25) -> list[BlockRow]:
    """Blocks of the best chain below a height, the highest first; without one, from the best."""
    top = node.chain.best.number + 1
    return node.beside(BlockBook).rows(min(before or top, top), min(limit, _MOST))


@fails(NOT_FOUND)
def explorer_block(node: Node, block: str) -> BlockCard:
    """A block by its height or its hash: extrinsics, what came of them, and events."""
    return node.beside(BlockBook).card(_block(node, block))


@fails(NOT_FOUND)
def explorer_account(node: Node, address: str) -> AccountCard:
    """An account by its address or public key."""
    return accounts.card(node, _account(address))


@fails(NOT_FOUND)
def explorer_datasets(
    node: Node,
    text: str = "",
    tag: str | None = None,
    spdx: str | None = None,
    kind: str | None = None,
    publisher: str | None = None,
    offset: U32 = 0,
    limit: U32 = 25,
) -> DatasetPage:
    """Datasets that have all the words and are all that is named, the newest first.

    `kind` is public or private.
    """
    if kind is not None and kind.upper() not in Kind.__members__:
        raise NOT_FOUND(reason=f"{kind!r} is no kind of dataset: public and private are")
    wanted = Query(
        text=text or None,
        tag=tag,
        spdx=spdx,
        kind=None if kind is None else Kind[kind.upper()],
        publisher=None if publisher is None else _account(publisher),
    )
    return _here(lambda: datasets.page(node, wanted, offset, min(limit, _MOST)))


@fails(NOT_FOUND)
def explorer_dataset(node: Node, number: U32, revision: U32 | None = None) -> DatasetCard:
    """All that is known of a dataset; files and metadata are the named or newest revision's."""
    found = _here(lambda: datasets.card(node, number, revision))
    return _found(found, f"there is no dataset {number}")


@fails(NOT_FOUND)
def explorer_citations(node: Node, number: U32) -> CitationGraph:
    """What a dataset was made from and what was made from it, two steps each way."""
    return _here(lambda: citations.graph(node, number))


@fails(NOT_FOUND)
def explorer_proofs(node: Node, number: U32) -> ProofHistory:
    """Which of the last blocks proved that a part of the dataset is still possessed."""
    return _here(lambda: proofs.history(node, number))


@fails(NOT_FOUND)
def explorer_jobs(
    node: Node,
    account: str | None = None,
    dataset: U32 | None = None,
    state: str | None = None,
    offset: U32 = 0,
    limit: U32 = 25,
) -> JobPage:
    """Jobs, the newest first: an account's, on a dataset, or in a state."""
    who = None if account is None else _account(account)
    return _here(
        lambda: jobs.page(
            node,
            account=who,
            dataset=dataset,
            state=state,
            offset=offset,
            limit=min(limit, _MOST),
        )
    )


@fails(NOT_FOUND)
def explorer_job(node: Node, number: U64) -> JobCard:
    """A job, and the states it went through."""
    return _found(_here(lambda: jobs.card(node, number)), f"there is no job {number}")


@fails(NOT_FOUND)
def explorer_workers(node: Node) -> list[WorkerRow]:
    """Bonded workers, those with the largest bond first."""
    return _here(lambda: jobs.workers(node))


@fails(NOT_FOUND)
def explorer_rewards(node: Node, limit: U32 = 24) -> RewardsJson:
    """The last eras, the one that is not over first."""
    return _here(lambda: rewards.eras(node, min(limit, _MOST)))


def _here(ask: Callable[[], T]) -> T:
    try:
        return ask()
    except (NotHere, NoDatasets) as error:
        raise NOT_FOUND(reason=str(error)) from None


def _found(value: T | None, reason: str) -> T:
    if value is None:
        raise NOT_FOUND(reason=reason)
    return value


def _block(node: Node, text: str) -> Block:
    if text.isascii() and text.isdigit() and len(text) < 20:
        found = node.chain.at(int(text))
    else:
        found = node.chain.block(H256(_hash(text)))
    return _found(found, f"there is no block {text}")


def _hash(text: str) -> bytes:
    try:
        hash = bytes.fromhex(text.removeprefix("0x"))
    except ValueError:
        raise NOT_FOUND(reason=f"{text!r} is neither a height nor a hash") from None
    if len(hash) != 32:
        raise NOT_FOUND(reason=f"a hash has 32 bytes, not {len(hash)}")
    return hash


def _account(text: str) -> AccountId:
    if text.startswith("0x"):
        return AccountId(_hash(text))
    try:
        return AccountId(ss58.decode(text))
    except ss58.InvalidAddress as error:
        raise NOT_FOUND(reason=str(error)) from None
